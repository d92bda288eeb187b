//! GPUs drawn as they are cut: small, for a row of a table, and large, with who is in each slot.
//!
//! A part that somebody holds is filled with the colour of their team, one that is free is an outline, and one that is not cut
//! into anything is dashed, so that the three are told apart without colours. What a run is called and where it leads is given
//! by the page.

use std::{collections::BTreeMap, sync::Arc};

use leptos::prelude::*;
use slipway_domain::{
    node::{Gpu, HeldBy, Holder},
    run::spec::RunId,
};

use super::style;

/// Parts that a small drawing of one GPU has at most.
const MOST: usize = 28;

/// Fills and backgrounds by a team's number, from 1; number 0 is whoever is no team.
const FILLS: [&str; 7] =
    ["fill-ink-faint", "fill-series-1", "fill-series-2", "fill-series-3", "fill-series-4", "fill-series-5", "fill-series-6"];
const BACKGROUNDS: [&str; 7] = ["bg-ink-faint", "bg-series-1", "bg-series-2", "bg-series-3", "bg-series-4", "bg-series-5", "bg-series-6"];

/// How many of the eight columns a part takes.
const SPANS: [&str; 8] = [
    "md:col-span-1",
    "md:col-span-2",
    "md:col-span-3",
    "md:col-span-4",
    "md:col-span-5",
    "md:col-span-6",
    "md:col-span-7",
    "md:col-span-8",
];

/// What holders are called, where their runs are, and their teams' colours. Cheap to clone.
#[derive(Clone)]
pub struct Names(Arc<Known>);

struct Known {
    runs: BTreeMap<RunId, HeldBy>,
    colours: BTreeMap<String, u8>,
    link: fn(&RunId) -> String,
}

impl Names {
    /// Of these runs, whose pages `link` finds, and of these numbers of colours.
    pub fn new(runs: BTreeMap<RunId, HeldBy>, colours: BTreeMap<String, u8>, link: fn(&RunId) -> String) -> Self {
        Self(Arc::new(Known { runs, colours, link }))
    }

    /// Who it is: a run's name, or the team where the run is not known.
    pub fn of(&self, holder: &Holder) -> String {
        self.run(holder).map_or_else(|| holder.team.clone(), |run| run.name.to_string())
    }

    /// Who launched it and for which team, as far as that is not said by [`Self::of`].
    pub fn whose(&self, holder: &Holder) -> String {
        self.run(holder).map_or_else(String::new, |run| format!("{} · {}", run.who, holder.team))
    }

    /// Who it is, with the way to its run, and whose.
    pub fn entry(&self, holder: &Holder) -> AnyView {
        let (name, whose) = (self.of(holder), self.whose(holder));
        let name = match self.link(holder) {
            Some(href) => view! { <a class=style::LINK href=href>{name}</a> }.into_any(),
            None => view! { <span>{name}</span> }.into_any(),
        };
        view! { <span class="block">{name}" "<span class="text-ink-soft">{whose}</span></span> }.into_any()
    }

    /// Where its run is.
    pub fn link(&self, holder: &Holder) -> Option<String> {
        holder.run.as_ref().filter(|id| self.0.runs.contains_key(*id)).map(self.0.link)
    }

    fn run(&self, holder: &Holder) -> Option<&HeldBy> {
        holder.run.as_ref().and_then(|id| self.0.runs.get(id))
    }

    fn colour(&self, holder: &Holder) -> usize {
        self.0.colours.get(&holder.team).map_or(0, |number| usize::from(*number) % FILLS.len())
    }

    fn title(&self, holder: &Holder) -> String {
        match self.run(holder) {
            Some(run) => format!("{} ({}, {})", run.name, run.who, holder.team),
            None => holder.team.clone(),
        }
    }
}

/// A part of a GPU.
struct Part<'a> {
    /// Eighths of the GPU, or places.
    width: u8,
    /// What it is, such as `1g.5gb`.
    what: String,
    /// Whether it can be held.
    cut: bool,
    holder: Option<&'a Holder>,
}

/// The parts of a GPU, from the left.
fn parts(gpu: &Gpu) -> Vec<Part<'_>> {
    match gpu {
        Gpu::Whole { holder } => vec![Part { width: 8, what: "whole".to_owned(), cut: true, holder: holder.as_ref() }],
        Gpu::Cut { slices, holes } => {
            let fits = |fits: &[String]| {
                if fits.is_empty() { "nothing fits".to_owned() } else { format!("fits {}", fits.join(" ")) }
            };
            let mut all: Vec<(u8, Part<'_>)> = slices
                .iter()
                .map(|slice| {
                    (slice.start, Part { width: slice.memory, what: slice.profile.clone(), cut: true, holder: slice.holder.as_ref() })
                })
                .chain(holes.iter().map(|hole| (hole.start, Part { width: hole.memory, what: fits(&hole.fits), cut: false, holder: None })))
                .collect();
            all.sort_by_key(|(start, _)| *start);
            all.into_iter().map(|(_, part)| part).collect()
        }
        Gpu::Shared { seats, holders } => {
            let holders = holders.iter().map(Some).chain(std::iter::repeat(None)).take(*seats as usize);
            holders.map(|holder| Part { width: 1, what: "shared".to_owned(), cut: true, holder }).collect()
        }
        Gpu::Unplaced { slices } => {
            slices.iter().map(|slice| Part { width: 1, what: slice.profile.clone(), cut: true, holder: slice.holder.as_ref() }).collect()
        }
    }
}

