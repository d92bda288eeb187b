//! What a list or a watch of each kind does to the index.

use slipway_domain::run::{spec::RunId, view::EventRow};

use super::{
    super::watch::Watched,
    Change, Index, Kind,
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
        for keys in state.runs.values_mut() {
            keys.pods.clear();
        }
        for object in objects {
            state.put_pod(object);
        }
        state.runs.retain(|_, keys| keys.job.is_some() || !keys.pods.is_empty());
        drop(state);
        index.tell(Change::Synced);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let run = index.lock().put_pod(object);
        if let Some(run) = run {
            index.tell(Change::Run(run));
        }
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        let key = object.metadata.key();
        let mut state = index.lock();
        let run = state.pods.remove(&key).and_then(|row| row.run).map(|run| RunId(run.into_string()));
        if let Some(run) = run {
            state.forget(&run, &key);
            drop(state);
            index.tell(Change::Run(run));
        }
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
        if refused {
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
        index.lock().nodes = objects.into_iter().map(Self::into_row).collect();
        index.tell(Change::Nodes);
    }

    fn apply(index: &Index, object: Self, _: &Clock) {
        let (name, row) = object.into_row();
        // A node's heartbeat changes nothing that is kept.
        let changed = index.lock().nodes.insert(name, row.clone()) != Some(row);
        if changed {
            index.tell(Change::Nodes);
        }
    }

    fn delete(index: &Index, object: Self, _: &Clock) {
        index.lock().nodes.remove(&object.metadata.name);
        index.tell(Change::Nodes);
    }
}
