//! Plain forms: what a page does with a POST to its own URL, when no script runs or none has arrived yet.
//!
//! Every form of a page posts to the page itself. [`page`] does what is asked through the same ports as the server functions,
//! then either sends the browser on (so that reloading posts nothing twice) or renders the page again with what was typed and
//! what is wrong with it: the page finds that as [`Posted`] in its context.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use leptos::prelude::*;
use serde::Deserialize;
use slipway_domain::{
    person::{Caller, PersonId, Role},
    refusal::Refusal,
    relayout::form::LayoutForm,
    run::{form::RunForm, spec::RunId, view::RunAction},
    session::PersonForm,
    team::{MemberForm, TeamForm, TeamName},
};

use crate::{api::Posted, paths, ports::Ports, shell};

mod shares;

/// The routes that take a plain POST, as axum writes them.
pub const ROUTES: &[&str] = &[
    "/runs/new",
    "/runs/{id}",
    "/people",
    "/me",
    "/nodes/{name}",
    "/quotas/{team}",
    "/priorities",
    "/teams",
    "/teams/{team}",
    "/audit",
    "/nodes/{name}/layout",
];

/// The largest form, in bytes: four texts of the New run form at their limit, percent-encoded.
const MAX_BYTES: usize = 256 * 1024;

enum Outcome {
    Go(String),
    Show(Posted),
}

/// Answers a POST to one of [`ROUTES`]. `context` is what the server provides to every page.
pub async fn page(
    options: LeptosOptions,
    context: impl Fn() + Clone + Send + Sync + 'static,
    ports: Ports,
    caller: Option<Caller>,
    request: Request<Body>,
) -> Response {
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MAX_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "The form is larger than 256 KiB; put long texts into a file on the team's volume")
            .into_response();
    };
    let Some(caller) = caller else {
        return Redirect::to(&paths::sign_in(&path)).into_response();
    };
    let fields = Fields::read(&bytes);
    let posted = match act(&path, &fields, &ports, &caller).await {
        Ok(Outcome::Go(to)) => return Redirect::to(&to).into_response(),
        Ok(Outcome::Show(posted)) => posted,
        Err(refusal) => Posted { refusal: Some(refusal), typed: fields.without_secrets(), ..Posted::default() },
    };
    let status = posted.refusal.as_ref().and_then(|refusal| StatusCode::from_u16(refusal.status()).ok());
    let with_posted = move || {
        context();
        provide_context(posted.clone());
    };
    let render = leptos_axum::render_app_async_with_context(with_posted, move || shell(options.clone()));
    let mut response = render(Request::from_parts(parts, Body::empty())).await;
    if let Some(status) = status {
        *response.status_mut() = status;
    }
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

async fn act(path: &str, fields: &Fields, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    match path {
        paths::NEW_RUN => {
            let form = fields.as_form::<RunForm>()?;
            if fields.get("do") == "preview" {
                return Ok(Outcome::Show(Posted { typed: fields.without_secrets(), ..Posted::default() }));
            }
            if fields.get("do") == "nearest" {
                return nearest(fields, form, ports, caller).await;
            }
            let id = ports.runs.launch(caller, form).await?;
            Ok(Outcome::Go(paths::run(&id)))
        }
        paths::PEOPLE => people(fields, ports, caller).await,
        paths::ME => account(fields, ports, caller).await,
        _ if path.starts_with("/nodes/") && path.ends_with("/layout") => layout(path, fields, ports, caller).await,
        _ if path.starts_with("/nodes/") => node(&path["/nodes/".len()..], fields, ports, caller).await,
        paths::PRIORITIES => shares::priorities(fields, ports, caller).await,
        _ if path.starts_with(paths::QUOTAS) => shares::quota(fields, ports, caller).await,
        paths::TEAMS => {
            if fields.get("do") != "create" {
                return Err(unknown());
            }
            let team = ports.teams.create(caller, fields.as_form::<TeamForm>()?).await?;
            Ok(Outcome::Go(paths::team(&team)))
        }
        paths::AUDIT => {
            if fields.get("do") != "verify" {
                return Err(unknown());
            }
            ports.audit.verify(caller).await?;
            Ok(Outcome::Go(paths::AUDIT.to_owned()))
        }
        _ if path.starts_with("/teams/") => team(&path["/teams/".len()..], fields, ports, caller).await,
        _ => {
            let id = RunId(path.strip_prefix("/runs/").unwrap_or_default().to_owned());
            let asked = fields.get("do");
            let action = RunAction::ALL.into_iter().find(|action| action.word() == asked).ok_or_else(unknown)?;
            ports.runs.act(caller, &id, action).await?;
            Ok(Outcome::Go(if action == RunAction::Delete { paths::RUNS.to_owned() } else { paths::run(&id) }))
        }
    }
}

