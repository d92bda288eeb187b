//! One file for each route: its data, its layout, its empty state.

pub mod not_found;
mod refused;
pub mod runs;
pub mod sign_in;
pub mod welcome;
