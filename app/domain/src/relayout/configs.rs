//! The cuts that a cluster's mig-manager knows by name.
//!
//! A node's cut is asked for by a name alone (`nvidia.com/mig.config`), so Slipway can choose only among named cuts. They stand
//! in the GPU operator's config map `default-mig-parted-config`, in mig-parted's format; where that cannot be read, [`usual`]
//! has those that NVIDIA ships for a model. A layout that no name stands for is not guessed at: the person is given the entry
//! that would have to be added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    form::{LayoutForm, OWN},
    layout::{Card, Layout},
};
use crate::{
    gpu::{COMPUTE_SLICES, Model},
    node::Gpu,
    refusal::FieldErrors,
};

/// mig-parted's file, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MigConfigs {
    /// Rows by the cut's name.
    pub mig_configs: BTreeMap<String, Vec<Row>>,
}

/// Which cards, and how each of them is cut.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// PCI device and vendor, such as `0x20B010DE`; none means every model.
    pub device_filter: Option<OneOrMore>,
    /// Indices of cards.
    pub devices: Cards,
    /// Whether the card is cut at all.
    #[serde(default)]
    pub mig_enabled: bool,
    /// How many slices of each profile, as nvidia-smi writes it.
    #[serde(default)]
    pub mig_devices: BTreeMap<String, u32>,
}

/// A filter is written as one or as several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

/// Cards are written as `all` or by their indices.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Cards {
    /// These.
    These(Vec<usize>),
    /// `all`; another word names none.
    Word(String),
}

/// A named cut as it is offered for a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The name that the label takes.
    pub name: String,
    /// What it makes of the node.
    pub layout: Layout,
    /// The same, drawn.
    pub gpus: Vec<Gpu>,
}

/// PCI device numbers of a model, as mig-parted's filters have them.
fn device_ids(model: &Model) -> &'static [&'static str] {
    match model.name {
        "A100-40GB" => &["0x20B0", "0x20B1", "0x20F1", "0x20F6"],
        "A100-80GB" => &["0x20B2", "0x20B5", "0x20F3", "0x20F5"],
        "H100-80GB" => &["0x2330", "0x2331", "0x2322", "0x2324"],
        "H200" => &["0x2335", "0x233B"],
        "B200" => &["0x2901"],
        _ => &[],
    }
}

impl Row {
    fn is_for(&self, model: &Model, card: usize) -> bool {
        let is = |filter: &String| device_ids(model).iter().any(|id| filter.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(id)));
        let filtered = match &self.device_filter {
            None => true,
            Some(OneOrMore::One(filter)) => is(filter),
            Some(OneOrMore::More(filters)) => filters.iter().any(is),
        };
        filtered
            && match &self.devices {
                Cards::These(cards) => cards.contains(&card),
                Cards::Word(word) => word == "all",
            }
    }

    fn card(&self) -> Card {
        if self.mig_enabled {
            Card::Cut(self.mig_devices.iter().map(|(name, count)| (name.replace("+me", ".me"), *count)).collect())
        } else {
            Card::Whole
        }
    }
}

impl MigConfigs {
    /// The cuts that can be offered for a node with so many cards of a model: those that say of every card how it will be, that
    /// such cards can hold, that leave none without a slice, and that its strategy advertises.
    pub fn offers(&self, model: &Model, cards: usize, strategy: Option<&str>) -> Vec<Offer> {
        let offer = |(name, rows): (&String, &Vec<Row>)| {
            let card = |index| rows.iter().rev().find(|row| row.is_for(model, index)).map(Row::card);
            let layout = Layout((0..cards).map(card).collect::<Option<_>>()?);
            let useless = layout.0.iter().any(|card| matches!(card, Card::Cut(slices) if slices.is_empty()));
            let good = !useless && layout.check(model).is_ok() && layout.resources(strategy).is_ok();
            good.then(|| Offer { name: name.clone(), gpus: layout.gpus(model), layout })
        };
        self.mig_configs.iter().filter_map(offer).collect()
    }
}

/// What NVIDIA ships for a model: each profile on every card, the balanced cut, and none.
pub fn usual(model: &Model) -> MigConfigs {
    let row = |enabled: bool, slices: &[(&str, u32)]| Row {
        device_filter: None,
        devices: Cards::Word("all".to_owned()),
        mig_enabled: enabled,
        mig_devices: slices.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
    };
    let mut configs = BTreeMap::from([("all-disabled".to_owned(), vec![row(false, &[])])]);
    for profile in &model.profiles {
        let fits = |count: &u32| model.deal(1, &BTreeMap::from([(profile.name.to_owned(), *count)])).is_some();
        let most = (1..=u32::from(COMPUTE_SLICES)).rev().find(fits).unwrap_or(1);
        configs.insert(format!("all-{}", profile.name), vec![row(true, &[(profile.name, most)])]);
    }
    let [one, _, two, three, _, _] = model.profiles;
    configs.insert("all-balanced".to_owned(), vec![row(true, &[(one.name, 2), (two.name, 1), (three.name, 1)])]);
    MigConfigs { mig_configs: configs }
}

/// What a form asks for: one of the offers. None while nothing is chosen.
///
/// # Errors
/// What is wrong, by field; for a layout of one's own that no name stands for, the entry that mig-manager lacks.
pub fn choose<'a>(form: &LayoutForm, offers: &'a [Offer], model: &Model, cards: usize) -> Result<Option<&'a Offer>, FieldErrors> {
    let wrong = |field: &str, sentence: String| Err(BTreeMap::from([(field.to_owned(), sentence)]));
    match form.config.as_str() {
        "" => Ok(None),
        OWN => {
            let layout = match Layout::parse(&form.layout, model, cards) {
                Ok(layout) => layout,
                Err(sentence) => return wrong("layout", sentence),
            };
            match offers.iter().find(|offer| offer.layout == layout) {
                Some(offer) => Ok(Some(offer)),
                None => wrong(
                    "layout",
                    format!(
                        "Such GPUs can be cut so, but mig-manager here knows no cut of that kind by name; add this to the config map default-mig-parted-config, then choose it:\n{}",
                        layout.to_config("my-cut")
                    ),
                ),
            }
        }
        name => match offers.iter().find(|offer| offer.name == name) {
            Some(offer) => Ok(Some(offer)),
            None => wrong("config", format!("“{name}” is none of the cuts that are offered for this node; choose one of them")),
        },
    }
}
