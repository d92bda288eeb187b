//! What runs say, in both databases: kept once, kept whole, and read back in bounded pieces.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use slipway_domain::{
    person::{PersonId, PersonName},
    run::{
        form::RunForm,
        spec::RunId,
        state::StateKind,
        view::{ChartQuery, LogPage, LogQuery, RunQuery, RunRow, RunSort},
    },
    team::TeamName,
};
use slipway_server::{
    drivers::logs::draft::Draft,
    store::{
        Error, Store, history,
        intake::{Batch, Caps, Intake, KeepError, PackedPoints},
        logs::{self, Position, StreamKey},
        metrics::{self, Point},
        runs::{self, NewRun, Visible},
    },
};
use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::postgres;

/// A database and its writer.
struct Book {
    store: Store,
    intake: Intake,
    /// Where it lies, if it is a file.
    folder: Option<TempDir>,
}

impl Book {
    async fn sqlite() -> Self {
        Self::sqlite_with(Caps::default()).await
    }

    async fn sqlite_with(caps: Caps) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("slipway.db").display());
        Self::open(&url, caps, Some(folder)).await
    }

    async fn open(url: &str, caps: Caps, folder: Option<TempDir>) -> Self {
        let store = Store::connect(url).await.expect("a database");
        store.migrate().await.expect("tables");
        let (intake, writer) = Intake::new(store.clone(), caps, Arc::new(|_, _| {}));
        tokio::spawn(writer);
        Self { store, intake, folder }
    }

    /// Both databases, where there is PostgreSQL.
    async fn both(name: &str) -> Vec<Self> {
        let mut books = vec![Self::sqlite().await];
        if let Some(url) = postgres::database(name).await {
            books.push(Self::open(&url, Caps::default(), None).await);
        }
        books
    }

    async fn launch(&self, name: &str, change: impl FnOnce(&mut RunForm)) -> RunId {
        self.try_launch(name, change).await.unwrap_or_else(|error| panic!("{name} is not stored: {error}"))
    }

    async fn try_launch(&self, name: &str, change: impl FnOnce(&mut RunForm)) -> Result<RunId, Error> {
        let mut form = RunForm { team: "vision".into(), name: name.into(), ..RunForm::default() };
        change(&mut form);
        let spec = form.parse().expect("a good form");
        let id = RunId(format!("{}-{name}-{}", spec.team, uuid::Uuid::now_v7()));
        let by = (PersonId("1".into()), PersonName::parse("mina").expect("a name"));
        runs::insert(&self.store, &NewRun { id: id.clone(), spec, by, launched: at(0), applied: "kind: Job".into() }).await?;
        Ok(id)
    }

    async fn points(&self, run: &RunId, metric: &str, points: &[(u64, f64)]) {
        let points: Vec<_> = points.iter().map(|(step, value)| Point { step: *step, time: 1_764_000_000_000, value: *value }).collect();
        let mut batch = Batch::new(run.clone());
        batch.metrics = PackedPoints::pack(metric, &points).collect();
        self.intake.keep(batch).await.expect("it is kept");
    }

    async fn chart(&self, run: &RunId, metric: &str, width: u32) -> slipway_domain::run::view::Series {
        let query = ChartQuery { metric: metric.into(), from: None, to: None, width };
        metrics::chart(&self.store, run, &query).await.expect("a chart")
    }

    async fn row(&self, run: &RunId) -> RunRow {
        runs::get(&self.store, run).await.expect("the store answers").expect("the run is there").row
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).expect("a time")
}

fn stream() -> StreamKey {
    StreamKey { pod: "digits-1-x7k2b".into(), container: "main".into(), restart: 0 }
}

fn query() -> LogQuery {
    LogQuery { pod: None, restart: None, from: None, count: 3, search: String::new() }
}

