//! Every way into the product: each page, form, server function and stream is either known to need no permission, with the reason,
//! or refuses somebody of another team, and writes that down. One that is not listed here fails, so that none is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Method;
use leptos::server_fn::axum::server_fn_paths;
use leptos_axum::generate_route_list;
use serde_json::{Value, json};
use slipway_app::{App, posted};
use slipway_domain::{
    person::PersonName,
    run::{form::RunForm, spec::RunId},
};
use slipway_server::store::runs::{self, NewRun};

use crate::{
    browser::{Answer, Browser, form},
    fixture::{Person, Site},
};

/// Who may come in.
enum Door {
    /// Somebody who is not signed in, and why.
    Public(&'static str),
    /// Everybody who is, and why.
    SignedIn(&'static str),
    /// Not somebody of another team, who asks so.
    Guarded(Request),
}

/// What is asked for, with `RUN` for the id of a run of team `vision` and `PERSON` for that of somebody in it.
enum Request {
    Get(&'static str),
    Form(&'static str, &'static [(&'static str, &'static str)]),
    Json(Value),
}

use Door::{Guarded, Public, SignedIn};
use Request::{Form, Get, Json};

/// Pages, as the router writes them.
fn pages() -> BTreeMap<&'static str, Door> {
    let runs = "a list of what its reader may see";
    let nodes = "everybody may know what there is to run on, and who goes first";
    BTreeMap::from([
        ("/", SignedIn(runs)),
        ("/runs", SignedIn(runs)),
        ("/runs/new", SignedIn("a form; what is posted with it is judged")),
        ("/runs/{id}", Guarded(Get("/runs/RUN"))),
        ("/nodes", SignedIn(nodes)),
        ("/nodes/{name}", SignedIn(nodes)),
        ("/nodes/{name}/layout", Guarded(Get("/nodes/gpu-a/layout"))),
        ("/quotas", SignedIn("a list of what its reader may see")),
        ("/quotas/{team}", Guarded(Get("/quotas/vision"))),
        ("/priorities", SignedIn(nodes)),
        ("/people", Guarded(Get("/people"))),
        ("/teams", Guarded(Get("/teams"))),
        ("/teams/{team}", Guarded(Get("/teams/vision"))),
        ("/audit", Guarded(Get("/audit"))),
        ("/me", SignedIn("one's own account")),
        ("/sign-in", Public("the way in")),
        ("/welcome", Public("the way in, for whoever has a link")),
    ])
}

/// Plain forms, as axum writes their routes.
fn forms() -> BTreeMap<&'static str, Door> {
    BTreeMap::from([
        ("/runs/new", Guarded(Form("/runs/new", &[("team", "vision"), ("name", "intruder")]))),
        ("/runs/{id}", Guarded(Form("/runs/RUN", &[("do", "stop")]))),
        ("/people", Guarded(Form("/people", &[("do", "invite"), ("name", "eve"), ("team", "vision"), ("role", "admin")]))),
        ("/me", SignedIn("one's own account")),
        ("/nodes/{name}", Guarded(Form("/nodes/gpu-a", &[("do", "cordon")]))),
        ("/nodes/{name}/layout", Guarded(Form("/nodes/gpu-a/layout", &[("do", "order"), ("config", "all-disabled")]))),
        ("/quotas/{team}", Guarded(Form("/quotas/vision", &[("do", "quota"), ("team", "vision"), ("name", "compute")]))),
        ("/priorities", Guarded(Form("/priorities", &[("do", "priority"), ("name", "first"), ("value", "1000")]))),
        ("/teams", Guarded(Form("/teams", &[("do", "create"), ("name", "mine")]))),
        ("/teams/{team}", Guarded(Form("/teams/vision", &[("do", "add"), ("person", "otto"), ("role", "admin")]))),
        ("/audit", Guarded(Form("/audit", &[("do", "verify")]))),
    ])
}

/// Server functions, by their path under `/api/`.
fn functions() -> BTreeMap<&'static str, Door> {
    let own = "one's own account";
    let nodes = "everybody may know what there is to run on, and who goes first";
    let form = || json!({ "form": { "team": "vision", "name": "compute" } });
    BTreeMap::from([
        ("runs/list", Guarded(Get("?query[team]=vision"))),
        ("runs/get", Guarded(Get("?id=RUN"))),
        ("runs/start", Guarded(Get("?from=RUN"))),
        ("runs/preview", SignedIn("computes from what is typed, and says in the form that the team is not theirs")),
        ("runs/picture", Guarded(Get("?team=vision"))),
        ("runs/launch", Guarded(Json(json!({ "form": { "team": "vision", "name": "intruder" } })))),
        ("runs/act", Guarded(Json(json!({ "id": "RUN", "action": "stop" })))),
        ("runs/chart", Guarded(Get("?id=RUN&query[metric]=train/loss&query[width]=100"))),
        ("runs/logs", Guarded(Get("?id=RUN&query[count]=10&query[search]="))),
        ("runs/events", Guarded(Get("?id=RUN"))),
        ("runs/yaml", Guarded(Get("?id=RUN"))),
        ("people/list", Guarded(Get(""))),
        ("people/invite", Guarded(Json(json!({ "form": { "name": "eve", "team": "vision", "role": "admin", "platform_admin": "" } })))),
        ("people/reset", Guarded(Json(json!({ "person": "PERSON" })))),
        ("people/role", Guarded(Json(json!({ "person": "PERSON", "team": "vision", "role": null })))),
        ("people/active", Guarded(Json(json!({ "person": "PERSON", "active": false })))),
        ("nodes/list", SignedIn(nodes)),
        ("nodes/get", SignedIn(nodes)),
        ("nodes/layout", Guarded(Get("?node=gpu-a&form[config]="))),
        ("nodes/cordon", Guarded(Json(json!({ "name": "gpu-a", "cordoned": true })))),
        ("quotas/list", SignedIn("shows what its reader may see")),
        ("quotas/team", Guarded(Get("?team=vision"))),
        ("quotas/preview", Guarded(Json(form()))),
        ("quotas/set", Guarded(Json(form()))),
        ("quotas/delete", Guarded(Json(form()))),
        ("quotas/ask", Guarded(Json(form()))),
        ("quotas/answer", Guarded(Json(json!({ "id": "none", "reply": { "do": "approve" } })))),
        ("limits/set", Guarded(Json(form()))),
        ("limits/delete", Guarded(Json(form()))),
        ("priorities/list", SignedIn(nodes)),
        ("priorities/preview", Guarded(Json(form()))),
        ("priorities/set", Guarded(Json(form()))),
        ("priorities/delete", Guarded(Json(form()))),
        ("sessions/list", SignedIn(own)),
        ("sessions/end", SignedIn(own)),
        ("sessions/password", SignedIn(own)),
        ("teams/list", Guarded(Get(""))),
        ("teams/get", Guarded(Get("?team=vision"))),
        ("audit/list", Guarded(Get("?query[who]="))),
    ])
}

