//! A line chart: the mean with its extremes behind it, drawn on the server, with a crosshair and a brush once a script runs.
//!
//! Charts of a page share one crosshair, so that a spike in one is found in the others. The plot is an SVG as wide as its place;
//! its paths are stretched, its text is not.

mod curve;
mod drawing;
mod scale;
mod smooth;

use leptos::{ev, prelude::*};

pub use curve::Curve;
use drawing::{AXIS, Drawing, HEIGHT};

use super::{number, time};

/// How curves are looked at; all of it is in the page's URL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// From this step on.
    pub from: Option<u64>,
    /// Up to this step.
    pub to: Option<u64>,
    /// Whether values go up by factors.
    pub log: bool,
    /// The weight of the past in the smoothed line; 0 is none.
    pub smooth: f64,
}

/// A line chart of one metric.
#[component]
pub fn Chart(
    /// The metric's name.
    #[prop(into)]
    name: String,
    /// Its curve.
    #[prop(into)]
    curve: Signal<Curve>,
    /// How it is looked at.
    #[prop(into)]
    view: Signal<View>,
    /// The step under the crosshair, which all charts of a page share.
    hover: RwSignal<Option<f64>>,
    /// Called with the first and last step of a stretch that was brushed.
    #[prop(into)]
    on_zoom: Callback<(u64, u64)>,
) -> impl IntoView {
    let drawing = Memo::new(move |_| curve.with(|curve| view.with(|view| Drawing::of(curve, view))));
    let at = Memo::new(move |_| {
        let step = hover.get()?;
        curve.with(|curve| curve.nearest(step))
    });
    let readout = Memo::new(move |_| curve.with(|curve| read_out(curve, at.get())));
    let label = {
        let name = name.clone();
        move || format!("{name}: {}", curve.with(|curve| read_out(curve, None)))
    };
    let brush = RwSignal::new(None::<(f64, f64)>);
    let move_to = move |event: ev::PointerEvent| {
        let share = share_of(&event);
        hover.set(Some(drawing.with_untracked(|drawing| drawing.x.at(share))));
        brush.update(|brush| {
            if let Some((_, to)) = brush {
                *to = share;
            }
        });
    };
    let press = move |event: ev::PointerEvent| {
        if event.button() == 0 {
            let share = share_of(&event);
            brush.set(Some((share, share)));
        }
    };
    let release = move |_| {
        if let Some((a, b)) = brush.get_untracked() {
            brush.set(None);
            if (a - b).abs() > 0.02 {
                on_zoom.run(drawing.with_untracked(|drawing| steps_between(drawing, a.min(b), a.max(b))));
            }
        }
    };
    let leave = move |_| {
        hover.set(None);
        brush.set(None);
    };
    let key = move |event: ev::KeyboardEvent| {
        let by: isize = match event.key().as_str() {
            "ArrowLeft" => -1,
            "ArrowRight" => 1,
            "Escape" => {
                hover.set(None);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        curve.with_untracked(|curve| {
            let last = curve.steps.len().saturating_sub(1);
            let next = at.get_untracked().map_or(last, |at| at.saturating_add_signed(by).min(last));
            hover.set(curve.steps.get(next).map(|step| curve::to_float(*step)));
        });
    };
    view! {
        <figure data-metric=name.clone() class="flex min-w-0 flex-col gap-1 rounded border border-line bg-surface p-3">
            <figcaption class="flex min-w-0 items-baseline gap-3 text-table">
                <span class="truncate font-mono font-medium" title=name.clone()>{name.clone()}</span>
                <span class="flex-1"></span>
                <span class="shrink-0 text-ink-soft tabular-nums">{move || readout.get()}</span>
            </figcaption>
            <div class="grid grid-cols-[64px_1fr]">
                <svg class="h-44 w-16" aria-hidden="true">
                    <For each=move || drawing.with(|drawing| drawing.up.clone()) key=|(y, text)| (y.to_bits(), text.clone()) let:tick>
                        <text class="fill-ink-faint" x=AXIS.to_string() y=format!("{:.1}", tick.0 + 12.0) text-anchor="end" font-size="11">{tick.1}</text>
                    </For>
                </svg>
                <svg
                    class="h-44 w-full cursor-crosshair touch-pan-y overflow-visible focus-visible:outline-2 focus-visible:outline-accent"
                    role="img"
                    aria-label=label
                    tabindex="0"
                    on:pointermove=move_to
                    on:pointerdown=press
                    on:pointerup=release
                    on:pointerleave=leave
                    on:keydown=key
                >
                    <Plot drawing/>
                    <Crosshair curve drawing at/>
                    {move || {
                        brush.get().map(|(a, b)| {
                            let (from, width) = (a.min(b) * 100.0, (a - b).abs() * 100.0);
                            view! { <rect class="fill-accent" fill-opacity="0.15" x=format!("{from:.2}%") y="8" width=format!("{width:.2}%") height="160"/> }
                        })
                    }}
                </svg>
            </div>
            {move || {
                let left_out = drawing.with(|drawing| drawing.left_out);
                (left_out > 0).then(|| view! { <p class="text-table text-ink-soft">{number::counted(left_out as u64, "value", "values")}" of 0 or less cannot be shown on a log scale"</p> })
            }}
        </figure>
    }
}

/// Grid, band, lines and marks.
#[component]
fn Plot(drawing: Memo<Drawing>) -> impl IntoView {
    let has_smooth = Memo::new(move |_| drawing.with(|drawing| !drawing.smoothed.is_empty()));
    let bottom = format!("{}", HEIGHT + 22.0);
    view! {
        <For each=move || drawing.with(|drawing| drawing.up.clone()) key=|(y, text)| (y.to_bits(), text.clone()) let:tick>
            <line class="stroke-line" x1="0" x2="100%" y1=format!("{:.1}", tick.0 + 8.0) y2=format!("{:.1}", tick.0 + 8.0)/>
        </For>
        <For each=move || drawing.with(|drawing| drawing.across.clone()) key=|(x, text)| (x.to_bits(), text.clone()) let:tick>
            <text class="fill-ink-faint" x=format!("{:.2}%", tick.0) y=bottom.clone() text-anchor="middle" font-size="11">{tick.1}</text>
        </For>
        <svg x="0" y="8" width="100%" height="160" viewBox="0 0 1000 160" preserveAspectRatio="none">
            <path class="fill-series-1" fill-opacity="0.18" d=move || drawing.with(|drawing| drawing.band.clone())/>
            <path
                class="stroke-series-1"
                fill="none"
                stroke-width="1.5"
                stroke-linejoin="round"
                vector-effect="non-scaling-stroke"
                stroke-opacity=move || if has_smooth.get() { "0.35" } else { "1" }
                d=move || drawing.with(|drawing| drawing.raw.clone())
            />
            <path class="stroke-series-1" fill="none" stroke-width="2" stroke-linejoin="round" vector-effect="non-scaling-stroke" d=move || drawing.with(|drawing| drawing.smoothed.clone())/>
        </svg>
        <For each=move || drawing.with(|drawing| drawing.broken.clone()) key=|(from, to)| (from.to_bits(), to.to_bits()) let:stretch>
            <line class="stroke-bad" stroke-width="2" x1=format!("{:.2}%", stretch.0) x2=format!("{:.2}%", stretch.1) y1="5" y2="5"/>
            <text class="fill-bad" x=format!("{:.2}%", stretch.0) y="9" text-anchor="middle" font-size="11">
                <title>"NaN or infinite"</title>
                "✕"
            </text>
        </For>
    }
}

#[component]
fn Crosshair(curve: Signal<Curve>, drawing: Memo<Drawing>, at: Memo<Option<usize>>) -> impl IntoView {
    move || {
        let (across, down) = curve.with(|curve| drawing.with(|drawing| at.get().and_then(|at| drawing.point(curve, at))))?;
        let x = format!("{across:.2}%");
        Some(view! {
            <line class="stroke-ink-faint" x1=x.clone() x2=x.clone() y1="8" y2="168"/>
            {down.map(|down| view! { <circle class="fill-series-1" cx=x r="3.5" cy=format!("{:.1}", down + 8.0)/> })}
        })
    }
}

/// The value at a bucket, or the newest.
fn read_out(curve: &Curve, at: Option<usize>) -> String {
    let Some(index) = at.or(curve.steps.len().checked_sub(1)) else { return "no points yet".to_owned() };
    let step = number::count(curve.steps[index]);
    let value = match (curve.mean.get(index).copied().flatten(), curve.broken_at(index)) {
        (Some(mean), 0) => number::measured(mean),
        (Some(mean), broken) => format!("{}, {broken} NaN or infinite", number::measured(mean)),
        (None, _) => "NaN or infinite".to_owned(),
    };
    let spread = match (curve.low.get(index).copied().flatten(), curve.high.get(index).copied().flatten()) {
        (Some(low), Some(high)) if low < high => format!(" ({} to {})", number::measured(low), number::measured(high)),
        _ => String::new(),
    };
    let clock = at
        .and_then(|_| jiff::Timestamp::from_second(curve.since.saturating_add(curve.seconds.get(index).copied()?.into())).ok())
        .map(|time| format!(" · {}", time::absolute(time).get(11..).unwrap_or_default()))
        .unwrap_or_default();
    format!("{value}{spread} · step {step}{clock}")
}

/// The whole steps within a brushed stretch.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "steps are whole, not negative, and below 2^53 where a chart is brushed"
)]
fn steps_between(drawing: &Drawing, from: f64, to: f64) -> (u64, u64) {
    let from = drawing.x.at(from).max(0.0).floor() as u64;
    let to = drawing.x.at(to).max(0.0).ceil() as u64;
    (from, to.max(from + 1))
}

/// How far into its element a pointer is, from 0 to 1.
fn share_of(event: &ev::PointerEvent) -> f64 {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let element = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let rect = element.map(|element| element.get_bounding_client_rect());
        rect.filter(|rect| rect.width() > 0.0)
            .map_or(0.0, |rect| ((f64::from(event.client_x()) - rect.left()) / rect.width()).clamp(0.0, 1.0))
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        0.0
    }
}
