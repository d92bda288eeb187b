//! The New run form: what a person typed, field by field, and what it means.
//!
//! The same `parse` runs in the browser while typing and in the server at launch, so that both say the same. Nothing typed is
//! ever lost: the form keeps the text as it was, and errors are named by the form's own field names.

use std::{collections::BTreeMap, num::NonZeroU32, str::FromStr};

use serde::{Deserialize, Serialize};

use super::spec::{Model, Optimizer, Program, RunName, RunSpec, Schedule, Training};
use crate::{name::DnsLabel, refusal::FieldErrors, resources::Resources, team::TeamName};

/// The longest text accepted in one field, in bytes.
pub const MAX_FIELD_BYTES: usize = 16 * 1024;

/// Environment variables that would let a container see GPUs that it was not given.
const FORBIDDEN_ENV: [&str; 2] = ["NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"];

/// Every field as text, named as in the page's HTML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunForm {
    /// The team's name.
    pub team: String,
    /// The run's name.
    pub name: String,
    /// `trainer` or `command`.
    pub program: String,
    /// Trainer: the data.
    pub data: String,
    /// Trainer: the model.
    pub model: String,
    /// Trainer: passes over the data.
    pub epochs: String,
    /// Trainer: samples a step.
    pub batch_size: String,
    /// Trainer: peak learning rate.
    pub learning_rate: String,
    /// Trainer: optimizer.
    pub optimizer: String,
    /// Trainer: weight decay.
    pub weight_decay: String,
    /// Trainer: learning-rate schedule.
    pub schedule: String,
    /// Trainer: seed.
    pub seed: String,
    /// Trainer: steps between checkpoints.
    pub checkpoint_every: String,
    /// Command: image reference.
    pub image: String,
    /// Command: one argument a line.
    pub command: String,
    /// Command: `NAME=value`, one a line.
    pub env: String,
    /// CPU cores, such as `2` or `500m`.
    pub cpu: String,
    /// Memory, such as `4Gi`.
    pub memory: String,
    /// `none`, `gpu`, or a MIG profile such as `1g.5gb`.
    pub gpu: String,
    /// How many GPUs or slices.
    pub gpu_count: String,
    /// A node's `nvidia.com/gpu.product`, or nothing for any.
    pub gpu_product: String,
    /// Retries after a failed Pod.
    pub retries: String,
    /// Deadline in minutes; empty means none.
    pub deadline_minutes: String,
    /// `PriorityClass`; empty means the cluster's default.
    pub priority_class: String,
    /// Tags, separated by commas or spaces.
    pub tags: String,
    /// A line for later readers.
    pub note: String,
}

impl Default for RunForm {
    /// The shipped example: a small CNN on the UCI digits, done in under a minute on two cores.
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            team: String::new(),
            name: String::new(),
            program: text("trainer"),
            data: text("digits"),
            model: text("cnn"),
            epochs: text("10"),
            batch_size: text("64"),
            learning_rate: text("0.001"),
            optimizer: text("adamw"),
            weight_decay: text("0.01"),
            schedule: text("cosine"),
            seed: text("1"),
            checkpoint_every: text("50"),
            image: String::new(),
            command: String::new(),
            env: String::new(),
            cpu: text("1"),
            memory: text("1Gi"),
            gpu: text("none"),
            gpu_count: text("1"),
            gpu_product: String::new(),
            retries: text("2"),
            deadline_minutes: String::new(),
            priority_class: String::new(),
            tags: String::new(),
            note: String::new(),
        }
    }
}

