//! Where everything is: the URLs of pages and how a page's state is written into its query.
//!
//! One place, so that a link, a redirect and the page that reads it agree. Everything that a reader would want to send to a
//! colleague (filters, tab, zoom, line) is in the URL.

use slipway_domain::{
    audit::{AuditQuery, ExportFormat, OutcomeKind},
    node::{Health, NodeQuery},
    run::{
        spec::RunId,
        state::StateKind,
        view::{RunQuery, RunSort},
    },
    team::TeamName,
};

/// The list of runs, which is also where signing in leads.
pub const RUNS: &str = "/runs";
/// The form for a new run.
pub const NEW_RUN: &str = "/runs/new";
/// The list of nodes.
pub const NODES: &str = "/nodes";
/// People and their roles.
pub const PEOPLE: &str = "/people";
/// The quotas of every team.
pub const QUOTAS: &str = "/quotas";
/// Priority classes.
pub const PRIORITIES: &str = "/priorities";
/// Teams and their namespaces.
pub const TEAMS: &str = "/teams";
/// The audit log.
pub const AUDIT: &str = "/audit";
/// The audit log as a file.
pub const AUDIT_EXPORT: &str = "/audit/export";
/// One's own account.
pub const ME: &str = "/me";
/// The form to sign in.
pub const SIGN_IN: &str = "/sign-in";
/// Where a one-time link leads.
pub const WELCOME: &str = "/welcome";
/// Takes name, password and where to go next.
pub const POST_SIGN_IN: &str = "/auth/sign-in";
/// Ends this session.
pub const POST_SIGN_OUT: &str = "/auth/sign-out";
/// Takes a one-time link's token and the first password.
pub const POST_WELCOME: &str = "/auth/welcome";
/// The icon of a browser's tab.
pub const ICON: &str = "/icon.svg";
/// The style sheet.
pub const STYLE: &str = "/pkg/app.css";

/// Text as it stands in a query or a path segment.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|half| char::from(b"0123456789ABCDEF"[usize::from(half)])));
        }
    }
    out
}

/// A path with a query; pairs with an empty value are left out.
pub fn with_query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut out = path.to_owned();
    let mut separator = '?';
    for (name, value) in pairs {
        if !value.is_empty() {
            out.push(separator);
            out.push_str(name);
            out.push('=');
            out.push_str(&escape(&value));
            separator = '&';
        }
    }
    out
}

/// Where to sign in, and where to go afterwards.
pub fn sign_in(next: &str) -> String {
    with_query(SIGN_IN, [("next", next.to_owned())])
}

/// A list of runs.
pub fn runs(query: &RunQuery) -> String {
    let states = query.states.iter().map(|state| ("state", state.word().to_owned()));
    let sort = if query.sort == RunSort::Launched { "" } else { sort_word(query.sort) };
    let page = if query.page == 0 { String::new() } else { (u64::from(query.page) + 1).to_string() };
    let order = if query.ascending { "up" } else { "" };
    with_query(
        RUNS,
        [("team", query.team.clone())].into_iter().chain(states).chain([
            ("who", query.who.clone()),
            ("tag", query.tag.clone()),
            ("name", query.name.clone()),
            ("sort", sort.to_owned()),
            ("order", order.to_owned()),
            ("page", page),
        ]),
    )
}

/// The list of runs that a query names. What it does not know it leaves out: a URL that was typed wrong still shows a list.
pub fn read_runs(get: impl Fn(&str) -> Vec<String>) -> RunQuery {
    let first = |name: &str| get(name).into_iter().next().unwrap_or_default().trim().to_owned();
    let mut states: Vec<StateKind> = get("state").iter().filter_map(|word| StateKind::parse(word)).collect();
    states.sort();
    states.dedup();
    let sort = first("sort");
    RunQuery {
        team: first("team"),
        states,
        who: first("who"),
        tag: first("tag"),
        name: first("name"),
        sort: SORTS.into_iter().find(|it| sort_word(*it) == sort).unwrap_or_default(),
        ascending: first("order") == "up",
        page: first("page").parse::<u32>().unwrap_or(1).saturating_sub(1),
    }
}

const SORTS: [RunSort; 5] = [RunSort::Launched, RunSort::Name, RunSort::Who, RunSort::State, RunSort::Loss];

const fn sort_word(sort: RunSort) -> &'static str {
    match sort {
        RunSort::Launched => "launched",
        RunSort::Name => "name",
        RunSort::Who => "who",
        RunSort::State => "state",
        RunSort::Loss => "loss",
    }
}

