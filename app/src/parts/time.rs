//! Times and durations: relative to now, ticking, with the absolute time on hover and for machines.

use jiff::Timestamp;
use leptos::prelude::*;

use crate::clock;

/// `2026-11-24 12:03:07 UTC`.
pub fn absolute(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(date), Some(time)) => format!("{date} {time} UTC"),
        _ => text,
    }
}

/// Whole seconds from one time to another, 0 where the clock went backwards.
pub fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond().saturating_sub(from.as_millisecond()) / 1000).unwrap_or(0)
}

/// A duration in its two largest units: `8 s`, `4 m 05 s`, `2 h 04 m`, `3 d 4 h`.
pub fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if seconds < 60 {
        format!("{seconds} s")
    } else if minutes < 60 {
        format!("{minutes} m {:02} s", seconds % 60)
    } else if hours < 24 {
        format!("{hours} h {:02} m", minutes % 60)
    } else {
        format!("{days} d {} h", hours % 24)
    }
}

/// How long ago: `just now`, `12 s ago`, `3 m ago`, `5 h ago`, `6 d ago`, then the date.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        let ahead = seconds_between(now, at);
        return match ahead {
            0..5 => "just now".to_owned(),
            _ => format!("in {}", duration(ahead)),
        };
    }
    match seconds_between(at, now) {
        0..5 => "just now".to_owned(),
        seconds @ 5..60 => format!("{seconds} s ago"),
        seconds @ 60..3600 => format!("{} m ago", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h ago", seconds / 3600),
        seconds @ 86_400..2_592_000 => format!("{} d ago", seconds / 86_400),
        _ => at.to_string().get(..10).unwrap_or_default().to_owned(),
    }
}

/// A time, relative, with the absolute on hover.
#[component]
pub fn Ago(
    /// When.
    #[prop(into)]
    at: Signal<Timestamp>,
) -> impl IntoView {
    let now = clock::ticking();
    let words = Memo::new(move |_| ago(at.get(), now.get()));
    view! {
        <time class="whitespace-nowrap" datetime=move || at.get().to_string() title=move || absolute(at.get())>
            {move || words.get()}
        </time>
    }
}

/// A stretch of time; it ticks while it has no end.
#[component]
pub fn Lasting(
    /// Its beginning.
    #[prop(into)]
    from: Signal<Timestamp>,
    /// Its end, if it has one.
    #[prop(into)]
    until: Signal<Option<Timestamp>>,
) -> impl IntoView {
    let now = clock::ticking();
    let words = Memo::new(move |_| duration(seconds_between(from.get(), until.get().unwrap_or_else(|| now.get()))));
    let title = move || match until.get() {
        Some(until) => format!("{} to {}", absolute(from.get()), absolute(until)),
        None => format!("since {}", absolute(from.get())),
    };
    view! {
        <time class="whitespace-nowrap tabular-nums" title=title datetime=move || from.get().to_string()>{move || words.get()}</time>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        for (seconds, text) in [(0, "0 s"), (59, "59 s"), (65, "1 m 05 s"), (7440, "2 h 04 m"), (273_600, "3 d 4 h")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn what_was_is_told_in_one_unit() {
        for (seconds, text) in [(2, "just now"), (12, "12 s ago"), (190, "3 m ago"), (7300, "2 h ago"), (90_000, "1 d ago")] {
            assert_eq!(ago(at(1_700_000_000 - seconds), at(1_700_000_000)), text);
        }
        assert_eq!(ago(at(1_600_000_000), at(1_700_000_000)), "2020-09-13");
    }

    #[test]
    fn a_clock_that_went_backwards_breaks_nothing() {
        assert_eq!(seconds_between(at(100), at(40)), 0);
        assert_eq!(ago(at(102), at(100)), "just now");
        assert_eq!(ago(at(220), at(100)), "in 2 m 00 s");
    }

    #[test]
    fn the_absolute_time_names_its_zone() {
        assert_eq!(absolute(at(0)), "1970-01-01 00:00:00 UTC");
    }
}
