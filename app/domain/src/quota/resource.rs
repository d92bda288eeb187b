//! What a quota can limit, and what its amounts are counted in.
//!
//! Kubernetes takes any name that looks like a resource and enforces only those that an evaluator counts; the rest is silence.
//! So a name is accepted here only where something counts it, and each refusal says what to write instead.

use crate::{
    gpu::{Model, product_name},
    quantity::Quantity,
    resources::MigProfile,
};

/// Whole GPUs.
pub const GPUS: &str = "requests.nvidia.com/gpu";

/// What precedes a profile in the quota name of its slices.
pub const SLICES: &str = "requests.nvidia.com/mig-";

/// What a quota's amounts are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Cores, to a thousandth.
    Cores,
    /// Bytes.
    Bytes,
    /// Whole GPUs.
    Gpus,
    /// MIG slices.
    Slices,
    /// Objects of the kind that the name says.
    Objects(&'static str),
}

/// The names that Kubernetes counts beside GPUs, with their units, in the order shown.
const COUNTED: [(&str, Unit, &str); 16] = [
    ("requests.cpu", Unit::Cores, "CPU, requested"),
    ("limits.cpu", Unit::Cores, "CPU, at most"),
    ("requests.memory", Unit::Bytes, "memory, requested"),
    ("limits.memory", Unit::Bytes, "memory, at most"),
    ("pods", Unit::Objects("Pods"), "Pods that have not ended"),
    ("count/jobs.batch", Unit::Objects("Jobs"), "Jobs, ended ones too"),
    ("persistentvolumeclaims", Unit::Objects("claims"), "volume claims"),
    ("requests.storage", Unit::Bytes, "storage, claimed"),
    ("cpu", Unit::Cores, "CPU, requested (short name)"),
    ("memory", Unit::Bytes, "memory, requested (short name)"),
    ("requests.ephemeral-storage", Unit::Bytes, "node disk, requested"),
    ("limits.ephemeral-storage", Unit::Bytes, "node disk, at most"),
    ("count/pods", Unit::Objects("Pods"), "Pods, ended ones too"),
    ("services", Unit::Objects("services"), "services"),
    ("secrets", Unit::Objects("secrets"), "secrets"),
    ("configmaps", Unit::Objects("config maps"), "config maps"),
];

/// What of the cluster a name is judged by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// GPU products of the nodes, as labelled.
    pub products: Vec<String>,
    /// MIG profiles that nodes advertise now.
    pub profiles: Vec<String>,
    /// Names of the priority classes.
    pub classes: Vec<String>,
}

impl Ground {
    /// Every profile that some GPU of the cluster is cut to or could be cut to, smallest first.
    pub fn possible(&self) -> Vec<String> {
        let models = self.products.iter().filter_map(|product| Model::of(product));
        let mut names: Vec<String> = models.flat_map(|model| model.profiles.iter().map(|profile| profile.name.to_owned())).collect();
        names.extend(self.profiles.iter().cloned());
        names.sort_by_key(|name| (slice_size(name), name.clone()));
        names.dedup();
        names
    }

    /// Whether some GPU of the cluster is cut to this profile or could be.
    fn has(&self, profile: &str) -> bool {
        self.profiles.iter().any(|known| known == profile)
            || self.products.iter().filter_map(|product| Model::of(product)).any(|model| model.profile(profile).is_some())
    }

    /// The rows of a quota's form: what is usual, each profile that there can be, and what is limited already.
    pub fn rows<'a>(&self, limited: impl Iterator<Item = &'a String>) -> Vec<String> {
        let mut rows: Vec<String> = COUNTED[..4].iter().map(|(name, ..)| (*name).to_owned()).collect();
        rows.push(GPUS.to_owned());
        rows.extend(self.profiles.iter().map(|profile| format!("{SLICES}{profile}")));
        rows.extend(COUNTED[4..8].iter().map(|(name, ..)| (*name).to_owned()));
        for name in limited {
            if !rows.contains(name) {
                rows.push(name.clone());
            }
        }
        rows
    }
}

/// Compute and memory of a profile, for ordering.
fn slice_size(profile: &str) -> (u32, u32) {
    let (compute, memory) = profile.split_once("g.").unwrap_or((profile, ""));
    let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(u32::MAX);
    (number(compute), number(memory.trim_end_matches(".me")))
}

/// What a name's amounts are counted in; none for a name that nothing counts.
pub fn unit(resource: &str) -> Option<Unit> {
    if resource == GPUS {
        return Some(Unit::Gpus);
    }
    if resource.starts_with(SLICES) {
        return Some(Unit::Slices);
    }
    COUNTED.iter().find(|(name, ..)| *name == resource).map(|(_, unit, _)| *unit)
}

/// A name in words, such as `GPUs` or `1g.10gb slices`; the name itself where there are none.
pub fn words(resource: &str) -> String {
    if resource == GPUS {
        return "GPUs".to_owned();
    }
    if let Some(profile) = resource.strip_prefix(SLICES) {
        return format!("{profile} slices");
    }
    COUNTED.iter().find(|(name, ..)| *name == resource).map_or_else(|| resource.to_owned(), |(_, _, words)| (*words).to_owned())
}

/// An amount with its unit, such as `6 GPUs`, `1.5 cores` or `64 GiB`.
pub fn with_unit(resource: &str, amount: Quantity) -> String {
    let counted = |one: &str, many: &str| {
        let count = amount.to_string();
        if count == "1" { format!("1 {one}") } else { format!("{} {many}", plain(amount)) }
    };
    match unit(resource) {
        Some(Unit::Cores) => counted("core", "cores"),
        Some(Unit::Bytes) => bytes(amount),
        Some(Unit::Gpus) => counted("GPU", "GPUs"),
        Some(Unit::Slices) => counted("slice", "slices"),
        Some(Unit::Objects(many)) => counted(many.trim_end_matches('s'), many),
        None => amount.to_string(),
    }
}

