//! Metrics: from the line that a trainer prints to the disk, and from the disk to a chart.

use std::{path::PathBuf, sync::Arc, time::Instant};

use jiff::Timestamp;
use slipway_app::api::runs::Curve;
use slipway_domain::{
    person::{PersonId, PersonName},
    run::{form::RunForm, spec::RunId, view::ChartQuery},
};
use slipway_server::{
    drivers::logs::draft::Draft,
    store::{
        Store,
        intake::{Batch, Caps, Intake, PackedPoints},
        logs::{Position, StreamKey},
        metrics::{self, Point},
        runs::{self, NewRun},
    },
};
use tokio::task::JoinSet;

use super::{Figure, cpu_time};

/// Runs that report at once, lines that each prints, and values in each line.
const RUNS: usize = 100;
const LINES: usize = 2_000;
const VALUES: usize = 10;

/// Points of the long curve.
const LONG: u64 = 1_000_000;

/// The width that the run page asks for.
const WIDTH: u32 = 320;

/// What went wrong, in a sentence.
fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A folder that goes with what is measured in it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean up, as everything in its folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn store(name: &str) -> Result<(Store, Folder), String> {
    let folder = Folder(std::env::temp_dir().join(format!("slipway-bench-{}-{name}", std::process::id())));
    std::fs::create_dir_all(&folder.0).map_err(said)?;
    let store = Store::connect(&format!("sqlite://{}", folder.0.join("bench.db").display())).await.map_err(said)?;
    store.migrate().await.map_err(said)?;
    Ok((store, folder))
}

async fn run(store: &Store, number: usize) -> Result<RunId, String> {
    let form = RunForm { team: "bench".into(), name: format!("run-{number}"), ..RunForm::default() };
    let spec = form.parse().map_err(|fields| format!("{fields:?}"))?;
    let id = RunId(format!("run-{number}"));
    let by = (PersonId("bench".into()), PersonName::parse("bench")?);
    runs::insert(store, &NewRun { id: id.clone(), spec, by, launched: Timestamp::UNIX_EPOCH, applied: String::new() })
        .await
        .map_err(said)?;
    Ok(id)
}

/// Points stored a second, each line parsed, each point durable; and what a point costs.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
pub(super) async fn stored() -> Result<Vec<Figure>, String> {
    let (store, _folder) = store("stored").await?;
    let (intake, writer) = Intake::new(store.clone(), Caps::default(), Arc::new(|_, _| {}));
    let writer = tokio::spawn(writer);
    let lines: Arc<[String]> = (0..LINES).map(line).collect();
    let mut ids = Vec::new();
    for number in 0..RUNS {
        ids.push(run(&store, number).await?);
    }
    let (cpu, begun) = (cpu_time()?, Instant::now());
    let mut readers = JoinSet::new();
    for id in ids {
        readers.spawn(read(intake.clone(), id, lines.clone()));
    }
    while let Some(done) = readers.join_next().await {
        done.map_err(said)??;
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_time()? - cpu);
    let points = count(RUNS * LINES * VALUES);
    drop(intake);
    writer.await.map_err(said)?;
    let kept = metrics::summaries(&store, &RunId("run-7".into())).await.map_err(said)?;
    let kept: u64 = kept.iter().map(|metric| metric.points).sum();
    if kept != (LINES * VALUES) as u64 {
        return Err(format!("{kept} points of a run are stored of {}", LINES * VALUES));
    }
    Ok(vec![
        Figure {
            what: "metric points stored, durable on SQLite",
            measured: points / seconds,
            unit: "points/s",
            limit: 100_000.0,
            at_least: true,
        },
        Figure {
            what: "CPU for a metric point, from the line to the disk",
            measured: cpu / points,
            unit: "µs",
            limit: 5.0,
            at_least: false,
        },
    ])
}

/// Reads a run's lines as the driver that follows its log does.
async fn read(intake: Intake, id: RunId, lines: Arc<[String]>) -> Result<(), String> {
    let stream = StreamKey { pod: "pod".into(), container: "main".into(), restart: 0 };
    let mut draft = Draft::new(id, stream, Position::START);
    for (at, line) in (1..).zip(lines.iter()) {
        draft.line(at, line);
        // What comes in a fifth of a second at a brisk pace, which is what a reader waits for.
        if at % 100 == 0 {
            intake.keep(draft.take(false)).await.map_err(said)?;
        }
    }
    Ok(())
}

fn line(step: usize) -> String {
    let value = |number: usize| format!(r#""train/metric-{number}":{}"#, 1.0 / count(step + number + 1));
    let values: Vec<_> = (0..VALUES).map(value).collect();
    format!(r#"{{"slipway":"metric","step":{step},"time":{},"values":{{{}}}}}"#, 1_764_000_000_000 + step, values.join(","))
}

/// Bytes and CPU of a chart of a long curve.
pub(super) async fn charted() -> Result<Vec<Figure>, String> {
    const TIMES: u32 = 50;
    let (store, _folder) = store("charted").await?;
    let (intake, writer) = Intake::new(store.clone(), Caps::default(), Arc::new(|_, _| {}));
    let writer = tokio::spawn(writer);
    let id = run(&store, 0).await?;
    let mut state = 1_u64;
    let points: Vec<Point> = (0..LONG)
        .map(|step| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = f64::from(u32::try_from(state >> 40).unwrap_or(0)) / f64::from(1 << 24);
            Point { step, time: 1_764_000_000_000 + step.cast_signed() * 50, value: noise / (1.0 + noise) }
        })
        .collect();
    for part in points.chunks(5_000) {
        let mut batch = Batch::new(id.clone());
        batch.metrics = PackedPoints::pack("train/loss", part).collect();
        intake.keep(batch).await.map_err(said)?;
    }
    drop(intake);
    writer.await.map_err(said)?;
    let query = ChartQuery { metric: "train/loss".into(), from: None, to: None, width: WIDTH };
    let cpu = cpu_time()?;
    let mut bytes = 0;
    for _ in 0..TIMES {
        let series = metrics::chart(&store, &id, &query).await.map_err(said)?;
        if series.points != LONG {
            return Err(format!("the chart is of {} points of {LONG}", series.points));
        }
        bytes = serde_json::to_string(&Curve::from_series(&series)).map_err(said)?.len();
    }
    let milliseconds = (cpu_time()? - cpu) / 1_000.0 / f64::from(TIMES);
    Ok(vec![
        Figure {
            what: "chart of 1,000,000 points, as it travels",
            measured: count(bytes) / 1_000.0,
            unit: "kB",
            limit: 40.0,
            at_least: false,
        },
        Figure { what: "CPU for a chart of 1,000,000 points", measured: milliseconds, unit: "ms", limit: 20.0, at_least: false },
    ])
}

#[expect(clippy::cast_precision_loss, reason = "counts here are below 2^53")]
fn count(of: usize) -> f64 {
    of as f64
}
