//! An answer to an instant query, as it comes: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use hyper::StatusCode;
use serde::Deserialize;
use slipway_domain::utilisation::{PodKey, Series, SliceId};

use super::ReadError;

/// Characters of somebody else's text that are shown.
const MOST: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    /// Read as what it is said to be, once that is known.
    result: Box<serde_json::value::RawValue>,
}

/// A value with the labels that it was asked for by.
#[derive(Debug, Deserialize)]
pub struct Labelled {
    metric: Labels,
    value: (f64, String),
}

#[derive(Debug, Deserialize)]
struct Labels {
    #[serde(rename = "Hostname")]
    host: Option<String>,
    #[serde(rename = "hostname")]
    host_since: Option<String>,
    gpu: Option<String>,
    #[serde(rename = "GPU_I_PROFILE")]
    profile: Option<String>,
    #[serde(rename = "GPU_I_ID")]
    instance: Option<String>,
    namespace: Option<String>,
    pod: Option<String>,
    exported_namespace: Option<String>,
    exported_pod: Option<String>,
}

/// Reads an answer.
pub fn vector(status: StatusCode, text: &[u8]) -> Result<Vec<Labelled>, ReadError> {
    let foreign = |_| ReadError::Foreign("its answer is not one to a query".to_owned());
    let answer: Result<Answer, _> = serde_json::from_slice(text);
    if let Ok(Answer { status, error_type, error, .. }) = &answer
        && status == "error"
    {
        return Err(ReadError::Refused(format!("{error_type}: {error}").chars().take(MOST).collect()));
    }
    if !status.is_success() {
        return Err(ReadError::Refused(status.to_string()));
    }
    let data = answer.map_err(foreign)?.data.ok_or_else(|| ReadError::Foreign("its answer has no data".to_owned()))?;
    if data.result_type != "vector" {
        let kind: String = data.result_type.chars().take(MOST).collect();
        return Err(ReadError::Foreign(format!("it answers an instant query with a {kind}")));
    }
    serde_json::from_str(data.result.get()).map_err(foreign)
}

impl Labelled {
    /// Whether the Pod that has the device is named beside the exporter's own.
    pub fn is_exported(&self) -> bool {
        self.metric.exported_pod.as_ref().is_some_and(|pod| !pod.is_empty())
    }

    /// The value with its device; none where it names none. `named`: Pods are named by `exported_pod`.
    pub fn series(self, named: bool) -> Option<Series> {
        let Labels { host, host_since, gpu, profile, instance, namespace, pod, exported_namespace, exported_pod } = self.metric;
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let slice = match (said(profile), said(instance)) {
            // Resources are named without the plus, which may not stand there.
            (Some(profile), Some(id)) => Some(SliceId { profile: profile.replace('+', "."), id: id.parse().ok()? }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return None,
        };
        let (namespace, name) = if named { (exported_namespace, exported_pod) } else { (namespace, pod) };
        Some(Series {
            node: said(host).or_else(|| said(host_since))?,
            gpu: gpu?.parse().ok()?,
            slice,
            pod: said(namespace).zip(said(name)).map(|(namespace, name)| PodKey { namespace, name }),
            value: self.value.1.parse().unwrap_or(f64::NAN),
        })
    }
}
