//! What a list or a watch of each kind does to the index.

use slipway_domain::run::{spec::RunId, view::EventRow};

use super::{
    super::watch::Watched,
    Change, Index, Kind, State,
    rows::{EventObject, JobObject, NodeObject, PodObject},
};
use crate::clock::Clock;

impl Watched for JobObject {
    const KIND: Kind = Kind::Jobs;
    const PATH: &'static str = "/apis/batch/v1/jobs";

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        let mut state = index.lock();
        state.jobs.clear();
        for keys in state.runs.values_mut() {
            keys.job = None;
        }
        for object in objects {
            state.put_job(object);
        }
        state.runs.retain(|_, keys| keys.job.is_some() || !keys.pods.is_empty());
        drop(state);
        index.tell(Change::Synced);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let run = index.lock().put_job(object);
        if let Some(run) = run {
            index.tell(Change::Run(run));
        }
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        let key = object.metadata.key();
        let mut state = index.lock();
        state.refused.remove(&key);
        let run = state.jobs.remove(&key).and_then(|row| row.run);
        if let Some(run) = run {
            state.forget(&run, &key);
            drop(state);
            index.tell(Change::Run(run));
        }
    }
}

impl Watched for PodObject {
    const KIND: Kind = Kind::Pods;
    const PATH: &'static str = "/api/v1/pods";

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        let mut state = index.lock();
        state.pods.clear();
        state.floor.clear_pods();
        for keys in state.runs.values_mut() {
            keys.pods.clear();
        }
        for object in objects {
            state.put_pod(object);
        }
        state.runs.retain(|_, keys| keys.job.is_some() || !keys.pods.is_empty());
        drop(state);
        index.tell(Change::Synced);
        index.tell(Change::Nodes);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let (run, moved) = index.lock().put_pod(object);
        tell_of_pod(index, run, moved);
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        let (run, moved) = index.lock().drop_pod(&object.metadata.key());
        tell_of_pod(index, run, moved);
    }
}

fn tell_of_pod(index: &Index, run: Option<RunId>, moved: bool) {
    if let Some(run) = run {
        index.tell(Change::Run(run));
    }
    if moved {
        index.tell(Change::Nodes);
    }
}

impl Watched for EventObject {
    const KIND: Kind = Kind::Events;
    const PATH: &'static str = "/api/v1/events";

    fn reset(index: &Index, objects: Vec<Self>, clock: &Clock) {
        for object in objects {
            Self::apply(index, object, clock);
        }
    }

    fn apply(index: &Index, object: Self, clock: &Clock) {
        let series = object.series.as_ref();
        let times = [series.and_then(|series| series.last_observed_time), object.last_timestamp, object.event_time];
        let at = times.into_iter().flatten().next().or(object.metadata.creation_timestamp).unwrap_or_else(|| clock.now());
        let mut state = index.lock();
        let Some(run) = state.run_of(&object.about) else { return };
        let refused = object.reason == "FailedCreate" && &*object.about.kind == "Job";
        if refused {
            let key = format!("{}/{}", object.about.namespace, object.about.name).into();
            state.refused.insert(key, (at, object.message.clone()));
        }
        let unclaimed = object.reason == "FailedResourceClaimCreation" && &*object.about.kind == "Pod";
        if unclaimed {
            state.unclaimed.insert(format!("{}/{}", object.about.namespace, object.about.name).into(), object.message.clone());
        }
        drop(state);
        let row = EventRow {
            at,
            warning: object.kind == "Warning",
            reason: object.reason,
            object: format!("{}/{}", object.about.kind, object.about.name),
            message: object.message,
            count: series.map(|series| series.count).or(object.count).unwrap_or(1).max(1),
        };
        index.tell(Change::Event { run: run.clone(), key: object.metadata.uid.into(), row });
        if refused || unclaimed {
            index.tell(Change::Run(run));
        }
    }

    fn delete(_: &Index, _: Self, _: &Clock) {
        // Kubernetes forgets events after an hour; what they said stays true.
    }
}

impl Watched for NodeObject {
    const KIND: Kind = Kind::Nodes;
    const PATH: &'static str = "/api/v1/nodes";

    fn reset(index: &Index, objects: Vec<Self>, _: &Clock) {
        let mut state = index.lock();
        state.nodes = objects.into_iter().map(|object| (object.metadata.name.clone(), object.into_facts())).collect();
        let State { nodes, floor, .. } = &mut *state;
        floor.clear_nodes(nodes.keys());
        drop(state);
        index.tell(Change::Nodes);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let (name, facts) = (object.metadata.name.clone(), object.into_facts());
        let mut state = index.lock();
        // A heartbeat is kept, and changes nothing that is drawn or that anybody waits for.
        if let Some(known) = state.nodes.get_mut(&name) {
            known.heard = facts.heard;
            if *known == facts {
                return;
            }
        }
        state.floor.touch(&name);
        state.nodes.insert(name, facts);
        drop(state);
        index.tell(Change::Nodes);
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        let name = &object.metadata.name;
        let mut state = index.lock();
        state.nodes.remove(name);
        state.floor.touch(name);
        drop(state);
        index.tell(Change::Nodes);
    }
}
