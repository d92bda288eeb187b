//! One file for each route: its data, its layout, its empty state.

pub mod me;
pub mod new_run;
pub mod node;
pub mod nodes;
pub mod not_found;
pub mod people;
mod refused;
pub mod run;
pub mod runs;
pub mod sign_in;
pub mod welcome;