#[tokio::test]
async fn a_point_that_came_last_is_the_one_that_is_shown() {
    for book in Book::both("last_wins").await {
        let run = book.launch("digits", |_| {}).await;
        // One at a time, as a slow trainer prints them, and then again from a checkpoint, often enough that chunks are merged.
        for step in 0..300_u32 {
            book.points(&run, "train/loss", &[(step.into(), 1.0)]).await;
        }
        for step in (100..200_u32).step_by(10) {
            let part: Vec<_> = (step..step + 10).map(|step| (u64::from(step), 2.0)).collect();
            book.points(&run, "train/loss", &part).await;
        }
        let series = book.chart(&run, "train/loss", 1_000).await;
        assert_eq!(series.points, 300, "a step is one point");
        for bucket in &series.buckets {
            let want = if (100..200).contains(&bucket.step) { 2.0 } else { 1.0 };
            assert_eq!((bucket.min, bucket.max), (Some(want), Some(want)), "step {}", bucket.step);
        }
        let summary = metrics::summaries(&book.store, &run).await.expect("summaries").remove(0);
        assert_eq!((summary.points, summary.step, summary.min, summary.max), (400, 199, Some(1.0), Some(2.0)));
    }
}

#[tokio::test]
async fn values_that_are_not_finite_survive_and_are_counted() {
    for book in Book::both("not_finite").await {
        let run = book.launch("digits", |_| {}).await;
        book.points(&run, "train/loss", &[(0, 0.5), (1, f64::NAN), (2, f64::NEG_INFINITY), (3, f64::INFINITY)]).await;
        let loss = book.row(&run).await.loss.expect("a loss").0;
        assert!(loss.is_infinite() && loss > 0.0, "{loss}");
        book.points(&run, "train/loss", &[(4, f64::NAN)]).await;
        assert!(book.row(&run).await.loss.expect("a loss").0.is_nan());
        let series = book.chart(&run, "train/loss", 1).await;
        assert_eq!((series.points, series.buckets.len()), (5, 1));
        assert_eq!((series.buckets[0].min, series.buckets[0].max, series.buckets[0].not_finite), (Some(0.5), Some(0.5), 4));
        let summary = metrics::summaries(&book.store, &run).await.expect("summaries").remove(0);
        assert!(summary.last.0.is_nan() && summary.max == Some(0.5), "{summary:?}");
    }
}

#[tokio::test]
async fn a_million_points_make_a_chart_without_losing_a_spike() {
    let book = Book::sqlite().await;
    let run = book.launch("digits", |_| {}).await;
    let mut values: Vec<(u64, f64)> = (0..1_000_000).map(|step| (step, 1.0)).collect();
    values[123_456].1 = 1e6;
    values[777_777].1 = -1e6;
    for part in values.chunks(6_000) {
        book.points(&run, "train/loss", part).await;
    }
    let series = book.chart(&run, "train/loss", 320).await;
    assert_eq!(series.points, 1_000_000);
    assert!(series.buckets.len() <= 320, "{} buckets", series.buckets.len());
    let holding = |step: u64| series.buckets.iter().rev().find(|bucket| bucket.step <= step).expect("a bucket");
    assert_eq!(holding(123_456).max, Some(1e6));
    assert_eq!(holding(777_777).min, Some(-1e6));
    let close = ChartQuery { metric: "train/loss".into(), from: Some(777_700), to: Some(777_800), width: 320 };
    let close = metrics::chart(&book.store, &run, &close).await.expect("a chart");
    assert_eq!((close.points, close.buckets.len()), (101, 101), "close up, every point is one");
    assert_eq!(close.buckets[77].min, Some(-1e6));
}

