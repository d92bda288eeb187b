//! How NVIDIA's GPUs can be cut with MIG: which profiles a model has, where on the card each may begin, and what still fits.
//!
//! A card is an axis of eight memory slices. A profile takes an interval of them that may begin only at certain places;
//! intervals may not overlap, seven compute slices exist, and one media extension (`.me`). Counts alone do not say what fits:
//! `3g` + `3g` leaves a compute slice that nothing can use, and `4g` must begin at 0.
//!
//! Sources: `nvidia-smi mig -lgipp` of A100 and H100; names and counts of H200 and B200 from mig-parted's shipped
//! configurations, with the same placements, which no transcript that we know of has confirmed for those two.

use std::collections::BTreeMap;

/// Memory slices of a card.
pub const MEMORY_SLICES: u8 = 8;

/// Compute slices of a card.
pub const COMPUTE_SLICES: u8 = 7;

/// Tries at dealing slices to cards before it is given up: more than any real node needs.
const TRIES: u32 = 20_000;

/// A model that can be cut.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    /// Its name without what does not matter for MIG, such as `A100-80GB`.
    pub name: &'static str,
    /// Its profiles without media extensions, smallest first.
    pub profiles: [Profile; 6],
}

/// A way to cut a part off a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// As in `nvidia.com/mig-NAME`, such as `1g.10gb`.
    pub name: &'static str,
    /// Compute slices, of seven.
    pub compute: u8,
    /// Memory slices, of eight.
    pub memory: u8,
}

/// A profile at its place on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// What is there.
    pub profile: Profile,
    /// Whether it has the card's media extension.
    pub extended: bool,
    /// The first memory slice, 0 to 7.
    pub start: u8,
}

const fn model(name: &'static str, [one, wide, two, three, four, seven]: [&'static str; 6]) -> Model {
    const fn profile(name: &'static str, compute: u8, memory: u8) -> Profile {
        Profile { name, compute, memory }
    }
    let profiles =
        [profile(one, 1, 1), profile(wide, 1, 2), profile(two, 2, 2), profile(three, 3, 4), profile(four, 4, 4), profile(seven, 7, 8)];
    Model { name, profiles }
}

/// Every model that is known.
pub static MODELS: [Model; 5] = [
    model("A100-40GB", ["1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"]),
    model("A100-80GB", ["1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"]),
    model("H100-80GB", ["1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"]),
    model("H200", ["1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"]),
    model("B200", ["1g.23gb", "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb"]),
];

/// A product's name as people say it: without the maker, and without what the `single` strategy or sharing in time appends.
pub fn product_name(label: &str) -> &str {
    let name = label.strip_prefix("NVIDIA-").unwrap_or(label);
    let name = name.split_once("-MIG-").map_or(name, |(name, _)| name);
    name.strip_suffix("-SHARED").unwrap_or(name)
}

