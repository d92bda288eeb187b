//! GPUs drawn as they are cut: small, for a row of a table, and large, with who is in each slot.
//!
//! A part that somebody holds is filled with the colour of their team, one that is free is an outline, and one that is not cut
//! into anything is dashed, so that the three are told apart without colours. What a run is called and where it leads is given
//! by the page.

use std::{collections::BTreeMap, sync::Arc};

use leptos::prelude::*;
use slipway_domain::{
    node::{
        Gpu, HeldBy, Holder, Hole, Slice,
        dra::{DraGpu, DraPart},
    },
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

/// A GPU to be drawn.
struct Drawing<'a> {
    /// Its number on the node.
    number: usize,
    /// Its heading.
    title: String,
    whole: bool,
    parts: Vec<Part<'a>>,
}

/// A part of a GPU.
#[derive(Default)]
struct Part<'a> {
    /// Eighths of the GPU, or places.
    width: u8,
    /// What it is, such as `1g.5gb`.
    what: String,
    /// Its first memory slice, where that is known.
    place: Option<u8>,
    /// Whether it can be held.
    cut: bool,
    /// Who has it; several where they share a claim.
    holders: &'a [Holder],
    /// Claims and taints.
    notes: Vec<String>,
}

fn hole(hole: &Hole) -> Part<'_> {
    let what = if hole.fits.is_empty() { "nothing fits".to_owned() } else { format!("fits {}", hole.fits.join(" ")) };
    Part { width: hole.memory, what, place: Some(hole.start), ..Part::default() }
}

impl<'a> Drawing<'a> {
    /// One that is given as a resource.
    fn of(number: usize, gpu: &'a Gpu) -> Self {
        let (title, mut parts): (String, Vec<Part<'a>>) = match gpu {
            Gpu::Whole { holder } => (
                format!("GPU {number}"),
                vec![Part { width: 8, what: "whole".to_owned(), cut: true, holders: holder.as_slice(), ..Part::default() }],
            ),
            Gpu::Cut { slices, holes } => {
                let slice = |slice: &'a Slice| Part {
                    width: slice.memory,
                    what: slice.profile.clone(),
                    place: Some(slice.start),
                    cut: true,
                    holders: slice.holder.as_slice(),
                    notes: Vec::new(),
                };
                (format!("GPU {number}, cut"), slices.iter().map(slice).chain(holes.iter().map(hole)).collect())
            }
            Gpu::Shared { seats, holders } => {
                let holders = holders.iter().map(std::slice::from_ref).chain(std::iter::repeat(&[][..])).take(*seats as usize);
                let seat = |holders| Part { width: 1, what: "shared".to_owned(), cut: true, holders, ..Part::default() };
                (format!("GPU {number}, shared by {seats} in turn"), holders.map(seat).collect())
            }
            Gpu::Unplaced { slices } => {
                let slice = |slice: &'a Slice| Part {
                    width: 1,
                    what: slice.profile.clone(),
                    cut: true,
                    holders: slice.holder.as_slice(),
                    ..Part::default()
                };
                ("Slices whose place is not known".to_owned(), slices.iter().map(slice).collect())
            }
        };
        parts.sort_by_key(|part| part.place);
        Self { number, title, whole: matches!(gpu, Gpu::Whole { .. }), parts }
    }

    /// One that is given by claims.
    fn by_claim(gpu: &'a DraGpu) -> Self {
        let whole = gpu.is_whole();
        let part = |part: &'a DraPart| {
            let claims = part.claims.iter().map(|claim| format!("claim {claim}"));
            let taints = part.taints.iter().map(|taint| format!("taint {taint}"));
            let cuts = gpu.holes.iter().filter(|_| whole).map(|hole| format!("can be cut: {}", hole.fits.join(" ")));
            Part {
                width: part.memory.max(1),
                what: part.profile.clone().unwrap_or_else(|| "whole".to_owned()),
                place: (!whole && part.memory > 0).then_some(part.start),
                cut: true,
                holders: &part.holders,
                notes: claims.chain(taints).chain(cuts).collect(),
            }
        };
        let mut parts: Vec<Part<'a>> = gpu.parts.iter().map(part).chain(gpu.holes.iter().filter(|_| !whole).map(hole)).collect();
        parts.sort_by_key(|part| part.place);
        let number = gpu.number as usize;
        Self { number, title: format!("GPU {number}{}", if whole { "" } else { ", cut" }), whole, parts }
    }

    fn all(gpus: &'a [Gpu], dra: &'a [DraGpu]) -> impl Iterator<Item = Self> {
        gpus.iter().enumerate().map(|(number, gpu)| Self::of(number, gpu)).chain(dra.iter().map(Self::by_claim))
    }
}

