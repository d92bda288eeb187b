//! The cases of the table: what is asked of the cluster, and what is made of what it says.

mod admission;
mod devices;
mod ground;
mod nodes;
mod scheduler;
mod volumes;

use serde_json::{Map, Value, json};
use slipway_domain::pending::Cause;

pub use self::ground::prepare;

/// What keeps everybody else's Pods off the nodes of this test.
const TAINT: &str = "slipway.dev/test-pending";

/// Cases for which it is evidence enough that the cluster says nothing.
pub const SAY_NOTHING: [&str; 1] = ["suspended"];

/// Something that is asked of the cluster, in a namespace of its own.
pub struct Case {
    /// Its name; its namespace is `p-NAME`.
    pub name: &'static str,
    /// The sentence that is made of what the cluster says.
    pub sentence: String,
    /// Whether this is its cause.
    pub cause: fn(&Cause) -> bool,
    /// Labels of its namespace.
    labels: Value,
    /// What else is in its namespace.
    beside: Vec<Value>,
    /// Its Pods' spec.
    pod: Value,
    /// Its Job's spec, beside its Pods'.
    job: Value,
}

impl Case {
    fn new(name: &'static str, sentence: &str, cause: fn(&Cause) -> bool, pod: Value) -> Self {
        Self { name, sentence: sentence.to_owned(), cause, labels: json!({}), beside: Vec::new(), pod, job: json!({}) }
    }

    fn beside(mut self, object: Value) -> Self {
        self.beside.push(object);
        self
    }

    fn namespace(&self) -> String {
        format!("p-{}", self.name)
    }

    /// The id of its run.
    pub fn run(&self) -> String {
        format!("pending-{}", self.name)
    }

    /// Everything that it makes, in order.
    pub fn objects(&self) -> Vec<Value> {
        let namespace = self.namespace();
        let mut labels = self.labels.clone();
        labels["slipway.dev/team"] = namespace.clone().into();
        let mut objects = vec![json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace, "labels": labels } })];
        objects.extend(self.beside.iter().map(|object| {
            let mut object = object.clone();
            if !matches!(object["kind"].as_str(), Some("PersistentVolume")) {
                object["metadata"]["namespace"] = namespace.clone().into();
            }
            object
        }));
        let labels = json!({ "slipway.dev/run": self.run(), "case": self.name });
        let mut spec = merged(json!({ "backoffLimit": 6, "template": { "metadata": { "labels": labels } } }), &self.job);
        let defaults = json!({
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
            "tolerations": [{ "key": TAINT, "operator": "Exists" }],
        });
        spec["template"]["spec"] = merged(defaults, &self.pod);
        objects.push(json!({
            "apiVersion": "batch/v1", "kind": "Job", "spec": spec,
            "metadata": { "name": self.name, "namespace": namespace, "labels": labels },
        }));
        objects
    }
}

/// One object with the fields of another over it.
fn merged(mut base: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().cloned().unwrap_or_else(Map::new) {
        base[name] = value;
    }
    base
}

/// A container that asks for this, with limits equal to it.
fn container(amounts: &Value) -> Value {
    json!({ "name": "main", "image": "busybox:1", "command": ["sleep", "300"], "resources": { "requests": amounts, "limits": amounts } })
}

fn asking(amounts: &Value) -> Value {
    json!({ "containers": [container(amounts)] })
}

/// A Pod that asks for this on the nodes of a pool.
fn on(pool: &str, amounts: &Value) -> Value {
    merged(asking(amounts), &json!({ "nodeSelector": { "pool": pool } }))
}

/// The same with more in its spec.
fn on_with(pool: &str, more: &Value) -> Value {
    merged(on(pool, &json!({ "cpu": "100m" })), more)
}

/// Every case.
pub fn all() -> Vec<Case> {
    admission::cases().into_iter().chain(scheduler::cases()).chain(volumes::cases()).chain(nodes::cases()).chain(devices::cases()).collect()
}
