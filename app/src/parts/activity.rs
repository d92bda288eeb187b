//! How busy GPUs are, and why it is not known: a meter with its number, or the words for it.

use leptos::prelude::*;
use slipway_domain::utilisation::{Activity, Measuring, NodeUse, Permille};

use super::{badge::Tone, banner::Banner, meter::Meter, time};

fn meter(share: Permille, label: String) -> AnyView {
    view! { <Meter used=f64::from(share.thousandths()) waiting=0.0 hard=1000.0 label/> }.into_any()
}

fn words(text: String, title: Option<String>) -> AnyView {
    view! { <span class="text-ink-soft" title=title>{text}</span> }.into_any()
}

/// A node's GPUs in the mean.
pub fn of_node(of: &NodeUse) -> AnyView {
    match of {
        NodeUse::Engine { mean, measured, of } if measured == of => meter(*mean, format!("{} active", mean.words())),
        NodeUse::Engine { mean, measured, of } => meter(*mean, format!("{} active, {measured} of {of} measured", mean.words())),
        NodeUse::Busy { mean } => words(Activity::Busy(*mean).words(), None),
        NodeUse::NotMeasured { why } => words("not measured".to_owned(), Some(why.clone())),
    }
}

/// A GPU or a slice.
pub fn of_device(activity: Activity) -> AnyView {
    match activity {
        Activity::Engine(share) => meter(share, format!("{} active", share.words())),
        Activity::Busy(_) | Activity::NotMeasured(_) => words(activity.words(), None),
    }
}

/// The time that is looked back upon: `30 m`, `90 s`.
pub fn window(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { format!("{} m", seconds / 60) } else { format!("{seconds} s") }
}

/// That nothing is measured, and why; none where something is.
pub fn not_measured(measuring: &Measuring) -> Option<AnyView> {
    let why = measuring.why_not()?;
    let sentence = format!("Utilisation is not measured: {why}");
    Some(match measuring {
        Measuring::Failed { last, .. } => {
            let last = last.map(|last| format!("; it was until {}", time::absolute(last)));
            view! { <Banner tone=Tone::Warn>{sentence}{last}</Banner> }.into_any()
        }
        Measuring::NotConfigured | Measuring::Waiting | Measuring::Good { .. } => {
            view! { <p class="text-table text-ink-soft">{sentence}</p> }.into_any()
        }
    })
}
