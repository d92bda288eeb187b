//! The GPUs that a node may have: what each product is called, how much it holds, and how it can be cut.
//!
//! MIG cuts follow the hardware's own rule: a profile occupies an interval of eight memory slices that
//! may begin only at certain places, intervals may not overlap, and at most seven compute slices exist.
//! A cut that no card could hold is refused here, so that a sandbox never shows a node that cannot be.
//! Profiles and places: `nvidia-smi mig -lgip` and `-lgipp`; memory: as the driver reports it, which
//! differs by some MiB between driver versions.

use std::fmt::Write as _;

/// A GPU model, by the name that GPU feature discovery puts in `nvidia.com/gpu.product`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Without the leading `NVIDIA-`.
    pub name: &'static str,
    pub memory_mib: u32,
    /// PCI device and vendor, as mig-parted's filters name it.
    pub device_id: &'static str,
    pub family: &'static str,
    /// CUDA compute capability, major and minor.
    pub compute: (u8, u8),
    pub profiles: &'static [Profile],
}

/// One way to cut a part off a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    pub name: &'static str,
    pub compute_slices: u8,
    pub memory_slices: u8,
    pub memory_mib: u32,
    pub multiprocessors: u16,
    pub decoders: u8,
    /// JPEG decoders and optical flow accelerators: the card has one of each here.
    pub jpeg_and_ofa: u8,
}

/// A profile at a place on the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    pub profile: Profile,
    /// First memory slice, 0 to 7.
    pub start: u8,
}

const COMPUTE_SLICES: u8 = 7;

const fn profile(
    name: &'static str,
    (compute_slices, memory_slices): (u8, u8),
    memory_mib: u32,
    multiprocessors: u16,
    decoders: u8,
    jpeg_and_ofa: u8,
) -> Profile {
    Profile { name, compute_slices, memory_slices, memory_mib, multiprocessors, decoders, jpeg_and_ofa }
}

const A100_40: &[Profile] = &[
    profile("1g.5gb", (1, 1), 4_864, 14, 0, 0),
    profile("1g.5gb+me", (1, 1), 4_864, 14, 1, 1),
    profile("1g.10gb", (1, 2), 9_984, 14, 1, 0),
    profile("2g.10gb", (2, 2), 9_984, 28, 1, 0),
    profile("3g.20gb", (3, 4), 20_096, 42, 2, 0),
    profile("4g.20gb", (4, 4), 20_096, 56, 2, 0),
    profile("7g.40gb", (7, 8), 40_192, 98, 5, 1),
];
const A100_80: &[Profile] = &[
    profile("1g.10gb", (1, 1), 9_728, 14, 0, 0),
    profile("1g.10gb+me", (1, 1), 9_728, 14, 1, 1),
    profile("1g.20gb", (1, 2), 19_968, 14, 1, 0),
    profile("2g.20gb", (2, 2), 19_968, 28, 1, 0),
    profile("3g.40gb", (3, 4), 40_320, 42, 2, 0),
    profile("4g.40gb", (4, 4), 40_320, 56, 2, 0),
    profile("7g.80gb", (7, 8), 81_152, 98, 5, 1),
];
const H100_80: &[Profile] = &[
    profile("1g.10gb", (1, 1), 9_856, 16, 1, 1),
    profile("1g.10gb+me", (1, 1), 9_856, 16, 1, 1),
    profile("1g.20gb", (1, 2), 20_096, 26, 1, 1),
    profile("2g.20gb", (2, 2), 20_096, 32, 2, 1),
    profile("3g.40gb", (3, 4), 40_448, 60, 3, 1),
    profile("4g.40gb", (4, 4), 40_448, 64, 4, 1),
    profile("7g.80gb", (7, 8), 81_152, 132, 7, 1),
];

/// Every product that a nodes file may name.
pub const PRODUCTS: &[Product] = &[
    Product { name: "A100-SXM4-40GB", memory_mib: 40_960, device_id: "0x20B010DE", family: "ampere", compute: (8, 0), profiles: A100_40 },
    Product { name: "A100-SXM4-80GB", memory_mib: 81_920, device_id: "0x20B210DE", family: "ampere", compute: (8, 0), profiles: A100_80 },
    Product { name: "H100-80GB-HBM3", memory_mib: 81_559, device_id: "0x233010DE", family: "hopper", compute: (9, 0), profiles: H100_80 },
    Product { name: "L4", memory_mib: 23_034, device_id: "0x27B810DE", family: "ada-lovelace", compute: (8, 9), profiles: &[] },
];

impl Product {
    pub fn parse(name: &str) -> Result<Self, String> {
        let wanted = name.strip_prefix("NVIDIA-").unwrap_or(name);
        PRODUCTS.iter().find(|product| product.name == wanted).copied().ok_or_else(|| {
            let known: Vec<_> = PRODUCTS.iter().map(|product| product.name).collect();
            format!("no GPU product \"{name}\" is known; use one of {}", known.join(", "))
        })
    }

