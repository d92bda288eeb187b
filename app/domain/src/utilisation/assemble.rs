//! From series to readings: the values of one device put together, and judged.

use std::collections::{BTreeMap, BTreeSet};

use super::{Activity, Answers, Found, Memory, Permille, PodKey, Reading, STALE, Series, SliceId, Why};

/// A device's GPU and, where that is cut, its slice.
type Device<'a> = (u32, Option<&'a SliceId>);

/// The values of one device; those of its engine by the Pod that has it, where the exporter says so.
#[derive(Default)]
struct Raw<'a> {
    engine: BTreeMap<Option<&'a PodKey>, f64>,
    most: BTreeMap<Option<&'a PodKey>, f64>,
    before: BTreeSet<Option<&'a PodKey>>,
    age: Option<f64>,
    busy: Option<f64>,
    used: Option<f64>,
    free: Option<f64>,
    pods: BTreeSet<&'a PodKey>,
}

/// Devices by node.
type Nodes<'a> = BTreeMap<&'a str, BTreeMap<Device<'a>, Raw<'a>>>;

/// What is measured, by node and in the order of the devices.
pub fn readings(answers: &Answers) -> BTreeMap<String, Vec<Found>> {
    let mut nodes = Nodes::new();
    let Answers { named: _, engine, most, before, age, busy, used, free } = answers;
    for series in engine.iter().chain(busy).chain(used).chain(free) {
        let raw = nodes.entry(&series.node).or_default().entry((series.gpu, series.slice.as_ref())).or_default();
        raw.pods.extend(&series.pod);
    }
    note(&mut nodes, engine, |raw, pod, value| greater(raw.engine.entry(pod).or_insert(value), value));
    note(&mut nodes, most, |raw, pod, value| greater(raw.most.entry(pod).or_insert(value), value));
    note(&mut nodes, before, |raw, pod, _| {
        raw.before.insert(pod);
    });
    note(&mut nodes, age, |raw, _, value| greater(raw.age.get_or_insert(value), value));
    note(&mut nodes, busy, |raw, _, value| greater(raw.busy.get_or_insert(value), value));
    note(&mut nodes, used, |raw, _, value| greater(raw.used.get_or_insert(value), value));
    note(&mut nodes, free, |raw, _, value| greater(raw.free.get_or_insert(value), value));
    nodes.into_iter().map(|(node, devices)| (node.to_owned(), found(devices))).collect()
}

/// Notes values of devices that are told of now; series of devices that were, and are no more, are left alone.
fn note<'a>(nodes: &mut Nodes<'a>, all: &'a [Series], note: impl Fn(&mut Raw<'a>, Option<&'a PodKey>, f64)) {
    for series in all {
        let devices = nodes.get_mut(series.node.as_str());
        if let Some(raw) = devices.and_then(|devices| devices.get_mut(&(series.gpu, series.slice.as_ref()))) {
            note(raw, series.pod.as_ref(), series.value);
        }
    }
}

/// Keeps the greater of two values of one thing, and one that is no number above all: it is not known then.
fn greater(kept: &mut f64, value: f64) {
    if value.is_nan() || value > *kept {
        *kept = value;
    }
}

/// Of a GPU that is cut, the slices are the devices: what is said of it as a whole is said of nothing that one can have.
fn found(devices: BTreeMap<Device<'_>, Raw<'_>>) -> Vec<Found> {
    let cut: BTreeSet<u32> = devices.keys().filter(|(_, slice)| slice.is_some()).map(|(gpu, _)| *gpu).collect();
    devices.into_iter().filter(|((gpu, slice), _)| slice.is_some() || !cut.contains(gpu)).map(|(device, raw)| raw.found(device)).collect()
}

impl Raw<'_> {
    fn found(self, (gpu, slice): Device<'_>) -> Found {
        let reading = Reading {
            gpu,
            slice: slice.cloned(),
            activity: self.activity(slice.is_some()),
            most: self.most(),
            memory: memory(self.used, self.free),
            holders: Vec::new(),
        };
        Found { reading, pods: self.pods.into_iter().cloned().collect() }
    }

    fn activity(&self, is_slice: bool) -> Activity {
        let Some(value) = self.engine.values().copied().reduce(|mut kept, value| {
            greater(&mut kept, value);
            kept
        }) else {
            return match self.busy {
                None => Activity::NotMeasured(Why::NoEngine),
                Some(_) if is_slice => Activity::NotMeasured(Why::Cut),
                Some(value) => Permille::of(value / 100.0).map_or(Activity::NotMeasured(Why::NoShare), Activity::Busy),
            };
        };
        match (Permille::of(value), self.age) {
            (None, _) => Activity::NotMeasured(Why::NoShare),
            // An age that is no number is as good as none: Prometheus answers with nothing older than five minutes.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float becomes the nearest number that there is")]
            (Some(_), Some(age)) if age > STALE => Activity::NotMeasured(Why::Stale(age as u32)),
            (Some(share), _) => Activity::Engine(share),
        }
    }

    /// The most within the window, where each that has it now had it when the window began.
    fn most(&self) -> Option<Permille> {
        let mut most = None;
        for pod in self.engine.keys() {
            let there = self.before.contains(pod).then(|| self.most.get(pod)).flatten().and_then(|value| Permille::of(*value))?;
            most = most.max(Some(there));
        }
        most
    }
}

/// What both numbers make; none where either is missing or none.
fn memory(used: Option<f64>, free: Option<f64>) -> Option<Memory> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and the greatest")]
    let whole = |value: f64| (0.0..=f64::from(u32::MAX)).contains(&value).then(|| value.round() as u32);
    let (used, free) = (whole(used?)?, whole(free?)?);
    Some(Memory { used, all: used.saturating_add(free) })
}
