//! The app: its pages, their plain forms, and the server functions behind them.
//!
//! Each request gives them a context: the ports, who asks, where the event stream stands before anything is read, and the nonce
//! that the page's scripts carry and its policy names.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header, request::Parts},
    middleware,
    response::Response,
    routing::post,
};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list, render_app_async_with_context};
use slipway_app::{App, live::Position, posted, shell};
use slipway_domain::person::Caller;

use super::{Web, headers::page_policy, sign_in::before_page};

/// The name of the browser's part: `pkg/slipway.js` and `pkg/slipway_bg.wasm`.
const OUTPUT: &str = "slipway";

/// The pages, their forms, and the server functions.
pub fn router(web: &Web) -> Router {
    let options = LeptosOptions::builder().output_name(OUTPUT).site_root(web.settings.site_root.to_string_lossy().into_owned()).build();
    let context = context(web);
    let document = {
        let options = options.clone();
        move || shell(options.clone())
    };
    let pages = Router::new()
        .leptos_routes_with_context(&options, generate_route_list(App), context.clone(), document.clone())
        .fallback(render_app_async_with_context(context.clone(), document))
        .with_state(options.clone());
    let forms = posted::ROUTES.iter().fold(Router::new(), |router, path| {
        let (options, context) = (options.clone(), context.clone());
        let take =
            move |State(web): State<Web>, request: Request| posted::page(options, context, web.ports.clone(), caller(&request), request);
        router.route(path, post(take))
    });
    pages
        .merge(forms.with_state(web.clone()))
        .layer(middleware::from_fn_with_state(web.clone(), before_page))
        .layer(middleware::map_response(never_kept))
}

fn caller(request: &Request) -> Option<Caller> {
    request.extensions().get().cloned()
}

/// What every page and server function finds in its context.
fn context(web: &Web) -> impl Fn() + Clone + Send + Sync + 'static {
    let (ports, hub) = (web.ports.clone(), web.hub.clone());
    move || {
        provide_context(Position(hub.newest().to_string()));
        provide_context(ports.clone());
        provide_context(use_context::<Parts>().and_then(|parts| parts.extensions.get::<Caller>().cloned()));
        if let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce())
            && let Ok(policy) = HeaderValue::from_str(&page_policy(&nonce))
        {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
}

/// Pages and answers are for one person at one time: no cache keeps them, and going back after signing out shows nothing.
async fn never_kept(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
