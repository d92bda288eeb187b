//! Metrics: from the line that a trainer prints to the disk, and from the disk to a chart.

use std::{sync::Arc, time::Instant};

use slipway_app::api::runs::Curve;
use slipway_domain::run::{spec::RunId, view::ChartQuery};
use slipway_server::{
    cluster::index::measure::cpu_ms,
    drivers::logs::draft::Draft,
    store::{
        Store,
        intake::{Batch, Caps, Intake, PackedPoints},
        logs::{Position, StreamKey},
        metrics::{self, Point},
    },
};
use tokio::task::JoinSet;

use super::{
    Figure, count,
    place::{self, Folder},
    said,
};

/// Runs that report at once, lines that each prints, and values in each line.
const RUNS: usize = 100;
const LINES: usize = 2_000;
const VALUES: usize = 10;

/// Points of the long curve.
const LONG: u64 = 1_000_000;

/// The width that the run page asks for.
const WIDTH: u32 = 320;

async fn store(folder: &Folder) -> Result<Store, String> {
    let store = Store::connect(&folder.database()).await.map_err(said)?;
    store.migrate().await.map_err(said)?;
    Ok(store)
}

async fn run(store: &Store, number: usize) -> Result<RunId, String> {
    let id = RunId(format!("run-{number}"));
    place::run(store, &id, "bench", id.0.clone(), "bench").await?;
    Ok(id)
}

/// Points stored a second, each line parsed, each point durable; and what a point costs.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
pub(super) async fn stored() -> Result<Vec<Figure>, String> {
    let folder = Folder::new("stored")?;
    let store = store(&folder).await?;
    let (intake, writer) = Intake::new(store.clone(), Caps::default(), Arc::new(|_, _| {}));
    let writer = tokio::spawn(writer);
    let lines: Arc<[String]> = (0..LINES).map(line).collect();
    let mut ids = Vec::new();
    for number in 0..RUNS {
        ids.push(run(&store, number).await?);
    }
    let (cpu, begun) = (cpu_ms(), Instant::now());
    let mut readers = JoinSet::new();
    for id in ids {
        readers.spawn(read(intake.clone(), id, lines.clone()));
    }
    while let Some(done) = readers.join_next().await {
        done.map_err(said)??;
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_ms() - cpu);
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
            what: "metric points stored, durable on SQLite".into(),
            measured: points / seconds,
            unit: "points/s",
            limit: 100_000.0,
            at_least: true,
        },
        Figure::at_most("CPU for a metric point, from the line to the disk", cpu * 1_000.0 / points, "µs", 5.0),
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
    let folder = Folder::new("charted")?;
    let store = store(&folder).await?;
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
    let cpu = cpu_ms();
    let mut bytes = 0;
    for _ in 0..TIMES {
        let series = metrics::chart(&store, &id, &query).await.map_err(said)?;
        if series.points != LONG {
            return Err(format!("the chart is of {} points of {LONG}", series.points));
        }
        bytes = serde_json::to_string(&Curve::from_series(&series)).map_err(said)?.len();
    }
    let milliseconds = (cpu_ms() - cpu) / f64::from(TIMES);
    Ok(vec![
        Figure::at_most("chart of 1,000,000 points, as it travels", count(bytes) / 1_000.0, "kB", 40.0),
        Figure::at_most("CPU for a chart of 1,000,000 points", milliseconds, "ms", 20.0),
    ])
}
