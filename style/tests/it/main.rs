//! The style sheet, as the build makes it and as Tailwind would.

mod conformance;
mod generator;
