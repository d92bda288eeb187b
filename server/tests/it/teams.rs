//! Teams on a real Kubernetes: what is made in Slipway is there in the cluster, stays there, and takes nothing that is another's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slipway_server::{clock::Clock, cluster::Source};

use crate::{
    browser::Answer,
    fixture::{Person, Site},
    kubernetes::{self, Kubernetes, PATIENCE},
};

/// A server on the cluster that the tests share.
async fn site() -> (Site, &'static Kubernetes) {
    let kubernetes = tokio::task::spawn_blocking(kubernetes::shared).await.expect("a cluster");
    (Site::start_by(Clock::machine(), |settings| settings.cluster = Source::File(kubernetes.kubeconfig())).await, kubernetes)
}

impl Person {
    async fn makes_a_team(&mut self, name: &str) -> Answer {
        self.browser.post("/teams", &[("do", "create"), ("name", name)]).await
    }

    async fn team(&mut self, name: &str) -> Value {
        self.browser.get(&format!("/api/teams/get?team={name}")).await.expect(200).json()
    }

    /// Waits until a team's namespace stands so.
    async fn sees_the_namespace(&mut self, team: &str, standing: &str) -> Value {
        let begun = Instant::now();
        loop {
            let namespace = self.team(team).await["row"]["namespace"].clone();
            if namespace.get(standing).is_some() {
                return namespace;
            }
            assert!(begun.elapsed() < PATIENCE, "not {standing} within {PATIENCE:?} but {namespace}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn a_team_that_is_made_has_its_namespace_and_its_people_may_work_there() {
    let (site, kubernetes) = site().await;
    let mut root = site.admin().await;
    let made = root.makes_a_team("t-made").await.expect(303);
    assert_eq!(made.location(), "/teams/t-made");
    root.sees_the_namespace("t-made", "prepared").await;
    let objects = kubernetes.ok(&["get", "roles,rolebindings,pvc", "-n", "t-made", "-o", "name"]);
    for role in ["engineer", "approver", "admin"] {
        assert!(objects.contains(&format!("role.rbac.authorization.k8s.io/slipway-{role}")), "{objects}");
        assert!(objects.contains(&format!("rolebinding.rbac.authorization.k8s.io/slipway-{role}")), "{objects}");
    }
    assert!(objects.contains("persistentvolumeclaim/team"), "{objects}");
    assert!(kubernetes.lets("slipway:noor", "slipway:t-made:engineer", "create", "jobs", "t-made"));

    // Somebody who has an account joins it, and is an engineer there from the next request on.
    let mut noor = site.person(&mut root, "noor", "elsewhere", "engineer").await;
    noor.browser.get("/api/runs/list?query[team]=t-made").await.expect(403);
    root.browser.post("/teams/t-made", &[("do", "add"), ("person", "noor"), ("role", "engineer")]).await.expect(303);
    noor.browser.get("/api/runs/list?query[team]=t-made").await.expect(200);
    root.browser.post("/teams/t-made", &[("do", "role"), ("person", &noor.id.0), ("role", "approver")]).await.expect(303);
    let team = root.team("t-made").await;
    assert_eq!((&team["members"][0]["name"], &team["members"][0]["role"]), (&json!("noor"), &json!("approver")), "{team}");
    root.browser.post("/teams/t-made", &[("do", "role"), ("person", &noor.id.0), ("role", "")]).await.expect(303);
    noor.browser.get("/api/runs/list?query[team]=t-made").await.expect(403);
    let lines = site.audit_lines(100).await;
    for want in [
        "root: make team team t-made → ok",
        "root: give a role person noor in t-made → ok",
        "root: take a role away person noor in t-made → ok",
    ] {
        assert!(lines.iter().any(|line| line == want), "{want} is not among {lines:#?}");
    }
}

#[tokio::test]
async fn what_somebody_takes_from_a_team_in_the_cluster_comes_back() {
    let (site, kubernetes) = site().await;
    let mut root = site.admin().await;
    root.makes_a_team("t-drift").await.expect(303);
    root.sees_the_namespace("t-drift", "prepared").await;
    let may = || kubernetes.lets("slipway:noor", "slipway:t-drift:engineer", "create", "jobs", "t-drift");
    let comes_back = async |what: &str| {
        let begun = Instant::now();
        while !may() {
            assert!(begun.elapsed() < PATIENCE, "{what} did not come back within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    // By itself, within half a minute.
    kubernetes.ok(&["delete", "rolebinding", "slipway-engineer", "-n", "t-drift"]);
    assert!(!may());
    comes_back("the binding").await;
    // And at once, where somebody asks.
    let emptied = r#"{"rules":[]}"#;
    kubernetes.ok(&["patch", "role", "slipway-engineer", "-n", "t-drift", "--type=merge", "-p", emptied]);
    root.browser.post("/teams/t-drift", &[("do", "prepare")]).await.expect(303);
    comes_back("the role").await;
    assert!(site.audit_lines(1).await[0].starts_with("root: prepare namespace team t-drift → ok"));
}

#[tokio::test]
async fn a_namespace_that_is_no_teams_is_never_taken_over() {
    let (site, kubernetes) = site().await;
    let mut root = site.admin().await;
    kubernetes.ok(&["create", "namespace", "t-theirs"]);
    let page = root.makes_a_team("t-theirs").await.expect(422).body;
    assert!(
        page.contains("The cluster has a namespace t-theirs that is no team&#x27;s")
            || page.contains("The cluster has a namespace t-theirs that is no team's"),
        "{page}"
    );
    assert!(page.contains("value=\"t-theirs\""), "what was typed is gone: {page}");
    root.browser.get("/api/teams/get?team=t-theirs").await.expect(404);

    // Nor where it came to be between the question and the driver.
    site.team("t-theirs").await;
    let namespace = root.sees_the_namespace("t-theirs", "refused").await;
    assert!(namespace["refused"]["why"].as_str().is_some_and(|why| why.contains("slipway.dev/team=t-theirs")), "{namespace}");
    let there = kubernetes.ok(&["get", "namespace", "t-theirs", "-o", "jsonpath={.metadata.labels}"]);
    assert!(!there.contains("slipway.dev"), "{there}");
    assert_eq!(kubernetes.ok(&["get", "roles,rolebindings,pvc", "-n", "t-theirs", "-o", "name"]), "");

    // With the label it is given over.
    kubernetes.ok(&["label", "namespace", "t-theirs", "slipway.dev/team=t-theirs"]);
    root.browser.post("/teams/t-theirs", &[("do", "prepare")]).await.expect(303);
    root.sees_the_namespace("t-theirs", "prepared").await;
}

#[tokio::test]
async fn while_the_cluster_is_away_a_team_is_made_and_its_namespace_waits() {
    let site = Site::start().await;
    let mut root = site.admin().await;
    root.makes_a_team("t-early").await.expect(303);
    let team = root.team("t-early").await;
    assert!(team["row"]["namespace"]["preparing"].is_object(), "{team}");
    assert!(team["stale_since"].is_string(), "{team}");
    let page = root.browser.get("/teams/t-early").await.expect(200).body;
    assert!(page.contains("being prepared") && page.contains("The cluster cannot be reached since"), "{page}");
    let list = root.browser.get("/teams").await.expect(200).body;
    assert!(list.contains("t-early") && list.contains("being prepared"), "{list}");
}

#[tokio::test]
async fn a_name_that_no_team_may_have_comes_back_with_a_sentence() {
    let site = Site::start().await;
    let mut root = site.admin().await;
    root.makes_a_team("taken").await.expect(303);
    for (name, want) in [
        ("", "A name is missing"),
        ("Vision Lab", "vision-lab would do"),
        ("-a", "not a dash"),
        (&"x".repeat(64), "at most 63 characters"),
        ("ראן", "U+05E8"),
        ("kube-system", "Kubernetes"),
        ("openshift-monitoring", "OpenShift"),
        ("default", "the first team"),
        ("taken", "There is a team taken already"),
    ] {
        let page = root.makes_a_team(name).await.expect(422).body;
        assert!(page.contains(want), "{name:?}: {want} is not on the page: {page}");
    }
    let names: Vec<_> = root.browser.get("/api/teams/list").await.expect(200).json()["teams"]
        .as_array()
        .expect("teams")
        .iter()
        .map(|team| team["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names, ["default", "taken"]);
}

#[tokio::test]
async fn somebody_who_cannot_be_added_is_said_beside_the_field() {
    let site = Site::start().await;
    let mut root = site.admin().await;
    let mut lead = site.person(&mut root, "lead", "vision", "admin").await;
    for (person, role, want) in [
        ("nobody", "engineer", "Nobody is called nobody"),
        ("lead", "engineer", "lead is admin in vision already"),
        ("N", "engineer", "2 to 32 characters"),
        ("root", "king", "A role is engineer, approver or admin"),
    ] {
        let page = lead.browser.post("/teams/vision", &[("do", "add"), ("person", person), ("role", role)]).await.expect(422).body;
        assert!(page.contains(want), "{person}, {role}: {want} is not on the page: {page}");
    }
    lead.browser.post("/teams/vision", &[("do", "add"), ("person", "root"), ("role", "engineer")]).await.expect(303);
}

#[tokio::test]
async fn teams_are_the_platform_admins_to_make_and_their_own_admins_to_fill() {
    let site = Site::start().await;
    let mut root = site.admin().await;
    let mut lead = site.person(&mut root, "lead", "vision", "admin").await;
    let mut engineer = site.person(&mut root, "mina", "vision", "engineer").await;
    let mut outsider = site.outsider(&mut root).await;

    let list = lead.browser.get("/api/teams/list").await.expect(200).json();
    assert_eq!(list["teams"].as_array().map(Vec::len), Some(1), "a team's admin sees others: {list}");
    assert_eq!(list["may_not_create"], "Only a platform admin may make teams; ask root");
    let page = lead.browser.get("/teams").await.expect(200).body;
    assert!(page.contains("Only a platform admin may make teams; ask root"), "{page}");

    for path in ["/api/teams/list", "/api/teams/get?team=vision", "/teams", "/teams/vision"] {
        engineer.browser.get(path).await.expect(403);
    }
    for path in ["/api/teams/list", "/api/teams/get?team=vision", "/api/teams/get?team=no-such-team", "/teams/vision", "/teams"] {
        outsider.browser.get(path).await.expect(403);
    }
    for who in [&mut lead, &mut engineer, &mut outsider] {
        who.makes_a_team("mine").await.expect(403);
        who.browser.post("/teams/vision", &[("do", "prepare")]).await.expect(403);
        who.browser.post("/teams/default", &[("do", "add"), ("person", who.name), ("role", "admin")]).await.expect(403);
    }
    for who in [&mut engineer, &mut outsider] {
        who.browser.post("/teams/vision", &[("do", "add"), ("person", who.name), ("role", "admin")]).await.expect(403);
        who.browser.post("/teams/vision", &[("do", "role"), ("person", &who.id.0), ("role", "admin")]).await.expect(403);
    }
    let lines = site.audit_lines(200).await;
    for who in ["lead", "mina", "otto"] {
        let refused = |what: &str| lines.iter().filter(|line| line.starts_with(&format!("{who}: {what}"))).count();
        assert_eq!((refused("make team team \"mine\""), refused("prepare namespace team vision")), (1, 1), "{lines:#?}");
        assert!(refused("give a role person") >= 1, "{lines:#?}");
    }
    let teams = root.browser.get("/api/teams/list").await.expect(200).json();
    assert!(!teams.to_string().contains("mine"), "{teams}");
    // A signed-in person of no team at all is nobody in any.
    let members = root.team("vision").await["members"].clone();
    assert_eq!(members.as_array().map(Vec::len), Some(2), "{members}");
}
