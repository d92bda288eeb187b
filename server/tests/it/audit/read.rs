//! The audit log as people read it: who may, what they see, and what they take elsewhere.

use hyper::Method;
use serde_json::{Value, json};
use slipway_domain::team::TeamName;
use slipway_server::store::audit::{About, Actor};

use crate::{
    browser::{Answer, form},
    fixture::{Person, Site},
    postgres,
};

impl Person {
    async fn reads_the_log(&mut self, query: &str) -> Value {
        self.browser.get(&format!("/api/audit/list?{query}")).await.expect(200).json()
    }
}

/// An entry as `who: action subject → outcome`.
fn line(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let outcome = &entry["outcome"];
    let word = outcome.as_str().or_else(|| outcome.as_object()?.keys().next().map(String::as_str)).unwrap_or_default();
    format!("{}: {} {} → {word}", text("who"), text("action"), text("subject"))
}

fn lines(page: &Value) -> Vec<String> {
    page["entries"].as_array().expect("entries").iter().map(line).collect()
}

/// Everything of the product that shows the log or does something with it.
async fn every_endpoint(person: &mut Person) -> Vec<(&'static str, Answer)> {
    let post = (Method::POST, "application/x-www-form-urlencoded", form(&[("do", "verify")]));
    let mut answers = Vec::new();
    for path in [
        "/audit",
        "/api/audit/list?query[who]=",
        "/audit/export?format=csv",
        "/audit/export?format=jsonl&team=default",
        "/audit?team=default",
    ] {
        answers.push((path, person.browser.get(path).await));
    }
    let response = person.browser.send(post.0, "/audit", post.1, post.2).await;
    let status = response.status();
    answers.push(("POST /audit", Answer { status, headers: response.headers().clone(), body: String::new() }));
    answers
}

#[tokio::test]
async fn whoever_may_not_read_the_log_is_refused_at_every_way_to_it_and_written_down() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut engineer = site.engineer(&mut admin).await;
    let mut outsider = site.outsider(&mut admin).await;
    let mut approver = site.person(&mut admin, "april", "default", "approver").await;
    for person in [&mut engineer, &mut outsider, &mut approver] {
        let name = person.name;
        let before = refused(&site, name).await;
        let answers = every_endpoint(person).await;
        let count = answers.len();
        for (path, answer) in answers {
            assert_eq!(answer.status, 403, "{name} at {path}: {answer:?}");
        }
        let after = refused(&site, name).await;
        // The pages ask on the way to being drawn, so that one look can be written down more than once.
        assert!(after >= before + count, "{name}: {count} refusals and {} lines", after - before);
    }
    for (path, answer) in every_endpoint(&mut admin).await {
        assert!(answer.status.is_success() || answer.status == 303, "the test asks wrongly: {path}: {answer:?}");
    }
    site.audit().verify(None).await.expect("a whole log");
}

/// How many lines say that somebody was kept from the log.
async fn refused(site: &Site, name: &str) -> usize {
    let lines = site.audit_lines(500).await;
    lines
        .iter()
        .filter(|line| {
            line.starts_with(&format!("{name}: "))
                && line.contains("audit log")
                && line.contains("Only ") | line.contains("You do not belong")
        })
        .count()
}

#[tokio::test]
async fn whoever_is_refused_is_told_whom_to_ask_by_name() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut engineer = site.engineer(&mut admin).await;
    let sentence = engineer.browser.get("/api/audit/list?query[team]=default").await.expect(403).json()["sentence"].clone();
    assert_eq!(sentence, "Only an admin of default may see the audit log; you are engineer there; ask root");
    site.person(&mut admin, "lead", "default", "admin").await;
    let sentence = engineer.browser.get("/api/audit/list?query[team]=default").await.expect(403).json()["sentence"].clone();
    assert_eq!(sentence, "Only an admin of default may see the audit log; you are engineer there; ask lead or root");
    let sentence = engineer.browser.get("/api/audit/list?query[who]=").await.expect(403).json()["sentence"].clone();
    assert_eq!(sentence, "Only a platform admin may see the audit log; ask root");
    let mut outsider = site.outsider(&mut admin).await;
    let sentence = outsider.browser.get("/api/audit/list?query[team]=default").await.expect(403).json()["sentence"].clone();
    assert!(!sentence.as_str().is_some_and(|sentence| sentence.contains("lead")), "an outsider learns who is in the team: {sentence}");
}

