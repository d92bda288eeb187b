//! The page of nodes of a large cluster, as a browser gets it: a whole server with that cluster in its index, asked over HTTP
//! while Pods come and go.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use slipway_domain::{run::spec::RunId, team::TeamName};
use slipway_server::{
    clock::Clock,
    cluster::{
        Source,
        index::measure::{self, cpu_ms},
        manifest,
    },
    http,
    serve::{self, Running, Settings},
    services::links,
    store::teams,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Figure, count,
    place::{self, Folder},
    said,
};

/// A kubeconfig whose cluster is not there: what is in the index is what this puts there.
const AWAY: &str = r#"{
  "apiVersion": "v1", "kind": "Config", "current-context": "away",
  "clusters": [{ "name": "away", "cluster": { "server": "http://127.0.0.1:1" } }],
  "users": [{ "name": "away", "user": {} }],
  "contexts": [{ "name": "away", "context": { "cluster": "away", "user": "away" } }]
}"#;

/// Pages of the list on which every node's GPUs are held by runs that Slipway knows: those after the nodes without GPUs.
const PAGES: [u32; 3] = [2, 3, 4];

/// The pages of Pods whose runs those are, and how many there are on each.
const POD_PAGES: [usize; 4] = [0, 16, 32, 48];
const PODS: usize = 500;

/// How often each is asked for.
const LOOKS: usize = 600;

/// Bytes and CPU of the page, and of what its script asks for later.
pub(super) async fn asked_for() -> Result<Vec<Figure>, String> {
    let folder = Folder::new("fleet")?;
    let running = start(&folder).await?;
    measure::fill(running.cluster.index(), 150_000);
    let team = TeamName::parse("vision").map_err(said)?;
    teams::ensure(&running.store, &team, Clock::machine().now()).await.map_err(said)?;
    for (page, at) in POD_PAGES.into_iter().flat_map(|page| (0..PODS).map(move |at| (page, at))) {
        let id = RunId(format!("0193f3c2-{page:04x}-7000-8000-{at:012}"));
        let by = ["mina", "jo", "ada-lovelace"][at % 3];
        place::run(&running.store, &id, "vision", format!("run{page}-of-somebody-{at}"), by).await?;
    }
    let cookie = sign_in(&running).await?;
    settle().await?;
    let page = looks(&running, &cookie, |page| format!("/nodes?page={page}")).await?;
    let rows = looks(&running, &cookie, |page| format!("/api/nodes/list?query%5Bpage%5D={page}")).await?;
    running.stop().await;
    let figures = |what: &str, answers: Answers| {
        [
            Figure::at_most(format!("5,000 nodes: {what}, Brotli"), answers.kilobytes, "kB", 40.0),
            Figure::at_most("the same: CPU until it is sent, p50", answers.cpu_ms, "ms", 25.0),
            Figure::at_most("the same: time until it is there, p99", answers.wall_ms, "ms", 25.0),
        ]
    };
    Ok(figures("a page of 100 with their runs", page).into_iter().chain(figures("what its script asks for later", rows)).collect())
}

async fn start(folder: &Folder) -> Result<Running, String> {
    let path = |name: &str| folder.0.join(name);
    let _ = rustls::crypto::ring::default_provider().install_default();
    std::fs::write(path("kubeconfig"), AWAY).map_err(said)?;
    std::fs::create_dir_all(path("pkg")).map_err(said)?;
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        database: folder.database(),
        cluster: Source::File(path("kubeconfig")),
        prometheus: None,
        web: http::Settings { public_url: "http://127.0.0.1".into(), trust_proxy: false, metrics_token: None, site_root: folder.0.clone() },
        objects: manifest::Settings {
            trainer_image: "slipway/trainer:bench".into(),
            claim: "team".into(),
            mount: "/team".into(),
            claim_size: "1Gi".into(),
            storage_class: None,
        },
    };
    serve::start(settings, Clock::machine()).await.map_err(said)
}

/// Waits until the server has looked at what it was told of at once.
async fn settle() -> Result<(), String> {
    for _ in 0..60 {
        let before = cpu_ms();
        tokio::time::sleep(Duration::from_secs(1)).await;
        if cpu_ms() - before < 20.0 {
            return Ok(());
        }
    }
    Err("the server was still busy a minute after the cluster was listed".to_owned())
}

/// What answers cost.
struct Answers {
    /// The largest.
    kilobytes: f64,
    /// Milliseconds of CPU, of both ends and of whatever else the server does meanwhile: every other answer takes less.
    cpu_ms: f64,
    /// Milliseconds until all of it is there, for 99 of 100: what a quiet machine needs.
    wall_ms: f64,
}

/// Asks for the pages by turns.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
async fn looks(running: &Running, cookie: &str, path: impl Fn(u32) -> String) -> Result<Answers, String> {
    let (mut most, mut cpu, mut wall) = (0, Vec::new(), Vec::new());
    for look in 0..LOOKS {
        measure::come_and_go(running.cluster.index(), look);
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nAccept-Encoding: br\r\nConnection: close\r\n\r\n",
            path(PAGES[look % PAGES.len()]),
            running.address,
        );
        let (cpu_before, begun) = (cpu_ms(), Instant::now());
        let answer = ask(running.address, &request).await?;
        cpu.push(cpu_ms() - cpu_before);
        wall.push(begun.elapsed().as_secs_f64() * 1_000.0);
        let (head, body) = split(&answer)?;
        if !head.starts_with("HTTP/1.1 200") || !head.contains("content-encoding: br") {
            return Err(format!("no page in Brotli: {head}"));
        }
        most = most.max(body.len());
    }
    cpu.sort_by(f64::total_cmp);
    wall.sort_by(f64::total_cmp);
    Ok(Answers { kilobytes: count(most) / 1_000.0, cpu_ms: cpu[LOOKS / 2], wall_ms: wall[LOOKS * 99 / 100] })
}

/// The cookie of the first admin, who sees every run.
async fn sign_in(running: &Running) -> Result<String, String> {
    let link = links::for_first_admin(&running.store, &Clock::machine()).await.map_err(said)?;
    let token = link.path.split_once("token=").ok_or("a link has no token")?.1.to_owned();
    let form = format!("token={token}&name=root&password=tidal-basin-42&password_again=tidal-basin-42");
    let request = format!(
        "POST /auth/welcome HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
        running.address,
        form.len(),
    );
    let answer = ask(running.address, &request).await?;
    let (head, _) = split(&answer)?;
    let cookie =
        head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).find(|pair| pair.contains(http::COOKIE));
    cookie.map(str::to_owned).ok_or_else(|| format!("the first admin is not let in: {head}"))
}

async fn ask(address: SocketAddr, request: &str) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(address).await.map_err(said)?;
    stream.write_all(request.as_bytes()).await.map_err(said)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(said)?;
    Ok(answer)
}

/// The head as text, and the body as it travels.
fn split(answer: &[u8]) -> Result<(String, &[u8]), String> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("an answer has no end of its head")?;
    Ok((String::from_utf8_lossy(&answer[..end]).into_owned(), &answer[end + 4..]))
}
