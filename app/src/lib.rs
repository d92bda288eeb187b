//! Slipway's pages: rendered by the server, alive in the browser.
//!
//! The same components make the HTML on the server (feature `ssr`) and take it over in the browser (feature `hydrate`).
//! [`pages`] holds a file for each route, [`parts`] the pieces that know no route, [`api`] the server functions, [`ports`] what
//! those ask of the server, [`live`] the event stream of an open page, and [`posted`] what a page does with a plain form when
//! no script runs. The browser holds no truth: what a page shows is in its URL or comes from the server.
#![recursion_limit = "512"]
#![allow(clippy::needless_pass_by_value, reason = "a component owns its properties")]

pub mod api;
mod app;
mod clock;
mod frame;
mod later;
pub mod live;
mod pages;
mod parts;
pub mod paths;
#[cfg(feature = "ssr")]
pub mod ports;
#[cfg(feature = "ssr")]
pub mod posted;
mod query;

pub use app::{App, shell};

/// The icon of a browser's tab, which the server answers at [`paths::ICON`].
pub const ICON_SVG: &str = include_str!("icon.svg");

/// Takes over the page that the server has rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        // A page that runs this has a body.
        let Some(body) = leptos::prelude::document().body() else { return };
        leptos::mount::hydrate_from_async(body, App).await.forget();
        // Parts of a page that waited for data are taken over in the tasks that are queued now; what drives a page waits for this mark.
        leptos::prelude::set_timeout(
            || {
                if let Some(root) = leptos::prelude::document().document_element() {
                    let _ = root.set_attribute("data-alive", "true");
                }
            },
            std::time::Duration::ZERO,
        );
    });
}
