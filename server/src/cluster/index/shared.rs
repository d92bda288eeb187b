//! Texts and lists that many rows have in common, kept once.
//!
//! 20,000 Pods have a few hundred nodes and a few dozen shapes between them. What no row holds any more is dropped when the
//! table has doubled, so that names that come and go do not pile up.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use slipway_domain::node::dra::Device;

type Requests = [(Box<str>, Box<str>)];

/// The tables.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Shared {
    texts: Table<str>,
    requests: Table<Requests>,
    devices: Table<[Device]>,
}

impl Shared {
    /// The one copy of this text.
    pub fn text(&mut self, text: &str) -> Arc<str> {
        self.texts.find_or_add(text, || Arc::from(text))
    }

    /// The one copy of this list.
    pub fn requests(&mut self, list: &[(Box<str>, Box<str>)]) -> Arc<Requests> {
        self.requests.find_or_add(list, || Arc::from(list))
    }

    /// The one copy of these devices.
    pub fn devices(&mut self, list: &[Device]) -> Arc<[Device]> {
        self.devices.find_or_add(list, || Arc::from(list))
    }
}

#[derive(Debug)]
struct Table<T: ?Sized> {
    rows: HashSet<Arc<T>>,
    sweep_at: usize,
}

impl<T: ?Sized> Default for Table<T> {
    fn default() -> Self {
        Self { rows: HashSet::new(), sweep_at: 1024 }
    }
}

impl<T: ?Sized + Eq + Hash> Table<T> {
    fn find_or_add(&mut self, key: &T, add: impl FnOnce() -> Arc<T>) -> Arc<T> {
        if let Some(there) = self.rows.get(key) {
            return there.clone();
        }
        if self.rows.len() >= self.sweep_at {
            self.rows.retain(|row| Arc::strong_count(row) > 1);
            self.sweep_at = (self.rows.len() * 2).max(1024);
        }
        let added = add();
        self.rows.insert(added.clone());
        added
    }
}
