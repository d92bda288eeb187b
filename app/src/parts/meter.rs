//! How much of something is in use, waits, and is there at all, drawn on one bar with the numbers beside it.
//!
//! What is in use is a thick bar and what waits a thin one behind it, so that the two are told apart without their colours.
//! Where both together are more than there is, the bar reaches as far as they do and a mark stands where what there is ends.

use leptos::prelude::*;

/// The parts of the bar, in hundredths of its width.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Drawn {
    /// In use, as far as there is room for it.
    used: f64,
    /// In use beyond what there is.
    over: f64,
    /// Waiting, from where what is in use ends.
    waiting: f64,
    /// Where what there is ends; none where that is the end of the bar.
    mark: Option<f64>,
}

impl Drawn {
    fn of(used: f64, waiting: f64, hard: f64) -> Self {
        let amount = |value: f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
        let (used, waiting, hard) = (amount(used), amount(waiting), amount(hard));
        let whole = hard.max(used + waiting);
        let share = |value: f64| if whole > 0.0 { value / whole * 100.0 } else { 0.0 };
        let within = used.min(hard);
        Self { used: share(within), over: share(used - within), waiting: share(waiting), mark: (whole > hard).then(|| share(hard)) }
    }
}

/// A meter. The three amounts are in one unit, which `label` names.
#[component]
pub fn Meter(
    /// In use.
    used: f64,
    /// Asked for beside that, and waiting.
    waiting: f64,
    /// What there is.
    hard: f64,
    /// The numbers with their unit, such as `6 of 8 GPUs, 2 waiting`: all that the bar says, for whoever does not see it.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let drawn = Drawn::of(used, waiting, hard);
    let text = |value: f64| format!("{value:.1}");
    let part = move |from: f64, width: f64, class: &'static str, thin: bool| {
        let (y, height) = if thin { ("2.500", "3") } else { ("0", "8") };
        (width > 0.0).then(|| view! { <rect class=class x=text(from) y=y width=text(width) height=height/> })
    };
    view! {
        <span class="inline-flex min-w-0 items-center gap-2 text-table tabular-nums">
            <svg class="h-2 w-20 shrink-0" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect class="fill-line" width="100" height="8" rx="1"/>
                {part(0.0, drawn.used, "fill-accent", false)}
                {part(drawn.used, drawn.over, "fill-bad", false)}
                {part(drawn.used + drawn.over, drawn.waiting, "fill-accent", true)}
                {drawn.mark.map(|mark| view! { <rect class="fill-ink" x=text(mark - 0.8) y="0" width="1.600" height="8"/> })}
            </svg>
            <span class="min-w-0">{label}</span>
        </span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_ends_at_the_end_of_the_bar_or_at_a_mark() {
        assert_eq!(Drawn::of(2.0, 1.0, 8.0), Drawn { used: 25.0, over: 0.0, waiting: 12.5, mark: None });
        assert_eq!(Drawn::of(6.0, 4.0, 8.0), Drawn { used: 60.0, over: 0.0, waiting: 40.0, mark: Some(80.0) });
        assert_eq!(Drawn::of(10.0, 0.0, 8.0), Drawn { used: 80.0, over: 20.0, waiting: 0.0, mark: Some(80.0) });
    }

    #[test]
    fn nothing_of_nothing_is_an_empty_bar() {
        let empty = Drawn { used: 0.0, over: 0.0, waiting: 0.0, mark: None };
        for (used, hard) in [(0.0, 0.0), (-1.0, 4.0), (f64::NAN, f64::INFINITY)] {
            assert_eq!(Drawn::of(used, 0.0, hard), empty);
        }
        assert_eq!(Drawn::of(1.0, 0.0, 0.0), Drawn { used: 0.0, over: 100.0, waiting: 0.0, mark: Some(0.0) });
    }
}
