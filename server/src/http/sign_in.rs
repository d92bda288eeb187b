//! The forms for signing in and out, which are plain: they work before any script has arrived, and a password is never part of a
//! URL, of a log or of what comes back.

use axum::{
    Form,
    extract::{Extension, Query, Request, State, rejection::FormRejection},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use slipway_app::paths;
use slipway_domain::{
    person::{Caller, PersonId},
    refusal::Refusal,
};
use tower_sessions::Session;

use super::{Web, plain};
use crate::services::sign_in::{FirstPassword, Visitor, beginning};

/// What the sign-in form posts.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SignInForm {
    name: String,
    password: String,
    next: String,
}

/// What the form behind a one-time link posts.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct WelcomeForm {
    token: String,
    name: String,
    password: String,
    password_again: String,
}

/// What the two pages find in their query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    token: String,
    name: String,
    next: String,
    error: String,
    seal: String,
}

type Posted<T> = Result<Form<T>, FormRejection>;

/// Takes a name and a password.
pub async fn sign_in(
    State(web): State<Web>,
    Extension(visitor): Extension<Visitor>,
    session: Session,
    headers: HeaderMap,
    form: Posted<SignInForm>,
) -> Response {
    let Ok(Form(form)) = form else { return unreadable() };
    let begun = match web.sign_in.sign_in(&form.name, form.password, &visitor).await {
        Ok(person) => begin(&session, &person, &visitor, &headers).await,
        Err(refusal) => Err(refusal),
    };
    match begun {
        Ok(()) => Redirect::to(local(&form.next).unwrap_or(paths::RUNS)).into_response(),
        Err(refusal @ Refusal::TooOften { .. }) => plain::refusal(&refusal),
        Err(refusal) => {
            let pairs = [("next", form.next), ("name", form.name)];
            Redirect::to(&with_notice(&web, paths::SIGN_IN, pairs, &refusal)).into_response()
        }
    }
}

/// Takes a one-time link's token and a first password.
pub async fn welcome(
    State(web): State<Web>,
    Extension(visitor): Extension<Visitor>,
    session: Session,
    headers: HeaderMap,
    form: Posted<WelcomeForm>,
) -> Response {
    let Ok(Form(form)) = form else { return unreadable() };
    let first = FirstPassword { token: form.token.clone(), name: form.name.clone(), password: form.password, again: form.password_again };
    let begun = match web.sign_in.accept(first, &visitor).await {
        Ok(person) => begin(&session, &person, &visitor, &headers).await,
        Err(refusal) => Err(refusal),
    };
    match begun {
        Ok(()) => Redirect::to(paths::RUNS).into_response(),
        Err(refusal @ Refusal::TooOften { .. }) => plain::refusal(&refusal),
        Err(refusal @ Refusal::NotFound { .. }) => Redirect::to(&with_notice(&web, paths::SIGN_IN, [], &refusal)).into_response(),
        Err(refusal) => {
            let pairs = [("token", form.token), ("name", form.name)];
            Redirect::to(&with_notice(&web, paths::WELCOME, pairs, &refusal)).into_response()
        }
    }
}

/// Ends this session.
pub async fn sign_out(State(web): State<Web>, caller: Option<Extension<Caller>>, session: Session) -> Response {
    if let Err(error) = session.flush().await {
        tracing::error!(%error, "a session could not be ended");
        let refusal = Refusal::unavailable("The database did not let your session be ended; try again, or close the browser");
        return plain::refusal(&refusal);
    }
    if caller.is_some() {
        web.hub.people_changed();
    }
    Redirect::to(paths::SIGN_IN).into_response()
}

/// Begins a session under a new id, whatever id the browser came with.
async fn begin(session: &Session, person: &PersonId, visitor: &Visitor, headers: &HeaderMap) -> Result<(), Refusal> {
    let agent = headers.get(header::USER_AGENT).map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let begun = async {
        session.cycle_id().await?;
        for (key, value) in beginning(person, &visitor.address.to_string(), &agent) {
            session.insert(key, value).await?;
        }
        session.save().await
    };
    begun.await.map_err(|error: tower_sessions::session::Error| {
        tracing::error!(%error, "a session could not be begun");
        Refusal::unavailable("The database did not let you be signed in; try again in a moment, or tell whoever runs Slipway")
    })
}

/// Before the sign-in and welcome pages: shows only sentences of our own, and brings each visitor to the page that fits them.
pub async fn before_page(State(web): State<Web>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if *request.method() != Method::GET || !matches!(path, paths::SIGN_IN | paths::WELCOME) {
        return next.run(request).await;
    }
    let Query(shown) = Query::<Shown>::try_from_uri(request.uri()).unwrap_or_default();
    let now = web.clock.now();
    if !shown.error.is_empty() && !web.notices.is_ours(path, &shown.error, &shown.seal, now) {
        let pairs = [("token", shown.token), ("next", shown.next), ("name", shown.name)];
        return Redirect::to(&paths::with_query(path, pairs)).into_response();
    }
    if path == paths::SIGN_IN {
        let signed_in = request.extensions().get::<Caller>().is_some();
        if signed_in && shown.error.is_empty() {
            return Redirect::to(local(&shown.next).unwrap_or(paths::RUNS)).into_response();
        }
    } else if !shown.token.is_empty() {
        match web.ports.people.welcome(&shown.token).await {
            Ok(welcome) => {
                if let Some(name) = welcome.name.filter(|_| shown.name.is_empty()) {
                    let pairs = [("token", shown.token), ("name", name.to_string())];
                    return Redirect::to(&paths::with_query(paths::WELCOME, pairs)).into_response();
                }
            }
            Err(refusal @ Refusal::NotFound { .. }) => {
                return Redirect::to(&with_notice(&web, paths::SIGN_IN, [], &refusal)).into_response();
            }
            Err(refusal) => return plain::refusal(&refusal),
        }
    }
    next.run(request).await
}

fn with_notice<const N: usize>(web: &Web, path: &str, pairs: [(&str, String); N], refusal: &Refusal) -> String {
    let sentence = match refusal {
        Refusal::Invalid { fields } => fields.values().cloned().collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    };
    let seal = web.notices.seal(path, &sentence, web.clock.now());
    // What was typed comes back, but not more of it than a name or a path can have.
    let pairs = pairs.into_iter().map(|(name, value)| (name, value.chars().take(2_000).collect()));
    paths::with_query(path, pairs.chain([("error", sentence), ("seal", seal)]))
}

fn unreadable() -> Response {
    plain::refusal(&Refusal::field("", "The form could not be read; reload the page and send it again"))
}

/// A path on this server, or nothing: `next` is anybody's to write, and must not lead elsewhere.
fn local(next: &str) -> Option<&str> {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_plain = next.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    (is_path && is_plain && !next.starts_with("/auth/") && next.parse::<axum::http::Uri>().is_ok()).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn next_leads_to_a_path_of_this_server_or_nowhere() {
        for path in ["/", "/runs", "/runs/0190?tab=logs&x=%2F%2Fevil", "/runs#top"] {
            assert_eq!(local(path), Some(path));
        }
        for elsewhere in [
            "",
            "runs",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n",
            "javascript:alert(1)",
            "/auth/sign-out",
            "/é",
            "/ /x",
        ] {
            assert_eq!(local(elsewhere), None, "{elsewhere:?}");
        }
    }
}