/// A node's GPUs, those as resources and those by claims, each a few millimetres wide. What it shows is said in words beside it,
/// so that screen readers pass it by.
pub fn strip(gpus: &[Gpu], dra: &[DraGpu], names: &Names) -> AnyView {
    let gpu = |gpu: Drawing<'_>| {
        let unit = if gpu.whole { 2 } else { 8 };
        let shown = || gpu.parts.iter().take(MOST);
        let width: usize = shown().map(|part| usize::from(part.width) * unit).sum();
        let mut x = 0;
        let rects: Vec<AnyView> = shown()
            .map(|part| {
                let from = x;
                x += usize::from(part.width) * unit;
                let who = match part.holders {
                    [] if part.cut => "free".to_owned(),
                    holders => holders.iter().map(|holder| names.title(holder)).collect::<Vec<_>>().join(", "),
                };
                let class = part.holders.first().map_or("fill-surface stroke-line-strong", |holder| FILLS[names.colour(holder)]);
                view! {
                    <rect class=class x=format!("{from}.5") y="0.5" width=(x - from - 1).to_string() height="13" rx="1" stroke-dasharray=(!part.cut).then_some("2 2")>
                        <title>{format!("GPU {}, {}: {who}", gpu.number, part.what)}</title>
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
    view! { <div class="flex flex-wrap gap-1" aria-hidden="true">{Drawing::all(gpus, dra).map(gpu).collect::<Vec<_>>()}</div> }.into_any()
}

/// A node's GPUs, large: each part with its slot, its profile and who is in it.
pub fn cards(gpus: &[Gpu], dra: &[DraGpu], names: &Names) -> Vec<AnyView> {
    let card = |gpu: Drawing<'_>| {
        let cells: Vec<AnyView> = gpu.parts.iter().map(|part| cell(part, names)).collect();
        view! {
            <li class=if gpu.whole { "min-w-0" } else { "min-w-0 md:col-span-full" }>
                <h3 class="mb-1 text-table font-medium">{gpu.title}</h3>
                <ol class="flex flex-col gap-1 md:grid md:grid-cols-8">{cells}</ol>
            </li>
        }
        .into_any()
    };
    Drawing::all(gpus, dra).map(card).collect()
}

fn cell(part: &Part<'_>, names: &Names) -> AnyView {
    let (stripe, frame) = match part.holders.first() {
        Some(holder) => (BACKGROUNDS[names.colour(holder)], "border-line-strong"),
        None if part.cut => ("bg-canvas", "border-line"),
        None => ("bg-surface", "border-dashed border-line-strong"),
    };
    let place = part.place.map_or_else(|| part.what.clone(), |place| format!("{place} · {}", part.what));
    let span = SPANS[usize::from(part.width.clamp(1, 8)) - 1];
    let who = |holder: &Holder| {
        let (name, whose, title) = (names.of(holder), names.whose(holder), names.title(holder));
        let name = match names.link(holder) {
            Some(href) => view! { <a class=format!("{} block truncate", style::LINK) href=href title=title>{name}</a> }.into_any(),
            None => view! { <span class="block truncate" title=title>{name}</span> }.into_any(),
        };
        view! {
            {name}
            {(!whose.is_empty()).then(|| soft(whose))}
        }
        .into_any()
    };
    let nobody = part.holders.is_empty().then(|| soft(if part.cut { "free" } else { "not cut" }.to_owned()));
    view! {
        <li class=format!("flex min-w-0 flex-col overflow-hidden rounded border bg-surface text-table {frame} {span}")>
            <span class=format!("h-1.5 shrink-0 {stripe}") aria-hidden="true"></span>
            <div class="min-w-0 px-1.5 py-1">
                <p class="font-mono text-mono break-words text-ink-soft">{place}</p>
                {part.holders.iter().map(who).collect::<Vec<_>>()}
                {nobody}
                {part.notes.iter().map(|note| soft(note.clone())).collect::<Vec<_>>()}
            </div>
        </li>
    }
    .into_any()
}

fn soft(text: String) -> AnyView {
    let title = text.clone();
    view! { <span class="block truncate text-ink-soft" title=title>{text}</span> }.into_any()
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
