//! The objects as they were applied.

use leptos::prelude::*;

use super::Watched;
use crate::{
    api::{runs::run_yaml, wire},
    pages::refused::Problem,
    parts::copy::Copy,
};

/// The YAML tab.
#[component]
pub fn Yaml(watched: Watched) -> impl IntoView {
    let id = watched.id();
    let yaml = wire::shown(|| (), move |()| run_yaml(id.clone()));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match yaml.await {
                    Err(failure) => view! { <Problem failure=Signal::stored(Some(failure))/> }.into_any(),
                    Ok(yaml) => {
                        let copied = yaml.clone();
                        view! {
                            <section class="rounded border border-line bg-surface">
                                <div class="flex items-center border-b border-line px-3 py-1">
                                    <h2 class="flex-1 text-table font-medium">"As it was applied"</h2>
                                    <Copy text=Signal::stored(copied) what="the YAML"/>
                                </div>
                                <pre class="overflow-x-auto p-3 font-mono text-mono focus-visible:outline-2 focus-visible:outline-accent" tabindex="0" role="region" aria-label="YAML">{yaml}</pre>
                            </section>
                        }
                            .into_any()
                    }
                }
            })}
        </Suspense>
    }
}