async fn an_admin_of_a_team_sees(site: Site) {
    let mut root = site.admin().await;
    let mut lead = site.person(&mut root, "lead", "vision", "admin").await;
    let mut outsider = site.outsider(&mut root).await;
    let engineer = site.person(&mut root, "noor", "vision", "engineer").await;
    let change = json!({ "person": engineer.id, "team": "vision", "role": "approver" });
    lead.browser.call("people/role", change).await.expect(200);
    let intrusion = json!({ "person": engineer.id, "team": "vision", "role": null });
    outsider.browser.call("people/role", intrusion).await.expect(403);

    let page = lead.reads_the_log("query[who]=").await;
    assert_eq!(page["teams"], json!(["vision"]), "{page}");
    let seen = lines(&page);
    assert_eq!(
        seen,
        [
            format!("otto: take a role away person {} in vision → refused", engineer.id.0),
            "lead: give a role person noor in vision → done".to_owned(),
            "root: invite person noor → done".to_owned(),
            "root: invite person lead → done".to_owned(),
        ]
    );
    let changed = &page["entries"][1]["change"];
    assert_eq!(changed[0], json!({ "kind": "removed", "text": "\"engineer\"" }), "{changed}");
    assert_eq!(changed[1], json!({ "kind": "added", "text": "\"approver\"" }), "{changed}");
    // What concerns others is not had by asking for it.
    lead.browser.get("/api/audit/list?query[team]=elsewhere").await.expect(403);
    lead.browser.get("/audit/export?format=csv&team=elsewhere").await.expect(403);
    let export = lead.browser.get("/audit/export?format=csv").await.expect(200).body;
    assert!(export.contains("person noor in vision") && !export.contains("sign in"), "{export}");
    // The chain is everybody's, so that only a platform admin has it recomputed.
    assert_eq!(page["may_not_verify"], "Only a platform admin may see the audit log; ask root");
    lead.browser.post("/audit", &[("do", "verify")]).await.expect(403);

    let everything = root.reads_the_log("query[who]=").await;
    assert_eq!(everything["teams"], Value::Null);
    assert!(lines(&everything).len() > seen.len(), "{everything}");
    site.running.stop().await;
}

#[tokio::test]
async fn an_admin_of_a_team_sees_what_concerns_it_and_nothing_else_on_sqlite() {
    an_admin_of_a_team_sees(Site::start().await).await;
}

#[tokio::test]
async fn an_admin_of_a_team_sees_what_concerns_it_and_nothing_else_on_postgresql() {
    let Some(url) = postgres::database("audit_team").await else { return };
    an_admin_of_a_team_sees(Site::start_with(|settings| settings.database = url).await).await;
}

