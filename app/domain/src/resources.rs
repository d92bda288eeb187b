//! What a run's container may use: CPU, memory and GPUs, whole or in MIG slices.

use std::{fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize};

use crate::{quantity::Quantity, refusal::FieldErrors};

mod written;

/// What a container asks for, which is also the most it may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// CPU cores.
    pub cpu: Quantity,
    /// Memory in bytes.
    pub memory: Quantity,
    /// GPUs.
    pub gpu: GpuRequest,
}

/// Which GPUs a container asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "written::Fields")]
pub enum GpuRequest {
    /// None.
    None,
    /// Whole GPUs.
    Whole {
        /// How many.
        count: NonZeroU32,
        /// Of this product only, as GPU feature discovery labels it.
        product: Option<String>,
    },
    /// MIG slices, as the `mixed` strategy advertises them.
    Mig {
        /// Such as `1g.5gb`.
        profile: MigProfile,
        /// How many.
        count: NonZeroU32,
    },
}

/// A MIG profile's name, such as `1g.5gb` or `1g.10gb.me`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MigProfile(String);

impl MigProfile {
    /// Reads a profile's name.
    ///
    /// # Errors
    /// A sentence with an example.
    pub fn parse(text: &str) -> Result<Self, String> {
        let sentence = || "A MIG profile is written like 1g.5gb or 3g.40gb".to_owned();
        let (compute, rest) = text.split_once("g.").ok_or_else(sentence)?;
        let memory = rest.strip_suffix(".me").unwrap_or(rest).strip_suffix("gb").ok_or_else(sentence)?;
        let number = |text: &str| text.len() <= 3 && text.parse::<u32>().is_ok_and(|n| n > 0 && n.to_string() == text);
        if number(compute) && number(memory) { Ok(Self(text.to_owned())) } else { Err(sentence()) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MigProfile {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<MigProfile> for String {
    fn from(profile: MigProfile) -> Self {
        profile.0
    }
}

impl fmt::Display for MigProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl GpuRequest {
    /// The resource's name in Kubernetes and how many of it.
    pub fn resource(&self) -> Option<(String, NonZeroU32)> {
        match self {
            Self::None => None,
            Self::Whole { count, .. } => Some(("nvidia.com/gpu".to_owned(), *count)),
            Self::Mig { profile, count } => Some((format!("nvidia.com/mig-{profile}"), *count)),
        }
    }
}

/// Resources as a form's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceFields {
    /// CPU cores.
    pub cpu: String,
    /// Memory.
    pub memory: String,
    /// `none`, `gpu` or a MIG profile.
    pub gpu: String,
    /// How many.
    pub gpu_count: String,
    /// A product, or nothing.
    pub gpu_product: String,
}

impl Resources {
    /// Reads a form's fields.
    ///
    /// # Errors
    /// A sentence for each of `cpu`, `memory`, `gpu`, `gpu_count` and `gpu_product` that cannot be accepted.
    pub fn parse(cpu: &str, memory: &str, gpu: &str, gpu_count: &str, gpu_product: &str) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut note = |field: &str, sentence: String| {
            errors.insert(field.to_owned(), sentence);
        };
        let cpu = parse_cpu(cpu).map_err(|sentence| note("cpu", sentence)).ok();
        let memory = parse_memory(memory).map_err(|sentence| note("memory", sentence)).ok();
        let gpu = parse_gpu(gpu, gpu_count, gpu_product).map_err(|(field, sentence)| note(field, sentence)).ok();
        match (cpu, memory, gpu) {
            (Some(cpu), Some(memory), Some(gpu)) => Ok(Self { cpu, memory, gpu }),
            _ => Err(errors),
        }
    }

    /// The fields that parse into these.
    pub fn to_fields(&self) -> ResourceFields {
        let (gpu, gpu_count, gpu_product) = match &self.gpu {
            GpuRequest::None => ("none".to_owned(), "1".to_owned(), String::new()),
            GpuRequest::Whole { count, product } => ("gpu".to_owned(), count.to_string(), product.clone().unwrap_or_default()),
            GpuRequest::Mig { profile, count } => (profile.to_string(), count.to_string(), String::new()),
        };
        ResourceFields { cpu: self.cpu.to_string(), memory: self.memory.to_string(), gpu, gpu_count, gpu_product }
    }
}

impl fmt::Display for Resources {
    /// What a row of a list says: the scarcest first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gpu {
            GpuRequest::None => write!(f, "{} CPU, {}", self.cpu, self.memory),
            GpuRequest::Whole { count, product: None } => write!(f, "{count} × GPU"),
            GpuRequest::Whole { count, product: Some(product) } => {
                write!(f, "{count} × {}", product.strip_prefix("NVIDIA-").unwrap_or(product))
            }
            GpuRequest::Mig { profile, count } => write!(f, "{count} × {profile}"),
        }
    }
}

fn parse_cpu(text: &str) -> Result<Quantity, String> {
    if ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().any(|unit| text.trim().ends_with(unit)) {
        return Err("CPU is counted in cores, such as 2 or 500m; Ki, Mi and Gi are for memory".to_owned());
    }
    let cpu = Quantity::parse(text).map_err(|error| error.to_string())?;
    if !cpu.is_positive() {
        return Err("CPU is more than 0, such as 2 or 500m".to_owned());
    }
    if cpu.minus(Quantity::units(4096)).is_positive() {
        return Err("CPU is at most 4096 cores".to_owned());
    }
    if cpu != Quantity::parse(&format!("{}m", cpu.as_millis())).unwrap_or_default() {
        return Err("CPU is counted no finer than a thousandth of a core, such as 500m".to_owned());
    }
    Ok(cpu)
}

fn parse_memory(text: &str) -> Result<Quantity, String> {
    let memory = Quantity::parse(text).map_err(|error| error.to_string())?;
    if !memory.is_whole() {
        return Err("Memory is a whole number of bytes, such as 4Gi; m is a thousandth".to_owned());
    }
    if memory.as_units() < 4 << 20 {
        return Err("Memory is at least 4Mi; a number without unit is bytes".to_owned());
    }
    if memory.as_units() > 64 << 40 {
        return Err("Memory is at most 64Ti".to_owned());
    }
    Ok(memory)
}

fn parse_gpu(gpu: &str, count: &str, product: &str) -> Result<GpuRequest, (&'static str, String)> {
    let gpu = gpu.trim();
    if gpu.is_empty() || gpu == "none" {
        return Ok(GpuRequest::None);
    }
    let number = count.trim().parse::<NonZeroU32>().ok().filter(|number| number.get() <= 1024);
    let count = number.ok_or_else(|| {
        let what = if gpu == "gpu" { "GPUs are" } else { "Slices are" };
        ("gpu_count", format!("{what} whole and at least 1, at most 1024; a part of a GPU is a MIG profile"))
    })?;
    if gpu == "gpu" {
        let product = product.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if product.len() > 63 || !product.chars().all(legal) {
            return Err(("gpu_product", "A product is a node's label nvidia.com/gpu.product, such as NVIDIA-A100-SXM4-80GB".to_owned()));
        }
        return Ok(GpuRequest::Whole { count, product: (!product.is_empty()).then(|| product.to_owned()) });
    }
    MigProfile::parse(gpu).map(|profile| GpuRequest::Mig { profile, count }).map_err(|sentence| ("gpu", sentence))
}
