//! Who asks. Each request finds its session, person and roles anew, so that what an admin changes holds from the next request on.
//!
//! Whoever is not signed in gets no further than the pages for signing in: a page sends them there and back, a script is told, and
//! a form that was posted comes back with what was typed in it (see [`super::resend`]).

use axum::{
    extract::{Request, State},
    http::{Method, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use slipway_app::paths;
use slipway_domain::{person::Caller, refusal::Refusal};
use tower_sessions::Session;

use super::{RequestId, Web, plain, resend};
use crate::services::sign_in::Found;

/// Somebody's word on who they are, for a request.
pub fn caller(found: Found, request: &str) -> Caller {
    Caller {
        id: found.person,
        name: found.name,
        platform_admin: found.platform_admin,
        roles: found.roles,
        request: request.to_owned(),
        session: found.handle,
    }
}

/// Puts the [`Caller`] into the request, or turns it away.
pub async fn identify(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = matches!(path, paths::SIGN_IN | paths::WELCOME) || path.starts_with("/auth/");
    let found = match request.extensions().get::<Session>().and_then(Session::id) {
        Some(id) => web.sign_in.sessions().find(&id).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(found)) => {
            let id = request.extensions().get::<RequestId>().map_or("", |id| id.0.as_str());
            let caller = caller(found, id);
            tracing::Span::current().record("person", caller.name.as_str());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(None) if open => next.run(request).await,
        Ok(None) => turn_away(request).await,
        Err(error) => {
            let refusal = Refusal::from(error);
            if is_script(&request) { plain::json(&refusal) } else { plain::refusal(&refusal) }
        }
    }
}

/// Whether a script asks, which wants no page.
fn is_script(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with("/api/") || path == "/live"
}

async fn turn_away(request: Request) -> Response {
    if is_script(&request) {
        return plain::json(&Refusal::SignedOut);
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
        let mut response = Redirect::to(&paths::sign_in(here)).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        return response;
    }
    resend::page(request).await
}