/// The stream of changes to a team's runs; an empty team means all that one may see.
pub fn live_runs(team: &str) -> String {
    format!("/live?runs={}", escape(team))
}

/// The stream of changes to a run.
pub fn live_run(id: &RunId) -> String {
    format!("/live?run={}", escape(&id.0))
}

/// A run's page.
pub fn run(id: &RunId) -> String {
    format!("{RUNS}/{}", escape(&id.0))
}

/// A team's quotas, limits and requests.
pub fn quota(team: &str) -> String {
    format!("{QUOTAS}/{}", escape(team))
}

/// A team's quotas with the form of one of them open; an empty name means a new one.
pub fn edit_quota(team: &str, name: &str) -> String {
    format!("{}?edit={}", quota(team), escape(name))
}

/// The priority classes with the form of one of them open; an empty name means a new one.
pub fn edit_priority(name: &str) -> String {
    format!("{PRIORITIES}?edit={}", escape(name))
}

/// A part of a run's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunTab {
    /// Curves, facts and checkpoints.
    #[default]
    Overview,
    /// What its containers printed.
    Logs,
    /// Its Pods.
    Pods,
    /// What Kubernetes and Slipway said.
    Events,
    /// The objects as applied.
    Yaml,
}

impl RunTab {
    /// Every tab, in the order shown.
    pub const ALL: [Self; 5] = [Self::Overview, Self::Logs, Self::Pods, Self::Events, Self::Yaml];

    /// The word in the URL.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Logs => "logs",
            Self::Pods => "pods",
            Self::Events => "events",
            Self::Yaml => "yaml",
        }
    }

    /// What a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Logs => "Logs",
            Self::Pods => "Pods",
            Self::Events => "Events",
            Self::Yaml => "YAML",
        }
    }

    /// Reads the word; anything else is the overview.
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|tab| tab.word() == word).unwrap_or_default()
    }
}

/// A tab of a run's page.
pub fn run_tab(id: &RunId, tab: RunTab) -> String {
    with_query(&run(id), [("tab", tab.word().to_owned())])
}

/// The New run form, filled in from a run.
pub fn clone_run(id: &RunId) -> String {
    with_query(NEW_RUN, [("from", id.0.clone())])
}

/// The New run form, filled in from a run, with some fields changed.
pub fn clone_run_with<'a>(id: &RunId, fields: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let change: Vec<String> = fields.into_iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    with_query(NEW_RUN, [("from", id.0.clone()), ("change", change.join("&"))])
}

/// A log as a file.
pub fn download_log(id: &RunId, pod: &str, restart: u32) -> String {
    let restart = if restart == 0 { String::new() } else { restart.to_string() };
    with_query(&format!("{}/log", run(id)), [("pod", pod.to_owned()), ("restart", restart)])
}

/// A list of nodes.
pub fn nodes(query: &NodeQuery) -> String {
    let page = if query.page == 0 { String::new() } else { (u64::from(query.page) + 1).to_string() };
    with_query(
        NODES,
        [
            ("name", query.name.clone()),
            ("product", query.product.clone()),
            ("health", query.health.map_or_else(String::new, |health| health_word(health).to_owned())),
            ("free", if query.free { "yes".to_owned() } else { String::new() }),
            ("page", page),
        ],
    )
}

/// The list of nodes that a query names; what it does not know it leaves out.
pub fn read_nodes(get: impl Fn(&str) -> Option<String>) -> NodeQuery {
    let text = |name: &str| get(name).unwrap_or_default().trim().to_owned();
    let health = text("health");
    NodeQuery {
        name: text("name"),
        product: text("product"),
        health: Health::ALL.into_iter().find(|it| health_word(*it) == health),
        free: text("free") == "yes",
        page: text("page").parse::<u32>().unwrap_or(1).saturating_sub(1),
    }
}

/// The word for a node's health in a URL.
pub const fn health_word(health: Health) -> &'static str {
    match health {
        Health::Ready => "ready",
        Health::Cordoned => "cordoned",
        Health::NotReady => "not-ready",
    }
}

/// A node's page.
pub fn node(name: &str) -> String {
    format!("{NODES}/{}", escape(name))
}

/// The page on which a node's GPUs are cut anew.
pub fn layout(node_name: &str) -> String {
    format!("{}/layout", node(node_name))
}

