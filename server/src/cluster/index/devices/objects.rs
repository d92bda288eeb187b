//! Slices and claims: what is read of them, and what is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use slipway_domain::node::dra::{DRIVER, Device};

use super::super::shared::Shared;

/// The metadata that is read of both.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cluster) struct DeviceMeta {
    pub name: Box<str>,
    #[serde(default)]
    namespace: Box<str>,
    deletion_timestamp: Option<Timestamp>,
}

/// A `ResourceSlice`, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct SliceObject {
    pub metadata: DeviceMeta,
    spec: SliceSpec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SliceSpec {
    driver: Box<str>,
    pool: Pool,
    /// None where the devices can be had from several nodes, which a GPU cannot.
    node_name: Option<Box<str>>,
    #[serde(default)]
    devices: Vec<DeviceObject>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pool {
    name: Box<str>,
    generation: i64,
    resource_slice_count: usize,
}

#[expect(clippy::zero_sized_map_values, reason = "the names alone count, and an object is no set")]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceObject {
    name: Box<str>,
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    capacity: BTreeMap<Box<str>, IgnoredAny>,
    #[serde(default)]
    consumes_counters: Vec<Counters>,
    #[serde(default)]
    taints: Vec<Taint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    #[serde(rename = "type")]
    kind: Option<Attribute>,
    product_name: Option<Attribute>,
    profile: Option<Attribute>,
    driver_version: Option<Attribute>,
}

/// An attribute that is a text or a version.
#[derive(Debug, Deserialize)]
struct Attribute {
    #[serde(alias = "version", default)]
    string: Box<str>,
}

