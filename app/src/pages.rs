//! One file for each route: its data, its layout, its empty state.

pub mod audit;
mod desk;
pub mod layout;
pub mod me;
pub mod new_run;
pub mod node;
pub mod nodes;
pub mod not_found;
pub mod people;
pub mod priorities;
pub mod quota;
pub mod quotas;
mod refused;
pub mod run;
pub mod runs;
pub mod sign_in;
pub mod teams;
pub mod welcome;
