//! The cuts that a node's label `nvidia.com/mig.config` may name: a file in the format of NVIDIA's mig-parted, version 1.
//!
//! A configuration is a list of rows; a row says which cards it is for (`device-filter`, `devices`) and how each of them is to be
//! cut. As with mig-parted, a card that no row is for stays as it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::NodeSpec;
use crate::yaml::{self, FileError};

/// What the sandbox knows when no file is given.
pub const SHIPPED: &str = include_str!("../../mig-configs.yaml");

/// Slices by the card's index; a card that is missing here is whole.
pub type Cut = BTreeMap<u8, Vec<String>>;

/// Named cuts.
#[derive(Debug, Clone)]
pub struct MigConfigs(BTreeMap<String, Vec<Row>>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileRows {
    version: Version,
    mig_configs: BTreeMap<String, Vec<Row>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Version {
    #[serde(rename = "v1")]
    V1,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    #[serde(default)]
    device_filter: Option<OneOrMore>,
    devices: Cards,
    mig_enabled: bool,
    #[serde(default)]
    mig_devices: BTreeMap<String, u8>,
}

/// PCI device and vendor as mig-parted writes them, such as `0x20B010DE`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Cards {
    These(Vec<u8>),
    Word(All),
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum All {
    #[serde(rename = "all")]
    All,
}

impl MigConfigs {
    /// Reads a file, or what the sandbox brings where none is given.
    pub fn load(path: Option<&Path>) -> Result<Self, FileError> {
        let rows: FileRows = match path {
            Some(path) => yaml::read(path)?,
            None => yaml::parse(Path::new("mig-configs.yaml"), SHIPPED)?,
        };
        let Version::V1 = rows.version;
        Ok(Self(rows.mig_configs))
    }

    /// How a configuration cuts a node's cards, by the profiles' names; whether the cards can be cut so is not said.
    pub fn cut(&self, name: &str, node: &NodeSpec) -> Result<Cut, String> {
        let rows = self.0.get(name).ok_or_else(|| format!("no MIG configuration is called \"{name}\""))?;
        let mut cut = node.cut();
        for gpu in 0..node.gpu_count() {
            for row in rows.iter().filter(|row| row.is_for(node, gpu)) {
                if row.mig_enabled {
                    let slices = row.mig_devices.iter().flat_map(|(profile, count)| (0..*count).map(move |_| profile.clone()));
                    cut.insert(gpu, slices.collect());
                } else {
                    cut.remove(&gpu);
                }
            }
        }
        Ok(cut)
    }
}

impl Row {
    fn is_for(&self, node: &NodeSpec, gpu: u8) -> bool {
        let is = |id: &String| node.device_id().is_some_and(|own| own.eq_ignore_ascii_case(id));
        let filtered = match &self.device_filter {
            None => true,
            Some(OneOrMore::One(id)) => is(id),
            Some(OneOrMore::More(ids)) => ids.iter().any(is),
        };
        filtered
            && match &self.devices {
                Cards::These(cards) => cards.contains(&gpu),
                Cards::Word(All::All) => true,
            }
    }
}
