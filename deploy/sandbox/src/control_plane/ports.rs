//! Which ports of 127.0.0.1 the parts listen on.
//!
//! They are remembered with the cluster, so that a kubeconfig written once stays right; a port that
//! something else has taken meanwhile is given up for another.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::Error;
use super::data::Data;

const FILE: &str = "ports.json";
/// How far above the first port to look before giving up.
const REACH: u16 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// What `--port` said when these were chosen.
    first: u16,
    pub apiserver: u16,
    pub etcd: u16,
    pub etcd_peers: u16,
    pub controllers: u16,
    pub scheduler: u16,
    /// Where a Prometheus reads how busy the GPUs are; clusters of before it was offered have none yet.
    #[serde(default)]
    pub metrics: u16,
}

/// The remembered ports where they are still free, others where not; `first` is where to begin, 0 for any.
pub fn choose(data: &Data, first: u16) -> Result<Ports, Error> {
    let remembered = recall(data)?.filter(|ports| ports.first == first);
    let wanted = remembered.map_or([None; 6], |ports| {
        [ports.apiserver, ports.etcd, ports.etcd_peers, ports.controllers, ports.scheduler, ports.metrics].map(Some)
    });
    // All are held until the last is found, so that no port is found twice.
    let mut held = Vec::new();
    for port in wanted {
        let listener = match port.filter(|port| *port > 0).and_then(listen) {
            Some(listener) => listener,
            None => any_from(first, &wanted)?,
        };
        held.push(listener);
    }
    let mut found = held.iter().filter_map(|listener| listener.local_addr().ok());
    let mut next = || found.next().map(|address| address.port()).ok_or(Error::Ports { first });
    let ports =
        Ports { first, apiserver: next()?, etcd: next()?, etcd_peers: next()?, controllers: next()?, scheduler: next()?, metrics: next()? };
    if remembered != Some(ports) {
        data.write(FILE, &serde_json::json!(ports).to_string())?;
    }
    Ok(ports)
}

/// Where the cluster of this folder tells how busy its GPUs are.
pub fn metrics(root: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(root.join(FILE)).ok()?;
    serde_json::from_str(&text).ok().map(|ports: Ports| ports.metrics).filter(|port| *port > 0)
}

fn recall(data: &Data) -> Result<Option<Ports>, Error> {
    let path = data.path(FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).map_err(|error| Error::Damaged {
        what: "the ports of this cluster".into(),
        path,
        reason: error.to_string(),
        remedy: "delete the file to have ports chosen anew",
    })
}

fn any_from(first: u16, remembered: &[Option<u16>]) -> Result<TcpListener, Error> {
    if first == 0 {
        return listen(0).ok_or(Error::Ports { first });
    }
    (first..=first.saturating_add(REACH)).filter(|port| !remembered.contains(&Some(*port))).find_map(listen).ok_or(Error::Ports { first })
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_remembered_and_a_taken_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::open(folder.path()).unwrap();
        let before = choose(&data, 0).unwrap();
        assert_eq!(choose(&data, 0).unwrap(), before);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, before.etcd)).unwrap();
        let after = choose(&data, 0).unwrap();
        assert_ne!(after.etcd, before.etcd);
        assert_eq!(after.apiserver, before.apiserver, "the others stay");
        std::fs::write(data.path(FILE), "{").unwrap();
        let refusal = choose(&data, 0).unwrap_err().to_string();
        assert!(refusal.contains("delete the file"), "{refusal}");
    }
}
