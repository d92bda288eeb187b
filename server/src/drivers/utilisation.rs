//! Reads from Prometheus how busy every GPU is, once for everybody who looks, and keeps the last of it in memory: what was, Prometheus
//! knows itself.
//!
//! A Pod that a series names is looked up in the index: only one that is on that very node holds the device. Where nothing can
//! be read, nothing is shown as measured, and why is.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use slipway_app::live::{Message, Watched};
use slipway_domain::{
    node::NodeRow,
    utilisation::{self, Activity, Answers, Found, IDLE_SHOWN, Idle, Measuring, NodeUse, PodKey, Reading},
};
use tokio::time::MissedTickBehavior;

use crate::{
    clock::Clock,
    cluster::{
        Cluster,
        index::{Index, Seat},
    },
    live::{Hub, Scope},
    prometheus::{Prometheus, Settings},
};

/// Thousandths by which something must have moved for open pages to be told.
const VISIBLE: u16 = 20;

/// What was read last. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Utilisation(Arc<Mutex<Arc<Table>>>);

/// What is measured of every node.
#[derive(Debug, Default)]
pub struct Table {
    /// Whether it is.
    pub measuring: Measuring,
    /// GPUs that are held and not used, those that are so for longest first; at most as many as a page shows.
    pub idle: Vec<Idle>,
    /// How many they are in all.
    pub idle_found: u32,
    nodes: BTreeMap<String, Vec<Reading>>,
}

impl Utilisation {
    /// The last of it.
    pub fn now(&self) -> Arc<Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, table: Arc<Table>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Reads again and again, for ever; each reading replaces the one before.
    pub async fn keep(self, prometheus: Prometheus, settings: Settings, cluster: Cluster, clock: Clock, hub: Hub) {
        let window = SignedDuration::try_from(settings.window).unwrap_or(SignedDuration::MAX);
        let mut told = Arc::new(Table { measuring: Measuring::Waiting, ..Table::default() });
        self.set(told.clone());
        let mut beats = tokio::time::interval(settings.every);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = None;
        loop {
            beats.tick().await;
            let read = prometheus.read().await;
            let now = clock.now();
            metrics::gauge!("slipway_prometheus_up").set(u8::from(read.is_ok()));
            metrics::counter!("slipway_prometheus_reads_total", "outcome" => if read.is_ok() { "ok" } else { "failed" }).increment(1);
            let table = match read {
                Ok(answers) => {
                    if told.measuring.why_not().is_some() {
                        tracing::info!("Prometheus tells how busy the GPUs are");
                    }
                    last = Some(now);
                    Table::of(&answers, cluster.index(), now, window)
                }
                Err(error) => {
                    let measuring = Measuring::Failed { why: error.to_string(), last };
                    if told.measuring != measuring {
                        tracing::warn!(%error, "utilisation is not measured");
                    }
                    Table { measuring, ..Table::default() }
                }
            };
            metrics::gauge!("slipway_gpus_measured").set(table.measured());
            metrics::gauge!("slipway_gpus_idle").set(table.idle_found);
            let table = Arc::new(table);
            self.set(table.clone());
            if table.differs(&told) {
                hub.publish(Scope::everybody(), Message::Changed { what: Watched::Nodes });
                told = table;
            }
        }
    }
}

impl Table {
    fn of(answers: &Answers, index: &Index, now: Timestamp, window: SignedDuration) -> Self {
        let found = utilisation::readings(answers);
        let seats = index.seats(found.values().flatten().flat_map(|found| &found.pods));
        Self::joined(&found, &seats, answers.named, now, window)
    }

    /// What was found, with the Pods that are where it was; `named` as in [`Answers`].
    fn joined(
        found: &BTreeMap<String, Vec<Found>>,
        seats: &HashMap<&PodKey, Seat>,
        named: bool,
        now: Timestamp,
        window: SignedDuration,
    ) -> Self {
        let (mut nodes, mut idle) = (BTreeMap::new(), Vec::new());
        for (node, found) in found {
            let mut readings = Vec::with_capacity(found.len());
            for Found { reading, pods } in found {
                let (mut reading, mut since) = (reading.clone(), Vec::new());
                for pod in pods {
                    // A plain label may name the exporter's own Pod, which asks for no GPU.
                    let seat = seats.get(pod).filter(|seat| *seat.node == *node && (named || seat.asks_for_gpus));
                    if let Some(seat) = seat {
                        reading.holders.push(seat.holder.clone());
                        since.push(seat.since);
                    }
                }
                idle.extend(Idle::of(node, &reading, &since, now, window));
                readings.push(reading);
            }
            nodes.insert(node.clone(), readings);
        }
        idle.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| (&a.node, a.gpu, &a.slice).cmp(&(&b.node, b.gpu, &b.slice))));
        let idle_found = u32::try_from(idle.len()).unwrap_or(u32::MAX);
        idle.truncate(IDLE_SHOWN);
        let window = u32::try_from(window.as_secs()).unwrap_or(u32::MAX);
        Self { measuring: Measuring::Good { at: now, window }, idle, idle_found, nodes }
    }

    /// What is measured of a node that is drawn so.
    pub fn readings(&self, row: &NodeRow) -> Vec<Reading> {
        self.nodes.get(&row.name).into_iter().flatten().map(|reading| reading.clone().on(row)).collect()
    }

    /// How busy such a node is; none where it has no GPUs.
    pub fn of_node(&self, row: &NodeRow) -> Option<NodeUse> {
        let measured = NodeUse::of(row, &self.readings(row))?;
        Some(self.measuring.why_not().map_or(measured, |why| NodeUse::NotMeasured { why }))
    }

    fn measured(&self) -> u32 {
        let engines = self.nodes.values().flatten().filter(|reading| matches!(reading.activity, Activity::Engine(_)));
        u32::try_from(engines.count()).unwrap_or(u32::MAX)
    }

    /// Whether a person would see that it is not as it was.
    fn differs(&self, before: &Self) -> bool {
        let devices = |table: &Self| table.nodes.values().map(Vec::len).sum::<usize>();
        self.measuring.why_not() != before.measuring.why_not()
            || self.idle_found != before.idle_found
            || self
                .idle
                .iter()
                .zip(&before.idle)
                .any(|(now, then)| (&now.node, now.gpu, &now.holder) != (&then.node, then.gpu, &then.holder))
            || devices(self) != devices(before)
            || self.nodes.iter().any(|(node, now)| before.nodes.get(node).is_none_or(|then| now.iter().zip(then).any(moved)))
    }
}

