//! Figures of the whole product while it runs: how soon the server is ready, what it holds when idle, and how long a change in
//! the cluster takes to a person's eye.

use std::{
    fs,
    process::{Child, Command},
    time::{Duration, Instant},
};

use super::{Figure, released};
use crate::{
    build::Built,
    fetch,
    stack::{self, Cluster, Place},
    step::{quietly, step},
};

/// How long the server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(15);

/// The server as it is built for use, on a sandbox of its own.
pub fn figures(built: &Built) -> Result<Vec<Figure>, String> {
    let folder = fetch::end2end()?;
    let chromium = fetch::chromium()?;
    let data = std::env::temp_dir().join(format!("slipway-bench-{}", std::process::id()));
    let place = Place { data, port: stack::free_port()?, kubernetes_port: 0 };
    let built = Built { server: released("slipway-server"), ..built.clone() };
    let mut sandbox = step("Starting Kubernetes", || stack::sandbox(&built, &place))?;
    let measured = measure(&built, &place, |link| {
        let mut script = Command::new("node");
        script.arg("bench/change_to_pixel.mjs").current_dir(&folder);
        script.env("SLIPWAY_URL", place.address()).env("SLIPWAY_ADMIN_LINK", link).env("CHROMIUM", &chromium);
        script.env("SLIPWAY_KUBECONFIG_ADMIN", place.admin_kubeconfig()).env("SLIPWAY_KUBERNETES", &built.kubernetes);
        script
    });
    stack::stop(&mut sandbox);
    let figures = measured?;
    fs::remove_dir_all(&place.data).map_err(|error| format!("{}: {error}", place.data.display()))?;
    Ok(figures)
}

fn measure(built: &Built, place: &Place, script: impl FnOnce(&str) -> Command) -> Result<Vec<Figure>, String> {
    let mut command = stack::serve(built, place, Cluster::Sandbox, None)?;
    let mut start = || command.spawn().map_err(|error| format!("the server cannot be started: {error}"));
    // The first start migrates.
    let mut server = start()?;
    stack::wait_for(place, &mut server)?;
    let link = stack::admin_link(built, place).ok_or("the server gave no link for the first admin")?;
    stack::stop(&mut server);
    let mut server = start()?;
    let figures = until_ready(place).and_then(|ready| {
        let resident = step("Leaving the server alone", || {
            std::thread::sleep(IDLE);
            resident(&server)
        })?;
        let text = step("Measuring from a change in the cluster to the pixel", || quietly(&mut script(&link)))?;
        let pixel: serde_json::Value = serde_json::from_str(text.trim()).map_err(|error| format!("no figures: {error}\n{text}"))?;
        let figure = |what: &str, measured, unit, limit| Figure { what: what.into(), measured, unit, limit, at_least: false };
        Ok(vec![
            figure("server: from its start to ready, migrations done", ready, "ms", 500.0),
            figure("server: resident when idle", resident, "MB", 60.0),
            figure("cluster change to pixel, p99", pixel["p99_ms"].as_f64().unwrap_or(f64::NAN), "ms", 500.0),
        ])
    });
    stack::stop(&mut server);
    figures
}

/// Milliseconds until it says that it is ready.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn until_ready(place: &Place) -> Result<f64, String> {
    let begun = Instant::now();
    while !stack::answers(place.port, "/readyz") {
        if begun.elapsed() > Duration::from_secs(30) {
            return Err("the server was not ready within 30 s".to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

/// Megabytes that a process has in memory. Source: proc(5), `VmRSS`.
fn resident(server: &Child) -> Result<f64, String> {
    let path = format!("/proc/{}/status", server.id());
    let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024.0 / 1e6).ok_or_else(|| format!("{path} has no VmRSS"))
}