#[tokio::test]
async fn a_batch_that_is_handed_in_twice_is_kept_once() {
    for book in Book::both("twice").await {
        let run = book.launch("digits", |_| {}).await;
        let mut draft = Draft::new(run.clone(), stream(), Position::START);
        draft.line(10, "one");
        draft.line(11, r#"{"slipway":"metric","step":1,"time":5,"values":{"loss":0.5}}"#);
        draft.line(12, r#"{"slipway":"checkpoint","step":1,"path":"/team/c1","bytes":7,"sha256":"ab"}"#);
        let batch = draft.take(false);
        for _ in 0..3 {
            book.intake.keep(batch.clone()).await.expect("it is kept, now or before");
        }
        // A reader that starts anew would begin elsewhere, and is told so.
        let mut other = Draft::new(run.clone(), stream(), Position::START);
        other.line(13, "thirteen");
        let answer = book.intake.keep(other.take(false)).await;
        assert!(matches!(answer, Err(KeepError::Elsewhere)), "{answer:?}");
        draft.line(13, "two");
        book.intake.keep(draft.take(true)).await.expect("it goes on");

        let page = logs::page(&book.store, &run, &LogQuery { count: 100, ..query() }).await.expect("a page");
        let lines: Vec<_> = page.lines.iter().map(|line| (line.number, line.text.as_str())).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!((lines[0], lines[2]), ((0, "one"), (2, "two")));
        assert_eq!(metrics::summaries(&book.store, &run).await.expect("summaries")[0].points, 1);
        assert_eq!(history::checkpoints(&book.store, &run).await.expect("checkpoints").len(), 1);
        let streams = logs::streams(&book.store, &run).await.expect("streams");
        assert_eq!((streams.len(), streams[0].ended, streams[0].position.last_at), (1, true, 13));
    }
}

#[tokio::test]
async fn what_the_database_refused_is_kept_when_it_is_handed_in_again() {
    let book = Book::sqlite().await;
    let run = book.launch("digits", |_| {}).await;
    let path = book.folder.as_ref().expect("a folder").path().join("slipway.db");
    let mut other = SqliteConnectOptions::new().filename(path).connect().await.expect("another program");
    let mut draft = Draft::new(run.clone(), stream(), Position::START);
    draft.line(1, "one");
    let batch = draft.take(false);
    other.execute("BEGIN IMMEDIATE").await.expect("it holds the database");
    let answer = book.intake.keep(batch.clone()).await;
    assert!(matches!(answer, Err(KeepError::Store(_))), "{answer:?}");
    other.execute("ROLLBACK").await.expect("it lets go");
    book.intake.keep(batch.clone()).await.expect("it is kept");
    book.intake.keep(batch).await.expect("it was kept");
    assert_eq!(logs::streams(&book.store, &run).await.expect("streams")[0].lines, 1);
}

#[tokio::test]
async fn any_window_of_a_million_lines_is_read_and_searched() {
    let book = Book::sqlite().await;
    let run = book.launch("digits", |_| {}).await;
    let mut draft = Draft::new(run.clone(), stream(), Position::START);
    for number in 0..1_000_000_i64 {
        draft.line(number, if number % 100_000 == 99_999 { "a Needle" } else { "hay" });
        if draft.is_large() {
            book.intake.keep(draft.take(false)).await.expect("it is kept");
        }
    }
    book.intake.keep(draft.take(true)).await.expect("it is kept");
    let numbers = |page: &LogPage| page.lines.iter().map(|line| line.number).collect::<Vec<_>>();
    let page = |query: LogQuery| {
        let (store, run) = (book.store.clone(), run.clone());
        async move { logs::page(&store, &run, &query).await.expect("a page") }
    };
    let tail = page(query()).await;
    assert_eq!((tail.streams[0].lines, numbers(&tail)), (1_000_000, vec![999_997, 999_998, 999_999]));
    assert_eq!(numbers(&page(LogQuery { from: Some(500_000), ..query() }).await), [500_000, 500_001, 500_002]);
    assert_eq!(numbers(&page(LogQuery { from: Some(999_999), ..query() }).await), [999_999]);
    assert_eq!(numbers(&page(LogQuery { from: Some(u64::MAX), ..query() }).await), [0; 0]);
    assert_eq!(page(LogQuery { from: Some(0), count: u32::MAX, ..query() }).await.lines.len(), 2_000, "one page is bounded");

    let found = page(LogQuery { search: "nEEDLE".into(), ..query() }).await;
    assert_eq!((numbers(&found), found.matches), (vec![799_999, 899_999, 999_999], Some(10)));
    let found = page(LogQuery { search: "needle".into(), from: Some(200_000), ..query() }).await;
    assert_eq!((numbers(&found), found.matches), (vec![299_999, 399_999, 499_999], Some(10)));
    assert_eq!(page(LogQuery { search: "hay".into(), ..query() }).await.matches, Some(10_000), "counting stops");
}

#[tokio::test]
async fn a_log_that_is_too_long_keeps_its_beginning_and_its_end_and_says_what_is_missing() {
    let book = Book::sqlite_with(Caps { kept: 2_000_000, head: 300_000 }).await;
    let run = book.launch("digits", |_| {}).await;
    let mut draft = Draft::new(run.clone(), stream(), Position::START);
    for number in 0..100_000_i64 {
        draft.line(number, &format!("line {number:>8} {}", "x".repeat(36)));
        if number % 500 == 0 {
            book.intake.keep(draft.take(false)).await.expect("it is kept");
        }
    }
    book.intake.keep(draft.take(true)).await.expect("it is kept");
    // The writer cuts after it has answered: one more batch, and it has.
    book.points(&run, "loss", &[(1, 1.0)]).await;
    book.points(&run, "loss", &[(2, 1.0)]).await;
    let stream = logs::streams(&book.store, &run).await.expect("streams").remove(0);
    assert_eq!(stream.lines, 100_000);
    assert_eq!(stream.bytes + stream.dropped_bytes, 100_000 * 51, "{stream:?}");
    assert!(stream.bytes <= 2_400_000, "{stream:?}");
    let page = |from: u64| {
        let (store, run) = (book.store.clone(), run.clone());
        async move { logs::page(&store, &run, &LogQuery { from: Some(from), ..query() }).await.expect("a page").lines }
    };
    assert!(page(0).await[0].text.starts_with("line        0 "));
    assert!(page(99_999).await[0].text.starts_with("line    99999 "));
    let middle = page(30_000).await;
    assert_eq!((middle.len(), middle[0].number), (1, 30_000));
    assert!(middle[0].text.contains("dropped"), "{middle:?}");
}

#[tokio::test]
async fn a_name_is_free_again_when_its_run_is_deleted_and_nothing_of_it_is_left() {
    for book in Book::both("deleted").await {
        let run = book.launch("digits-1", |_| {}).await;
        let twice = book.try_launch("digits-1", |_| {}).await;
        assert!(matches!(twice, Err(Error::Duplicate(_))), "{twice:?}");
        let team = TeamName::parse("vision").expect("a name");
        assert_eq!(runs::free_name(&book.store, &team, "digits").await.expect("a name"), "digits-2");
        book.points(&run, "loss", &[(1, 1.0)]).await;
        runs::delete(&book.store, &run, at(10)).await.expect("it is deleted");
        book.intake.forget(run.clone()).await;
        assert_eq!(runs::get(&book.store, &run).await.expect("the store answers"), None);
        let late = book.intake.keep(Batch::new(run.clone())).await;
        assert!(matches!(late, Err(KeepError::Gone)), "{late:?}");
        book.launch("digits-1", |_| {}).await;
        while runs::purge(&book.store, at(20)).await.expect("it is removed") {}
        assert_eq!(metrics::summaries(&book.store, &run).await.expect("summaries"), []);
        assert_eq!(history::phases(&book.store, &run).await.expect("phases"), []);
        assert_eq!(book.chart(&run, "loss", 10).await.points, 0);
    }
}

#[tokio::test]
async fn the_list_is_filtered_sorted_and_cut_in_the_database() {
    for book in Book::both("list").await {
        for number in 0..60 {
            book.launch(&format!("run-{number:02}"), |form| form.tags = if number % 2 == 0 { "even, A_b".into() } else { "odd".into() })
                .await;
        }
        let other = book.launch("other", |form| form.team = "speech".into()).await;
        book.points(&other, "train/loss", &[(1, 0.5)]).await;
        let vision = Visible::Teams(vec![TeamName::parse("vision").expect("a name")]);
        let names = |rows: &[RunRow]| rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>();
        let list = |visible: Visible, query: RunQuery| {
            let store = book.store.clone();
            async move { runs::list(&store, &visible, &query).await.expect("a list") }
        };
        let by_name = || RunQuery { sort: RunSort::Name, ascending: true, ..RunQuery::default() };
        let (rows, total) = list(vision.clone(), by_name()).await;
        assert_eq!((rows.len(), total, rows[0].name.to_string()), (50, 60, "run-00".into()));
        let (rows, _) = list(vision.clone(), RunQuery { page: 1, ..by_name() }).await;
        assert_eq!(names(&rows).first().map(String::as_str), Some("run-50"));
        assert_eq!(list(Visible::All, by_name()).await.1, 61);
        assert_eq!(list(Visible::Teams(vec![]), by_name()).await.1, 0);
        assert_eq!(list(vision.clone(), RunQuery { team: "speech".into(), ..by_name() }).await.1, 0);
        for (query, want) in [
            (RunQuery { tag: "even".into(), ..by_name() }, 30),
            (RunQuery { tag: "a_B".into(), ..by_name() }, 30),
            (RunQuery { tag: "a%b".into(), ..by_name() }, 0),
            (RunQuery { tag: "eve".into(), ..by_name() }, 0),
            (RunQuery { name: "N-1".into(), ..by_name() }, 10),
            (RunQuery { name: "'; DROP TABLE run; --".into(), ..by_name() }, 0),
            (RunQuery { name: "\\".into(), ..by_name() }, 0),
            (RunQuery { who: "mina".into(), ..by_name() }, 60),
            (RunQuery { states: vec![StateKind::Failed, StateKind::Stopped], ..by_name() }, 0),
            (RunQuery { states: vec![StateKind::Waiting], ..by_name() }, 60),
        ] {
            assert_eq!(list(vision.clone(), query.clone()).await.1, want, "{query:?}");
        }
        for ascending in [false, true] {
            let (rows, _) = list(Visible::All, RunQuery { sort: RunSort::Loss, ascending, ..RunQuery::default() }).await;
            assert_eq!(rows[0].name.to_string(), "other", "a run with a loss comes first");
        }
        for sort in [RunSort::Launched, RunSort::Who, RunSort::State] {
            assert_eq!(list(Visible::All, RunQuery { sort, ..RunQuery::default() }).await.0.len(), 50, "{sort:?}");
        }
    }
}

#[tokio::test]
async fn an_event_seen_again_takes_the_place_of_the_earlier() {
    for book in Book::both("events").await {
        let run = book.launch("digits", |_| {}).await;
        let event = |count: u32, run: &RunId| history::KeyedEvent {
            run: run.clone(),
            key: "uid".into(),
            row: slipway_domain::run::view::EventRow {
                at: at(count.into()),
                warning: true,
                reason: "FailedCreate".into(),
                object: "Job/digits".into(),
                message: "quota".into(),
                count,
            },
        };
        let keep = async |events: &[history::KeyedEvent]| history::keep_events(&book.store, events).await.expect("events are kept").len();
        assert_eq!(keep(&[event(1, &run), event(2, &run)]).await, 1);
        assert_eq!(keep(&[event(2, &run)]).await, 0, "nothing is new");
        assert_eq!(keep(&[event(1, &RunId("nobody's".into()))]).await, 0);
        let events = history::events(&book.store, &run).await.expect("events");
        assert_eq!(events.iter().map(|event| event.count).collect::<Vec<_>>(), [2]);
    }
}

#[tokio::test]
async fn many_metrics_of_many_runs_are_told_apart() {
    let book = Book::sqlite().await;
    let mut ids = BTreeMap::new();
    for number in 0..20_u32 {
        ids.insert(number, book.launch(&format!("run-{number}"), |_| {}).await);
    }
    for step in 0..40_u32 {
        for (number, run) in &ids {
            book.points(run, &format!("m{}", step % 3), &[(step.into(), f64::from(*number))]).await;
        }
    }
    for (number, run) in &ids {
        for (metric, points) in [("m0", 14), ("m1", 13), ("m2", 13)] {
            let series = book.chart(run, metric, 100).await;
            assert_eq!(series.points, points, "{metric} of run {number}");
            assert!(series.buckets.iter().all(|bucket| bucket.mean == Some(f64::from(*number))), "{metric} of run {number}");
        }
    }
}
