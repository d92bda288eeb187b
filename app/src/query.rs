//! The query of the page that is shown.
//!
//! The router gives a page its URL once, and not again when a link leads to the same page of something else: from one run to
//! another, the page would go on reading the query of the first. What the browser's address says is always right, but also
//! changes while a page is still shown that is about to be left.

use leptos::prelude::*;
use leptos_router::{hooks::use_location, params::ParamsMap};

/// The query of the page at `path`; while the address is another page's it stays as it was.
pub fn query_of(path: impl Fn() -> String + Send + Sync + 'static) -> Memo<ParamsMap> {
    let here = use_location();
    Memo::new(move |before: Option<&ParamsMap>| match before {
        Some(before) if here.pathname.get() != path() => before.clone(),
        Some(_) | None => here.query.get(),
    })
}
