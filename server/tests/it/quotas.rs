//! Quotas and requests for more on a real Kubernetes: what is predicted is what it does, nobody overwrites what they have not
//! seen, and whoever may not is refused by Slipway and by Kubernetes.

use std::{collections::BTreeMap, time::Instant};

use jiff::SignedDuration;
use serde_json::{Value, json};
use slipway_domain::{quantity::Quantity, team::TeamName};
use slipway_server::{
    clock::Clock,
    cluster::{Source, manifest},
};

use crate::{
    browser::Answer,
    fixture::{Person, Site},
    kubernetes::{self, Kubernetes, PATIENCE},
};

/// GPUs in a quota's form.
const GPUS: &str = "hard:requests.nvidia.com/gpu";

/// A server on the cluster that the tests share, with a team of the test's own that is prepared there.
pub async fn site(clock: Clock, name: &str) -> (Site, &'static Kubernetes) {
    let kubernetes = tokio::task::spawn_blocking(kubernetes::shared).await.expect("a cluster");
    let site = Site::start_by(clock, |settings| settings.cluster = Source::File(kubernetes.kubeconfig())).await;
    let team = site.team(name).await;
    let settings = manifest::Settings { claim_size: "1Gi".into(), ..manifest::Settings::default() };
    site.running.cluster.prepare_team(&team, &settings).await.unwrap_or_else(|error| panic!("{error}\n{}", kubernetes.looks()));
    wait(kubernetes, "the index is complete", async || site.running.cluster.index().is_complete()).await;
    (site, kubernetes)
}

async fn wait(kubernetes: &Kubernetes, what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not so within {PATIENCE:?}: {what}\n{}", kubernetes.looks());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn texts(team: &str, fields: &[(&str, &str)]) -> Value {
    let head = [("team", team), ("name", "team")];
    json!(head.iter().chain(fields).copied().collect::<BTreeMap<_, _>>())
}

impl Person {
    async fn sets_quota(&mut self, team: &str, fields: &[(&str, &str)]) -> Answer {
        self.browser.call("quotas/set", json!({ "form": texts(team, fields) })).await
    }

    pub async fn sets_limits(&mut self, team: &str, fields: &[(&str, &str)]) -> Answer {
        self.browser.call("limits/set", json!({ "form": texts(team, fields) })).await
    }

    pub async fn sets_priority(&mut self, fields: &[(&str, &str)]) -> Answer {
        let form: BTreeMap<_, _> = fields.iter().copied().collect();
        self.browser.call("priorities/set", json!({ "form": form })).await
    }

    async fn shares(&mut self, team: &str) -> Value {
        self.browser.get(&format!("/api/quotas/team?team={team}")).await.expect(200).json()[0].clone()
    }

    /// What the form of a quota is made from.
    async fn seen(&mut self, team: &str) -> String {
        self.shares(team).await["quotas"][0]["form"]["seen"].as_str().unwrap_or_default().to_owned()
    }

    async fn answers(&mut self, id: &str, reply: Value) -> Answer {
        self.browser.call("quotas/answer", json!({ "id": id, "reply": reply })).await
    }
}

impl Site {
    /// A second platform admin, signed in.
    async fn second_admin(&self, admin: &mut Person, name: &'static str) -> Person {
        let form = json!({ "form": { "name": name, "team": "", "role": "", "platform_admin": "on" } });
        let invitation = admin.browser.call("people/invite", form).await.expect(200).json();
        let browser = self.accept(invitation["link"].as_str().expect("a link"), name).await;
        let id = serde_json::from_value(invitation["person"]["id"].clone()).expect("an id");
        Person { id, name, browser }
    }
}

#[track_caller]
pub fn sentence(answer: Answer, status: u16) -> String {
    let answer = answer.expect(status).json();
    answer["sentence"].as_str().unwrap_or_else(|| panic!("no sentence: {answer}")).to_owned()
}

/// The amount of a resource that a quota in the cluster allows.
fn hard(kubernetes: &Kubernetes, team: &str, resource: &str) -> String {
    let quota: Value = serde_json::from_str(&kubernetes.ok(&["get", "resourcequota", "team", "-n", team, "-o", "json"])).expect("JSON");
    quota["spec"]["hard"][resource].as_str().unwrap_or_default().to_owned()
}

pub fn pod(name: &str, team: &str, resources: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": team },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "main", "image": "busybox:1", "args": ["-c", "sleep 600"], "resources": resources }],
        },
    })
}

