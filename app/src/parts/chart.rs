//! A line chart.

mod curve;

pub use curve::Curve;
