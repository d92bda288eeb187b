//! Pages whose code the browser fetches when one of them is first opened.
//!
//! Two parts are split off: a run's page, with its charts and logs, and the pages of admins, which most people never see. All else
//! is in the main part. More parts would not help: what two of them share becomes a file of its own, so that with ten parts a page
//! is forty files, and together they are larger than the whole was. A page's route names its part here; the part is one function
//! that `deploy/wasm-bindgen` finds by its mark.

use leptos::prelude::*;
use leptos_router::LazyRoute;

use crate::pages;

#[lazy]
fn run() -> AnyView {
    view! { <pages::run::Run/> }.into_any()
}

/// The pages of admins, and those of the cluster.
#[derive(Clone, Copy, Debug)]
enum Admin {
    Nodes,
    Node,
    People,
    Quotas,
    Quota,
    Priorities,
    Teams,
    Team,
    Audit,
    Layout,
}

#[lazy]
fn admin(page: Admin) -> AnyView {
    match page {
        Admin::Nodes => view! { <pages::nodes::Nodes/> }.into_any(),
        Admin::Node => view! { <pages::node::Node/> }.into_any(),
        Admin::People => view! { <pages::people::People/> }.into_any(),
        Admin::Quotas => view! { <pages::quotas::Quotas/> }.into_any(),
        Admin::Quota => view! { <pages::quota::Quota/> }.into_any(),
        Admin::Priorities => view! { <pages::priorities::Priorities/> }.into_any(),
        Admin::Teams => view! { <pages::teams::Teams/> }.into_any(),
        Admin::Team => view! { <pages::teams::one::Team/> }.into_any(),
        Admin::Audit => view! { <pages::audit::Audit/> }.into_any(),
        Admin::Layout => view! { <pages::layout::Layout/> }.into_any(),
    }
}

/// A run's page.
#[derive(Debug)]
pub struct Run;

impl LazyRoute for Run {
    fn data() -> Self {
        Self
    }

    async fn view(_: Self) -> AnyView {
        run().await
    }

    async fn preload() {
        #[cfg(feature = "hydrate")]
        __preload_run().await;
    }
}

/// Declares the routes of admins' pages.
macro_rules! admin_pages {
    ($($(#[$doc:meta])* $page:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $page;

        impl LazyRoute for $page {
            fn data() -> Self {
                Self
            }

            async fn view(_: Self) -> AnyView {
                admin(Admin::$page).await
            }

            async fn preload() {
                #[cfg(feature = "hydrate")]
                __preload_admin().await;
            }
        }
    )+};
}

admin_pages! {
    /// The nodes.
    Nodes;
    /// One of them.
    Node;
    /// Who there is.
    People;
    /// What each team gets.
    Quotas;
    /// What one team gets.
    Quota;
    /// Who goes first.
    Priorities;
    /// Which teams there are.
    Teams;
    /// Who is in a team.
    Team;
    /// Who did what.
    Audit;
    /// How a node's GPUs are cut.
    Layout;
}
