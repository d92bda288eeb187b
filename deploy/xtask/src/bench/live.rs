//! Figures of the whole product while it runs: how soon the server is ready, what it holds when idle, how long a change in the
//! cluster takes to a person's eye, and what many changes do to pages that are open.

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

/// Changes a second that open pages have to bear.
const RATE: f64 = 500.0;

/// The server as it is built for use, on sandboxes of its own; `seconds` is for how long one of them changes.
pub fn figures(built: &Built, seconds: u32) -> Result<Vec<Figure>, String> {
    let built = Built { server: released("slipway-server"), ..built.clone() };
    let mut figures = on_a_stack(&built, measure)?;
    figures.extend(on_a_stack(&built, |built, place| many_changes(built, place, seconds))?);
    Ok(figures)
}

/// Works on a fresh sandbox, of which nothing stays but the logs of what failed.
fn on_a_stack(built: &Built, work: impl FnOnce(&Built, &Place) -> Result<Vec<Figure>, String>) -> Result<Vec<Figure>, String> {
    let data = std::env::temp_dir().join(format!("slipway-bench-{}", std::process::id()));
    let place = Place { data, port: stack::free_port()?, kubernetes_port: 0 };
    let mut sandbox = step("Starting Kubernetes", || stack::sandbox(built, &place))?;
    let measured = work(built, &place);
    stack::stop(&mut sandbox);
    if measured.is_ok() {
        fs::remove_dir_all(&place.data).map_err(|error| format!("{}: {error}", place.data.display()))?;
    } else {
        stack::keep_logs(&place)?;
        println!("What the stack said is in {}", place.data.display());
    }
    measured
}

/// A script that looks at the product in a browser, and prints what it measured.
fn script(built: &Built, place: &Place, name: &str, link: &str, seconds: u32) -> Result<serde_json::Value, String> {
    let mut script = Command::new("node");
    script.arg(format!("bench/{name}")).current_dir(fetch::end2end()?).env("CHROMIUM", fetch::chromium()?);
    script.env("SLIPWAY_URL", place.address()).env("SLIPWAY_ADMIN_LINK", link).env("SLIPWAY_SECONDS", seconds.to_string());
    script.env("SLIPWAY_KUBECONFIG_ADMIN", place.admin_kubeconfig()).env("SLIPWAY_KUBERNETES", &built.kubernetes);
    script.env("SLIPWAY_RATE", RATE.to_string());
    let text = quietly(&mut script)?;
    serde_json::from_str(text.trim()).map_err(|error| format!("no figures: {error}\n{text}"))
}

fn figure(what: &str, measured: f64, unit: &'static str, limit: f64) -> Figure {
    Figure { what: what.into(), measured, unit, limit, at_least: false }
}

/// What a script says under a name.
fn said(figures: &serde_json::Value, name: &str) -> f64 {
    figures[name].as_f64().unwrap_or(f64::NAN)
}

/// Pages that are open while the cluster changes as fast as it is told to, or as fast as it can here.
fn many_changes(built: &Built, place: &Place, seconds: u32) -> Result<Vec<Figure>, String> {
    let mut server =
        stack::serve(built, place, Cluster::Sandbox, None)?.spawn().map_err(|error| format!("the server cannot be started: {error}"))?;
    let measured = stack::wait_for(place, &mut server).and_then(|()| {
        let link = stack::admin_link(built, place).ok_or("the server gave no link for the first admin")?;
        step(&format!("Changing the cluster for {seconds} s beside open pages"), || {
            script(built, place, "many_changes.mjs", &link, seconds)
        })
    });
    stack::stop(&mut server);
    let pages = measured?;
    let rate = figure("changes that this cluster takes, beside open pages", said(&pages, "changes_per_s"), "/s", RATE);
    Ok(vec![
        Figure { at_least: true, ..rate },
        figure(&format!("heap growth of an open page in {seconds} s of them"), said(&pages, "heap_growth_mb"), "MB", 10.0),
        figure("interaction to next paint meanwhile", said(&pages, "inp_ms"), "ms", 200.0),
    ])
}

fn measure(built: &Built, place: &Place) -> Result<Vec<Figure>, String> {
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
        let pixel = step("Measuring from a change in the cluster to the pixel", || script(built, place, "change_to_pixel.mjs", &link, 0))?;
        Ok(vec![
            figure("server: from its start to ready, migrations done", ready, "ms", 500.0),
            figure("server: resident when idle", resident, "MB", 60.0),
            figure("cluster change to pixel, p99", said(&pixel, "p99_ms"), "ms", 500.0),
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
