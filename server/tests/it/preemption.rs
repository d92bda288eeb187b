//! The preemption ledger: written by what the real scheduler does, kept once however often it is seen, and silent about runs that a
//! viewer may not know.

use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_domain::{
    person::{PersonId, PersonName},
    run::{
        form::RunForm,
        spec::RunId,
        state::{State, StateKind},
        view::PodRow,
    },
};
use slipway_server::{
    clock::Clock,
    cluster::manifest,
    store::{
        Store,
        history::{self, Identity},
        preemptions::{self, Seen, Side},
        runs::{self, NewRun},
    },
};

use crate::{
    fixture::{Person, Site},
    kubernetes::{self, PATIENCE},
    postgres,
    runs::{script, site},
};

impl Person {
    /// Waits until a run's ledger has a line on this side; the line.
    async fn reads_ledger(&mut self, id: &str, side: &str) -> Value {
        let begun = Instant::now();
        loop {
            let run = self.run(id).await;
            let line = &run["ledger"][side][0];
            // Whose the Pod is that came is known a moment after the event.
            if line["other"].is_object() {
                return line.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "no line within {PATIENCE:?}: {}\n{}", run["ledger"], kubernetes::shared().looks());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

impl Person {
    /// Waits until a run has run for so many seconds: the cluster tells the time of what it does in whole ones.
    async fn has_worked(&mut self, id: &str, seconds: i64) {
        let since: Timestamp = self.sees(id, "running").await["since"].as_str().and_then(|text| text.parse().ok()).expect("a time");
        while Clock::machine().now().duration_since(since).as_secs() < seconds {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// A run that holds the one slice of its kind that the nodes have.
fn slice(name: &str, class: &str) -> RunForm {
    RunForm { gpu: "7g.40gb".into(), gpu_count: "1".into(), priority_class: class.into(), ..script(name, "sleep 300") }
}

async fn prepare(site: &Site, team: &str) {
    let settings = manifest::Settings { claim_size: "1Gi".into(), ..manifest::Settings::default() };
    site.running.cluster.prepare_team(&site.team(team).await, &settings).await.expect("the team's namespace is there");
}

#[tokio::test]
async fn a_run_that_makes_way_and_the_one_that_comes_name_each_other_to_whoever_may_know() {
    let (site, kubernetes) = (site().await, kubernetes::shared());
    let mut admin = site.admin().await;
    let mut mina = site.engineer(&mut admin).await;
    let mut otto = site.person(&mut admin, "otto", "rivals", "engineer").await;
    prepare(&site, "rivals").await;
    kubernetes.ok(&["create", "priorityclass", "ledger-low", "--value=10"]);
    kubernetes.ok(&["create", "priorityclass", "ledger-high", "--value=1000"]);
    let went = mina.launches(&slice("goes", "ledger-low")).await;
    mina.has_worked(&went, 2).await;
    let came = otto.launches(&RunForm { team: "rivals".into(), ..slice("comes", "ledger-high") }).await;
    otto.sees(&came, "running").await;

    let line = mina.reads_ledger(&went, "by").await;
    assert_eq!(line["other"], json!({ "team": "rivals", "run": null }), "mina may not know whose run it was");
    assert_eq!((&line["node"], &line["came"]), (&json!("gpu-b"), &json!({ "class": "ledger-high", "value": 1000 })));
    assert_eq!((&line["went"], &line["lost"]["sevenths"]), (&json!({ "class": "ledger-low", "value": 10 }), &json!(7)));
    assert_eq!((&line["lost"]["slices"], &line["lost"]["saved"]), (&json!(true), &json!(false)));
    let other_side = otto.reads_ledger(&came, "of").await;
    assert_eq!(other_side["other"], json!({ "team": "default", "run": null }));
    assert_eq!(other_side["lost"], line["lost"], "both sides say the same");

    // Nothing that either can fetch says the other's name.
    for (person, own, other) in [(&mut mina, &went, "comes"), (&mut otto, &came, "goes")] {
        for path in [format!("/api/runs/get?id={own}"), format!("/runs/{own}"), format!("/api/runs/events?id={own}")] {
            let answer = person.browser.get(&path).await.expect(200).body;
            let names = answer.match_indices(other).filter(|(at, _)| !is_within_word(&answer, *at, other.len())).count();
            assert_eq!(names, 0, "{path} names {other}");
        }
    }
    mina.browser.get(&format!("/runs/{came}")).await.expect(403);
    otto.browser.get(&format!("/runs/{went}")).await.expect(403);
    // Who may see both teams sees both names.
    assert_eq!(admin.reads_ledger(&went, "by").await["other"], json!({ "team": "rivals", "run": [came, "comes"] }));
    let page = admin.browser.get(&format!("/runs/{came}")).await.expect(200).body;
    assert!(page.contains("Displaced ") && page.contains(">goes<") && page.contains("GPU-equivalent hours lost since it began"), "{page}");

    // The one that went waits for what its rival holds, and its team is told which team that is.
    let state = mina.sees(&went, "waiting").await;
    let begun = Instant::now();
    let mut why = state["why"].clone();
    while why != "Needs 1 × 7g.40gb; rivals holds 1 of 1 on gpu-b" {
        assert!(begun.elapsed() < PATIENCE, "{why}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        why = mina.sees(&went, "waiting").await["why"].clone();
    }
    mina.acts(&went, "stop").await.expect(200);
    otto.acts(&came, "stop").await.expect(200);
}

/// Whether what stands there is a part of a longer word.
fn is_within_word(text: &str, at: usize, length: usize) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    is_letter(text[..at].chars().next_back()) || is_letter(text[at + length..].chars().next())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).expect("a time")
}

async fn launched(store: &Store, name: &str, gpus: &str) -> RunId {
    let form = RunForm { team: "vision".into(), name: name.into(), gpu: "gpu".into(), gpu_count: gpus.into(), ..RunForm::default() };
    let id = RunId(format!("vision-{name}"));
    let by = (PersonId("1".into()), PersonName::parse("mina").expect("a name"));
    let new = NewRun { id: id.clone(), spec: form.parse().expect("a good form"), by, launched: at(0), applied: "kind: Job".into() };
    runs::insert(store, &new).await.expect("it is stored");
    id
}

async fn runs_in(store: &Store, run: &RunId, pod: &str, since: i64) {
    let row = PodRow {
        name: pod.into(),
        node: Some("gpu-a".into()),
        status: "Running".into(),
        restarts: 0,
        created: at(since - 1),
        exit_code: None,
        message: String::new(),
        exists: true,
    };
    let seen = history::Seen {
        state: State::Running { since: at(since), node: "gpu-a".into() },
        job: true,
        began: vec![(StateKind::Running, at(since))],
        pods: vec![row],
        identities: vec![Identity { uid: format!("uid-{pod}"), pod: pod.into(), priority: 5 }],
    };
    history::keep(store, run, &seen).await.expect("it is kept");
}

#[tokio::test]
async fn a_displacement_is_one_line_however_it_is_seen_and_in_whatever_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut urls = vec![format!("sqlite://{}", folder.path().join("slipway.db").display())];
    urls.extend(postgres::database("ledger").await);
    for url in urls {
        let store = Store::connect(&url).await.expect("a database");
        store.migrate().await.expect("tables");
        let (goes, comes) = (launched(&store, "goes", "4").await, launched(&store, "comes", "8").await);
        runs_in(&store, &goes, "goes-a", 100).await;
        let condition = Seen { run: goes.clone(), pod: "goes-a".into(), at: at(1900), node: None, by_uid: None };
        let event = Seen { node: Some("gpu-a".into()), by_uid: Some("uid-comes-a".into()), ..condition.clone() };
        let later = Seen { at: at(1901), ..event.clone() };
        assert_eq!(preemptions::keep(&store, std::slice::from_ref(&condition)).await.expect("it is kept"), std::slice::from_ref(&goes));
        assert_eq!(preemptions::keep(&store, std::slice::from_ref(&condition)).await.expect("it is kept"), [], "it is no news");
        assert_eq!(preemptions::keep(&store, &[event, later, condition]).await.expect("it is kept"), std::slice::from_ref(&goes));
        let of = |side| preemptions::of_run(&store, if side == Side::Went { &goes } else { &comes }, side);
        let went = of(Side::Went).await.expect("the ledger");
        assert_eq!((went.len(), went[0].at, went[0].node.as_deref(), &went[0].other), (1, at(1900), Some("gpu-a"), &None));
        assert_eq!(went[0].lost.words(), "2.00 GPU-hours lost since it began");
        assert_eq!(of(Side::Came).await.expect("the ledger"), [], "whose the Pod is that came is not known yet");

        // The Pod that came is seen later than the event that names it.
        runs_in(&store, &comes, "comes-a", 1950).await;
        let went = of(Side::Went).await.expect("the ledger");
        assert_eq!(went[0].other.as_ref().map(|(id, ..)| id), Some(&comes));
        let came = of(Side::Came).await.expect("the ledger");
        assert_eq!((came.len(), came[0].other.as_ref().map(|(id, ..)| id), came[0].lost), (1, Some(&goes), went[0].lost));

        // A run of the other side that is deleted leaves its line, without a name; one's own takes it along.
        runs::delete(&store, &comes, at(3000)).await.expect("it is deleted");
        assert_eq!(of(Side::Went).await.expect("the ledger")[0].other, None);
        while runs::purge(&store, at(4000)).await.expect("it is purged") {}
        assert_eq!(of(Side::Went).await.expect("the ledger").len(), 1);
        runs::delete(&store, &goes, at(3000)).await.expect("it is deleted");
        while runs::purge(&store, at(4000)).await.expect("it is purged") {}
        assert_eq!(of(Side::Went).await.expect("the ledger"), []);
        let none = Seen { run: goes, pod: "p".into(), at: at(0), node: None, by_uid: None };
        assert_eq!(preemptions::keep(&store, &[none]).await.expect("it is kept"), [], "a run that is gone makes no lines");
    }
}