#[tokio::test]
async fn a_quota_below_use_stops_nobody_lets_nobody_start_and_says_so_before() {
    let (site, kubernetes) = site(Clock::machine(), "below-use").await;
    let mut root = site.admin().await;
    root.sets_quota("below-use", &[("hard:pods", "2"), (GPUS, "0")]).await.expect(200);
    assert_eq!((hard(kubernetes, "below-use", "pods"), hard(kubernetes, "below-use", "requests.nvidia.com/gpu")), ("2".into(), "0".into()));
    kubernetes.apply(&pod("first", "below-use", &json!({})));
    let counted = async || kubernetes.ok(&["get", "resourcequota", "team", "-n", "below-use", "-o", "jsonpath={.status.used.pods}"]) == "1";
    wait(kubernetes, "the quota counts one Pod", counted).await;
    let used = async || {
        site.running
            .cluster
            .index()
            .quotas(&TeamName::parse("below-use").expect("a name"))
            .iter()
            .any(|quota| quota.used.get("pods") == Some(&Quantity::units(1)))
    };
    wait(kubernetes, "the index counts one Pod", used).await;

    // Kubernetes has given the quota new versions meanwhile; what it limits is the same, so the form still holds.
    let seen = root.seen("below-use").await;
    let change = [("hard:pods", "0"), (GPUS, "0"), ("seen", seen.as_str())];
    let preview = root.browser.call("quotas/preview", json!({ "form": texts("below-use", &change) })).await.expect(200).json();
    let said = preview["effects"].to_string();
    assert!(said.contains("1 Pod in use, 0 Pods allowed: nothing that runs is stopped"), "{said}");
    assert!(said.contains("0 means none at all"), "{said}");
    root.sets_quota("below-use", &change).await.expect(200);
    let phase = kubernetes.ok(&["get", "pod", "first", "-n", "below-use", "-o", "jsonpath={.metadata.deletionTimestamp}"]);
    assert_eq!(phase, "", "the Pod was stopped");
    let refused = kubernetes.refuses(&pod("second", "below-use", &json!({})));
    assert!(refused.contains("exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=0"), "{refused}");
    let lines = site.audit_lines(2).await;
    assert_eq!(lines, ["root: set quota quota below-use/team → ?", "root: set quota quota below-use/team → ok"]);
    let meter = root.shares("below-use").await["quotas"][0]["meters"].to_string();
    assert!(meter.contains("1 of 0 Pods"), "{meter}");
    let page = root.browser.get("/quotas/below-use?edit=team").await.expect(200).body;
    for part in ["over: nothing new starts", "Set quota", "hard:requests.nvidia.com/gpu", "Ask for more until a date"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
}

#[tokio::test]
async fn what_cannot_be_a_quota_comes_back_beside_its_field_and_reaches_no_cluster() {
    let (site, kubernetes) = site(Clock::machine(), "no-such-quota").await;
    let mut root = site.admin().await;
    for (fields, field, word) in [
        (&[(GPUS, "4.5")][..], GPUS, "whole"),
        (&[(GPUS, "-1")], GPUS, "0 or more"),
        (&[("other", "requests.nvidia.com/gpus"), ("other_amount", "1")], "other_amount", "Nothing in Kubernetes counts"),
        (
            &[("hard:requests.nvidia.com/mig-1g.18gb", "1")],
            "hard:requests.nvidia.com/mig-1g.18gb",
            "No GPU of this cluster can be cut to 1g.18gb",
        ),
        (&[("other", "limits.nvidia.com/gpu"), ("other_amount", "1")], "other_amount", "never enforces"),
        (&[("class", "system-node-critical"), ("hard:requests.storage", "1Gi")], "hard:requests.storage", "quota of its own"),
        (&[("class", "no-such-class"), ("hard:pods", "1")], "class", "no priority class"),
        (&[("name", "Bad Name"), ("hard:pods", "1")], "name", "capital"),
        (&[("hard:pods", "1e400")], "hard:pods", "beyond what Kubernetes counts"),
        (&[], "", "limits nothing"),
    ] {
        let answer = root.sets_quota("no-such-quota", fields).await.expect(422).json();
        let said = answer["fields"][field].as_str().unwrap_or_else(|| panic!("{field} is not named: {answer}"));
        assert!(said.contains(word), "{field}: {said}");
        // The plain form comes back filled in, with the same sentence.
        let mut pairs = vec![("do", "quota"), ("team", "no-such-quota"), ("name", "team")];
        pairs.extend_from_slice(fields);
        let page = root.browser.post("/quotas/no-such-quota", &pairs).await.expect(422).body;
        assert!(page.contains("✕"), "the page says nothing of {field}");
    }
    assert_eq!(kubernetes.ok(&["get", "resourcequota", "-n", "no-such-quota", "-o", "name"]), "");
}

#[tokio::test]
async fn two_admins_at_once_overwrite_nothing() {
    let (site, kubernetes) = site(Clock::machine(), "two-admins").await;
    let mut root = site.admin().await;
    let mut rita = site.second_admin(&mut root, "rita").await;
    // Both make one where there is none.
    let (one, other) = tokio::join!(root.sets_quota("two-admins", &[(GPUS, "4")]), rita.sets_quota("two-admins", &[(GPUS, "5")]));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{one:?}\n{other:?}");

    let seen = root.seen("two-admins").await;
    rita.sets_quota("two-admins", &[(GPUS, "6"), ("seen", &seen)]).await.expect(200);
    let said = sentence(root.sets_quota("two-admins", &[(GPUS, "7"), ("seen", &seen)]).await, 409);
    assert!(said.starts_with("Another admin has changed it meanwhile: ") && said.contains("requests.nvidia.com/gpu=6"), "{said}");
    assert_eq!(hard(kubernetes, "two-admins", "requests.nvidia.com/gpu"), "6");
    let pairs = [("do", "quota"), ("team", "two-admins"), ("name", "team"), (GPUS, "7"), ("seen", seen.as_str())];
    let page = root.browser.post("/quotas/two-admins", &pairs).await.expect(409).body;
    assert!(page.contains("Another admin has changed it meanwhile") && page.contains("value=\"7\""), "what was typed is lost");
    let refused = sentence(root.browser.call("quotas/delete", json!({ "form": texts("two-admins", &[("seen", &seen)]) })).await, 409);
    assert!(refused.contains("changed it meanwhile"), "{refused}");

    // Another manager's field is named, not taken.
    let theirs = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "team", "namespace": "two-admins" },
        "spec": { "hard": { "requests.nvidia.com/gpu": "6", "pods": "9" } },
    });
    kubernetes.apply_as("argocd", &theirs);
    let pods = async || {
        site.running
            .cluster
            .index()
            .quotas(&TeamName::parse("two-admins").expect("a name"))
            .iter()
            .any(|quota| quota.hard.contains_key("pods"))
    };
    wait(kubernetes, "the index has the other manager's field", pods).await;
    let seen = root.seen("two-admins").await;
    let said = sentence(root.sets_quota("two-admins", &[(GPUS, "6"), ("hard:pods", "3"), ("seen", &seen)]).await, 409);
    assert!(said.starts_with("argocd keeps pods of it"), "{said}");
    let done = root.sets_quota("two-admins", &[(GPUS, "6"), ("seen", &seen)]).await.expect(200).json();
    assert!(done.as_str().is_some_and(|done| done.contains("pods stays limited")), "{done}");
    let seen = root.seen("two-admins").await;
    root.browser.call("quotas/delete", json!({ "form": texts("two-admins", &[("seen", &seen)]) })).await.expect(200);
    assert_eq!(kubernetes.ok(&["get", "resourcequota", "-n", "two-admins", "-o", "name"]), "");
}

