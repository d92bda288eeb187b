//! A PostgreSQL server for the tests that run on both databases: Debian's, on a port of its own, with its data in a temporary
//! folder. Where there is none, those tests say so and run on SQLite alone.

use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// What each folder's name begins with; the test program's process id follows.
const FOLDER: &str = "slipway-postgres-";

/// The URL of a server without a database's name, once it answers.
static SERVER: OnceLock<Option<String>> = OnceLock::new();

/// A new, empty database; none where there is no PostgreSQL here.
pub async fn database(name: &str) -> Option<String> {
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(start).clone()).await.expect("no panic");
    let Some(server) = server else {
        eprintln!("skipped: there is no PostgreSQL 15 in /usr/lib/postgresql; {name} ran on SQLite alone");
        return None;
    };
    let begun = Instant::now();
    let mut connection = loop {
        match PgConnection::connect(&format!("{server}/postgres")).await {
            Ok(connection) => break connection,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(30), "PostgreSQL does not answer: {error}"),
        }
        tokio::task::yield_now().await;
    };
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a new database");
    Some(format!("{server}/{name}"))
}

fn start() -> Option<String> {
    let programs = PathBuf::from("/usr/lib/postgresql/15/bin");
    if !programs.join("initdb").exists() {
        return None;
    }
    remove_left_over();
    let folder = std::env::temp_dir().join(format!("{FOLDER}{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let data = folder.join("data");
    let owner = numeric("-u").zip(numeric("-g")).filter(|_| numeric_of_self() == Some(0));
    if let Some((user, group)) = owner {
        chown(&folder, Some(user), Some(group)).expect("the folder becomes PostgreSQL's");
    }
    let run = |program: &str| as_postgres(&programs.join(program), owner.is_some());
    let made = run("initdb").args(["--auth=trust", "--username=slipway", "--no-sync", "-D"]).arg(&data).output().expect("initdb runs");
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let mut server = run("postgres");
    server.args(["-c", "fsync=off", "-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1", "-c", "timezone=Europe/Berlin"]);
    server.args(["-c", &format!("port={port}"), "-D"]).arg(&data).stdout(Stdio::null()).stderr(Stdio::null());
    // It ends with the thread that started it (see `as_postgres`), so that thread has to last as long as the tests do.
    let (started, wait) = mpsc::channel();
    thread::spawn(move || {
        let mut child = server.spawn().expect("postgres runs");
        started.send(()).expect("somebody waits");
        let _ = child.wait();
    });
    wait.recv().expect("postgres was started");
    Some(format!("postgres://slipway@127.0.0.1:{port}"))
}

/// Removes the folders of test runs that have ended: nothing runs when a test program ends, so each leaves its own behind.
fn remove_left_over() {
    let entries = std::fs::read_dir(std::env::temp_dir()).expect("the folder of temporary files");
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let process = name.strip_prefix(FOLDER).and_then(|process| process.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The program, under the account that PostgreSQL insists on where we are root, and told to end with us.
fn as_postgres(program: &Path, change_user: bool) -> Command {
    let mut command = Command::new("setpriv");
    if change_user {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg("--pdeathsig=INT").arg(program).current_dir("/");
    command
}

fn numeric(which: &str) -> Option<u32> {
    id(&[which, "postgres"])
}

fn numeric_of_self() -> Option<u32> {
    id(&["-u"])
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
