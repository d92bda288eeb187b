//! A run: one training, from the form to its last checkpoint.
//!
//! A person fills in a [`form::RunForm`]; it parses into a [`spec::RunSpec`], which becomes a Kubernetes Job; what the cluster
//! shows of that is read as a [`state::State`]; what the program says of itself arrives as [`report::Report`]s; how it ended is
//! an [`exit::ExitReason`]. The shapes in which a run is shown are in [`view`].

pub mod exit;
pub mod form;
pub mod report;
pub mod spec;
pub mod state;
pub mod view;
