//! What Kubernetes itself lets each person do, asked of the API server, is what the policy says: no right is missing and none is
//! too many. The whole is a committed table (`rights.golden.txt`), so that a change of a Role is seen in review as changed rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    time::{Duration, Instant},
};

use serde_json::Value;
use slipway_domain::{
    person::{Caller, PersonId, PersonName, Role},
    policy::{Action, Subject, may},
    team::TeamName,
};
use slipway_server::{clock::Clock, cluster::Source};

use crate::{
    fixture::Site,
    kubernetes::{self, Kubernetes, PATIENCE},
};

const TEAM: &str = "rights-own";
const NAMESPACES: [(&str, &str); 3] = [("own team", TEAM), ("another team", "rights-other"), ("kube-system", "kube-system")];
const WHO: [&str; 5] = ["outsider", "engineer", "approver", "admin", "platform admin"];

/// What a run, a quota, a cut or a curious person could ask for: these stand in the table also where nobody may.
const ASKED: [(&str, &str); 40] = [
    ("create", "jobs.batch"),
    ("patch", "jobs.batch"),
    ("update", "jobs.batch"),
    ("delete", "jobs.batch"),
    ("deletecollection", "jobs.batch"),
    ("patch", "jobs.batch/status"),
    ("create", "cronjobs.batch"),
    ("create", "pods"),
    ("patch", "pods"),
    ("delete", "pods"),
    ("get", "pods/log"),
    ("create", "pods/exec"),
    ("create", "pods/attach"),
    ("create", "pods/portforward"),
    ("create", "pods/eviction"),
    ("patch", "pods/ephemeralcontainers"),
    ("create", "resourcequotas"),
    ("patch", "resourcequotas"),
    ("delete", "resourcequotas"),
    ("create", "limitranges"),
    ("patch", "limitranges"),
    ("delete", "limitranges"),
    ("create", "priorityclasses.scheduling.k8s.io"),
    ("patch", "priorityclasses.scheduling.k8s.io"),
    ("delete", "priorityclasses.scheduling.k8s.io"),
    ("patch", "nodes"),
    ("delete", "nodes"),
    ("patch", "nodes/status"),
    ("patch", "namespaces"),
    ("create", "namespaces"),
    ("delete", "namespaces"),
    ("create", "persistentvolumeclaims"),
    ("delete", "persistentvolumeclaims"),
    ("get", "secrets"),
    ("create", "secrets"),
    ("create", "serviceaccounts/token"),
    ("create", "roles.rbac.authorization.k8s.io"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("impersonate", "users"),
    ("impersonate", "groups"),
];

/// A verb and a resource.
type Cell = (&'static str, &'static str);

/// What Slipway does in somebody's name for each action that changes something in the cluster, and what it reads there for them.
/// What a person made themselves is asked about as their own: Kubernetes does not know whose a Job is, so that what one may do
/// with one's own every engineer may do there, and Slipway's own policy comes before.
fn mapped<'a>(team: &'a TeamName, me: &'a PersonId) -> Vec<(Action, Subject<'a>, Vec<Cell>)> {
    let own = Subject::Made { team, by: me };
    let each = |verbs: &[&'static str], resource: &'static str| verbs.iter().map(|verb| (*verb, resource)).collect::<Vec<_>>();
    let changes = ["create", "patch", "delete"];
    vec![
        (Action::ViewRuns, Subject::Team(team), vec![("get", "jobs.batch"), ("list", "pods"), ("get", "pods/log"), ("list", "events")]),
        (Action::LaunchRun, Subject::Team(team), vec![("create", "jobs.batch")]),
        (Action::StopRun, own, vec![("patch", "jobs.batch"), ("delete", "jobs.batch")]),
        (Action::DeleteRun, own, vec![("delete", "jobs.batch")]),
        (Action::ViewShares, Subject::Team(team), vec![("list", "resourcequotas"), ("list", "limitranges")]),
        (Action::SetQuota, Subject::Team(team), each(&changes, "resourcequotas")),
        (Action::SetLimits, Subject::Team(team), each(&changes, "limitranges")),
        (Action::ManagePriorities, Subject::Platform, each(&changes, "priorityclasses.scheduling.k8s.io")),
        (Action::ManageNodes, Subject::Platform, vec![("patch", "nodes"), ("create", "pods/eviction")]),
    ]
}

/// What a person may: namespace, verb, resource.
type Rights = BTreeSet<(&'static str, String, String)>;

/// The groups that Slipway gives a person.
fn groups(who: &str) -> Vec<String> {
    let mut groups = vec!["slipway:people".to_owned()];
    match who {
        "outsider" => groups.push("slipway:rights-nowhere:admin".to_owned()),
        "platform admin" => groups.push("slipway:platform-admins".to_owned()),
        role => groups.push(format!("slipway:{TEAM}:{role}")),
    }
    groups
}

/// Everything that the API server says somebody may do.
fn rights(kubernetes: &Kubernetes, who: &str) -> Rights {
    let user = format!("slipway:{}", who.replace(' ', "-"));
    let reviews = kubernetes.reviews(&user, &groups(who), &NAMESPACES.map(|(_, namespace)| namespace));
    let mut rights = Rights::new();
    for ((label, _), review) in NAMESPACES.into_iter().zip(reviews) {
        assert_ne!(review["status"]["incomplete"], true, "the API server does not say everything: {review}");
        for rule in review["status"]["resourceRules"].as_array().expect("rules") {
            let words = |name: &str| -> Vec<String> {
                let words = rule[name].as_array().into_iter().flatten();
                words.map(|word| word.as_str().expect("a word").to_owned()).collect()
            };
            let named = words("resourceNames").join(", ");
            for (group, resource, verb) in product(&words("apiGroups"), &words("resources"), &words("verbs")) {
                let resource = resource_name(&group, &resource);
                let resource = if named.is_empty() { resource } else { format!("{resource} ({named})") };
                rights.insert((label, verb, resource));
            }
        }
    }
    rights
}

fn product(groups: &[String], resources: &[String], verbs: &[String]) -> Vec<(String, String, String)> {
    let pairs = groups.iter().flat_map(|group| resources.iter().map(move |resource| (group, resource)));
    pairs.flat_map(|(group, resource)| verbs.iter().map(move |verb| (group.clone(), resource.clone(), verb.clone()))).collect()
}

/// `jobs.batch/status`.
fn resource_name(group: &str, resource: &str) -> String {
    let (name, part) = resource.split_once('/').map_or((resource, String::new()), |(name, part)| (name, format!("/{part}")));
    if group.is_empty() { format!("{name}{part}") } else { format!("{name}.{group}{part}") }
}

fn caller(who: &str) -> Caller {
    let team = |name: &str| TeamName::parse(name).expect("a name");
    let roles = match who {
        "outsider" => BTreeMap::from([(team("rights-nowhere"), Role::Admin)]),
        "platform admin" => BTreeMap::new(),
        role => BTreeMap::from([(team(TEAM), Role::parse(role).expect("a role"))]),
    };
    Caller {
        id: PersonId("me".into()),
        name: PersonName::parse("mina").expect("a name"),
        platform_admin: who == "platform admin",
        roles,
        request: String::new(),
        session: String::new(),
    }
}

#[tokio::test]
async fn kubernetes_lets_each_role_do_what_the_policy_says_and_nothing_else() {
    let kubernetes = tokio::task::spawn_blocking(kubernetes::shared).await.expect("a cluster");
    let site = Site::start_by(Clock::machine(), |settings| settings.cluster = Source::File(kubernetes.kubeconfig())).await;
    let mut root = site.admin().await;
    for team in [TEAM, "rights-other"] {
        root.browser.post("/teams", &[("do", "create"), ("name", team)]).await.expect(303);
        let begun = Instant::now();
        while root.browser.get(&format!("/api/teams/get?team={team}")).await.json()["row"]["namespace"]["prepared"].is_null() {
            assert!(begun.elapsed() < PATIENCE, "{team} is not prepared within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let begun = Instant::now();
    // RBAC is decided from watches of the API server's own, which come a moment later.
    while !kubernetes.lets("slipway:admin", &format!("slipway:{TEAM}:admin"), "delete", "pods", TEAM) {
        assert!(begun.elapsed() < PATIENCE, "the roles are not in force within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found: BTreeMap<&str, Rights> = WHO.into_iter().map(|who| (who, rights(kubernetes, who))).collect();

    let asked = NAMESPACES.iter().flat_map(|(label, _)| ASKED.map(|(verb, resource)| (*label, verb.to_owned(), resource.to_owned())));
    let cells: Rights = asked.chain(found.values().flatten().cloned()).collect();
    let mut table = String::new();
    for cell in &cells {
        write!(table, "{}: {} {}:", cell.0, cell.1, cell.2).expect("writing to a string");
        for who in WHO {
            write!(table, " {who}={}", if found[who].contains(cell) { "yes" } else { "no" }).expect("writing to a string");
        }
        table.push('\n');
    }

    let (team, me) = (TeamName::parse(TEAM).expect("a name"), PersonId("me".into()));
    let mut wrong = String::new();
    for (action, subject, cells) in mapped(&team, &me) {
        for (who, (verb, resource)) in WHO.into_iter().flat_map(|who| cells.iter().map(move |cell| (who, *cell))) {
            let (policy, cluster) =
                (may(&caller(who), action, subject).is_ok(), found[who].contains(&("own team", verb.to_owned(), resource.to_owned())));
            if policy != cluster {
                let says = |yes: bool| if yes { "lets" } else { "does not let" };
                writeln!(wrong, "{action:?}: the policy {} {who}, Kubernetes {} them {verb} {resource}", says(policy), says(cluster))
                    .expect("writing to a string");
            }
        }
    }
    assert!(wrong.is_empty(), "Kubernetes and the policy differ:\n{wrong}\nThe whole table:\n{table}");
    assert_eq!(table, include_str!("rights.golden.txt"), "somebody's rights changed; if that is meant, commit this table:\n{table}");
}

impl Kubernetes {
    /// What the API server says somebody may do in each namespace, in one call.
    fn reviews(&self, user: &str, groups: &[String], namespaces: &[&str]) -> Vec<Value> {
        let items: Vec<Value> = namespaces
            .iter()
            .map(|namespace| {
                serde_json::json!({
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": { "namespace": namespace },
                })
            })
            .collect();
        self.creates_as(user, groups, &serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items }))
    }
}
