//! The objects that Slipway makes in a cluster, as pure functions of the domain.
//!
//! [`mod@run`] is a run's Job; [`mod@team`] is what a namespace needs to be a team; [`mod@quota`], [`mod@limit`] and [`mod@priority`] are its shares. Tests compare them, as YAML, with committed files,
//! and the real API server accepts them with strict validation.

mod limit;
mod priority;
mod quota;
mod run;
mod team;

pub use self::{
    limit::limit,
    priority::priority,
    quota::{granted, quota, taken_back},
    run::{RunObjects, form_field, run},
    team::{TeamObjects, rights, team},
};

/// The label by which a run's Job and Pods are known; its value is the run's id.
pub const RUN_LABEL: &str = "slipway.dev/run";

/// The annotation that names who launched a run.
pub const LAUNCHED_BY: &str = "slipway.dev/launched-by";

/// The name of a run's main container.
pub const CONTAINER: &str = "main";

/// What the objects need to know of this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The trainer's image.
    pub trainer_image: String,
    /// The claim of a team's shared volume.
    pub claim: String,
    /// Where that volume is mounted.
    pub mount: String,
    /// Its size.
    pub claim_size: String,
    /// Its storage class; none means the cluster's default.
    pub storage_class: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trainer_image: concat!("slipway/trainer:", env!("CARGO_PKG_VERSION")).to_owned(),
            claim: "team".to_owned(),
            mount: "/team".to_owned(),
            claim_size: "100Gi".to_owned(),
            storage_class: None,
        }
    }
}