impl Model {
    /// The model that a node's label `nvidia.com/gpu.product` names; none where it cannot be cut or is not known.
    pub fn of(product: &str) -> Option<&'static Self> {
        let name = product_name(product);
        let is = |model: &&Self| match model.name {
            "A100-40GB" => name.starts_with("A100") && name.contains("40GB"),
            "A100-80GB" => name.starts_with("A100") && name.contains("80GB"),
            "H100-80GB" => name.starts_with("H100") && (name.contains("80GB") || name == "H100-PCIe"),
            model => name == model || name.starts_with(&format!("{model}-")),
        };
        MODELS.iter().find(is)
    }

    /// A profile of this model by its name in a resource, with or without `.me`; and whether it has the extension.
    pub fn profile(&self, name: &str) -> Option<(Profile, bool)> {
        let (plain, extended) = name.strip_suffix(".me").map_or((name, false), |plain| (plain, true));
        let found = self.profiles.iter().find(|profile| profile.name == plain)?;
        (!extended || (found.compute, found.memory) == (1, 1)).then_some((*found, extended))
    }

    /// Profiles that can be cut off a card beside what is on it, smallest first.
    pub fn fits(&self, card: &[Placed]) -> Vec<Profile> {
        let fits = |profile: &&Profile| with(card, **profile, false).is_some();
        self.profiles.iter().filter(fits).copied().collect()
    }

    /// What is not cut on a card, from the left, each hole with the profiles that can be cut there, smallest first.
    pub fn holes(&self, card: &[Placed]) -> Vec<(u8, u8, Vec<Profile>)> {
        let taken = card.iter().fold(0, |taken, placed| taken | placed.bits());
        let free = |slice: u8| slice < MEMORY_SLICES && taken & (1 << slice) == 0;
        let compute: u8 = card.iter().map(|placed| placed.profile.compute).sum();
        let mut holes = Vec::new();
        for start in (0..MEMORY_SLICES).filter(|start| free(*start) && (*start == 0 || !free(start - 1))) {
            let end = (start..MEMORY_SLICES).find(|slice| !free(*slice)).unwrap_or(MEMORY_SLICES);
            let here = |profile: &&Profile| {
                compute + profile.compute <= COMPUTE_SLICES
                    && profile.starts().iter().any(|begin| *begin >= start && begin + profile.memory <= end)
            };
            holes.push((start, end - start, self.profiles.iter().filter(here).copied().collect()));
        }
        holes
    }

    /// Deals slices to so many cards, so that each card can be cut so: largest first, each card as full as it gets. `counts` is
    /// by profile name, as a node advertises them. None where no such cut exists, or a profile is not this model's.
    ///
    /// Kubernetes says how many slices of a profile a node has, and not on which card each lies: this is one way in which it
    /// can be.
    pub fn deal(&self, cards: usize, counts: &BTreeMap<String, u32>) -> Option<Vec<Vec<Placed>>> {
        let mut slices = Vec::new();
        for (name, count) in counts {
            let profile = self.profile(name)?;
            if u64::from(*count) > cards as u64 * u64::from(COMPUTE_SLICES) {
                return None;
            }
            slices.extend((0..*count).map(|_| profile));
        }
        slices.sort_by_key(|(profile, extended)| (std::cmp::Reverse((profile.memory, profile.compute)), *extended));
        let mut dealt = vec![Vec::new(); cards];
        let mut tries = TRIES;
        deal(&slices, &mut dealt, &mut tries).then_some(())?;
        for card in &mut dealt {
            card.sort_by_key(|placed: &Placed| placed.start);
        }
        Some(dealt)
    }
}

impl Profile {
    /// The memory slices at which it may begin.
    pub const fn starts(self) -> &'static [u8] {
        match (self.compute, self.memory) {
            (1, 1) => &[0, 1, 2, 3, 4, 5, 6],
            (1, _) => &[0, 2, 4, 6],
            (2, _) => &[0, 2, 4],
            (3, _) => &[0, 4],
            _ => &[0],
        }
    }
}

impl Placed {
    /// A bit for each memory slice that it takes.
    const fn bits(self) -> u16 {
        ((1 << self.profile.memory) - 1) << self.start
    }

    /// The profile's name as in a resource.
    pub fn name(self) -> String {
        format!("{}{}", self.profile.name, if self.extended { ".me" } else { "" })
    }
}

/// What a card lets a profile have: the card's slices with one more, moved where they must. None where it does not fit.
fn with(card: &[Placed], profile: Profile, extended: bool) -> Option<Placed> {
    let compute: u8 = card.iter().map(|placed| placed.profile.compute).sum();
    if compute + profile.compute > COMPUTE_SLICES || extended && card.iter().any(|placed| placed.extended) {
        return None;
    }
    let taken = card.iter().fold(0, |taken, placed| taken | placed.bits());
    let at = |start: &u8| Placed { profile, extended, start: *start };
    profile.starts().iter().map(at).find(|placed| placed.bits() & taken == 0)
}

