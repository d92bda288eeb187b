//! How the cards of a node are to be cut: read from what a person wrote, and held against what NVIDIA's hardware can do.

use std::{collections::BTreeMap, fmt::Write};

use serde::{Deserialize, Serialize};

use crate::{
    gpu::{COMPUTE_SLICES, MEMORY_SLICES, Model},
    node::{GPU, Gpu, MIG, Slice},
};

/// Slices of a profile that a form may name on one card; more than any card holds, and few enough to count.
const MOST_SLICES: u32 = 64;

/// How one card is to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Card {
    /// Given as a whole.
    Whole,
    /// Cut into slices: how many of each profile, by its name in a resource.
    Cut(BTreeMap<String, u32>),
}

/// How the cards of a node are to be, by their index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layout(pub Vec<Card>);

impl Card {
    /// Reads `whole`, or slices such as `2 x 1g.5gb + 3g.20gb`.
    fn parse(text: &str) -> Result<Self, String> {
        if text == "whole" {
            return Ok(Self::Whole);
        }
        // `+me` is how nvidia-smi writes a media extension; resources and labels have `.me`.
        let text = text.replace("+me", ".me");
        let mut slices: BTreeMap<String, u32> = BTreeMap::new();
        for part in text.split(['+', ',']).map(str::trim) {
            let (count, profile) = match part.split_once(['x', '×', '*']) {
                Some((count, profile)) => (count.trim(), profile.trim()),
                None => ("1", part),
            };
            let count = count.parse::<u32>().ok().filter(|count| (1..=MOST_SLICES).contains(count));
            match count {
                Some(count) if !profile.is_empty() => *slices.entry(profile.to_owned()).or_default() += count,
                Some(_) | None => return Err(format!("“{part}” is no slice; write whole, or slices such as 2 x 1g.5gb + 3g.20gb")),
            }
        }
        Ok(Self::Cut(slices))
    }

    /// Whether such a card can be cut so.
    fn check(&self, model: &Model) -> Result<(), String> {
        let Self::Cut(slices) = self else { return Ok(()) };
        let (mut compute, mut memory, mut extended) = (0_u32, 0_u32, 0_u32);
        for (name, count) in slices {
            let Some((profile, is_extended)) = model.profile(name) else {
                let known: Vec<&str> = model.profiles.iter().map(|profile| profile.name).collect();
                return Err(format!("{} has no profile “{name}”; it has {}", model.name, known.join(", ")));
            };
            compute += u32::from(profile.compute) * count;
            memory += u32::from(profile.memory) * count;
            extended += u32::from(is_extended) * count;
        }
        if compute > u32::from(COMPUTE_SLICES) {
            return Err(format!("{} takes {compute} compute slices, and a GPU has {COMPUTE_SLICES}", self.words()));
        }
        if memory > u32::from(MEMORY_SLICES) {
            return Err(format!("{} takes {memory} memory slices, and a GPU has {MEMORY_SLICES}", self.words()));
        }
        if extended > 1 {
            return Err(format!("{extended} slices are to have the media extension (.me), and a GPU has one"));
        }
        match model.deal(1, slices) {
            Some(_) => Ok(()),
            None => Err(format!("{} would fit by size, but not at the places where NVIDIA lets slices begin", self.words())),
        }
    }

    /// `whole`, or `2 × 1g.5gb + 3g.20gb`.
    pub fn words(&self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::Cut(slices) if slices.is_empty() => "cut into nothing".to_owned(),
            Self::Cut(slices) => {
                let one = |(name, count): (&String, &u32)| if *count == 1 { name.clone() } else { format!("{count} × {name}") };
                slices.iter().map(one).collect::<Vec<_>>().join(" + ")
            }
        }
    }
}