async fn layout(path: &str, fields: &Fields, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    let node = path.strip_prefix("/nodes/").and_then(|rest| rest.strip_suffix("/layout")).unwrap_or_default();
    match fields.get("do") {
        "order" => {
            ports.relayouts.order(caller, node, fields.as_form::<LayoutForm>()?).await?;
        }
        "abort" => ports.relayouts.abort(caller, node).await?,
        _ => return Err(unknown()),
    }
    Ok(Outcome::Go(path.to_owned()))
}

/// The form with the nearest shape that would run now, where there still is one.
async fn nearest(fields: &Fields, form: RunForm, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    let mut typed = fields.without_secrets();
    let preview = ports.runs.preview(caller, form).await?;
    if let Some(shape) = preview.answer.and_then(|answer| answer.nearest) {
        let shape = shape.to_fields();
        let said = [("cpu", shape.cpu), ("memory", shape.memory), ("gpu", shape.gpu)];
        let said = said.into_iter().chain([("gpu_count", shape.gpu_count), ("gpu_product", shape.gpu_product)]);
        typed.extend(said.map(|(name, text)| (name.to_owned(), text)));
    }
    Ok(Outcome::Show(Posted { typed, ..Posted::default() }))
}

async fn people(fields: &Fields, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    let person = || PersonId(fields.get("person").to_owned());
    match fields.get("do") {
        "invite" => {
            let invitation = ports.people.invite(caller, fields.as_form::<PersonForm>()?).await?;
            Ok(Outcome::Show(Posted { invitation: Some(invitation), ..Posted::default() }))
        }
        "reset" => {
            let invitation = ports.people.reset(caller, &person()).await?;
            Ok(Outcome::Show(Posted { invitation: Some(invitation), ..Posted::default() }))
        }
        "role" => {
            let team = TeamName::parse(fields.get("team")).map_err(|error| Refusal::field("team", error.to_string()))?;
            ports.people.set_role(caller, &person(), &team, fields.role()?).await?;
            Ok(Outcome::Go(paths::PEOPLE.to_owned()))
        }
        "activate" | "deactivate" => {
            ports.people.set_active(caller, &person(), fields.get("do") == "activate").await?;
            Ok(Outcome::Go(paths::PEOPLE.to_owned()))
        }
        _ => Err(unknown()),
    }
}

async fn team(name: &str, fields: &Fields, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    let team = TeamName::parse(name).map_err(|_| Refusal::not_found("There is no such team; look at the list of teams"))?;
    match fields.get("do") {
        "add" => ports.teams.add(caller, &team, fields.as_form::<MemberForm>()?).await?,
        "role" => ports.people.set_role(caller, &PersonId(fields.get("person").to_owned()), &team, fields.role()?).await?,
        "prepare" => ports.teams.prepare(caller, &team).await?,
        _ => return Err(unknown()),
    }
    Ok(Outcome::Go(paths::team(&team)))
}

async fn account(fields: &Fields, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    match fields.get("do") {
        "password" => {
            if fields.get("new") != fields.get("again") {
                return Err(Refusal::field("again", "The two new passwords differ; type the same twice"));
            }
            ports.people.change_password(caller, fields.get("old").to_owned(), fields.get("new").to_owned()).await?;
            Ok(Outcome::Show(Posted { done: Some("Password changed; your other sessions have ended".to_owned()), ..Posted::default() }))
        }
        "end" => {
            let handle = Some(fields.get("handle").to_owned()).filter(|handle| !handle.is_empty());
            ports.people.end_sessions(caller, handle).await?;
            Ok(Outcome::Go(paths::ME.to_owned()))
        }
        _ => Err(unknown()),
    }
}