/// Depth first, each slice on the first card and at the first place that lets the rest be dealt.
fn deal(slices: &[(Profile, bool)], cards: &mut [Vec<Placed>], tries: &mut u32) -> bool {
    let Some((&(profile, extended), rest)) = slices.split_first() else { return true };
    for index in 0..cards.len() {
        // Empty cards are alike: the first of them stands for all.
        if index > 0 && cards[index].is_empty() && cards[index - 1].is_empty() {
            break;
        }
        for start in profile.starts() {
            *tries = tries.saturating_sub(1);
            if *tries == 0 {
                return false;
            }
            let placed = Placed { profile, extended, start: *start };
            let card = &cards[index];
            let taken = card.iter().fold(0, |taken, placed| taken | placed.bits());
            if taken & placed.bits() != 0 || with(card, profile, extended).is_none() {
                continue;
            }
            cards[index].push(placed);
            if deal(rest, cards, tries) {
                return true;
            }
            cards[index].pop();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(of: &[(&str, u32)]) -> BTreeMap<String, u32> {
        of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn names(profiles: &[Profile]) -> Vec<&'static str> {
        profiles.iter().map(|profile| profile.name).collect()
    }

    #[test]
    fn a_product_is_known_by_every_label_that_it_has() {
        for (label, name) in [
            ("NVIDIA-A100-SXM4-40GB", Some("A100-40GB")),
            ("NVIDIA-A100-80GB-PCIe", Some("A100-80GB")),
            ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", Some("A100-80GB")),
            ("NVIDIA-H100-80GB-HBM3", Some("H100-80GB")),
            ("NVIDIA-H200", Some("H200")),
            ("NVIDIA-A100-SXM4-40GB-SHARED", Some("A100-40GB")),
            ("NVIDIA-B200", Some("B200")),
            ("NVIDIA-L4", None),
            ("NVIDIA-H100-NVL", None),
        ] {
            assert_eq!(Model::of(label).map(|model| model.name), name, "{label}");
        }
    }

    #[test]
    fn what_fits_beside_a_slice_follows_the_places_and_not_the_counts() {
        let model = Model::of("A100-SXM4-40GB").unwrap();
        let card = |of: &[(&str, u32)]| model.deal(1, &counts(of)).unwrap().remove(0);
        assert_eq!(names(&model.fits(&[])), ["1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"]);
        assert_eq!(names(&model.fits(&card(&[("3g.20gb", 2)]))), [""; 0], "a compute slice is left, and no memory");
        assert_eq!(names(&model.fits(&card(&[("4g.20gb", 1)]))), ["1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb"]);
        assert_eq!(names(&model.fits(&card(&[("7g.40gb", 1)]))), [""; 0]);
        assert_eq!(names(&model.fits(&card(&[("1g.5gb", 1)]))), ["1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb"], "4g begins at 0 alone");
    }

    #[test]
    fn each_hole_says_what_can_be_cut_there() {
        let model = Model::of("A100-SXM4-40GB").unwrap();
        let holes = |of: &[(&str, u32)]| {
            let holes = model.holes(&model.deal(1, &counts(of)).unwrap()[0]);
            holes.into_iter().map(|(start, memory, fits)| format!("{start}+{memory} {}", names(&fits).join(" "))).collect::<Vec<_>>()
        };
        assert_eq!(holes(&[("1g.5gb", 1)]), ["1+7 1g.5gb 1g.10gb 2g.10gb 3g.20gb"]);
        assert_eq!(holes(&[("1g.5gb", 7)]), ["7+1 "], "the last memory slice has no compute slice left");
        assert_eq!(holes(&[("3g.20gb", 1), ("1g.5gb", 1)]), ["5+3 1g.5gb 1g.10gb"], "2g begins at 0, 2 or 4");
        assert_eq!(holes(&[("3g.20gb", 1), ("1g.5gb", 1), ("2g.10gb", 1)]), ["7+1 "], "1g does not begin at 7");
        assert_eq!(holes(&[("7g.40gb", 1)]), [""; 0]);
    }

    #[test]
    fn slices_are_dealt_to_as_many_cards_as_there_are_or_not_at_all() {
        let model = Model::of("A100-SXM4-40GB").unwrap();
        let cut = counts(&[("1g.5gb", 3), ("2g.10gb", 1), ("3g.20gb", 1), ("7g.40gb", 1)]);
        let cards = model.deal(3, &cut).unwrap();
        let drawn: Vec<Vec<String>> = cards.iter().map(|card| card.iter().map(|placed| placed.name()).collect()).collect();
        assert_eq!(drawn, [vec!["7g.40gb"], vec!["3g.20gb", "2g.10gb", "1g.5gb"], vec!["1g.5gb", "1g.5gb"]]);
        assert_eq!(model.deal(1, &cut), None);
        assert_eq!(model.deal(2, &counts(&[("4g.20gb", 3)])), None, "a card has one place for it");
        assert_eq!(model.deal(8, &counts(&[("1g.10tb", 1)])), None);
        assert_eq!(model.deal(1, &counts(&[("1g.5gb.me", 2)])), None, "a card has one media extension");
    }

    #[test]
    fn every_whole_cut_that_nvidia_documents_is_found() {
        // Maximal multisets of one card without the profile of double memory, by compute slices.
        let documented: [&[u8]; 14] = [
            &[1, 1, 1, 1, 1, 1, 1],
            &[1, 1, 1, 1, 1, 2],
            &[1, 1, 1, 2, 2],
            &[1, 2, 2, 2],
            &[1, 1, 1, 1, 3],
            &[1, 1, 1, 3],
            &[1, 1, 2, 3],
            &[1, 2, 3],
            &[2, 2, 3],
            &[1, 1, 1, 4],
            &[1, 2, 4],
            &[3, 4],
            &[3, 3],
            &[7],
        ];
        for model in &MODELS {
            for cut in documented {
                let mut wanted = BTreeMap::new();
                for compute in cut {
                    let profile = model.profiles.iter().find(|profile| profile.compute == *compute).unwrap();
                    *wanted.entry(profile.name.to_owned()).or_insert(0) += 1;
                }
                assert!(model.deal(1, &wanted).is_some(), "{} {cut:?}", model.name);
            }
        }
    }

    proptest! {
        #[test]
        fn no_card_is_ever_drawn_that_cannot_be(
            model in 0..MODELS.len(), cards in 1..5_usize, amounts in proptest::array::uniform6(0..6_u32)
        ) {
            let model = &MODELS[model];
            let wanted: BTreeMap<_, _> =
                model.profiles.iter().zip(amounts).filter(|(_, count)| *count > 0).map(|(profile, count)| (profile.name.to_owned(), count)).collect();
            if let Some(dealt) = model.deal(cards, &wanted) {
                let mut seen = BTreeMap::new();
                for card in &dealt {
                    let mut taken = 0_u16;
                    for placed in card {
                        prop_assert!(placed.profile.starts().contains(&placed.start));
                        prop_assert_eq!(placed.bits() & taken, 0);
                        taken |= placed.bits();
                        *seen.entry(placed.name()).or_insert(0_u32) += 1;
                    }
                    prop_assert!(taken < 256);
                    prop_assert!(card.iter().map(|placed| placed.profile.compute).sum::<u8>() <= COMPUTE_SLICES);
                    for profile in model.fits(card) {
                        prop_assert!(with(card, profile, false).is_some());
                    }
                    let holes = model.holes(card);
                    let in_holes: u8 = holes.iter().map(|(_, memory, _)| memory).sum();
                    prop_assert_eq!(u32::from(in_holes) + taken.count_ones(), u32::from(MEMORY_SLICES));
                    for profile in &model.profiles {
                        let in_one = holes.iter().any(|(_, _, fits)| fits.contains(profile));
                        prop_assert_eq!(in_one, model.fits(card).contains(profile), "a profile that fits the card fits one of its holes");
                    }
                }
                prop_assert_eq!(seen, wanted);
            }
        }
    }
}
