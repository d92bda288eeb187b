//! A node's cards and how they are cut: as the nodes file says at first, and anew when somebody asks for another cut.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::configs::Cut;
use super::gpu::{Product, Slice};
use super::{NodeSpec, is_label_value};

/// The largest number of cards a node may have; no machine with more is sold.
const MOST_GPUS: u8 = 16;

#[derive(Debug, Clone)]
pub struct Gpus {
    pub product: Product,
    pub count: u8,
    pub strategy: MigStrategy,
    pub mig_config: String,
    /// Slices by the card's index; a card that is missing here is whole.
    pub cut: BTreeMap<u8, Vec<Slice>>,
    apply: Apply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MigStrategy {
    #[default]
    None,
    Single,
    Mixed,
}

/// What becomes of a request to cut the cards anew, for whoever tests what can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Apply {
    /// It is done in a second.
    #[default]
    Prompt,
    /// It is done in ten seconds.
    Slow,
    /// It never ends.
    Stuck,
    /// It fails, as where the driver does not let go of a card.
    Fails,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpusRow {
    product: String,
    count: u8,
    #[serde(default)]
    mig: MigRow,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct MigRow {
    #[serde(default)]
    strategy: MigStrategy,
    /// Value of `nvidia.com/mig.config`; `all-disabled` or `custom` when left out.
    config: Option<String>,
    #[serde(default)]
    cut: Cut,
    #[serde(default)]
    apply: Apply,
}

impl MigStrategy {
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Single => "single",
            Self::Mixed => "mixed",
        }
    }
}

impl GpusRow {
    pub fn check(self) -> Result<Gpus, String> {
        let product = Product::parse(&self.product)?;
        if self.count == 0 || self.count > MOST_GPUS {
            return Err(format!("a node has 1 to {MOST_GPUS} GPUs, not {}", self.count));
        }
        let usual = if self.mig.cut.is_empty() { "all-disabled" } else { "custom" };
        let mig_config = self.mig.config.unwrap_or_else(|| usual.into());
        if !is_label_value(&mig_config) {
            return Err(format!("\"{mig_config}\" cannot be the value of label nvidia.com/mig.config"));
        }
        let whole =
            Gpus { product, count: self.count, strategy: self.mig.strategy, mig_config, cut: BTreeMap::new(), apply: self.mig.apply };
        whole.cut_into(&self.mig.cut)
    }
}

impl Gpus {
    /// The same cards, cut so, where they can be.
    fn cut_into(self, wanted: &Cut) -> Result<Self, String> {
        if self.strategy == MigStrategy::None && !wanted.is_empty() {
            return Err("its GPUs are cut, but mig.strategy does not say single or mixed".into());
        }
        let mut cut = BTreeMap::new();
        for (gpu, names) in wanted {
            if *gpu >= self.count {
                let last = self.count - 1;
                return Err(format!("mig.cut names GPU {gpu}, but its GPUs are 0 to {last}"));
            }
            let slices = self.product.cut(names).map_err(|reason| format!("GPU {gpu}: {reason}"))?;
            cut.insert(*gpu, slices);
        }
        if self.strategy == MigStrategy::Single {
            let kinds: BTreeSet<_> = wanted.values().flatten().collect();
            if kinds.len() > 1 || (kinds.len() == 1 && cut.len() != usize::from(self.count)) {
                return Err("strategy single wants every GPU cut into slices of one profile".into());
            }
        }
        Ok(Self { cut, ..self })
    }
}

impl NodeSpec {
    /// How many cards it has.
    pub fn gpu_count(&self) -> u8 {
        self.gpus.as_ref().map_or(0, |gpus| gpus.count)
    }

    /// PCI device and vendor of its cards.
    pub fn device_id(&self) -> Option<&'static str> {
        self.gpus.as_ref().map(|gpus| gpus.product.device_id)
    }

    /// Whether its cards can be cut at all.
    pub fn has_mig(&self) -> bool {
        self.gpus.as_ref().is_some_and(|gpus| !gpus.product.profiles.is_empty())
    }

    /// The configuration that its label names.
    pub fn mig_config(&self) -> &str {
        self.gpus.as_ref().map_or("", |gpus| &gpus.mig_config)
    }

    /// What becomes of a request to cut it anew.
    pub fn apply(&self) -> Apply {
        self.gpus.as_ref().map(|gpus| gpus.apply).unwrap_or_default()
    }

    /// How its cards are cut; each card's slices in order of their names.
    pub fn cut(&self) -> Cut {
        let gpus = self.gpus.iter().flat_map(|gpus| &gpus.cut);
        gpus.map(|(gpu, slices)| {
            let mut names: Vec<_> = slices.iter().map(|slice| slice.profile.name.to_owned()).collect();
            names.sort_unstable();
            (*gpu, names)
        })
        .collect()
    }

    /// The same node with its cards cut so, as configuration `config` says. A card that is cut so already is not touched.
    ///
    /// # Errors
    /// Why no such cards can be cut so.
    pub fn recut(&self, config: &str, cut: &Cut) -> Result<Self, String> {
        let now = self.gpus.as_ref().ok_or("it has no GPUs")?;
        let mut next = Gpus { mig_config: config.to_owned(), ..now.clone().cut_into(cut)? };
        let next_names = Self { gpus: Some(next.clone()), ..self.clone() }.cut();
        for (gpu, names) in self.cut() {
            if next_names.get(&gpu) == Some(&names)
                && let Some(slices) = now.cut.get(&gpu)
            {
                next.cut.insert(gpu, slices.clone());
            }
        }
        Ok(Self { gpus: Some(next), ..self.clone() })
    }

    /// What the nodes file says of the cards: where that was changed, the file wins over what was cut since.
    pub fn declared(&self) -> String {
        let gpus = self.gpus.as_ref().map(|gpus| (gpus.product.name, gpus.count, gpus.strategy.word(), &gpus.mig_config));
        format!("{gpus:?} {:?}", self.cut())
    }
}
