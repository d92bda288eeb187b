//! Will it run, as the New run form says it: with each key, in the browser's own WebAssembly.

use std::{fs, process::Command};

use super::{Builds, Figure, released};
use crate::{
    build::Built,
    fetch,
    stack::{self, Cluster, Place},
    step::{quietly, step},
};

/// A cluster that is not there: the browser gets a picture of another.
const AWAY: &str = r#"{
  "apiVersion": "v1", "kind": "Config", "current-context": "away",
  "clusters": [{ "name": "away", "cluster": { "server": "http://127.0.0.1:1" } }],
  "users": [{ "name": "away", "user": {} }],
  "contexts": [{ "name": "away", "context": { "cluster": "away", "user": "away" } }]
}"#;

/// Opens the form in Chromium, gives it a picture of 1,000 nodes, and types.
pub(super) fn figures(builds: &Builds) -> Result<Vec<Figure>, String> {
    builds.released()?;
    let built = Built { server: released("slipway-server"), ..builds.everything()?.clone() };
    let (folder, chromium) = (fetch::end2end()?, fetch::chromium()?);
    let data = std::env::temp_dir().join(format!("slipway-bench-form-{}", std::process::id()));
    let place = Place { data, port: stack::free_port()?, kubernetes_port: 0 };
    let told = |error: std::io::Error| format!("{}: {error}", place.data.display());
    let (picture, kubeconfig) = (place.data.join("picture.json"), place.data.join("away"));
    fs::create_dir_all(&place.data).map_err(told)?;
    fs::write(&picture, quietly(Command::new(released("bench")).arg("picture"))?).map_err(told)?;
    fs::write(&kubeconfig, AWAY).map_err(told)?;
    let mut server = stack::serve(&built, &place, Cluster::Current, None)?
        .env("KUBECONFIG", &kubeconfig)
        .spawn()
        .map_err(|error| format!("the server cannot be started: {error}"))?;
    let text = stack::wait_for(&place, &mut server).and_then(|()| {
        let link = stack::admin_link(&built, &place).ok_or("the server gave no link for the first admin")?;
        let mut script = Command::new("node");
        script.arg("bench/will_it_run.mjs").current_dir(&folder).env("CHROMIUM", &chromium);
        script.env("SLIPWAY_URL", place.address()).env("SLIPWAY_ADMIN_LINK", link).env("PICTURE", &picture);
        step("Measuring what a key in the New run form costs", || quietly(&mut script))
    });
    stack::stop(&mut server);
    let text = text?;
    let printed: serde_json::Value = serde_json::from_str(text.trim()).map_err(|error| format!("no figures: {error}\n{text}"))?;
    fs::remove_dir_all(&place.data).map_err(told)?;
    Ok(vec![Figure {
        what: "will-it-run, 1,000 nodes, WebAssembly: a key answered, p50".into(),
        measured: printed["p50_ms"].as_f64().unwrap_or(f64::NAN),
        unit: "ms",
        limit: 5.0,
        at_least: false,
    }])
}