#[expect(clippy::zero_sized_map_values, reason = "the names alone count, and an object is no set")]
#[derive(Debug, Deserialize)]
struct Counters {
    #[serde(default)]
    counters: BTreeMap<Box<str>, IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Taint {
    key: String,
    #[serde(default)]
    value: String,
    effect: String,
}

impl DeviceObject {
    /// As the domain draws it; none where it is no GPU and no slice of one.
    pub fn into_device(self) -> Option<Device> {
        let text = |attribute: Option<Attribute>| attribute.map(|attribute| attribute.string);
        let Attributes { kind, product_name, profile, driver_version } = self.attributes;
        let profile = match text(kind).as_deref() {
            Some("gpu") => None,
            Some("mig") => Some(text(profile).unwrap_or_default()),
            _ => return None,
        };
        // A slice that is there says its places as capacities, and one that is cut on demand as counters.
        let counters = self.consumes_counters.iter().flat_map(|set| set.counters.keys());
        let places = counters
            .filter_map(|name| place(name, "memory-slice-"))
            .chain(self.capacity.keys().filter_map(|name| place(name, "memorySlice")));
        let places: BTreeSet<u8> = places.collect();
        let place = places.first().zip(u8::try_from(places.len()).ok()).map(|(first, count)| (*first, count));
        let taint = |taint: &Taint| {
            (taint.effect != "None").then(|| format!("{}={}:{}", taint.key, taint.value, taint.effect).replacen("=:", ":", 1).into())
        };
        Some(Device {
            name: self.name,
            product: text(product_name).unwrap_or_default(),
            profile,
            place,
            on_demand: !self.consumes_counters.is_empty(),
            taints: self.taints.iter().filter_map(taint).collect(),
            driver: text(driver_version),
        })
    }
}

fn place(name: &str, before: &str) -> Option<u8> {
    name.strip_prefix(before)?.parse().ok()
}

/// A slice, as kept.
#[derive(Clone, Debug)]
pub(super) struct SliceRow {
    /// The node.
    pub node: Arc<str>,
    /// The pool.
    pub pool: Arc<str>,
    /// Of a pool's slices, only those of the newest count.
    pub generation: i64,
    /// How many slices its pool has of this generation.
    pub of: usize,
    /// Its GPUs and their slices.
    pub devices: Arc<[Device]>,
}

impl SliceObject {
    /// None where it is of another driver, or of no node's own.
    pub(super) fn into_row(self, share: &mut Shared) -> Option<(Box<str>, SliceRow)> {
        let SliceSpec { driver, pool, node_name, devices } = self.spec;
        let node = node_name.filter(|_| &*driver == DRIVER)?;
        let devices: Vec<Device> = devices.into_iter().filter_map(DeviceObject::into_device).collect();
        let row = SliceRow {
            node: share.text(&node),
            pool: share.text(&pool.name),
            generation: pool.generation,
            of: pool.resource_slice_count,
            devices: share.devices(&devices),
        };
        Some((self.metadata.name, row))
    }
}

/// A `ResourceClaim`, as read.
#[derive(Debug, Deserialize)]
pub(in crate::cluster) struct ClaimObject {
    metadata: DeviceMeta,
    #[serde(default)]
    spec: ClaimSpec,
    #[serde(default)]
    status: ClaimStatus,
}

#[derive(Debug, Default, Deserialize)]
struct ClaimSpec {
    #[serde(default)]
    devices: Asked,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    requests: Vec<Request>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    exactly: Option<Exactly>,
    #[serde(default)]
    first_available: Vec<Exactly>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exactly {
    device_class_name: Box<str>,
    count: Option<u32>,
    #[serde(default)]
    allocation_mode: Box<str>,
}

impl Request {
    /// Such as `2 × gpu.nvidia.com`, or `1 × a or 2 × b` where the first that is there is taken.
    fn words(&self) -> String {
        let words = |asked: &Exactly| match &*asked.allocation_mode {
            "All" => format!("every {}", asked.device_class_name),
            _ => format!("{} × {}", asked.count.unwrap_or(1), asked.device_class_name),
        };
        self.exactly.iter().chain(&self.first_available).map(words).collect::<Vec<_>>().join(" or ")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimStatus {
    allocation: Option<Allocation>,
    #[serde(default)]
    reserved_for: Vec<Consumer>,
}

#[derive(Debug, Deserialize)]
struct Allocation {
    #[serde(default)]
    devices: Allocated,
}

#[derive(Debug, Default, Deserialize)]
struct Allocated {
    #[serde(default)]
    results: Vec<AllocatedDevice>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllocatedDevice {
    driver: Box<str>,
    pool: Box<str>,
    device: Box<str>,
    /// It may look at the device, which is somebody else's all the same.
    #[serde(default)]
    admin_access: bool,
}

#[derive(Debug, Deserialize)]
struct Consumer {
    resource: Box<str>,
    name: Box<str>,
}

/// A claim, as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClaimRow {
    /// What it has of NVIDIA's driver: pool and device.
    pub devices: Box<[(Arc<str>, Box<str>)]>,
    /// Names of the Pods that it is reserved for.
    pub pods: Box<[Box<str>]>,
    /// What it asks for, such as `2 × gpu.nvidia.com`.
    pub asks: Box<[Arc<str>]>,
    /// Whether it has what it asks for, of whatever driver.
    pub allocated: bool,
    /// Whether it is going.
    pub deleting: bool,
}

impl ClaimObject {
    pub(super) fn key(&self) -> Box<str> {
        format!("{}/{}", self.metadata.namespace, self.metadata.name).into()
    }

    pub(super) fn into_row(self, share: &mut Shared) -> ClaimRow {
        let allocated = self.status.allocation.is_some();
        let results = self.status.allocation.map(|allocation| allocation.devices.results).unwrap_or_default();
        let ours = results.into_iter().filter(|device| &*device.driver == DRIVER && !device.admin_access);
        let pods = self.status.reserved_for.into_iter().filter(|consumer| &*consumer.resource == "pods");
        ClaimRow {
            devices: ours.map(|device| (share.text(&device.pool), device.device)).collect(),
            pods: pods.map(|pod| pod.name).collect(),
            asks: self.spec.devices.requests.iter().map(|request| share.text(&request.words())).collect(),
            allocated,
            deleting: self.metadata.deletion_timestamp.is_some(),
        }
    }
}
