//! A curve the size of a word: the shape of a loss in a table's row.

use leptos::prelude::*;
use slipway_domain::run::report::Value;

const WIDTH: f64 = 80.0;
const HEIGHT: f64 = 20.0;

/// The path of a sparkline; a value that is not finite breaks the line.
#[expect(clippy::cast_precision_loss, reason = "at most 32 values")]
fn path(values: &[Value]) -> String {
    let finite = || values.iter().map(|value| value.0).filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let across = (values.len().saturating_sub(1)).max(1) as f64;
    let mut out = String::new();
    let mut pen_down = false;
    for (index, value) in values.iter().enumerate() {
        if !value.0.is_finite() {
            pen_down = false;
            continue;
        }
        let x = index as f64 / across * (WIDTH - 2.0) + 1.0;
        let y = (HEIGHT - 2.0) - (value.0 - low) / span * (HEIGHT - 4.0);
        out.push_str(&format!("{}{x:.1} {y:.1}", if pen_down { 'L' } else { 'M' }));
        pen_down = true;
    }
    out
}

/// A small curve without axes.
#[component]
pub fn Sparkline(
    /// Evenly spaced values, oldest first.
    values: Vec<Value>,
    /// What it shows, for screen readers.
    label: String,
) -> impl IntoView {
    let broken = values.iter().any(|value| !value.0.is_finite());
    (values.len() > 1).then(|| {
        view! {
            <svg class="h-5 w-20 shrink-0" viewBox="0 0 80 20" role="img" aria-label=label>
                <path class="stroke-series-1" d=path(&values) fill="none" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"/>
                {broken.then(|| view! { <text class="fill-bad" x="80" y="9" text-anchor="end" font-size="9">"✕"</text> })}
            </svg>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_finite_breaks_the_line_and_nothing_else() {
        let values = [1.0, 0.5, f64::NAN, 0.25, f64::INFINITY].map(Value);
        let path = path(&values);
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
    }

    #[test]
    fn a_flat_curve_is_a_line() {
        assert_eq!(path(&[Value(3.0), Value(3.0)]), "M1.0 18.0L79.0 18.0");
    }
}