/// A node's GPUs, each a few millimetres wide. What it shows is said in words beside it, so that screen readers pass it by.
pub fn strip(gpus: &[Gpu], names: &Names) -> AnyView {
    let gpu = |(index, gpu): (usize, &Gpu)| {
        let all = parts(gpu);
        let whole = matches!(gpu, Gpu::Whole { .. });
        let unit = if whole { 2 } else { 8 };
        let width: usize = all.iter().take(MOST).map(|part| usize::from(part.width) * unit).sum();
        let mut x = 0;
        let rects: Vec<AnyView> = all
            .iter()
            .take(MOST)
            .map(|part| {
                let from = x;
                x += usize::from(part.width) * unit;
                let who = part.holder.map_or_else(|| if part.cut { "free".to_owned() } else { String::new() }, |holder| names.title(holder));
                let class = match part.holder {
                    Some(holder) => FILLS[names.colour(holder)],
                    None => "fill-surface stroke-line-strong",
                };
                view! {
                    <rect class=class x=format!("{from}.5") y="0.5" width=(x - from - 1).to_string() height="13" rx="1" stroke-dasharray=(!part.cut).then_some("2 2")>
                        <title>{format!("GPU {index}, {}: {who}", part.what)}</title>
                    </rect>
                }
                .into_any()
            })
            .collect();
        view! {
            <svg class="shrink-0" width=width.to_string() height="14" viewBox=format!("0 0 {width} 14")>{rects}</svg>
        }
        .into_any()
    };
    view! { <div class="flex flex-wrap gap-1" aria-hidden="true">{gpus.iter().enumerate().map(gpu).collect::<Vec<_>>()}</div> }.into_any()
}

/// One GPU, large: each part with its slot, its profile and who is in it. `index` is its number on the node.
pub fn card(index: usize, gpu: &Gpu, names: &Names) -> AnyView {
    let all = parts(gpu);
    let placed = matches!(gpu, Gpu::Cut { .. });
    let (title, wide) = match gpu {
        Gpu::Whole { .. } => (format!("GPU {index}"), false),
        Gpu::Cut { .. } => (format!("GPU {index}, cut"), true),
        Gpu::Shared { seats, .. } => (format!("GPU {index}, shared by {seats} in turn"), true),
        Gpu::Unplaced { .. } => ("Slices whose place is not known".to_owned(), true),
    };
    let mut slot = 0;
    let cells: Vec<AnyView> = all
        .iter()
        .map(|part| {
            let place = if placed { format!("{slot} · {}", part.what) } else { part.what.clone() };
            slot += part.width;
            let span = SPANS[usize::from(part.width.clamp(1, 8)) - 1];
            cell(part, &place, span, names)
        })
        .collect();
    view! {
        <li class=if wide { "min-w-0 md:col-span-full" } else { "min-w-0" }>
            <h3 class="mb-1 text-table font-medium">{title}</h3>
            <ol class="flex flex-col gap-1 md:grid md:grid-cols-8">{cells}</ol>
        </li>
    }
    .into_any()
}

fn cell(part: &Part<'_>, place: &str, span: &'static str, names: &Names) -> AnyView {
    let (stripe, frame) = match part.holder {
        Some(holder) => (BACKGROUNDS[names.colour(holder)], "border-line-strong"),
        None if part.cut => ("bg-canvas", "border-line"),
        None => ("bg-surface", "border-dashed border-line-strong"),
    };
    let who = match part.holder {
        None if part.cut => view! { <span class="text-ink-soft">"free"</span> }.into_any(),
        None => view! { <span class="text-ink-soft">"not cut"</span> }.into_any(),
        Some(holder) => {
            let (name, whose, title) = (names.of(holder), names.whose(holder), names.title(holder));
            let name = match names.link(holder) {
                Some(href) => view! { <a class=format!("{} block truncate", style::LINK) href=href title=title>{name}</a> }.into_any(),
                None => view! { <span class="block truncate" title=title>{name}</span> }.into_any(),
            };
            view! {
                {name}
                {(!whose.is_empty()).then(|| view! { <span class="block truncate text-ink-soft">{whose}</span> })}
            }
            .into_any()
        }
    };
    view! {
        <li class=format!("flex min-w-0 flex-col overflow-hidden rounded border bg-surface text-table {frame} {span}")>
            <span class=format!("h-1.5 shrink-0 {stripe}") aria-hidden="true"></span>
            <div class="min-w-0 px-1.5 py-1">
                <p class="font-mono text-mono break-words text-ink-soft">{place.to_owned()}</p>
                {who}
            </div>
        </li>
    }
    .into_any()
}

/// Which colour is which team's, and how what nobody holds is drawn.
#[component]
pub fn Legend(
    /// The number of each team's colour.
    colours: BTreeMap<String, u8>,
) -> impl IntoView {
    let entry = |class: &'static str, dashed: bool, text: String| {
        view! {
            <li class="flex items-center gap-1.5">
                <svg class="size-3 shrink-0" viewBox="0 0 12 12" aria-hidden="true">
                    <rect class=class x="0.5" y="0.5" width="11" height="11" rx="1" stroke-dasharray=dashed.then_some("2 2")/>
                </svg>
                {text}
            </li>
        }
        .into_any()
    };
    let teams = colours.into_iter().map(|(team, number)| entry(FILLS[usize::from(number) % FILLS.len()], false, team));
    let rest = [
        entry("fill-surface stroke-line-strong", false, "free".to_owned()),
        entry("fill-surface stroke-line-strong", true, "not cut".to_owned()),
    ];
    view! { <ul class="flex flex-wrap gap-x-4 gap-y-1 text-table text-ink-soft" aria-label="Legend">{teams.chain(rest).collect::<Vec<_>>()}</ul> }
}
