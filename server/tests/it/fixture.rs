//! A server for one test, and the people who use it. Its clock stands until the test moves it; its cluster is away, which is a
//! state that the server must serve in.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use slipway_domain::{person::PersonId, team::TeamName};
use slipway_server::{
    clock::Clock,
    cluster::{Source, manifest},
    http,
    serve::{self, Running, Settings},
    services::links,
    store::{audit::Audit, teams},
};
use tempfile::TempDir;

use crate::browser::Browser;

/// Everybody's password.
pub const PASSWORD: &str = "tidal-basin-42";

/// A kubeconfig whose cluster is not there.
pub const AWAY: &str = r#"{
  "apiVersion": "v1", "kind": "Config", "current-context": "away",
  "clusters": [{ "name": "away", "cluster": { "server": "http://127.0.0.1:1" } }],
  "users": [{ "name": "away", "user": {} }],
  "contexts": [{ "name": "away", "context": { "cluster": "away", "user": "away" } }]
}"#;

/// A server with its data.
pub struct Site {
    pub running: Running,
    pub clock: Clock,
    pub folder: TempDir,
}

/// Somebody with an account, at their browser.
pub struct Person {
    pub id: PersonId,
    pub name: &'static str,
    pub browser: Browser,
}

impl Site {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with settings that differ from the usual.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_by(Clock::standing_at("2026-11-24T12:00:00Z".parse::<Timestamp>().expect("a time")), change).await
    }

    /// Starts with a clock, and with settings that differ from the usual.
    pub async fn start_by(clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("kubeconfig"), AWAY).expect("a kubeconfig");
        std::fs::create_dir(path("pkg")).expect("a folder for the pages' files");
        std::fs::write(path("pkg/app.css"), "body { margin: 0 }").expect("a style sheet");
        std::fs::write(path("pkg/app.css.br"), "stands for the compressed file").expect("a compressed style sheet");
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().expect("an address"),
            database: format!("sqlite://{}", path("slipway.db").display()),
            cluster: Source::File(path("kubeconfig")),
            prometheus: None,
            web: http::Settings {
                public_url: "http://127.0.0.1".into(),
                trust_proxy: false,
                metrics_token: None,
                site_root: PathBuf::from(folder.path()),
            },
            objects: manifest::Settings {
                trainer_image: "slipway/trainer:test".into(),
                claim: "team".into(),
                mount: "/team".into(),
                claim_size: "1Gi".into(),
                storage_class: None,
            },
        };
        change(&mut settings);
        let running = serve::start(settings, clock.clone()).await.unwrap_or_else(|error| panic!("the server does not start: {error}"));
        Self { running, clock, folder }
    }

    /// Somebody who is not signed in.
    pub fn visitor(&self) -> Browser {
        Browser::new(self.running.address)
    }

    /// The path of the first admin's one-time link.
    pub async fn first_link(&self) -> String {
        links::for_first_admin(&self.running.store, &self.clock).await.expect("a link").path
    }

    /// The first admin, signed in.
    pub async fn admin(&self) -> Person {
        let link = self.first_link().await;
        let browser = self.accept(&link, "root").await;
        self.known("root", browser).await
    }

    /// Uses a one-time link as `name`.
    pub async fn accept(&self, link: &str, name: &str) -> Browser {
        let token = link.split_once("token=").expect("a link has a token").1;
        let mut browser = self.visitor();
        let answer =
            browser.post("/auth/welcome", &[("token", token), ("name", name), ("password", PASSWORD), ("password_again", PASSWORD)]).await;
        assert_eq!(answer.location(), "/runs", "{name} was not welcome: {answer:?}");
        browser
    }

    async fn known(&self, name: &'static str, browser: Browser) -> Person {
        let name_parsed = slipway_domain::person::PersonName::parse(name).expect("a name");
        let row = slipway_server::store::people::by_name(&self.running.store, &name_parsed)
            .await
            .expect("the store answers")
            .expect("is there")
            .row;
        Person { id: row.id, name, browser }
    }

    pub async fn team(&self, name: &str) -> TeamName {
        let team = TeamName::parse(name).expect("a name");
        teams::ensure(&self.running.store, &team, self.clock.now()).await.expect("the store answers");
        team
    }

    /// Somebody whom `admin` has invited into a team, signed in.
    pub async fn person(&self, admin: &mut Person, name: &'static str, team: &str, role: &str) -> Person {
        self.team(team).await;
        let invitation = admin.invite(name, team, role).await;
        let browser = self.accept(&invitation, name).await;
        self.known(name, browser).await
    }

    /// An engineer of team `default`.
    pub async fn engineer(&self, admin: &mut Person) -> Person {
        self.person(admin, "mina", "default", "engineer").await
    }

    /// An engineer of another team.
    pub async fn outsider(&self, admin: &mut Person) -> Person {
        self.person(admin, "otto", "elsewhere", "engineer").await
    }

    pub fn audit(&self) -> Audit {
        Audit::new(self.running.store.clone(), self.clock.clone())
    }

    /// The newest lines of the audit log as `person: action subject → result`, oldest first.
    pub async fn audit_lines(&self, count: u32) -> Vec<String> {
        let mut lines = self.audit().newest(count).await.expect("the audit log is read");
        lines.reverse();
        lines
            .into_iter()
            .map(|line| format!("{}: {} {} → {}", line.person, line.action, line.subject, line.result.as_deref().unwrap_or("?")))
            .collect()
    }

    pub fn hours_pass(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }
}

impl Person {
    /// Invites somebody and answers with the path of their one-time link.
    pub async fn invite(&mut self, name: &str, team: &str, role: &str) -> String {
        let form = json!({ "form": { "name": name, "team": team, "role": role, "platform_admin": "" } });
        let answer = self.browser.call("people/invite", form).await.expect(200);
        answer.json()["link"].as_str().expect("an invitation has a link").to_owned()
    }
}