/// A team's page.
pub fn team(team: &TeamName) -> String {
    format!("{TEAMS}/{team}")
}

/// The audit log, as asked for.
pub fn audit(query: &AuditQuery) -> String {
    with_query(AUDIT, audit_pairs(query))
}

/// The audit log as a file, with the same filters.
pub fn audit_export(query: &AuditQuery, format: ExportFormat) -> String {
    let query = AuditQuery { before: None, ..query.clone() };
    with_query(AUDIT_EXPORT, [("format", format.word().to_owned())].into_iter().chain(audit_pairs(&query)))
}

fn audit_pairs(query: &AuditQuery) -> [(&'static str, String); 8] {
    [
        ("who", query.who.clone()),
        ("action", query.action.clone()),
        ("subject", query.subject.clone()),
        ("team", query.team.clone()),
        ("from", query.from.clone()),
        ("until", query.until.clone()),
        ("outcome", query.outcome.map_or_else(String::new, |outcome| outcome.word().to_owned())),
        ("before", query.before.map_or_else(String::new, |seq| seq.to_string())),
    ]
}

/// The entries that a query names. A time is kept as it was typed, so that one that is none is refused and not left out: the
/// page must not seem to show what it does not.
pub fn read_audit(get: impl Fn(&str) -> Vec<String>) -> AuditQuery {
    let first = |name: &str| get(name).into_iter().next().unwrap_or_default().trim().to_owned();
    AuditQuery {
        who: first("who"),
        action: first("action"),
        subject: first("subject"),
        team: first("team"),
        from: first("from"),
        until: first("until"),
        outcome: OutcomeKind::parse(&first("outcome")),
        before: first("before").parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a browser would make of the query of `url`.
    fn parse(url: &str) -> impl Fn(&str) -> Vec<String> {
        let query = url.split_once('?').map_or("", |(_, query)| query).to_owned();
        move |name| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| unescape(value))
                .collect()
        }
    }

    fn unescape(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(if byte == b'%' {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            } else {
                byte
            });
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_list_of_runs_survives_its_url() {
        let query = RunQuery {
            team: "vision".into(),
            states: vec![StateKind::Waiting, StateKind::Failed],
            who: "mina".into(),
            tag: "a/b".into(),
            name: "50% & more?=\u{202e}é".into(),
            sort: RunSort::Loss,
            ascending: true,
            page: 3,
        };
        assert_eq!(read_runs(parse(&runs(&query))), query);
    }

    #[test]
    fn a_list_of_nodes_survives_its_url() {
        let query =
            NodeQuery { name: "gpu & a".into(), product: "A100-SXM4-80GB".into(), health: Some(Health::NotReady), free: true, page: 2 };
        let read = |url: &str| {
            let all = parse(url);
            read_nodes(|name| all(name).into_iter().next())
        };
        assert_eq!(read(&nodes(&query)), query);
        assert_eq!((nodes(&NodeQuery::default()), read("/nodes?health=odd&free=no&page=x")), ("/nodes".to_owned(), NodeQuery::default()));
    }

    #[test]
    fn the_plain_list_has_a_plain_url() {
        assert_eq!(runs(&RunQuery::default()), "/runs");
        assert_eq!(read_runs(parse("/runs")), RunQuery::default());
    }

    #[test]
    fn a_url_typed_wrong_still_names_a_list() {
        let query = read_runs(parse("/runs?state=dancing&page=-7&sort=colour&order=sideways&state=failed&state=failed"));
        assert_eq!(query, RunQuery { states: vec![StateKind::Failed], ..RunQuery::default() });
    }

    #[test]
    fn a_page_of_the_audit_log_survives_its_url() {
        let query = AuditQuery {
            who: "[admin-link]".into(),
            action: "give a role".into(),
            subject: "50% & more?=\u{202e}é".into(),
            team: "vision".into(),
            from: "2026-11-24T12:00".into(),
            until: "not a time".into(),
            outcome: Some(OutcomeKind::Refused),
            before: Some(1_204),
        };
        assert_eq!(read_audit(parse(&audit(&query))), query);
        assert_eq!(audit(&AuditQuery::default()), "/audit");
        let export = audit_export(&query, ExportFormat::Csv);
        assert!(export.starts_with("/audit/export?format=csv&who=") && !export.contains("before="), "{export}");
    }

    #[test]
    fn every_tab_survives_its_url() {
        for tab in RunTab::ALL {
            assert_eq!(RunTab::parse(tab.word()), tab);
        }
    }
}
