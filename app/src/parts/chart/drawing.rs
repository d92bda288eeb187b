//! A chart as SVG sees it: paths in a box of 1000 × 160 units that is stretched to the chart's width, and everything that must
//! not be stretched (text, marks) by its share of the width and its height in pixels.

use super::{Curve, View, curve::to_float, scale::Scale, smooth::smooth};
use crate::parts::number;

/// The width of the stretched box, in its own units.
pub const WIDTH: f64 = 1000.0;

/// The height of the plot, in pixels.
pub const HEIGHT: f64 = 160.0;

/// The width that labels beside the plot have, in pixels.
pub const AXIS: f64 = 58.0;

/// Everything that is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// From the smallest to the largest value of each bucket.
    pub band: String,
    /// The means as they are.
    pub raw: String,
    /// The means smoothed; empty where no smoothing is asked for.
    pub smoothed: String,
    /// Height in pixels and text of each tick.
    pub up: Vec<(f64, String)>,
    /// Share of the width in percent and text of each tick.
    pub across: Vec<(f64, String)>,
    /// Where values are NaN or infinite: from and to, in percent of the width.
    pub broken: Vec<(f64, f64)>,
    /// Values that a logarithmic scale has no place for.
    pub left_out: usize,
    /// Steps.
    pub x: Scale,
    /// Values.
    pub y: Scale,
    /// What the line shows at each bucket.
    pub line: Vec<Option<f64>>,
}

impl Drawing {
    /// Draws a curve.
    pub fn of(curve: &Curve, view: &View) -> Self {
        let first = view.from.or(curve.steps.first().copied()).unwrap_or(0);
        let last = view.to.or(curve.steps.last().copied()).unwrap_or(1);
        let x = Scale::linear(to_float(first), to_float(last));
        let values = curve.mean.iter().chain(&curve.low).chain(&curve.high).flatten().copied();
        let y = Scale::fitting(values, view.log);
        let across = |index: usize| x.place(to_float(curve.steps[index])).unwrap_or(0.0);
        let down = |value: f64| y.place(value).map(|place| (1.0 - place) * HEIGHT);
        let line = if view.smooth > 0.0 { smooth(&curve.mean, view.smooth) } else { curve.mean.clone() };
        let path = |values: &[Option<f64>]| {
            let mut out = String::new();
            let mut pen_down = false;
            for (index, value) in values.iter().enumerate() {
                let Some(y) = value.and_then(down) else {
                    pen_down = false;
                    continue;
                };
                // A point with gaps on both sides is a dash, or it would not be seen.
                let alone = !pen_down && values.get(index + 1).copied().flatten().and_then(down).is_none();
                let x = across(index) * WIDTH;
                out.push_str(&format!("{}{x:.1} {y:.1}", if pen_down { 'L' } else { 'M' }));
                if alone {
                    out.push_str("h2");
                }
                pen_down = true;
            }
            out
        };
        Self {
            band: band(curve, &across, &down),
            raw: path(&curve.mean),
            smoothed: if view.smooth > 0.0 { path(&line) } else { String::new() },
            up: labelled(&y.ticks(4), &down),
            across: step_ticks(x),
            broken: broken(curve, &across),
            left_out: if view.log { curve.mean.iter().flatten().filter(|value| **value <= 0.0).count() } else { 0 },
            x,
            y,
            line,
        }
    }

    /// Where a bucket's point is: percent of the width, pixels from the top.
    pub fn point(&self, curve: &Curve, index: usize) -> Option<(f64, Option<f64>)> {
        let across = self.x.place(to_float(*curve.steps.get(index)?))? * 100.0;
        let down = self.line.get(index).copied().flatten().and_then(|value| self.y.place(value)).map(|place| (1.0 - place) * HEIGHT);
        Some((across, down))
    }
}

fn band(curve: &Curve, across: &dyn Fn(usize) -> f64, down: &dyn Fn(f64) -> Option<f64>) -> String {
    let mut out = String::new();
    let places: Vec<Option<(f64, f64, f64)>> = curve
        .low
        .iter()
        .zip(&curve.high)
        .enumerate()
        .map(|(index, (low, high))| {
            let top = down((*high)?)?;
            Some((across(index) * WIDTH, top, down((*low)?).unwrap_or(HEIGHT)))
        })
        .collect();
    for stretch in places.split(Option::is_none) {
        for (index, (x, top, _)) in stretch.iter().flatten().enumerate() {
            out.push_str(&format!("{}{x:.1} {top:.1}", if index == 0 { 'M' } else { 'L' }));
        }
        for (x, _, bottom) in stretch.iter().rev().flatten() {
            out.push_str(&format!("L{x:.1} {bottom:.1}"));
        }
        if !stretch.is_empty() {
            out.push('Z');
        }
    }
    out
}

