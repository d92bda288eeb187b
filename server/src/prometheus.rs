//! Prometheus, as far as utilisation needs it: what NVIDIA's exporters (DCGM) have told it of every GPU, by a handful of instant
//! queries that grow with the number of GPUs and not with how many look at them.
//!
//! What answers is not ours: another program may listen there, or a proxy in front of it, or a version that says things
//! otherwise. Whatever cannot be used becomes a sentence, and nothing of it is measured.

mod answer;

use std::time::Duration;

use axum::body::{self, Body};
use hyper::{Method, Request, Uri, header};
use kube::{Client, Config};
use slipway_domain::utilisation::Answers;

use self::answer::{Labelled, vector};

/// How long one reading may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read: 40,000 GPUs with long labels have half of it.
const LONGEST: usize = 64 << 20;

/// Labels that say which device a value is of and who has it; those of the Pod are `exported_…` where Prometheus names the
/// exporter's own Pod in the others, as it does unless it is told to honour labels.
const BY: &str = "Hostname, hostname, gpu, GPU_I_PROFILE, GPU_I_ID, namespace, pod, exported_namespace, exported_pod";

/// Where Prometheus is, and how it is read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address, `http://` or `https://`, with the path where it has one.
    pub url: String,
    /// What it wants as a bearer token.
    pub token: Option<String>,
    /// Between two readings.
    pub every: Duration,
    /// The time in which a GPU must have done nothing to be idle, in whole seconds.
    pub window: Duration,
}

/// A client of one Prometheus.
#[derive(Clone)]
pub struct Prometheus {
    client: Client,
    window: u64,
}

/// Why nothing could be read: as it stands after `not measured: `.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing listens there, or not with TLS as we know it.
    #[error("Prometheus cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("Prometheus did not answer within {} s", PATIENCE.as_secs())]
    Slow,
    /// It answered with an error.
    #[error("Prometheus refuses to answer: {0}")]
    Refused(String),
    /// Its answer is none of Prometheus'.
    #[error("what answers at Prometheus' address is no Prometheus: {0}")]
    Foreign(String),
    /// The series lack labels.
    #[error("none of Prometheus' {0} DCGM series has a label Hostname and a number in gpu")]
    Unlabelled(usize),
}

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("Prometheus' address or token cannot be used: {0}; give others with --prometheus and --prometheus-token")]
pub struct SettingsError(String);

impl Prometheus {
    /// A client. It is kube's, which brings TLS, bearer tokens and limits of time; nothing is asked yet.
    ///
    /// # Errors
    /// A sentence where the address makes no client.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let unusable = |error: &dyn std::fmt::Display| SettingsError(error.to_string());
        let url: Uri = settings.url.parse().map_err(|error| unusable(&error))?;
        let mut config = Config::new(url);
        config.connect_timeout = Some(PATIENCE);
        config.read_timeout = Some(PATIENCE);
        config.default_retry = false;
        config.auth_info.token = settings.token.clone().map(Into::into);
        let client = Client::try_from(config).map_err(|error| unusable(&error))?;
        Ok(Self { client, window: settings.window.as_secs().max(1) })
    }

    /// Reads everything.
    ///
    /// # Errors
    /// Why it could not be read; then nothing was.
    pub async fn read(&self) -> Result<Answers, ReadError> {
        let window = self.window;
        let by = |value: &str| format!("max by ({BY}) ({value})");
        let engine = "DCGM_FI_PROF_GR_ENGINE_ACTIVE";
        let queries = [
            by(engine),
            by(&format!("max_over_time({engine}[{window}s])")),
            by(&format!("{engine} offset {window}s")),
            format!("time() - {}", by(&format!("timestamp({engine})"))),
            by("DCGM_FI_DEV_GPU_UTIL"),
            by("DCGM_FI_DEV_FB_USED"),
            by("DCGM_FI_DEV_FB_FREE"),
        ];
        let all = futures::future::try_join_all(queries.iter().map(|query| self.query(query)));
        let all = tokio::time::timeout(PATIENCE, all).await.map_err(|_| ReadError::Slow)??;
        answers(all)
    }

    async fn query(&self, query: &str) -> Result<Vec<Labelled>, ReadError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/v1/query")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(kube::client::Body::from(format!("query={}", encoded(query)).into_bytes()))
            .map_err(|error| ReadError::Foreign(error.to_string()))?;
        let response = self.client.send(request).await.map_err(|error| ReadError::Unreachable(innermost(&error)))?;
        let status = response.status();
        let text = body::to_bytes(Body::new(response.into_body()), LONGEST).await;
        let text = text.map_err(|error| ReadError::Foreign(format!("its answer cannot be read ({})", innermost(&error))))?;
        vector(status, &text)
    }
}