    /// Places the profiles of one card, in the order given, each as far left as the others allow.
    pub fn cut(&self, names: &[String]) -> Result<Vec<Slice>, String> {
        let mut profiles = Vec::with_capacity(names.len());
        for name in names {
            profiles.push(self.profile(name)?);
        }
        let compute: u32 = profiles.iter().map(|profile| u32::from(profile.compute_slices)).sum();
        let extensions = profiles.iter().filter(|profile| profile.name.ends_with("+me")).count();
        let placed = if compute > u32::from(COMPUTE_SLICES) || extensions > 1 { None } else { place(&profiles, 0) };
        placed.ok_or_else(|| format!("no {} can be cut into {}", self.name, names.join(" + ")))
    }

    fn profile(&self, name: &str) -> Result<Profile, String> {
        self.profiles.iter().find(|profile| profile.name == name).copied().ok_or_else(|| {
            let mut sentence = format!("a {} has no MIG profile \"{name}\"", self.name);
            if !self.profiles.is_empty() {
                let known: Vec<_> = self.profiles.iter().map(|profile| profile.name).collect();
                // Writing to a String cannot fail.
                let _ = write!(sentence, "; it has {}", known.join(", "));
            }
            sentence
        })
    }
}

impl Profile {
    /// Where the hardware lets this profile begin.
    fn starts(&self) -> &'static [u8] {
        match (self.compute_slices, self.memory_slices) {
            (1, 1) => &[0, 1, 2, 3, 4, 5, 6],
            (1, 2) => &[0, 2, 4, 6],
            (2, _) => &[0, 2, 4],
            (3, _) => &[0, 4],
            // 4g and 7g begin at the left edge.
            _ => &[0],
        }
    }

    /// Its number on its card when it begins there, as the driver counts: one number for the card, two for its halves, and so on.
    pub const fn instance(&self, start: u8) -> u8 {
        match self.memory_slices {
            1 => 7 + start,
            2 => 3 + start / 2,
            4 => 1 + start / 4,
            _ => 0,
        }
    }

    /// The name in labels and resources, where `+` may not stand.
    pub fn resource_suffix(&self) -> String {
        self.name.replace('+', ".")
    }
}

/// Depth-first search for a layout; `taken` has a bit for each memory slice in use.
fn place(profiles: &[Profile], taken: u8) -> Option<Vec<Slice>> {
    let Some((&profile, rest)) = profiles.split_first() else {
        return Some(Vec::new());
    };
    profile.starts().iter().find_map(|&start| {
        let bits = u8::try_from(((1u16 << profile.memory_slices) - 1) << start).ok()?;
        if taken & bits != 0 {
            return None;
        }
        let mut slices = place(rest, taken | bits)?;
        slices.insert(0, Slice { profile, start });
        Some(slices)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(product: &str, names: &[&str]) -> Result<Vec<u8>, String> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let slices = Product::parse(product)?.cut(&names)?;
        Ok(slices.iter().map(|slice| slice.start).collect())
    }

    #[test]
    fn a_cut_is_placed_from_the_left() {
        assert_eq!(cut("A100-SXM4-40GB", &["1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"]), Ok(vec![0, 1, 2, 4]));
        assert_eq!(cut("A100-SXM4-40GB", &["7g.40gb"]), Ok(vec![0]));
        assert_eq!(cut("A100-SXM4-80GB", &["1g.10gb"; 7]), Ok(vec![0, 1, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn a_small_slice_makes_room_for_a_large_one_that_can_only_begin_elsewhere() {
        assert_eq!(cut("A100-SXM4-40GB", &["3g.20gb", "4g.20gb"]), Ok(vec![4, 0]));
        assert_eq!(cut("A100-SXM4-40GB", &["1g.5gb", "4g.20gb"]), Ok(vec![4, 0]));
    }

    #[test]
    fn a_cut_that_no_card_holds_is_refused() {
        for names in [&["4g.20gb", "4g.20gb"][..], &["1g.5gb"; 8], &["7g.40gb", "1g.5gb"], &["1g.5gb+me", "1g.5gb+me"]] {
            let refusal = cut("A100-SXM4-40GB", names).unwrap_err();
            assert!(refusal.contains("can be cut into"), "{refusal}");
        }
        let unknown = cut("A100-SXM4-40GB", &["1g.10tb"]).unwrap_err();
        assert!(unknown.contains("no MIG profile \"1g.10tb\"; it has 1g.5gb"), "{unknown}");
        assert!(Product::parse("A1000").unwrap_err().contains("use one of"));
    }
}