impl RunForm {
    /// What the form means.
    ///
    /// # Errors
    /// Each field that cannot be accepted, with a sentence that says what is wrong and what to do.
    pub fn parse(&self) -> Result<RunSpec, FieldErrors> {
        let mut errors = Errors::default();
        let team = errors.keep("team", TeamName::parse(self.team.trim()).map_err(|e| e.to_string()));
        let name = errors.keep("name", RunName::parse(self.name.trim()).map_err(|e| e.to_string()));
        let program = match self.program.as_str() {
            "trainer" => self.training(&mut errors).map(Program::Trainer),
            "command" => self.command(&mut errors),
            _ => errors.keep("program", Err("Choose Slipway's trainer or an image of your own".to_owned())),
        };
        let resources = match Resources::parse(&self.cpu, &self.memory, &self.gpu, &self.gpu_count, &self.gpu_product) {
            Ok(resources) => Some(resources),
            Err(fields) => {
                errors.0.extend(fields);
                None
            }
        };
        let retries = errors.keep("retries", whole_number(&self.retries, "Retries", 0, 20));
        let deadline_minutes = match self.deadline_minutes.trim() {
            "" => Some(None),
            text => errors.keep("deadline_minutes", positive(text, "The deadline in minutes", 525_600)).map(Some),
        };
        let priority_class = match self.priority_class.trim() {
            "" => Some(None),
            text => errors.keep("priority_class", DnsLabel::parse(text).map_err(|e| e.to_string())).map(Some),
        };
        let tags = errors.keep("tags", parse_tags(&self.tags));
        let note = errors.keep("note", plain_line(&self.note, "The note", 500));
        match (team, name, program, resources, retries, deadline_minutes, priority_class, tags, note) {
            (
                Some(team),
                Some(name),
                Some(program),
                Some(resources),
                Some(retries),
                Some(deadline_minutes),
                Some(priority_class),
                Some(tags),
                Some(note),
            ) if errors.0.is_empty() => {
                Ok(RunSpec { team, name, program, resources, retries, deadline_minutes, priority_class, tags, note })
            }
            _ => Err(errors.0),
        }
    }

    /// The form that makes a copy of a run, under a name the caller chooses.
    pub fn from_spec(spec: &RunSpec, name: String) -> Self {
        let fields = spec.resources.to_fields();
        let mut form = Self {
            team: spec.team.to_string(),
            name,
            cpu: fields.cpu,
            memory: fields.memory,
            gpu: fields.gpu,
            gpu_count: fields.gpu_count,
            gpu_product: fields.gpu_product,
            retries: spec.retries.to_string(),
            deadline_minutes: spec.deadline_minutes.map(|m| m.to_string()).unwrap_or_default(),
            priority_class: spec.priority_class.as_ref().map(ToString::to_string).unwrap_or_default(),
            tags: spec.tags.join(", "),
            note: spec.note.clone(),
            ..Self::default()
        };
        match &spec.program {
            Program::Trainer(training) => {
                "trainer".clone_into(&mut form.program);
                form.data.clone_from(&training.data);
                training.model.word().clone_into(&mut form.model);
                form.epochs = training.epochs.to_string();
                form.batch_size = training.batch_size.to_string();
                form.learning_rate = training.learning_rate.to_string();
                training.optimizer.word().clone_into(&mut form.optimizer);
                form.weight_decay = training.weight_decay.to_string();
                training.schedule.word().clone_into(&mut form.schedule);
                form.seed = training.seed.to_string();
                form.checkpoint_every = training.checkpoint_every.to_string();
            }
            Program::Command { image, command, env } => {
                "command".clone_into(&mut form.program);
                form.image.clone_from(image);
                form.command = command.join("\n");
                form.env = env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n");
            }
        }
        form
    }

    fn training(&self, errors: &mut Errors) -> Option<Training> {
        let data = errors.keep("data", parse_data(&self.data));
        let model = errors.keep("model", Model::parse(&self.model));
        let epochs = errors.keep("epochs", positive(&self.epochs, "Epochs", 1_000_000));
        let batch_size = errors.keep("batch_size", positive(&self.batch_size, "The batch size", 1_000_000));
        let learning_rate = errors.keep("learning_rate", real(&self.learning_rate, "The learning rate", f64::MIN_POSITIVE, 1e6));
        let optimizer = errors.keep("optimizer", Optimizer::parse(&self.optimizer));
        let weight_decay = errors.keep("weight_decay", real(&self.weight_decay, "Weight decay", 0.0, 1e3));
        let schedule = errors.keep("schedule", Schedule::parse(&self.schedule));
        let seed = errors.keep("seed", whole_number(&self.seed, "The seed", 0, i64::MAX.unsigned_abs()));
        let checkpoint_every =
            errors.keep("checkpoint_every", positive(&self.checkpoint_every, "Steps between checkpoints", 1_000_000_000));
        Some(Training {
            data: data?,
            model: model?,
            epochs: epochs?,
            batch_size: batch_size?,
            learning_rate: learning_rate?,
            optimizer: optimizer?,
            weight_decay: weight_decay?,
            schedule: schedule?,
            seed: seed?,
            checkpoint_every: checkpoint_every?,
        })
    }

