//! Pages whose code the browser fetches when one of them is first opened.
//!
//! In the main part are signing in and the list of runs. Split off are a run's page, with its charts and logs; the form for a new
//! run, with all that it knows of the cluster; the nodes; what teams get; and the accounts. What several of them share becomes a
//! file of its own for each such group: with six parts a page fetches 27 files. A page's route names its part here; the part is one
//! function that `deploy/wasm-bindgen` finds by its mark.

use leptos::prelude::*;
use leptos_router::LazyRoute;

use crate::pages;

#[lazy]
fn run() -> AnyView {
    view! { <pages::run::Run/> }.into_any()
}

#[lazy]
fn launch() -> AnyView {
    view! { <pages::new_run::NewRun/> }.into_any()
}

/// The nodes.
#[derive(Clone, Copy, Debug)]
enum Cluster {
    Nodes,
    Node,
    Layout,
}

#[lazy]
fn cluster(page: Cluster) -> AnyView {
    match page {
        Cluster::Nodes => view! { <pages::nodes::Nodes/> }.into_any(),
        Cluster::Node => view! { <pages::node::Node/> }.into_any(),
        Cluster::Layout => view! { <pages::layout::Layout/> }.into_any(),
    }
}

/// Who gets how much.
#[derive(Clone, Copy, Debug)]
enum Shares {
    Quotas,
    Quota,
    Priorities,
}

#[lazy]
fn shares(page: Shares) -> AnyView {
    match page {
        Shares::Quotas => view! { <pages::quotas::Quotas/> }.into_any(),
        Shares::Quota => view! { <pages::quota::Quota/> }.into_any(),
        Shares::Priorities => view! { <pages::priorities::Priorities/> }.into_any(),
    }
}

/// Who may do what, and what they did.
#[derive(Clone, Copy, Debug)]
enum Accounts {
    People,
    Teams,
    Team,
    Audit,
    Me,
}

#[lazy]
fn accounts(page: Accounts) -> AnyView {
    match page {
        Accounts::People => view! { <pages::people::People/> }.into_any(),
        Accounts::Teams => view! { <pages::teams::Teams/> }.into_any(),
        Accounts::Team => view! { <pages::teams::one::Team/> }.into_any(),
        Accounts::Audit => view! { <pages::audit::Audit/> }.into_any(),
        Accounts::Me => view! { <pages::me::Me/> }.into_any(),
    }
}

/// Declares a route for each page: the part that draws it, and what fetches that part.
macro_rules! routes {
    ($($(#[$doc:meta])* $route:ident: $part:ident($($page:expr)?) by $preload:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $route;

        impl LazyRoute for $route {
            fn data() -> Self {
                Self
            }

            async fn view(_: Self) -> AnyView {
                $part($($page)?).await
            }

            async fn preload() {
                #[cfg(feature = "hydrate")]
                $preload().await;
            }
        }
    )+};
}

routes! {
    /// A run.
    Run: run() by __preload_run;
    /// The form for a new one.
    NewRun: launch() by __preload_launch;
    /// One's own account.
    Me: accounts(Accounts::Me) by __preload_accounts;
    /// The nodes.
    Nodes: cluster(Cluster::Nodes) by __preload_cluster;
    /// One of them.
    Node: cluster(Cluster::Node) by __preload_cluster;
    /// Who there is.
    People: accounts(Accounts::People) by __preload_accounts;
    /// What each team gets.
    Quotas: shares(Shares::Quotas) by __preload_shares;
    /// What one team gets.
    Quota: shares(Shares::Quota) by __preload_shares;
    /// Who goes first.
    Priorities: shares(Shares::Priorities) by __preload_shares;
    /// Which teams there are.
    Teams: accounts(Accounts::Teams) by __preload_accounts;
    /// Who is in a team.
    Team: accounts(Accounts::Team) by __preload_accounts;
    /// Who did what.
    Audit: accounts(Accounts::Audit) by __preload_accounts;
    /// How a node's GPUs are cut.
    Layout: cluster(Cluster::Layout) by __preload_cluster;
}
