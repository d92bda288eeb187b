//! `cargo xtask up`: the product, running on this machine.

use std::{
    path::PathBuf,
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    build::{self, Built},
    fetch, place,
    stack::{self, Cluster, Place},
    step::step,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which Kubernetes to use
    #[arg(long, value_enum, default_value = "sandbox")]
    cluster: Cluster,
    /// Port of the pages
    #[arg(long, default_value_t = 7070)]
    port: u16,
    /// Where everything is kept between starts [default: `XDG_DATA_HOME/slipway`]
    #[arg(long)]
    data: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), String> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).map_err(|error| format!("signals cannot be caught: {error}"))?;
    }
    let built = build::everything()?;
    let data = match &args.data {
        Some(data) => data.clone(),
        None => place::data()?,
    };
    let place = Place { data, port: args.port, kubernetes_port: 16443 };
    let mut sandbox = match args.cluster {
        Cluster::Sandbox => Some(step("Starting Kubernetes", || stack::sandbox(&built, &place))?),
        Cluster::Current => {
            std::fs::create_dir_all(&place.data).map_err(|error| format!("{} cannot be made: {error}", place.data.display()))?;
            None
        }
    };
    let mut prometheus = sandbox.as_ref().and_then(|_| prometheus(&built, &place));
    let address = prometheus.as_ref().map(|(_, address)| address.clone());
    let outcome = stack::serve(&built, &place, args.cluster, address.as_deref())
        .and_then(|command| serve(&built, &place, args.cluster, command, &stop, sandbox.as_mut()));
    if let Some((prometheus, _)) = &mut prometheus {
        stack::stop(prometheus);
    }
    if let Some(sandbox) = &mut sandbox {
        println!("\nStopping Kubernetes; runs that train write a checkpoint and go on at the next start");
        stack::stop(sandbox);
    }
    outcome
}

/// Prometheus, where it is or can be had: without it everything works, and how busy the GPUs are is not measured.
fn prometheus(built: &Built, place: &Place) -> Option<(Child, String)> {
    let started = fetch::prometheus().and_then(|program| step("Starting Prometheus", || stack::prometheus(built, place, &program)));
    started.map_err(|error| println!("GPU utilisation will not be measured: {error}")).ok()
}

fn serve(
    built: &Built,
    place: &Place,
    cluster: Cluster,
    mut command: Command,
    stop: &AtomicBool,
    mut sandbox: Option<&mut Child>,
) -> Result<(), String> {
    let mut start = || command.spawn().map_err(|error| format!("the server cannot be started: {error}"));
    let mut server = step("Starting Slipway", || {
        let mut server = start()?;
        stack::wait_for(place, &mut server)?;
        Ok(server)
    })?;
    println!("\nSlipway is at {}", place.address());
    if let Some(link) = stack::admin_link(built, place) {
        println!("The first admin signs in here, once: {link}");
    }
    if cluster == Cluster::Sandbox {
        println!("kubectl --kubeconfig {} get nodes", place.admin_kubeconfig().display());
    }
    println!("Logs are in {}. Ctrl-C stops everything and keeps all data.", place.data.display());
    let mut pause = Duration::from_secs(1);
    while !stop.load(Ordering::SeqCst) {
        if let Some(status) = sandbox.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
            stack::stop(&mut server);
            return Err(format!("Kubernetes ended with {status}; {}", stack::tail(&place.data.join("sandbox.log"))));
        }
        if let Ok(Some(status)) = server.try_wait() {
            println!("The server ended with {status}; starting it again in {} s", pause.as_secs());
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_mins(1));
            server = start()?;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    stack::stop(&mut server);
    Ok(())
}
