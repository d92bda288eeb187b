//! Pages whose code the browser fetches when one of them is first opened.
//!
//! Three parts are split off: a run's page, with its charts and logs; the form for a new run, with all that it knows of the
//! cluster; and the pages of admins, which most people never see. All else is in the main part. More parts would not help: what two
//! of them share becomes a file of its own, so that with ten parts a page is forty files, and together they are larger than the
//! whole was. A page's route names its part here; the part is one function that `deploy/wasm-bindgen` finds by its mark.

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
    /// The nodes.
    Nodes: admin(Admin::Nodes) by __preload_admin;
    /// One of them.
    Node: admin(Admin::Node) by __preload_admin;
    /// Who there is.
    People: admin(Admin::People) by __preload_admin;
    /// What each team gets.
    Quotas: admin(Admin::Quotas) by __preload_admin;
    /// What one team gets.
    Quota: admin(Admin::Quota) by __preload_admin;
    /// Who goes first.
    Priorities: admin(Admin::Priorities) by __preload_admin;
    /// Which teams there are.
    Teams: admin(Admin::Teams) by __preload_admin;
    /// Who is in a team.
    Team: admin(Admin::Team) by __preload_admin;
    /// Who did what.
    Audit: admin(Admin::Audit) by __preload_admin;
    /// How a node's GPUs are cut.
    Layout: admin(Admin::Layout) by __preload_admin;
}