/// A number without a letter for its size: `2k` is `2000`.
fn plain(amount: Quantity) -> String {
    if amount.is_whole() {
        return amount.as_units().to_string();
    }
    let millis = amount.as_millis();
    format!("{}.{:03}", millis / 1000, millis % 1000).trim_end_matches('0').to_owned()
}

/// Bytes in the largest binary unit that needs no more than two decimals.
pub(crate) fn bytes(amount: Quantity) -> String {
    let bytes = amount.as_units();
    let sizes = [("PiB", 1_i128 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let Some((name, size)) = sizes.into_iter().find(|(_, size)| bytes >= *size) else { return format!("{bytes} B") };
    let hundredths = bytes * 100 / size;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{} {name}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Judges a quota's name for a resource.
///
/// # Errors
/// Why nothing would come of it, and what to write instead.
pub fn check_name(resource: &str, scoped: bool, ground: &Ground) -> Result<Unit, String> {
    if let Some(gpu) = resource.strip_prefix("limits.nvidia.com/") {
        return Err(format!(
            "Kubernetes accepts limits.nvidia.com/{gpu} and never enforces it; limit requests.nvidia.com/{gpu}, which is the same for GPUs"
        ));
    }
    if resource.starts_with("nvidia.com/") {
        return Err(format!("Kubernetes enforces a quota for GPUs only as requests.{resource}; write that"));
    }
    if let Some(profile) = resource.strip_prefix(SLICES) {
        MigProfile::parse(profile)?;
        if !ground.has(profile) {
            return Err(no_such_profile(profile, ground));
        }
    }
    let Some(unit) = unit(resource) else {
        return Err(format!("Nothing in Kubernetes counts {}; choose a resource of the list", shown(resource)));
    };
    let of_a_pod = !matches!(unit, Unit::Objects(_)) && resource != "requests.storage" || resource == "pods";
    if scoped && !of_a_pod {
        let why = if resource.starts_with("count/") {
            "Kubernetes would take it and count nothing"
        } else {
            "Kubernetes refuses the whole quota with 422, unsupported scope applied to resource"
        };
        return Err(format!("{resource} has no priority class: {why}; put it into a quota of its own for all priority classes"));
    }
    Ok(unit)
}

fn no_such_profile(profile: &str, ground: &Ground) -> String {
    let possible = ground.possible();
    let mut products: Vec<&str> = ground.products.iter().map(|label| product_name(label)).collect();
    products.sort_unstable();
    products.dedup();
    if possible.is_empty() {
        return format!("No GPU of this cluster can be cut to {profile}: it has none that MIG cuts");
    }
    format!("No GPU of this cluster can be cut to {profile}; {} can be cut to {}", products.join(", "), possible.join(", "))
}

/// A name that somebody typed, as far as it is safe and short enough to say again.
fn shown(resource: &str) -> String {
    let safe = resource.len() <= 63 && resource.chars().all(|c| c.is_ascii_graphic());
    if safe { resource.to_owned() } else { "a resource of that name".to_owned() }
}

/// Reads an amount of something.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn parse_amount(unit: Unit, text: &str) -> Result<Quantity, String> {
    let amount = Quantity::parse(text).map_err(|error| error.to_string())?;
    if Quantity::ZERO.minus(amount).is_positive() {
        return Err("A quota is 0 or more; leave the field empty where there is to be no limit".to_owned());
    }
    match unit {
        Unit::Gpus if !amount.is_whole() => {
            Err("GPUs are whole: Kubernetes would take a part and never give it; a part of a GPU is a MIG slice".to_owned())
        }
        Unit::Slices if !amount.is_whole() => Err("Slices are whole; a smaller part of a GPU is a slice of a smaller profile".to_owned()),
        Unit::Objects(what) if !amount.is_whole() => Err(format!("{what} are counted in whole numbers", what = capital(what))),
        Unit::Bytes if !amount.is_whole() => Err("This is a whole number of bytes, such as 64Gi; m is a thousandth".to_owned()),
        Unit::Cores if !amount.times(1000).is_whole() => {
            Err("CPU is counted no finer than a thousandth of a core, such as 500m".to_owned())
        }
        Unit::Gpus | Unit::Slices | Unit::Objects(_) | Unit::Bytes | Unit::Cores => Ok(amount),
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_amount_has_its_unit() {
        for (resource, amount, want) in [
            (GPUS, "1", "1 GPU"),
            (GPUS, "2k", "2000 GPUs"),
            ("requests.nvidia.com/mig-1g.5gb", "3", "3 slices"),
            ("requests.cpu", "1500m", "1.5 cores"),
            ("requests.memory", "1536Mi", "1.5 GiB"),
            ("requests.memory", "0", "0 B"),
            ("pods", "1", "1 Pod"),
            ("count/jobs.batch", "0", "0 Jobs"),
        ] {
            assert_eq!(with_unit(resource, Quantity::parse(amount).expect("an amount")), want);
        }
    }

    #[test]
    fn a_form_offers_what_can_be_cut_smallest_first() {
        let ground = Ground { products: vec!["NVIDIA-A100-SXM4-40GB".into()], profiles: vec!["1g.5gb.me".into()], ..Ground::default() };
        assert_eq!(ground.possible(), ["1g.5gb", "1g.5gb.me", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"]);
        let rows = ground.rows([&"configmaps".to_owned()].into_iter());
        assert!(rows.contains(&"requests.nvidia.com/mig-1g.5gb.me".to_owned()) && rows.ends_with(&["configmaps".to_owned()]), "{rows:?}");
    }
}