#[tokio::test]
async fn whoever_may_not_is_refused_by_slipway_written_down_and_refused_by_kubernetes() {
    let (site, kubernetes) = site(Clock::machine(), "hands-off").await;
    let mut root = site.admin().await;
    let mut lead = site.person(&mut root, "lead", "hands-off", "admin").await;
    let mut mina = site.person(&mut root, "mina", "hands-off", "engineer").await;
    let mut otto = site.outsider(&mut root).await;
    let quota = json!({ "form": texts("hands-off", &[("hard:pods", "1")]) });
    let limits = json!({ "form": texts("hands-off", &[("max:cpu", "1")]) });
    let class = json!({ "form": { "name": "mine", "value": "1000000000" } });
    for (function, arguments, word) in [
        ("quotas/set", &quota, "set quota"),
        ("quotas/delete", &quota, "delete quota"),
        ("limits/set", &limits, "set limits"),
        ("limits/delete", &limits, "delete limits"),
        ("priorities/set", &class, "set priority class"),
        ("priorities/preview", &class, "plan priority class"),
        ("priorities/delete", &class, "delete priority class"),
    ] {
        sentence(mina.browser.call(function, arguments.clone()).await, 403);
        let line = site.audit_lines(1).await.remove(0);
        assert!(line.starts_with(&format!("mina: {word} ")) && line.contains("may"), "{function}: {line}");
        if !function.starts_with("limits") {
            sentence(lead.browser.call(function, arguments.clone()).await, 403);
        }
        sentence(otto.browser.call(function, arguments.clone()).await, 403);
    }
    sentence(otto.browser.get("/api/quotas/team?team=hands-off").await, 403);
    sentence(otto.browser.call("quotas/preview", quota.clone()).await, 403);
    sentence(otto.browser.call("quotas/ask", json!({ "form": texts("hands-off", &[]) })).await, 403);
    otto.browser.get("/quotas/hands-off").await.expect(403);
    let rows = otto.browser.get("/api/quotas/list").await.expect(200).body;
    assert!(!rows.contains("hands-off"), "{rows}");
    lead.sets_limits("hands-off", &[("max:cpu", "4")]).await.expect(200);

    let (engineer, admin, platform) = ("slipway:hands-off:engineer", "slipway:hands-off:admin", "slipway:platform-admins");
    for (group, verb, resource, lets) in [
        (engineer, "create", "limitranges", false),
        (engineer, "patch", "resourcequotas", false),
        (admin, "create", "resourcequotas", false),
        (admin, "patch", "resourcequotas", false),
        (admin, "delete", "resourcequotas", false),
        (admin, "patch", "limitranges", true),
        (admin, "create", "priorityclasses", false),
        (platform, "patch", "resourcequotas", true),
        (platform, "delete", "priorityclasses", true),
    ] {
        assert_eq!(kubernetes.lets("slipway:somebody", group, verb, resource, "hands-off"), lets, "{group} {verb} {resource}");
    }
    assert!(!kubernetes.lets("slipway", "none", "patch", "resourcequotas", "hands-off"), "the server's own account may set a quota");
}