#[tokio::test]
async fn the_log_is_filtered_and_paged_by_its_url() {
    let site = Site::start().await;
    let mut root = site.admin().await;
    let audit = site.audit();
    let team = TeamName::parse("vision").expect("a name");
    for number in 0..120 {
        let about = About::in_team(&format!("number {number}"), &team);
        audit.intent(Actor::program("test"), "count", about, None, None).await.expect("an intent").outcome(Ok(())).await;
    }
    let refusal = slipway_domain::refusal::Refusal::conflict("It was full");
    audit.intent(Actor::program("test"), "fail", "100% sure_thing", None, None).await.expect("an intent").outcome(Err(&refusal)).await;
    let _crashed = audit.intent(Actor::program("test"), "crash", "platform", None, None).await.expect("an intent");

    let mut seen = Vec::new();
    let mut query = "query[who]=[test]".to_owned();
    loop {
        let page = root.reads_the_log(&query).await;
        seen.extend(lines(&page));
        let Some(older) = page["older"].as_i64() else { break };
        query = format!("query[who]=[test]&query[before]={older}");
    }
    assert_eq!(seen.len(), 122);
    assert_eq!(seen[0], "[test]: crash platform → under_way");
    assert_eq!(seen[1], "[test]: fail 100% sure_thing → failed");
    assert_eq!((seen[2].as_str(), seen[121].as_str()), ("[test]: count number 119 → done", "[test]: count number 0 → done"));

    site.clock.advance(jiff::SignedDuration::from_mins(2));
    let count = async |root: &mut Person, query: &str| lines(&root.reads_the_log(query).await).len();
    assert_eq!(count(&mut root, "query[outcome]=unknown").await, 1);
    assert_eq!(count(&mut root, "query[outcome]=failed").await, 1);
    assert_eq!(count(&mut root, "query[subject]=SURE_").await, 1, "case counts, or a wildcard is one");
    assert_eq!(count(&mut root, "query[subject]=sure%25thing").await, 0, "a wildcard is one");
    assert_eq!(count(&mut root, "query[team]=vision&query[subject]=number%2011").await, 11);
    assert_eq!(count(&mut root, "query[action]=crash&query[from]=2026-11-24&query[until]=2026-11-24").await, 1);
    assert_eq!(count(&mut root, "query[action]=crash&query[from]=2026-11-25").await, 0);
    assert_eq!(count(&mut root, "query[action]=crash&query[until]=2026-11-24T11:59").await, 0);
    let refused = root.browser.get("/api/audit/list?query[from]=yesterday").await.expect(422).json();
    assert!(refused["fields"]["from"].as_str().is_some_and(|sentence| sentence.contains("2026-11-24T12:00")), "{refused}");
    let page = root.browser.get("/audit?who=%5Btest%5D&action=crash").await.expect(200).body;
    assert!(page.contains("No outcome: the server went down in between"), "{page}");
}

#[tokio::test]
async fn an_export_is_the_rows_as_they_are_hashed_and_is_written_down() {
    let site = Site::start().await;
    let mut root = site.admin().await;
    site.engineer(&mut root).await;
    let rows = site.audit().verify(None).await.expect("a whole log").rows;
    let export = root.browser.get("/audit/export?format=jsonl").await.expect(200);
    assert_eq!(export.header("content-disposition"), "attachment; filename=\"audit.jsonl\"");
    let taken: Vec<Value> = export.body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(taken[0]["seq"], 1);
    for (row, next) in taken.iter().zip(&taken[1..]) {
        assert_eq!(row["hash"], next["previous"], "the chain is not in the export: {row} {next}");
    }
    // Its own intent is the last row of it; what came of it is not known yet.
    let last = taken.last().expect("a row");
    assert_eq!((last["seq"].as_i64(), last["action"].as_str()), (Some(rows + 1), Some("export audit log")));
    assert_eq!(site.audit_lines(2).await, ["root: export audit log platform → ?", "root: export audit log platform → ok"]);

    let table = root.browser.get("/audit/export?format=csv&action=invite").await.expect(200).body;
    let lines: Vec<&str> = table.split("\r\n").collect();
    assert!(lines[0].starts_with("seq,at,request,person,action,"), "{table}");
    assert!(lines.len() == 4 && lines[1].contains(",root,invite,person mina,,"), "{table}");
    root.browser.get("/audit/export?format=xlsx").await.expect(422);
    root.browser.get("/audit/export?format=csv&until=never").await.expect(422);
}

#[tokio::test]
async fn a_log_that_was_changed_is_said_on_the_page_once_it_was_verified() {
    let site = Site::start().await;
    let mut root = site.admin().await;
    root.browser.post("/audit", &[("do", "verify")]).await.expect(303);
    let chain = root.reads_the_log("query[who]=").await["chain"].clone();
    assert_eq!((&chain["broken"], &chain["at"]), (&Value::Null, &json!("2026-11-24T12:00:00Z")), "{chain}");
    assert!(root.browser.get("/audit").await.expect(200).body.contains("Chain verified up to row"));
    super::execute(&site.running.store, "UPDATE audit SET person = 'eve' WHERE seq = 1".into()).await;
    root.browser.post("/audit", &[("do", "verify")]).await.expect(303);
    let page = root.browser.get("/audit").await.expect(200).body;
    assert!(page.contains("The audit log is not what was written: row 1 was changed"), "{page}");
}
