//! A program as it is read from JSON: the fields of both kinds, of which each has its own (why so: see [`crate::instant`]).

use std::{collections::BTreeMap, num::NonZeroU32};

use serde::Deserialize;

use super::{Model, Optimizer, Program, Schedule, Training};

#[derive(Debug, Deserialize)]
pub struct Fields {
    kind: Kind,
    data: Option<String>,
    model: Option<Model>,
    epochs: Option<NonZeroU32>,
    batch_size: Option<NonZeroU32>,
    learning_rate: Option<f64>,
    optimizer: Option<Optimizer>,
    weight_decay: Option<f64>,
    schedule: Option<Schedule>,
    seed: Option<u64>,
    checkpoint_every: Option<NonZeroU32>,
    image: Option<String>,
    command: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Trainer,
    Command,
}

impl Fields {
    fn program(self) -> Option<Program> {
        Some(match self.kind {
            Kind::Trainer => Program::Trainer(Training {
                data: self.data?,
                model: self.model?,
                epochs: self.epochs?,
                batch_size: self.batch_size?,
                learning_rate: self.learning_rate?,
                optimizer: self.optimizer?,
                weight_decay: self.weight_decay?,
                schedule: self.schedule?,
                seed: self.seed?,
                checkpoint_every: self.checkpoint_every?,
            }),
            Kind::Command => Program::Command { image: self.image?, command: self.command?, env: self.env? },
        })
    }
}

impl TryFrom<Fields> for Program {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        fields.program().ok_or("a program without a field that its kind has")
    }
}
