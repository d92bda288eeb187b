//! What a run is asked to be: parsed, so that a [`RunSpec`] that exists can be turned into a Job.
//!
//! [`RunForm`](super::form::RunForm) holds what a person typed; this holds what it meant. The spec is stored as JSON with its run
//! and never changes: a clone makes a new form from it.

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize};

use crate::{
    name::{DnsLabel, NameError},
    resources::Resources,
    team::TeamName,
};

mod written;

/// A run's identity, a `UUIDv7` in text, so that ids sort by the time of creation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run's name, which is its Job's: unique among the team's runs that are not deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunName(DnsLabel);

impl RunName {
    /// The longest name, in characters: the Job's controller adds `-` and 5 characters for a Pod, and Pod names are host names.
    pub const MAX: usize = 52;

    /// Reads a run's name.
    ///
    /// # Errors
    /// What Kubernetes would refuse about a Job of that name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        DnsLabel::parse_within(text, Self::MAX).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a run is asked to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Whose quota it uses.
    pub team: TeamName,
    /// Its name.
    pub name: RunName,
    /// What runs.
    pub program: Program,
    /// What its container may use.
    pub resources: Resources,
    /// How often a failed Pod is replaced before the run has failed (a Job's `backoffLimit`).
    pub retries: u32,
    /// When it is ended although it is not done, in minutes from its start (a Job's `activeDeadlineSeconds`).
    pub deadline_minutes: Option<NonZeroU32>,
    /// The `PriorityClass` of its Pods; none means the cluster's default.
    pub priority_class: Option<DnsLabel>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// A line for whoever reads it later.
    pub note: String,
}

/// What runs in the container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "written::Fields")]
pub enum Program {
    /// Slipway's own trainer.
    Trainer(Training),
    /// Any image and command.
    Command {
        /// The image's reference.
        image: String,
        /// Program and arguments; empty means the image's own.
        command: Vec<String>,
        /// Environment variables.
        env: BTreeMap<String, String>,
    },
}

/// The trainer's flags. Each is a field of the form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// `digits` or `csv:PATH`, `npz:PATH`, `images:PATH` on the team's volume.
    pub data: String,
    /// The architecture.
    pub model: Model,
    /// Passes over the data.
    pub epochs: NonZeroU32,
    /// Samples in an optimizer step.
    pub batch_size: NonZeroU32,
    /// The learning rate at its peak.
    pub learning_rate: f64,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Weight decay.
    pub weight_decay: f64,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// Seed of weights, shuffling and augmentation.
    pub seed: u64,
    /// Steps between two checkpoints.
    pub checkpoint_every: NonZeroU32,
}

/// Declares an enum whose variants are words of the trainer's command line, with a label for the form.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$doc:meta])* $variant:ident = $word:literal, $label:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every one, in the order of the form.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word on the trainer's command line.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What a person reads.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// Reads the word.
            ///
            /// # Errors
            /// A sentence with the words there are.
            pub fn parse(word: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|it| it.word() == word).ok_or_else(|| {
                    format!("{} is one of {}", $what, Self::ALL.iter().map(|it| it.word()).collect::<Vec<_>>().join(", "))
                })
            }
        }
    };
}

words! {
    /// The architectures that the trainer knows.
    Model, "The model" {
        /// Logistic regression.
        Linear = "linear", "Linear";
        /// Two hidden layers.
        Mlp = "mlp", "MLP";
        /// A small convolutional network.
        Cnn = "cnn", "CNN, small";
        /// torchvision's definition.
        Resnet18 = "resnet18", "ResNet-18";
        /// torchvision's definition.
        Resnet50 = "resnet50", "ResNet-50";
        /// A small encoder over patches.
        Transformer = "transformer", "Transformer, small";
    }
}

words! {
    /// The optimizers that the trainer knows.
    Optimizer, "The optimizer" {
        /// Stochastic gradient descent with momentum 0.9.
        Sgd = "sgd", "SGD with momentum";
        /// Adam.
        Adam = "adam", "Adam";
        /// Adam with decoupled weight decay.
        AdamW = "adamw", "AdamW";
    }
}

words! {
    /// How the learning rate moves over a run.
    Schedule, "The schedule" {
        /// It stays.
        Constant = "constant", "Constant";
        /// Divided by ten at one half and three quarters.
        Step = "step", "Step";
        /// Half a cosine to zero.
        Cosine = "cosine", "Cosine";
        /// A linear rise over the first twentieth, then a cosine.
        WarmupCosine = "warmup-cosine", "Warm-up, then cosine";
    }
}

impl Training {
    /// The trainer's command line after the program's name, with checkpoints in `checkpoint_dir`.
    pub fn arguments(&self, checkpoint_dir: &str) -> Vec<String> {
        let mut arguments = vec!["train".to_owned()];
        let flags = [
            ("data", self.data.clone()),
            ("model", self.model.word().to_owned()),
            ("epochs", self.epochs.to_string()),
            ("batch-size", self.batch_size.to_string()),
            ("learning-rate", self.learning_rate.to_string()),
            ("optimizer", self.optimizer.word().to_owned()),
            ("weight-decay", self.weight_decay.to_string()),
            ("schedule", self.schedule.word().to_owned()),
            ("seed", self.seed.to_string()),
            ("checkpoint-every", self.checkpoint_every.to_string()),
            ("checkpoint-dir", checkpoint_dir.to_owned()),
        ];
        arguments.extend(flags.into_iter().map(|(flag, value)| format!("--{flag}={value}")));
        arguments
    }
}
