//! The whole: the HTML document, the routes, and the frame around them.

use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{
    api::sessions::me,
    clock,
    frame::{Frame, theme},
    later, live,
    pages::{not_found::NotFound, runs::Runs, sign_in::SignIn, welcome::Welcome},
    paths,
};

/// The document around the app. The server renders it; the browser takes over the body.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme::chosen()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" type="image/svg+xml" href=paths::ICON/>
                <link rel="stylesheet" href=paths::STYLE/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body class="bg-canvas text-body text-ink">
                <App/>
            </body>
        </html>
    }
}

/// Every page. All of them are rendered whole before the first byte is sent, so that they can be read without a script and a
/// page that refuses has the status that says so.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    clock::provide();
    live::provide();
    let me = me();
    view! {
        <Title formatter=|text: String| if text.is_empty() { "Slipway".to_owned() } else { format!("{text} · Slipway") }/>
        <Router>
            <Frame me>
                <FlatRoutes fallback=NotFound>
                    <Route path=path!("/") view=Runs ssr=SsrMode::Async/>
                    <Route path=path!("/runs") view=Runs ssr=SsrMode::Async/>
                    <Route path=path!("/runs/new") view={Lazy::<later::NewRun>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/runs/:id") view={Lazy::<later::Run>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/nodes") view={Lazy::<later::Nodes>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/nodes/:name") view={Lazy::<later::Node>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/nodes/:name/layout") view={Lazy::<later::Layout>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/people") view={Lazy::<later::People>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/quotas") view={Lazy::<later::Quotas>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/quotas/:team") view={Lazy::<later::Quota>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/priorities") view={Lazy::<later::Priorities>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/teams") view={Lazy::<later::Teams>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/teams/:team") view={Lazy::<later::Team>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/audit") view={Lazy::<later::Audit>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/me") view={Lazy::<later::Me>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/sign-in") view=SignIn ssr=SsrMode::Async/>
                    <Route path=path!("/welcome") view=Welcome ssr=SsrMode::Async/>
                </FlatRoutes>
            </Frame>
        </Router>
    }
}