fn step_ticks(x: Scale) -> Vec<(f64, String)> {
    let whole: Vec<f64> = x.ticks(5).into_iter().filter(|step| step.fract() == 0.0).collect();
    let across = |step: f64| x.place(step).map(|place| place * 100.0).filter(|place| (2.0..=98.0).contains(place));
    labelled(&whole, &across)
}

/// Where ticks are, each with its text.
fn labelled(values: &[f64], place: &dyn Fn(f64) -> Option<f64>) -> Vec<(f64, String)> {
    let texts = number::ticks(values);
    values.iter().zip(texts).filter_map(|(value, text)| Some((place(*value)?, text))).collect()
}

fn broken(curve: &Curve, across: &dyn Fn(usize) -> f64) -> Vec<(f64, f64)> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (index, _) in &curve.broken {
        let index = *index as usize;
        match stretches.last_mut() {
            Some((_, until)) if *until + 1 == index => *until = index,
            _ => stretches.push((index, index)),
        }
    }
    let place = |index: usize| (across(index.min(curve.steps.len().saturating_sub(1))) * 100.0).clamp(0.0, 100.0);
    if curve.steps.is_empty() { Vec::new() } else { stretches.into_iter().map(|(from, until)| (place(from), place(until))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(mean: Vec<Option<f64>>) -> Curve {
        Curve { points: 4, steps: (0..mean.len() as u64).map(|step| step * 10).collect(), mean, ..Curve::default() }
    }

    #[test]
    fn values_that_are_not_finite_never_reach_the_svg() {
        let curve = Curve {
            low: vec![Some(f64::MIN), None, Some(1e-300), Some(0.0)],
            high: vec![Some(f64::MAX), None, Some(1.0), Some(0.0)],
            broken: vec![(1, 3), (2, 1)],
            ..curve(vec![Some(1.0), None, Some(0.5), Some(0.0)])
        };
        for log in [false, true] {
            for smooth in [0.0, 0.9] {
                let drawing = Drawing::of(&curve, &View { log, smooth, ..View::default() });
                let all = format!("{drawing:?}");
                let paths = [&drawing.band, &drawing.raw, &drawing.smoothed].map(String::as_str).concat();
                assert!(!paths.contains("NaN") && !paths.contains("inf"), "{all}");
                assert_eq!(drawing.broken.len(), 1, "neighbours are one mark: {all}");
            }
        }
    }

    #[test]
    fn no_label_is_wider_than_the_axis() {
        // DejaVu Sans, the widest of the fonts that the page may be shown in: pixels of a character at 11 px.
        let width = |text: &str| -> f64 {
            let pixels = |c| match c {
                '0'..='9' => 7.0,
                '.' => 3.5,
                '−' => 9.3,
                'e' => 6.8,
                'k' => 6.4,
                'G' => 8.6,
                'M' => 9.5,
                other => panic!("{other} is on an axis"),
            };
            text.chars().map(pixels).sum()
        };
        for middle in [0.000_995, -0.000_995, 0.5, -1_234_567.0, -9e11, -9e14, -1.5e-300, 3e300] {
            for spread in [1e-12, 1e-6, 0.01, 1.0] {
                let ends = [middle * (1.0 - spread), middle * (1.0 + spread)];
                for log in [false, true] {
                    let drawing = Drawing::of(&curve(ends.map(Some).to_vec()), &View { log, ..View::default() });
                    for (_, text) in &drawing.up {
                        assert!(width(text) <= AXIS, "{text} is cut: {drawing:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let drawing = Drawing::of(&curve(vec![Some(1.0), Some(2.0), None, Some(3.0)]), &View::default());
        assert_eq!(drawing.raw.matches('M').count(), 2, "{}", drawing.raw);
        assert!(drawing.raw.ends_with("h2"), "a lone point is seen: {}", drawing.raw);
    }

    #[test]
    fn nothing_and_one_point_can_be_drawn() {
        for mean in [vec![], vec![Some(0.5)], vec![None]] {
            let curve = curve(mean);
            let drawing = Drawing::of(&curve, &View::default());
            assert!(!drawing.up.is_empty());
            let _ = drawing.point(&curve, 0);
        }
    }

    #[test]
    fn a_logarithmic_scale_says_how_much_it_leaves_out() {
        let drawing = Drawing::of(&curve(vec![Some(1.0), Some(0.0), Some(-1.0)]), &View { log: true, ..View::default() });
        assert_eq!(drawing.left_out, 2);
    }

    #[test]
    fn steps_on_the_axis_are_whole() {
        let drawing = Drawing::of(&curve(vec![Some(1.0); 2]), &View { from: Some(3), to: Some(5), ..View::default() });
        assert_eq!(drawing.across.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["4"]);
    }
}
