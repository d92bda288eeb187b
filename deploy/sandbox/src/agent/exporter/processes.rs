//! What Pods use of this computer: CPU time and memory of the processes in their groups, from `/proc`.

use std::collections::BTreeMap;

use rustix::param::{clock_ticks_per_second, page_size};
use tokio::time::Instant;

/// What a Pod uses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Use {
    /// CPU seconds a second.
    pub cpu: f64,
    /// Resident bytes.
    pub bytes: u64,
}

impl Use {
    /// What one of so many devices has of it: a share of the time, 0 to 1, and MiB.
    pub fn of_one_of(self, devices: usize) -> (f64, u32) {
        #[expect(clippy::cast_precision_loss, reason = "a Pod has a handful")]
        let engine = (self.cpu / devices.max(1) as f64).clamp(0.0, 1.0);
        let mib = self.bytes / (1 << 20) / u64::try_from(devices.max(1)).unwrap_or(1);
        (engine, u32::try_from(mib).unwrap_or(u32::MAX))
    }
}

/// A Pod's processes at one time.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    /// Clock ticks of all that run and of their children that have ended.
    ticks: u64,
    pages: u64,
}

/// All Pods' processes at one time, by the Pod's uid.
#[derive(Debug, Default)]
pub struct Look {
    at: Option<Instant>,
    totals: BTreeMap<String, Total>,
}

impl Look {
    /// Looks at the processes of these groups.
    pub fn at(groups: &BTreeMap<i32, String>) -> Self {
        let mut totals: BTreeMap<String, Total> = BTreeMap::new();
        // Where nobody has a device, there is no need to look.
        let entries = (!groups.is_empty()).then(|| std::fs::read_dir("/proc").ok()).flatten();
        for entry in entries.into_iter().flatten().flatten() {
            if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
                continue;
            }
            // One that has ended meanwhile has no file any more.
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            if let Some((group, process)) = read(&stat)
                && let Some(uid) = groups.get(&group)
            {
                let total = totals.entry(uid.clone()).or_default();
                total.ticks += process.ticks;
                total.pages += process.pages;
            }
        }
        Self { at: Some(Instant::now()), totals }
    }

    /// What was used since another look; a Pod that was not there then has no CPU time yet.
    pub fn since(&self, before: &Self) -> BTreeMap<String, Use> {
        let seconds = self.at.zip(before.at).map_or(0.0, |(now, then)| now.duration_since(then).as_secs_f64());
        let uses = |(uid, total): (&String, &Total)| {
            let ticks = before.totals.get(uid).map_or(0, |then| total.ticks.saturating_sub(then.ticks));
            #[expect(clippy::cast_precision_loss, reason = "a few seconds' worth")]
            let cpu = if seconds > 0.0 { ticks as f64 / clock_ticks_per_second() as f64 / seconds } else { 0.0 };
            (uid.clone(), Use { cpu, bytes: total.pages * u64::try_from(page_size()).unwrap_or(4096) })
        };
        self.totals.iter().map(uses).collect()
    }
}

/// The group of a process, and what it uses, from its `stat`.
fn read(stat: &str) -> Option<(i32, Total)> {
    // The name, in parentheses, may hold anything; what follows the last one is regular, from the third field on.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = number(14)? + number(15)? + number(16)? + number(17)?;
    Some((fields.get(2)?.parse().ok()?, Total { ticks, pages: number(24)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let stat = "4 (a) b ( 7) R 1 77 77 0 -1 4194560 92 0 0 0 12 3 4 1 20 0 1 0 9 8192 250 18446744073709551615 1 1";
        let (group, total) = read(stat).unwrap();
        assert_eq!((group, total.ticks, total.pages), (77, 20, 250));
        assert!(read("").is_none() && read("1 (x) R 1").is_none());
    }

    #[test]
    fn devices_share_what_their_pod_uses_and_none_works_more_than_all_the_time() {
        let uses = Use { cpu: 3.0, bytes: 6 << 20 };
        assert_eq!(uses.of_one_of(1), (1.0, 6));
        assert_eq!(uses.of_one_of(6), (0.5, 1));
        assert_eq!(Use::default().of_one_of(0), (0.0, 0));
    }

    #[test]
    fn what_this_very_process_does_is_seen() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let (group, _) = read(&stat).unwrap();
        let groups = BTreeMap::from([(group, "us".to_owned())]);
        let before = Look::at(&groups);
        let begun = Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed().as_millis() < 300 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let uses = Look::at(&groups).since(&before)["us"];
        assert!(uses.cpu > 0.0 && uses.bytes > 1 << 20, "{uses:?}");
    }
}
