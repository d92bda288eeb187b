//! The overview: how it went wrong if it did, the curves, and the facts beside them.

use leptos::prelude::*;
use slipway_domain::run::state::State;

use super::{Watched, charts::Charts, facts::Facts, failed::Failed};

/// The first tab.
#[component]
pub fn Overview(watched: Watched) -> impl IntoView {
    let failed = Memo::new(move |_| {
        watched.detail.with(|detail| match &detail.row.state {
            State::Failed { exit_code, why, .. } => Some((*exit_code, why.clone())),
            State::Waiting { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Suspended { .. }
            | State::Stopping { .. }
            | State::Succeeded { .. }
            | State::Stopped { .. } => None,
        })
    });
    view! {
        <div class="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(0,20rem)]">
            <div class="flex min-w-0 flex-col gap-4">
                {move || failed.get().map(|(exit_code, why)| view! { <Failed watched exit_code why/> })}
                <Charts watched/>
            </div>
            <Facts watched/>
        </div>
    }
}
