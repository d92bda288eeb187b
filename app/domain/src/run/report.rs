//! What a training program says of itself: one JSON object a line, on standard output.
//!
//! This is the contract between a trainer and Slipway, and the only one: any script in any language that prints these lines
//! gets curves, checkpoints and progress. A line that is not such an object is a log line, never an error, because a program's
//! output is its own. Every object has the key `slipway`, which names its kind, so that other programs' JSON logs stay logs.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Unexpected, Visitor},
};

/// The longest report line that is parsed, in bytes; a longer one is kept as log.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// The most values one metric report may carry; a report with more is kept as log.
pub const MAX_VALUES: usize = 256;

/// One report line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "slipway", rename_all = "snake_case")]
pub enum Report {
    /// Printed once when training begins (again after a restart).
    Start {
        /// The model's name, as the flags named it.
        model: String,
        /// Number of trainable parameters.
        parameters: u64,
        /// `cpu` or `cuda:0`.
        device: String,
        /// Epochs that the whole run will have.
        epochs: u64,
        /// Optimizer steps in one epoch.
        steps_per_epoch: u64,
        /// The step of the checkpoint this start continued from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumed_from: Option<u64>,
    },
    /// Values measured at an optimizer step.
    Metric {
        /// Optimizer steps done since the run's first start, over restarts.
        step: u64,
        /// Epochs completed, with the fraction of the one in progress.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<f64>,
        /// When it was measured, in milliseconds since 1970 UTC.
        time: i64,
        /// Name → value. Names are paths such as `train/loss`; values may be NaN or infinite.
        values: BTreeMap<String, Value>,
    },
    /// A checkpoint is whole on disk.
    Checkpoint {
        /// Optimizer steps that it holds.
        step: u64,
        /// Where it lies, as the trainer sees it.
        path: String,
        /// Size of all its files in bytes.
        bytes: u64,
        /// SHA-256 of its manifest, in hexadecimal.
        sha256: String,
    },
    /// Something the person should know, in one sentence (a checkpoint was corrupt, the learning rate was lowered).
    Notice {
        /// The sentence.
        message: String,
    },
    /// Printed last. The exit code still has the last word.
    End {
        /// How it ended.
        outcome: Outcome,
        /// One sentence, where there is something to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// How a trainer says that it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All epochs are done.
    Succeeded,
    /// Stopped by a signal, after a checkpoint.
    Interrupted,
    /// It could not go on.
    Failed,
}

/// A metric's value. JSON has no NaN and no infinity, so those travel as the strings `NaN`, `Infinity` and `-Infinity`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value(pub f64);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_nan() {
            serializer.serialize_str("NaN")
        } else if self.0.is_infinite() {
            serializer.serialize_str(if self.0 > 0.0 { "Infinity" } else { "-Infinity" })
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrWord).map(Self)
    }
}

struct NumberOrWord;

impl Visitor<'_> for NumberOrWord {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, NaN, Infinity or -Infinity")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    #[expect(clippy::cast_precision_loss, reason = "a whole number is read as the nearest float, as any number is")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "a whole number is read as the nearest float, as any number is")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<f64, E> {
        match word {
            "NaN" | "nan" => Ok(f64::NAN),
            "Infinity" | "inf" => Ok(f64::INFINITY),
            "-Infinity" | "-inf" => Ok(f64::NEG_INFINITY),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }
}

/// Reads one line of a container's output: a report, or `None` where the line is log.
///
/// Python's `json.dumps` writes bare `NaN`, `Infinity` and `-Infinity`, which are not JSON; such lines are read all the same,
/// because a diverged run is when its owner most needs the curve.
pub fn parse(line: &str) -> Option<Report> {
    let line = line.trim();
    if line.len() > MAX_LINE_BYTES || !line.starts_with('{') || !line.contains("\"slipway\"") {
        return None;
    }
    let report = serde_json::from_str(line).or_else(|_| serde_json::from_str(&quote_bare_words(line))).ok()?;
    match &report {
        Report::Metric { values, .. } if values.is_empty() || values.len() > MAX_VALUES => None,
        Report::Metric { values, .. } if values.keys().any(|name| !is_metric_name(name)) => None,
        _ => Some(report),
    }
}

/// Whether a metric may bear this name: 1 to 128 of letters, digits, `_ . - /`, so that it fits a URL and a column head.
pub fn is_metric_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-/".contains(&b))
}

fn quote_bare_words(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line;
    let (mut in_string, mut escaped) = (false, false);
    while let Some(c) = rest.chars().next() {
        if !in_string && let Some(word) = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| rest.starts_with(word)) {
            out.push('"');
            out.push_str(word);
            out.push('"');
            rest = &rest[word.len()..];
            continue;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_line_is_read_with_its_values() {
        let line = r#"{"slipway":"metric","step":12,"epoch":0.5,"time":1700000000000,"values":{"train/loss":0.25,"lr":1}}"#;
        let Some(Report::Metric { step: 12, values, .. }) = parse(line) else { panic!("not a metric: {line}") };
        assert_eq!(values["train/loss"], Value(0.25));
        assert_eq!(values["lr"], Value(1.0));
    }

    #[test]
    fn values_that_are_not_finite_survive_in_both_spellings() {
        for (text, want) in [("\"NaN\"", f64::NAN), ("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)] {
            let line = format!(r#"{{"slipway":"metric","step":1,"time":0,"values":{{"loss":{text}}}}}"#);
            let Some(Report::Metric { values, .. }) = parse(&line) else { panic!("not a metric: {line}") };
            assert_eq!(values["loss"].0.to_string(), want.to_string(), "{line}");
        }
    }

    #[test]
    fn what_is_printed_is_what_is_read() {
        let values = BTreeMap::from([("a/b".to_owned(), Value(f64::NEG_INFINITY)), ("c".to_owned(), Value(1e-300))]);
        let report = Report::Metric { step: 1, epoch: None, time: -5, values };
        assert_eq!(parse(&serde_json::to_string(&report).expect("reports serialise")), Some(report));
    }

    #[test]
    fn everything_else_is_log() {
        let long = format!(r#"{{"slipway":"notice","message":"{}"}}"#, "x".repeat(MAX_LINE_BYTES));
        for line in [
            "",
            "epoch 1 loss 0.3",
            "{",
            r#"{"level":"info","message":"slipway"}"#,
            r#"{"slipway":"metric","step":-1,"time":0,"values":{"a":1}}"#,
            r#"{"slipway":"metric","step":1,"time":0,"values":{}}"#,
            r#"{"slipway":"metric","step":1,"time":0,"values":{"a b":1}}"#,
            r#"{"slipway":"metric","step":1,"time":0,"values":{"a":"high"}}"#,
            r#"{"slipway":"dance"}"#,
            &long,
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_bare_nan_inside_a_string_is_left_alone() {
        let line = r#"{"slipway":"notice","message":"loss is NaN \" Infinity"}"#;
        assert_eq!(parse(line), Some(Report::Notice { message: "loss is NaN \" Infinity".into() }));
    }
}