/// The answers to the queries, in their order.
fn answers(all: Vec<Vec<Labelled>>) -> Result<Answers, ReadError> {
    let told = all.iter().map(Vec::len).sum();
    let named = all.iter().flatten().any(Labelled::is_exported);
    let mut all = all.into_iter().map(|series| series.into_iter().filter_map(|one| one.series(named)).collect::<Vec<_>>());
    let mut next = || all.next().unwrap_or_default();
    let answers = Answers { named, engine: next(), most: next(), before: next(), age: next(), busy: next(), used: next(), free: next() };
    let used = [&answers.engine, &answers.busy, &answers.used, &answers.free];
    if told > 0 && used.iter().all(|series| series.is_empty()) { Err(ReadError::Unlabelled(told)) } else { Ok(answers) }
}

/// What is at the bottom of an error: the rest repeats it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// A value of a form.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prometheus").field("window", &self.window).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use slipway_domain::utilisation::{PodKey, SliceId};

    use super::*;

    fn answered(series: &str) -> Vec<Labelled> {
        let text = format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#);
        vector(StatusCode::OK, text.as_bytes()).unwrap()
    }

    fn read(series: &str) -> Result<Answers, ReadError> {
        answers(vec![answered(series)])
    }

    #[test]
    fn a_series_is_read_with_its_device_and_its_pod() {
        let answers = read(concat!(
            r#"{"metric":{"Hostname":"gpu-b","gpu":"0","GPU_I_PROFILE":"1g.5gb+me","GPU_I_ID":"7","exported_namespace":"vision","exported_pod":"a-0","pod":"exporter","namespace":"gpu-operator"},"value":[1764000000.123,"0.25"]},"#,
            r#"{"metric":{"hostname":"gpu-c","gpu":"3","pod":"exporter","namespace":"gpu-operator"},"value":[1764000000,"NaN"]}"#
        ))
        .unwrap();
        let [slice, whole] = answers.engine.as_slice() else { panic!("{answers:?}") };
        assert_eq!((slice.node.as_str(), slice.gpu, slice.value), ("gpu-b", 0, 0.25));
        assert_eq!(slice.slice, Some(SliceId { profile: "1g.5gb.me".into(), id: 7 }));
        assert_eq!(slice.pod, Some(PodKey { namespace: "vision".into(), name: "a-0".into() }));
        assert_eq!((whole.node.as_str(), whole.gpu, whole.slice.as_ref(), whole.value.is_nan()), ("gpu-c", 3, None, true));
        assert_eq!(whole.pod, None, "it is the exporter's own Pod: who has a device is named otherwise here");
        assert!(answers.named);
    }

    #[test]
    fn where_labels_are_honoured_the_pod_is_under_its_plain_name() {
        let answers = read(r#"{"metric":{"Hostname":"gpu-b","gpu":"0","namespace":"vision","pod":"a-0"},"value":[1,"1"]}"#).unwrap();
        assert_eq!(answers.engine[0].pod, Some(PodKey { namespace: "vision".into(), name: "a-0".into() }));
        assert!(!answers.named, "and may be the exporter's own");
    }

    #[test]
    fn series_that_name_no_device_are_left_out_and_where_all_do_it_is_said() {
        let good = r#"{"metric":{"Hostname":"a","gpu":"0"},"value":[1,"1"]}"#;
        for bad in [
            r#"{"metric":{"gpu":"0"},"value":[1,"1"]}"#,
            r#"{"metric":{"Hostname":"a","gpu":"nvidia0"},"value":[1,"1"]}"#,
            r#"{"metric":{"Hostname":"a"},"value":[1,"1"]}"#,
            r#"{"metric":{"Hostname":"a","gpu":"0","GPU_I_PROFILE":"1g.5gb","GPU_I_ID":"x"},"value":[1,"1"]}"#,
        ] {
            assert_eq!(read(&format!("{bad},{good}")).unwrap().engine.len(), 1, "{bad}");
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains("none of Prometheus' 1 DCGM series"), "{error}");
        }
        assert!(read("").unwrap().engine.is_empty(), "no series at all is an answer");
    }

    #[test]
    fn whatever_else_answers_is_said_and_not_read() {
        for (status, text, said) in [
            (200, "<html>", "no Prometheus: its answer is not"),
            (200, "", "no Prometheus"),
            (200, r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#, "a matrix"),
            (200, r#"{"status":"success"}"#, "no Prometheus"),
            (200, r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}"#, "no Prometheus"),
            (400, r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#, "refuses to answer: bad_data: parse error"),
            (503, r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#, "query timed out"),
            (401, "Unauthorized", "refuses to answer: 401 Unauthorized"),
            (302, "", "refuses to answer: 302 Found"),
        ] {
            let error = vector(StatusCode::from_u16(status).unwrap(), text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{status} {text}: {error}");
        }
        let long = format!(r#"{{"status":"error","errorType":"x","error":"{}"}}"#, "é".repeat(5000));
        assert!(vector(StatusCode::BAD_REQUEST, long.as_bytes()).unwrap_err().to_string().chars().count() < 300);
    }

    #[test]
    fn a_query_is_a_value_of_a_form() {
        assert_eq!(encoded("max by (gpu) (a[30s])"), "max%20by%20%28gpu%29%20%28a%5B30s%5D%29");
    }
}
