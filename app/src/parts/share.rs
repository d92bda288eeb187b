//! How much of a machine's CPU, memory or Pods is asked for: a meter with its unit.

use leptos::prelude::*;
use slipway_domain::{node::Share, quantity::Quantity};

use super::{meter::Meter, number};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// CPU cores.
    Cores,
    /// Bytes.
    Bytes,
    /// Pods.
    Pods,
}

/// A share of a machine.
#[component]
pub fn ShareMeter(
    /// How much.
    share: Share,
    /// Of what.
    unit: Unit,
) -> impl IntoView {
    view! { <Meter used=size(share.used) waiting=0.0 hard=size(share.all) label=words(share, unit)/> }
}

#[expect(clippy::cast_precision_loss, reason = "a bar is a hundred pixels wide")]
fn size(amount: Quantity) -> f64 {
    amount.as_millis() as f64
}

fn words(share: Share, unit: Unit) -> String {
    let whole = |amount: Quantity| u64::try_from(amount.as_units()).unwrap_or(0);
    match unit {
        Unit::Cores => format!("{} of {} cores", cores(share.used), cores(share.all)),
        Unit::Bytes => format!("{} of {}", number::bytes(whole(share.used)), number::bytes(whole(share.all))),
        Unit::Pods => format!("{} of {} Pods", number::count(whole(share.used)), number::count(whole(share.all))),
    }
}

/// Cores to a tenth.
fn cores(amount: Quantity) -> String {
    let tenths = u64::try_from(amount.as_millis()).unwrap_or(0).div_ceil(100);
    if tenths.is_multiple_of(10) { number::count(tenths / 10) } else { format!("{}.{}", number::count(tenths / 10), tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_their_unit() {
        let share = |used: &str, all: &str| Share { used: Quantity::parse(used).unwrap(), all: Quantity::parse(all).unwrap() };
        assert_eq!(words(share("8510m", "64"), Unit::Cores), "8.6 of 64 cores");
        assert_eq!(words(share("64Gi", "1Ti"), Unit::Bytes), "64.0 GiB of 1.0 TiB");
        assert_eq!(words(share("3", "110"), Unit::Pods), "3 of 110 Pods");
    }
}