/// Everything else, by what stands in the router's own text.
fn others() -> BTreeMap<&'static str, Door> {
    BTreeMap::from([
        ("\"/live\"", Guarded(Get("/live?runs=vision"))),
        ("\"/runs/{id}/log\"", Guarded(Get("/runs/RUN/log"))),
        ("paths::AUDIT_EXPORT", Guarded(Get("/audit/export?format=csv"))),
        ("paths::POST_SIGN_IN", Public("the way in")),
        ("paths::POST_SIGN_OUT", Public("the way out")),
        ("paths::POST_WELCOME", Public("the way in, for whoever has a link")),
        ("\"/healthz\"", Public("for probes; says nothing of anybody")),
        ("\"/readyz\"", Public("for probes; says nothing of anybody")),
        ("\"/metrics\"", Public("guarded by a token or by where it is asked from")),
        ("\"/pkg/{*file}\"", Public("the browser's part")),
        ("paths::ICON", Public("an icon")),
        ("\"/favicon.ico\"", Public("an icon")),
    ])
}

/// What stands in `http.rs` between `.route(` and the comma.
fn written_in_the_router() -> BTreeSet<&'static str> {
    let text = include_str!("../../src/http.rs");
    text.split(".route(").skip(1).filter_map(|rest| rest.split_once(',')).map(|(path, _)| path.trim()).collect()
}

#[track_caller]
fn all_are_listed(kind: &str, there: &BTreeSet<&str>, listed: &BTreeMap<&'static str, Door>) {
    let listed: BTreeSet<&str> = listed.keys().copied().collect();
    let missing: Vec<_> = there.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(there).collect();
    assert!(
        missing.is_empty(),
        "{kind} without a word on who may come in: {missing:?}; add each to this test with the request that is refused"
    );
    assert!(gone.is_empty(), "{kind} that are no more: {gone:?}; take them out of this test");
}

struct World {
    site: Site,
    outsider: Person,
    run: RunId,
    person: String,
}