impl Layout {
    /// Reads a form: a line for each card.
    ///
    /// # Errors
    /// A sentence that names the card.
    pub fn parse(text: &str, model: &Model, cards: usize) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.len() != cards {
            return Err(format!(
                "The node has {cards} GPUs, and {} lines are written; write one line for each, in their order",
                lines.len()
            ));
        }
        let mut layout = Vec::with_capacity(cards);
        for (index, line) in lines.into_iter().enumerate() {
            layout.push(Card::parse(line).map_err(|sentence| format!("GPU {index}: {sentence}"))?);
        }
        let layout = Self(layout);
        layout.check(model)?;
        Ok(layout)
    }

    /// Whether cards of this model can be cut so.
    ///
    /// # Errors
    /// A sentence that names the first card that cannot.
    pub fn check(&self, model: &Model) -> Result<(), String> {
        self.0.iter().enumerate().try_for_each(|(index, card)| card.check(model).map_err(|sentence| format!("GPU {index}: {sentence}")))
    }

    /// What a node advertises whose cards are cut so, by resource name; `strategy` is its label `nvidia.com/mig.strategy`.
    ///
    /// # Errors
    /// A sentence where that strategy does not advertise such a cut.
    pub fn resources(&self, strategy: Option<&str>) -> Result<BTreeMap<String, u32>, String> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for card in &self.0 {
            match card {
                Card::Whole => *counts.entry(GPU.to_owned()).or_default() += 1,
                Card::Cut(slices) => {
                    for (name, count) in slices {
                        *counts.entry(format!("{MIG}{name}")).or_default() += count;
                    }
                }
            }
        }
        let is_cut = self.0.iter().any(|card| *card != Card::Whole);
        match strategy {
            Some("mixed") => Ok(counts),
            Some("single") if !is_cut => Ok(counts),
            Some("single") if counts.len() == 1 && !counts.contains_key(GPU) => {
                Ok(BTreeMap::from([(GPU.to_owned(), counts.into_values().sum())]))
            }
            Some("single") => Err(
                "The device plugin there has the strategy single, which advertises nothing unless every GPU is cut into slices of one profile"
                    .to_owned(),
            ),
            Some(_) | None if !is_cut => Ok(counts),
            Some(_) | None => Err(
                "The device plugin there has no MIG strategy, so slices would not be advertised; set mig.strategy to mixed in the GPU operator first"
                    .to_owned(),
            ),
        }
    }

    /// The cards as a page draws them, nobody on them.
    pub fn gpus(&self, model: &Model) -> Vec<Gpu> {
        let draw = |card: &Card| match card {
            Card::Whole => Gpu::Whole { holder: None },
            Card::Cut(slices) => {
                let placed = model.deal(1, slices).and_then(|mut cards| cards.pop()).unwrap_or_default();
                let slice = |placed: crate::gpu::Placed| Slice {
                    profile: placed.name(),
                    start: placed.start,
                    memory: placed.profile.memory,
                    holder: None,
                };
                // What else would fit beside them is of no interest here.
                Gpu::Cut { slices: placed.into_iter().map(slice).collect(), holes: Vec::new() }
            }
        };
        self.0.iter().map(draw).collect()
    }

    /// How a node's cards are cut now, as they are drawn; none where it is not known on which card what lies.
    pub fn of(gpus: &[Gpu]) -> Option<Self> {
        let card = |gpu: &Gpu| match gpu {
            Gpu::Whole { .. } => Some(Card::Whole),
            Gpu::Cut { slices, .. } => {
                let mut counts = BTreeMap::new();
                for slice in slices {
                    *counts.entry(slice.profile.clone()).or_insert(0) += 1;
                }
                Some(Card::Cut(counts))
            }
            Gpu::Shared { .. } | Gpu::Unplaced { .. } => None,
        };
        gpus.iter().map(card).collect::<Option<_>>().map(Self)
    }

    /// `GPUs 0–2: 7 × 1g.5gb; GPU 3: whole`.
    pub fn words(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut from = 0;
        while let Some(card) = self.0.get(from) {
            let alike = self.0[from..].iter().take_while(|other| *other == card).count();
            let which = if alike == 1 { format!("GPU {from}") } else { format!("GPUs {from}–{}", from + alike - 1) };
            parts.push(format!("{which}: {}", card.words()));
            from += alike;
        }
        parts.join("; ")
    }

    /// A line for each card, as [`Self::parse`] reads them.
    pub fn lines(&self) -> String {
        self.0.iter().map(Card::words).collect::<Vec<_>>().join("\n")
    }

    /// The same as an entry of mig-parted's configuration file.
    pub fn to_config(&self, name: &str) -> String {
        let mut text = format!("{name}:\n");
        for (index, card) in self.0.iter().enumerate() {
            let _ = writeln!(text, "- devices: [{index}]\n  mig-enabled: {}", *card != Card::Whole);
            if let Card::Cut(slices) = card {
                let one = |(name, count): (&String, &u32)| format!("\"{}\": {count}", name.replace(".me", "+me"));
                let _ = writeln!(text, "  mig-devices: {{{}}}", slices.iter().map(one).collect::<Vec<_>>().join(", "));
            }
        }
        text
    }
}

/// How what a node advertises differs from what it is to advertise; none where it does not.
pub fn difference(wanted: &BTreeMap<String, u32>, allocatable: &BTreeMap<String, String>) -> Option<String> {
    let advertised: BTreeMap<&str, u32> = allocatable
        .iter()
        .filter(|(name, _)| *name == GPU || name.starts_with(MIG))
        .map(|(name, count)| (name.as_str(), count.parse().unwrap_or(0)))
        .collect();
    let names: std::collections::BTreeSet<&str> = wanted.keys().map(String::as_str).chain(advertised.keys().copied()).collect();
    let differing: Vec<String> = names
        .into_iter()
        .filter_map(|name| {
            let (is, should) = (advertised.get(name).copied().unwrap_or(0), wanted.get(name).copied().unwrap_or(0));
            (is != should).then(|| format!("{is} of {name} where {should} should be"))
        })
        .collect();
    (!differing.is_empty()).then(|| differing.join(", "))
}