    fn command(&self, errors: &mut Errors) -> Option<Program> {
        let image = errors.keep("image", parse_image(&self.image));
        let command = errors.keep("command", lines(&self.command, "The command"));
        let env = errors.keep("env", parse_env(&self.env));
        Some(Program::Command { image: image?, command: command?, env: env? })
    }
}

#[derive(Default)]
struct Errors(FieldErrors);

impl Errors {
    fn keep<T>(&mut self, field: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|sentence| self.0.insert(field.to_owned(), sentence)).ok()
    }
}

fn whole_number<T: FromStr + PartialOrd + std::fmt::Display + Copy>(text: &str, what: &str, least: T, most: T) -> Result<T, String> {
    let wrong = || format!("{what} is a whole number from {least} to {most}");
    let number: T = text.trim().parse().map_err(|_| wrong())?;
    if number < least || number > most { Err(wrong()) } else { Ok(number) }
}

fn positive(text: &str, what: &str, most: u32) -> Result<NonZeroU32, String> {
    let number = whole_number(text, what, 1, most)?;
    NonZeroU32::new(number).ok_or_else(|| format!("{what} is at least 1"))
}

fn real(text: &str, what: &str, least: f64, most: f64) -> Result<f64, String> {
    let wrong = || {
        let low = if least > 0.0 { "above 0".to_owned() } else { format!("from {least}") };
        format!("{what} is a number {low} up to {most}, such as 0.001 or 1e-3")
    };
    let number: f64 = text.trim().parse().map_err(|_| wrong())?;
    if number.is_finite() && number >= least && number <= most { Ok(number) } else { Err(wrong()) }
}

fn plain_line(text: &str, what: &str, most: usize) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(format!("{what} has at most {most} characters; this one has {}", text.chars().count()));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(bad) => Err(format!("{what} is one line without control characters; U+{:04X} is one", u32::from(bad))),
        None => Ok(text.to_owned()),
    }
}

fn lines(text: &str, what: &str) -> Result<Vec<String>, String> {
    if text.len() > MAX_FIELD_BYTES {
        return Err(format!("{what} has at most {MAX_FIELD_BYTES} bytes; put more into a file on the team's volume"));
    }
    if text.contains('\0') {
        return Err(format!("{what} holds a NUL character; take it out"));
    }
    Ok(text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn parse_tags(text: &str) -> Result<Vec<String>, String> {
    let mut tags: Vec<String> = text.split([',', ' ']).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    tags.sort();
    tags.dedup();
    if tags.len() > 16 {
        return Err(format!("A run has at most 16 tags; these are {}", tags.len()));
    }
    match tags.iter().find(|tag| tag.len() > 40 || tag.chars().any(|c| !(c.is_ascii_alphanumeric() || "-_./".contains(c)))) {
        Some(_) => Err("A tag has at most 40 of a–z, A–Z, 0–9 and - _ . /".to_owned()),
        None => Ok(tags),
    }
}

fn parse_data(text: &str) -> Result<String, String> {
    let text = plain_line(text, "The data", 1024)?;
    let sentence = "The data is digits, or csv:, npz: or images: and a path on the team's volume, such as csv:/team/data/iris.csv";
    match text.split_once(':') {
        None if text == "digits" => Ok(text),
        Some(("csv" | "npz" | "images", path)) if path.starts_with('/') && !path.split('/').any(|part| part == "..") => Ok(text),
        _ => Err(sentence.to_owned()),
    }
}

fn parse_image(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("An image is missing, such as python:3.12".to_owned());
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if text.len() > 512 || !text.chars().all(legal) || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("An image is written registry/name:tag or name@sha256:digest, in letters, digits and . _ - / : @".to_owned());
    }
    Ok(text.to_owned())
}

fn parse_env(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut env = BTreeMap::new();
    for (index, line) in lines(text, "The environment")?.into_iter().enumerate() {
        let number = index + 1;
        let Some((name, value)) = line.split_once('=') else {
            return Err(format!("Line {number} of the environment has no `=`; write NAME=value"));
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || !name.chars().all(legal) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("Line {number}: a variable's name has letters, digits and _ - . and does not begin with a digit"));
        }
        if FORBIDDEN_ENV.contains(&name) {
            return Err(format!("Line {number}: {name} is set by the node to the GPUs you are given; ask for GPUs above instead"));
        }
        if env.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("Line {number}: {name} is set twice"));
        }
    }
    Ok(env)
}

#[cfg(test)]
mod tests;