impl World {
    async fn new() -> Self {
        let site = Site::start().await;
        let mut root = site.admin().await;
        let mina = site.person(&mut root, "mina", "vision", "engineer").await;
        let outsider = site.outsider(&mut root).await;
        let form = RunForm { team: "vision".into(), name: "guarded".into(), ..RunForm::default() };
        let run = RunId("0192-guarded".into());
        let by = (mina.id.clone(), PersonName::parse("mina").expect("a name"));
        let spec = form.parse().expect("a good form");
        let row = NewRun { id: run.clone(), spec, by, launched: site.clock.now(), applied: "kind: Job".into() };
        runs::insert(&site.running.store, &row).await.expect("it is stored");
        Self { site, outsider, run, person: mina.id.0 }
    }

    fn filled(&self, text: &str) -> String {
        text.replace("RUN", &self.run.0).replace("PERSON", &self.person)
    }

    /// Asks as somebody; a server function is one whose path is given.
    async fn ask(&self, browser: &mut Browser, function: Option<&str>, request: &Request) -> Answer {
        let api = function.map(|path| format!("/api/{path}")).unwrap_or_default();
        let (method, path, kind, body) = match request {
            Get(path) => (Method::GET, format!("{api}{}", self.filled(path)), "", String::new()),
            Form(path, fields) => (Method::POST, self.filled(path), "application/x-www-form-urlencoded", form(fields)),
            Json(arguments) => (Method::POST, api, "application/json", self.filled(&arguments.to_string())),
        };
        let response = browser.send(method, &path, kind, body).await;
        Answer { status: response.status(), headers: response.headers().clone(), body: String::new() }
    }

    /// Holds a door to what is said of it.
    async fn try_door(&mut self, name: &str, function: Option<&str>, door: &Door) {
        match door {
            Public(why) | SignedIn(why) => assert!(why.len() > 5, "{name} has no reason"),
            Guarded(request) => {
                let before = self.rows().await;
                let mut otto = self.outsider.browser.clone();
                let answer = self.ask(&mut otto, function, request).await;
                assert_eq!(answer.status, 403, "somebody of another team at {name}: {answer:?}");
                assert!(self.rows().await > before, "that {name} was refused is not in the audit log");
                let answer = self.ask(&mut self.site.visitor(), function, request).await;
                turned_away(name, &answer);
            }
        }
    }

    async fn rows(&self) -> i64 {
        self.site.audit().verify(None).await.expect("a whole log").rows
    }
}

/// Somebody who is not signed in gets no further than that.
#[track_caller]
fn turned_away(name: &str, answer: &Answer) {
    let to_sign_in = answer.status == 303 && answer.location().starts_with("/sign-in");
    assert!(to_sign_in || answer.status == 401, "somebody who is not signed in at {name}: {answer:?}");
}

#[tokio::test]
async fn every_page_and_form_is_known_to_be_open_or_refuses_somebody_of_another_team() {
    let mut world = World::new().await;
    let routes = generate_route_list(App);
    let there: BTreeSet<&str> = routes.iter().map(leptos_axum::AxumRouteListing::path).collect();
    let (pages, forms) = (pages(), forms());
    all_are_listed("pages", &there, &pages);
    all_are_listed("forms", &posted::ROUTES.iter().copied().collect(), &forms);
    for (path, door) in &pages {
        world.try_door(path, None, door).await;
        let answer = world.site.visitor().get(path).await;
        match door {
            Public(_) => assert_ne!(answer.status, 401, "{path}: {answer:?}"),
            SignedIn(_) | Guarded(_) => turned_away(path, &answer),
        }
    }
    for (path, door) in &forms {
        world.try_door(&format!("POST {path}"), None, door).await;
        turned_away(path, &world.site.visitor().post(path, &[("do", "nothing")]).await);
    }
}

#[tokio::test]
async fn every_server_function_is_known_to_be_open_or_refuses_somebody_of_another_team() {
    let mut world = World::new().await;
    let there: Vec<(&str, Method)> = server_fn_paths().map(|(path, method)| (path.trim_start_matches("/api/"), method)).collect();
    let functions = functions();
    all_are_listed("server functions", &there.iter().map(|(path, _)| *path).collect(), &functions);
    for (path, method) in there {
        world.try_door(path, Some(path), &functions[path]).await;
        let response = world.site.visitor().send(method, &format!("/api/{path}"), "", String::new()).await;
        assert_eq!(response.status(), 401, "somebody who is not signed in at {path}");
    }
}

#[tokio::test]
async fn every_other_route_is_known_to_be_open_or_refuses_somebody_of_another_team() {
    let mut world = World::new().await;
    let others = others();
    all_are_listed("routes of http.rs", &written_in_the_router(), &others);
    for (route, door) in &others {
        world.try_door(route, None, door).await;
    }
}