fn moved((now, then): (&Reading, &Reading)) -> bool {
    let shares = match (now.activity, then.activity) {
        (Activity::Engine(now), Activity::Engine(then)) | (Activity::Busy(now), Activity::Busy(then)) => {
            now.thousandths().abs_diff(then.thousandths()) >= VISIBLE
        }
        (Activity::NotMeasured(now), Activity::NotMeasured(then)) => std::mem::discriminant(&now) != std::mem::discriminant(&then),
        (Activity::Engine(_) | Activity::Busy(_) | Activity::NotMeasured(_), _) => true,
    };
    shares || (now.gpu, &now.slice, &now.holders) != (then.gpu, &then.slice, &then.holders)
}

#[cfg(test)]
mod tests {
    use slipway_domain::{node::Holder, utilisation::Series};

    use super::*;

    const WINDOW: SignedDuration = SignedDuration::from_mins(30);

    fn at(time: &str) -> Timestamp {
        format!("2026-11-25T{time}:00Z").parse().unwrap()
    }

    fn pod(name: &str) -> PodKey {
        PodKey { namespace: "vision".into(), name: name.into() }
    }

    /// A GPU of `gpu-a` that this Pod is said to have, and that has done nothing all the time.
    fn asleep(pod: &PodKey) -> BTreeMap<String, Vec<Found>> {
        let series = |value| vec![Series { node: "gpu-a".into(), gpu: 3, slice: None, pod: Some(pod.clone()), value }];
        utilisation::readings(&Answers { engine: series(0.0), most: series(0.01), before: series(0.0), ..Answers::default() })
    }

    #[test]
    fn a_device_is_somebodys_only_where_their_pod_is_on_that_node_and_asks_for_a_gpu() {
        let trains = pod("trains-0");
        let held = |node: &str, asks_for_gpus: bool, named: bool| {
            let seat = Seat { node: node.into(), holder: Holder { team: "vision".into(), run: None }, asks_for_gpus, since: at("09:00") };
            let table = Table::joined(&asleep(&trains), &HashMap::from([(&trains, seat)]), named, at("10:00"), WINDOW);
            assert_eq!((table.measured(), table.nodes["gpu-a"][0].holders.len()), (1, table.idle.len()), "it is measured, whoever has it");
            table.idle.len()
        };
        assert_eq!(held("gpu-a", true, false), 1);
        assert_eq!(held("gpu-a", false, false), 0, "it may be the exporter's own Pod");
        assert_eq!(held("gpu-a", false, true), 1, "the exporter says that it has the device, perhaps by a claim");
        assert_eq!(held("gpu-b", true, true), 0, "it is not there");
        let gone = Table::joined(&asleep(&trains), &HashMap::new(), true, at("10:00"), WINDOW);
        assert_eq!((gone.idle_found, gone.measured()), (0, 1), "whoever has ended has nothing");
    }

    #[test]
    fn open_pages_are_told_of_what_a_person_would_see() {
        let of = |share: f64| {
            let engine = vec![Series { node: "gpu-a".into(), gpu: 0, slice: None, pod: None, value: share }];
            Table::of(&Answers { engine, ..Answers::default() }, &Index::default(), at("10:00"), WINDOW)
        };
        let failed = |why: &str| Table { measuring: Measuring::Failed { why: why.into(), last: None }, ..Table::default() };
        assert!(!of(0.5).differs(&of(0.51)) && of(0.5).differs(&of(0.53)) && of(0.5).differs(&of(f64::NAN)));
        assert!(of(0.5).differs(&Table::default()) && failed("a").differs(&of(0.5)));
        assert!(!failed("a").differs(&failed("a")) && failed("a").differs(&failed("b")));
    }
}
