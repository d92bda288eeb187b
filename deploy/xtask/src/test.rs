//! `cargo xtask test`: every test there is.

use std::{
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{
    build::{self, Built, with_libtorch},
    fetch,
    stack::{self, Cluster, Place},
    step::{step, watched},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these
    #[arg(value_enum)]
    only: Option<Kind>,
    /// Only tests whose name contains this
    #[arg(long)]
    filter: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Tests of the Rust crates, those on a real Kubernetes included
    Rust,
    /// Tests of the trainer
    Trainer,
    /// Tests in a browser, on the whole product
    Browser,
}

/// How many tests there were.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    passed: u64,
    failed: u64,
}

pub fn run(args: &Args) -> Result<(), String> {
    let wanted = |kind| args.only.is_none_or(|only| only == kind);
    if wanted(Kind::Rust) || wanted(Kind::Browser) {
        // First, because what it installs makes the WebAssembly smaller.
        fetch::end2end()?;
    }
    let built = build::everything()?;
    let mut count = Count::default();
    if wanted(Kind::Rust) {
        count.add(rust(&built, args.filter.as_deref())?);
    }
    if wanted(Kind::Trainer) {
        count.add(trainer(&built, args.filter.as_deref())?);
    }
    if wanted(Kind::Browser) {
        count.add(browser(&built, args.filter.as_deref())?);
    }
    println!("\n{} passed, {} failed", count.passed, count.failed);
    if count.failed > 0 { Err("some tests failed".to_owned()) } else { Ok(()) }
}

fn rust(built: &Built, filter: Option<&str>) -> Result<Count, String> {
    let mut command = built.toolchain.cargo();
    command.args(["test", "--no-fail-fast"]).args(filter);
    command
        .env("SANDBOX_KUBERNETES", &built.kubernetes)
        .env("SLIPWAY_SANDBOX", &built.sandbox)
        .env("SLIPWAY_TRAINER", &built.trainer)
        .env("SLIPWAY_LIBTORCH", &built.libtorch)
        .env("SLIPWAY_SITE", &built.site)
        .env("PROMETHEUS", fetch::prometheus()?)
        // The style sheet is compared with Tailwind's own.
        .env("SLIPWAY_END2END", fetch::end2end()?)
        .env("CHROMIUM", fetch::chromium()?);
    cargo_test(&mut command)
}

fn trainer(built: &Built, filter: Option<&str>) -> Result<Count, String> {
    let mut command = built.toolchain.cargo();
    command.args(["test", "--no-fail-fast", "--release", "--package", "slipway-trainer"]).args(filter);
    cargo_test(with_libtorch(&mut command, &built.libtorch))
}

fn cargo_test(command: &mut Command) -> Result<Count, String> {
    let (ok, text) = watched(command)?;
    let mut count = Count::default();
    for line in text.lines().filter(|line| line.starts_with("test result:")) {
        let number = |word: &str| {
            line.split([' ', ';', '.'])
                .zip(line.split([' ', ';', '.']).skip(1))
                .find(|(_, next)| *next == word)
                .and_then(|(n, _)| n.parse().ok())
                .unwrap_or(0)
        };
        count.add(Count { passed: number("passed"), failed: number("failed") });
    }
    if !ok && count.failed == 0 {
        // It did not compile, or a test program broke off.
        count.failed = 1;
    }
    Ok(count)
}

fn browser(built: &Built, filter: Option<&str>) -> Result<Count, String> {
    let folder = fetch::end2end()?;
    let chromium = fetch::chromium()?;
    let program = fetch::prometheus()?;
    let data = std::env::temp_dir().join(format!("slipway-browser-tests-{}", std::process::id()));
    let port = stack::free_port()?;
    let place = Place { data, port, kubernetes_port: 0 };
    let mut sandbox = step("Starting Kubernetes for the browser tests", || stack::sandbox(built, &place))?;
    let (mut prometheus, address) = stack::prometheus(built, &place, &program)?;
    let mut command = stack::serve(built, &place, Cluster::Sandbox, Some(&address))?;
    let mut server = command.spawn().map_err(|error| format!("the server cannot be started: {error}"))?;
    let ready = stack::wait_for(&place, &mut server);
    let link =
        ready.and_then(|()| stack::admin_link(built, &place).ok_or_else(|| "the server gave no link for the first admin".to_owned()));
    let outcome = link.and_then(|link| {
        // The tests kill the server and the node agent, and look into the cluster as its administrator.
        let mut tests = Command::new("npx");
        tests
            .args(["playwright", "test"])
            .args(filter.map(|filter| format!("--grep={filter}")))
            .current_dir(&folder)
            .env("SLIPWAY_URL", place.address())
            .env("SLIPWAY_ADMIN_LINK", link)
            .env("SLIPWAY_DATA", &place.data)
            .env("SLIPWAY_KUBECONFIG_ADMIN", place.admin_kubeconfig())
            .env("SLIPWAY_KUBERNETES", &built.kubernetes)
            .env("CHROMIUM", &chromium);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // As `up` does: a server that dies is started again.
            let keeper = scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    if matches!(server.try_wait(), Ok(Some(_)))
                        && let Ok(next) = command.spawn()
                    {
                        server = next;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
                stack::stop(&mut server);
            });
            let outcome = watched(&mut tests);
            done.store(true, Ordering::SeqCst);
            // It only ends by itself.
            let _ = keeper.join();
            outcome
        })
    });
    stack::stop(&mut prometheus);
    stack::stop(&mut sandbox);
    let count = outcome.map(|(ok, text)| counted(ok, &text));
    if count.as_ref().is_ok_and(|count| count.failed == 0) {
        std::fs::remove_dir_all(&place.data).map_err(|error| format!("{}: {error}", place.data.display()))?;
    } else {
        stack::keep_logs(&place)?;
        println!("What the stack said is in {}", place.data.display());
    }
    count
}

/// How many tests Playwright says that there were.
fn counted(ok: bool, text: &str) -> Count {
    let mut count = Count::default();
    for line in text.lines().map(str::trim) {
        let number = |word: &str| {
            line.strip_suffix(word)
                .or_else(|| line.split_once(&format!("{word} (")).map(|(n, _)| n))
                .and_then(|n| n.trim().parse::<u64>().ok())
        };
        count.passed += number(" passed").unwrap_or(0);
        count.failed += number(" failed").unwrap_or(0);
    }
    if !ok && count.failed == 0 {
        count.failed = 1;
    }
    count
}

impl Count {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}