#[tokio::test]
async fn what_is_granted_until_a_date_is_taken_back_by_itself() {
    let (site, kubernetes) = site(Clock::standing_at(Clock::machine().now()), "grants").await;
    let mut root = site.admin().await;
    let mut rita = site.second_admin(&mut root, "rita").await;
    let mut mina = site.person(&mut root, "mina", "grants", "engineer").await;
    root.sets_quota("grants", &[(GPUS, "4"), ("hard:pods", "9")]).await.expect(200);
    let today = site.clock.now().to_string()[..10].to_owned();
    let form = |amount: &str| {
        let fields = [("of", "team/requests.nvidia.com/gpu"), ("amount", amount), ("until", &today), ("why", "a deadline")];
        json!({ "form": texts("grants", &fields) })
    };
    let wrong = mina.browser.call("quotas/ask", form("0.5")).await.expect(422).json();
    assert!(wrong["fields"]["amount"].is_string(), "{wrong}");
    let id = mina.browser.call("quotas/ask", form("2")).await.expect(200).json().as_str().expect("an id").to_owned();
    let own = root.browser.call("quotas/ask", form("1")).await.expect(200).json().as_str().expect("an id").to_owned();
    sentence(mina.answers(&id, json!({ "do": "approve" })).await, 403);
    let said = sentence(root.answers(&own, json!({ "do": "approve" })).await, 403);
    assert!(said.starts_with("Nobody answers their own request"), "{said}");
    assert!(site.audit_lines(1).await[0].contains("Nobody answers their own request"));
    rita.answers(&own, json!({ "do": "refuse", "why": "" })).await.expect(422);
    rita.answers(&own, json!({ "do": "refuse", "why": "four are enough" })).await.expect(200);

    root.answers(&id, json!({ "do": "approve" })).await.expect(200);
    assert_eq!(hard(kubernetes, "grants", "requests.nvidia.com/gpu"), "6");
    sentence(rita.answers(&id, json!({ "do": "approve" })).await, 409);
    // What an admin sets meanwhile stays when the grant ends.
    wait(kubernetes, "the index has the grant", async || {
        site.running.cluster.index().quotas(&TeamName::parse("grants").expect("a name"))[0].seen().contains("gpu=6")
    })
    .await;
    let seen = rita.seen("grants").await;
    rita.sets_quota("grants", &[(GPUS, "7"), ("hard:pods", "9"), ("seen", &seen)]).await.expect(200);
    site.clock.advance(SignedDuration::from_hours(25));
    // Sessions have ended by the clock, too; what was ordered goes on without anybody.
    wait(kubernetes, "the grant is taken back", async || hard(kubernetes, "grants", "requests.nvidia.com/gpu") == "5").await;
    let ended =
        async || site.audit_lines(2).await[1].starts_with("[grants]: take back quota quota request grants/team 2 GPUs more of mina");
    wait(kubernetes, "it is written down", ended).await;
    let lines = site.audit_lines(2).await;
    assert!(lines[1].contains("in the name of root") && lines[1].ends_with("→ ok"), "{lines:#?}");
    let marks = kubernetes.ok(&["get", "resourcequota", "team", "-n", "grants", "-o", "jsonpath={.metadata.annotations}"]);
    assert!(!marks.contains("slipway.dev/grant-"), "{marks}");
    let granted = slipway_server::store::quota_requests::granted(&site.running.store).await.expect("the store answers");
    assert_eq!(granted, []);
}