async fn node(name: &str, fields: &Fields, ports: &Ports, caller: &Caller) -> Result<Outcome, Refusal> {
    match fields.get("do") {
        asked @ ("cordon" | "uncordon") => {
            ports.nodes.set_cordoned(caller, name, asked == "cordon").await?;
            Ok(Outcome::Go(paths::node(name)))
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Refusal {
    Refusal::field("", "The page asked for something that the server does not know, most likely after an update; reload it and try again")
}

/// The New run form as it was typed.
pub fn typed_form(posted: &Posted) -> RunForm {
    Fields(posted.typed.clone()).as_form().unwrap_or_default()
}

/// What a query says under a name, each time.
pub fn values(query: &str, name: &str) -> Vec<String> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(|(key, _)| decode(key) == name).map(|(_, value)| decode(value)).collect()
}

/// A form with what a link changes of it: fields as a browser would post them. What it does not know it leaves out.
pub fn changed_form(form: RunForm, change: &str) -> RunForm {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(&form) else { return form };
    for (name, value) in Fields::read(change.as_bytes()).0 {
        if let Some(field) = fields.get_mut(&name) {
            *field = value.into();
        }
    }
    serde_json::from_value(fields.into()).unwrap_or(form)
}

/// The fields of a posted form.
struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`; of a name that comes twice the last counts.
    fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        Self(
            text.split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The role that is asked for; none takes somebody out of the team.
    fn role(&self) -> Result<Option<Role>, Refusal> {
        match self.get("role") {
            "" => Ok(None),
            word => Role::parse(word).map(Some).map_err(|sentence| Refusal::field("role", sentence)),
        }
    }

    fn without_secrets(&self) -> BTreeMap<String, String> {
        let secret = ["old", "new", "again", "password"];
        self.0.iter().filter(|(name, _)| !secret.contains(&name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The form whose fields have these names; what it does not know is left out, what is missing has its default.
    fn as_form<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Refusal> {
        let object = self.0.iter().map(|(name, value)| (name.clone(), serde_json::Value::String(value.clone()))).collect();
        serde_json::from_value(serde_json::Value::Object(object)).map_err(|_| unknown())
    }
}

/// Percent-decoding as forms do it: `+` is a space, and a line ends with a line feed alone.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match hex_pair(rest.clone()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest.nth(1);
                }
                None => bytes.push(b'%'),
            },
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

/// The byte that the next two hexadecimal digits write.
fn hex_pair(mut rest: std::str::Bytes<'_>) -> Option<u8> {
    let mut digit = || char::from(rest.next()?).to_digit(16);
    u8::try_from(digit()? * 16 + digit()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_writes_it() {
        let fields = Fields::read(b"name=a+b%2Bc&env=A%3D1%0D%0AB%3D2&odd=100%&empty=&name=last");
        assert_eq!(fields.get("name"), "last");
        assert_eq!(fields.get("env"), "A=1\nB=2");
        assert_eq!(fields.get("odd"), "100%");
        assert_eq!(fields.get("empty"), "");
        assert_eq!(fields.get("missing"), "");
    }

    #[test]
    fn bytes_that_are_not_text_break_nothing() {
        assert_eq!(Fields::read(b"a=%ff%fe&b=%zz&%&=&c=%4").get("a"), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn what_is_shown_again_holds_no_password() {
        let fields = Fields::read(b"name=mina&old=one&new=two&again=two&password=x");
        assert_eq!(fields.without_secrets(), BTreeMap::from([("name".to_owned(), "mina".to_owned())]));
    }

    #[test]
    fn a_link_changes_the_fields_that_it_names_and_no_others() {
        let form = RunForm { name: "digits-2".into(), gpu_count: "8".into(), ..RunForm::default() };
        let changed = changed_form(form.clone(), "gpu_count=2&gpu_product=&nothing=1&=&%");
        assert_eq!(changed, RunForm { gpu_count: "2".into(), gpu_product: String::new(), ..form });
    }

    #[test]
    fn a_run_form_keeps_its_defaults_for_what_was_not_sent() {
        let form: RunForm = Fields::read(b"name=digits-2&epochs=%D9%A3&unknown=1").as_form().unwrap();
        assert_eq!(form, RunForm { name: "digits-2".into(), epochs: "٣".into(), ..RunForm::default() });
    }
}
