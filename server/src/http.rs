//! HTTP: who asks, what they ask for, and the shape of the answer. Nothing is decided here but that.
//!
//! The layers, from the outside in: [`observe`] (request id, log, figures, panics), [`headers`], time and size limits,
//! compression, the refusal of cross-site posts, the session's cookie, and [`caller`], which turns away whoever is not signed in.
//! Behind them are the pages and server functions ([`pages`]), forms to sign in ([`sign_in`]), each tab's event stream
//! ([`live`]), and what needs nobody to be signed in ([`files`], [`health`]).

pub mod accept;
mod audit_file;
mod caller;
mod files;
mod headers;
mod health;
mod live;
mod log_file;
mod notice;
mod observe;
mod pages;
mod plain;
mod resend;
mod sign_in;

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use slipway_app::{paths, ports::Ports};
use tokio::sync::watch;
use tower_http::{
    CompressionLevel,
    compression::CompressionLayer,
    csrf::{CsrfLayer, ProtectionError},
    limit::RequestBodyLimitLayer,
};
use tower_sessions::{
    Expiry, SessionManagerLayer,
    cookie::{SameSite, time::Duration as CookieDuration},
};

pub use self::{files::Files, notice::Notices, observe::RequestId};
use crate::{
    clock::Clock,
    live::Hub,
    services::{
        health::Health,
        sign_in::{LIFETIME, Sessions, SignIn},
    },
};

/// The session's cookie. Browsers take a `__Host-` cookie only from this very host, over HTTPS or from this machine.
pub const COOKIE: &str = "__Host-slipway";

/// A request that is not answered by then is given up. Streams and downloads take as long as they take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest request, in bytes. Forms are at most 256 KiB.
const LARGEST: usize = 1024 * 1024;

/// How the server is seen from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that people type, such as `https://slipway.example.org`.
    pub public_url: String,
    /// Whether a proxy in front says in `X-Forwarded-For` who asks.
    pub trust_proxy: bool,
    /// What `/metrics` asks for; none means that only this machine may ask, and nobody through a proxy.
    pub metrics_token: Option<String>,
    /// The folder that contains `pkg`.
    pub site_root: PathBuf,
}

impl Settings {
    fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// Everything that handlers use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Web(Arc<Parts>);

/// What a [`Web`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// What the pages ask.
    pub ports: Ports,
    /// Signing in, and whose session it is.
    pub sign_in: SignIn,
    /// What open pages hear.
    pub hub: Hub,
    /// Whether the parts are there.
    pub health: Health,
    /// The time.
    pub clock: Clock,
    /// How the server is seen from outside.
    pub settings: Settings,
    /// The browser's part of the pages.
    pub files: Files,
    /// Sentences on their way through a redirect.
    pub notices: Notices,
    /// Becomes true when the server ends.
    pub shutdown: watch::Receiver<bool>,
}

impl std::ops::Deref for Web {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Web {
    /// Of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

/// Every route, behind every layer.
pub fn router(web: &Web) -> Router {
    let streams = Router::new()
        .route("/live", get(live::stream))
        .route("/runs/{id}/log", get(log_file::download))
        .route(paths::AUDIT_EXPORT, get(audit_file::download))
        .with_state(web.clone());
    let forms = Router::new()
        .route(paths::POST_SIGN_IN, post(sign_in::sign_in))
        .route(paths::POST_SIGN_OUT, post(sign_in::sign_out))
        .route(paths::POST_WELCOME, post(sign_in::welcome))
        .with_state(web.clone());
    let answers = pages::router(web).merge(forms).layer(middleware::from_fn(give_up));
    let behind_sign_in = answers
        .merge(streams)
        .layer(middleware::from_fn_with_state(web.clone(), caller::identify))
        .layer(cookie(web))
        .layer(same_site(web));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/pkg/{*file}", get(files::package))
        .route(paths::ICON, get(files::icon))
        .route("/favicon.ico", get(files::icon))
        .with_state(web.clone())
        .merge(behind_sign_in)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(RequestBodyLimitLayer::new(LARGEST))
        .layer(middleware::map_response(too_large))
        .layer(middleware::from_fn_with_state(web.clone(), headers::secure))
        .layer(middleware::from_fn_with_state(web.clone(), observe::observe))
}

/// Refuses what another site has somebody's browser post. Posts from the public address are our own, also where a proxy does not
/// pass on the host that the browser named.
fn same_site(web: &Web) -> CsrfLayer<fn(ProtectionError) -> Response> {
    let layer = CsrfLayer::new().add_trusted_origin(&web.settings.public_url).unwrap_or_else(|error| {
        tracing::warn!(%error, "posts are known as our own by their host alone, which a proxy must pass on unchanged");
        CsrfLayer::new()
    });
    layer.with_rejection_response(cross_site)
}

/// A body over the limit is refused by a layer that has no page to show.
async fn too_large(response: Response) -> Response {
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return plain::page(
            StatusCode::PAYLOAD_TOO_LARGE,
            "This is too large",
            "At most 1 MiB can be sent; put what is larger on the team's volume",
        );
    }
    response
}

fn cookie(web: &Web) -> SessionManagerLayer<Sessions> {
    SessionManagerLayer::new(web.sign_in.sessions().clone())
        .with_name(COOKIE)
        .with_secure(true)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        // Of the cookie alone: the store decides when a session has ended, by the server's clock.
        .with_expiry(Expiry::OnInactivity(CookieDuration::seconds(LIFETIME.as_secs())))
}

async fn give_up(request: Request, next: Next) -> Response {
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            plain::page(StatusCode::SERVICE_UNAVAILABLE, "This took too long", "The server gave up after 30 s; try again in a moment")
        }
    }
}

/// The answer to a post that another site had somebody's browser make.
#[expect(clippy::needless_pass_by_value, reason = "the layer passes it so")]
fn cross_site(error: ProtectionError) -> Response {
    tracing::warn!(%error, "a post from another site was refused");
    plain::page(
        StatusCode::FORBIDDEN,
        "This did not come from Slipway",
        "Another site asked your browser to do this, so it was not done; open Slipway itself and try there",
    )
}
