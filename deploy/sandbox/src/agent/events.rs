//! What the node says of its Pods, in the kubelet's words.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference, Pod},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{Api, Client, ResourceExt as _, api::PostParams};

/// Posts events about one Pod. A failure is logged and never stops the Pod.
#[derive(Clone)]
pub(super) struct Events {
    pub client: Client,
    pub node: String,
}

impl Events {
    pub async fn post(&self, pod: &Pod, warning: bool, reason: &str, message: String, now: Timestamp) {
        let namespace = pod.namespace().unwrap_or_default();
        let event = Event {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}.", pod.name_any().chars().take(200).collect::<String>())),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: pod.metadata.name.clone(),
                namespace: Some(namespace.clone()),
                uid: pod.uid(),
                resource_version: pod.resource_version(),
                ..ObjectReference::default()
            },
            type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message),
            count: Some(1),
            first_timestamp: Some(Time(now)),
            last_timestamp: Some(Time(now)),
            source: Some(EventSource { component: Some("kubelet".to_owned()), host: Some(self.node.clone()) }),
            ..Event::default()
        };
        let events: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        if let Err(error) = events.create(&PostParams::default(), &event).await {
            tracing::debug!(%error, reason, "an event was not posted");
        }
    }
}
