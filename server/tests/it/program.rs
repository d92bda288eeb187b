//! The program as it is started, asked and ended from outside.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::{
    browser::Browser,
    fixture::{AWAY, PASSWORD},
};

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipway-server"));
    let from_outside = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("SLIPWAY_") || name == "RUST_LOG");
    for name in from_outside {
        command.env_remove(name);
    }
    command.current_dir(folder).args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with what the server needs.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("site/pkg")).expect("a folder for the pages' files");
    std::fs::write(folder.path().join("kubeconfig"), AWAY).expect("a kubeconfig");
    folder
}

const SERVE: [&str; 9] = ["serve", "--listen", "127.0.0.1:0", "--kubeconfig", "kubeconfig", "--site-root", "site", "--log", "json"];

/// A server that runs, and its log so far.
struct Server {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    lines: Vec<serde_json::Value>,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = program(folder, &SERVE).stderr(Stdio::piped()).spawn().expect("the program runs");
        let log = BufReader::new(child.stderr.take().expect("its log"));
        Self { child, log, lines: Vec::new() }
    }

    /// Reads the log up to the line with this message.
    fn until(&mut self, message: &str) -> serde_json::Value {
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).expect("the log is text");
            assert_ne!(read, 0, "the log ended before {message:?}: {:#?}", self.lines);
            let line: serde_json::Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("the log is not JSON ({error}): {line}"));
            self.lines.push(line.clone());
            if line["message"].as_str().is_some_and(|text| text.starts_with(message)) {
                return line;
            }
        }
    }

    fn browser(&mut self) -> Browser {
        Browser::new(self.until("serving")["address"].as_str().expect("an address").parse().expect("an address"))
    }

    /// Tells it to end; answers with its exit status and the rest of its log.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(told.success(), "the server had ended already");
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("the log is text");
        (self.child.wait().expect("its status").code(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_starts_says_how_long_it_took_serves_and_ends_in_order_on_both_signals() {
    let folder = folder();
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start(folder.path());
        let mut browser = server.browser();
        assert!(server.lines.last().is_some_and(|line| line["milliseconds"].is_u64()), "{:?}", server.lines);
        browser.get("/healthz").await.expect(200);
        let begun = Instant::now();
        let (status, rest) = server.end(signal);
        assert_eq!(status, Some(0), "{signal}: {rest}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{signal}: ending took {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn its_log_names_request_and_person_and_holds_no_secret() {
    let folder = folder();
    let link = run(folder.path(), &["admin-link", "--public-url", "http://127.0.0.1:7070"]);
    let link = String::from_utf8(link.stdout).expect("a link").trim().to_owned();
    let path = link.strip_prefix("http://127.0.0.1:7070").unwrap_or_else(|| panic!("{link}"));
    let token = path.strip_prefix("/welcome?token=").unwrap_or_else(|| panic!("{link}"));

    let mut server = Server::start(folder.path());
    let mut browser = server.browser();
    browser.get(path).await.expect(200);
    browser
        .post("/auth/welcome", &[("token", token), ("name", "root"), ("password", PASSWORD), ("password_again", PASSWORD)])
        .await
        .expect(303);
    browser.with("x-request-id", "req-7").get("/api/sessions/list?secret=s3cret").await.expect(200);
    let session = browser.session().expect("signed in").to_owned();
    browser.get("/healthz").await.expect(200);
    let (_, log) = server.end("-TERM");
    let line = log.lines().find(|line| line.contains("req-7")).unwrap_or_else(|| panic!("the request is not in the log: {log}"));
    let answered: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(answered["span"]["id"], "req-7", "{answered}");
    assert_eq!(answered["span"]["person"], "root", "{answered}");
    assert_eq!(answered["span"]["path"], "/api/sessions/list", "{answered}");
    assert_eq!(answered["status"], 200, "{answered}");
    for secret in [token, PASSWORD, session.as_str(), "s3cret"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[tokio::test]
async fn its_commands_say_what_they_did_or_why_not() {
    let folder = folder();
    let link = run(folder.path(), &["admin-link"]);
    assert!(link.status.success(), "{link:?}");
    let again = run(folder.path(), &["admin-link"]);
    assert!(again.status.success() && again.stdout != link.stdout, "a fresh link each time: {again:?}");

    let mut server = Server::start(folder.path());
    let mut browser = server.browser();
    let used = String::from_utf8(again.stdout).expect("a link");
    let token = used.trim().split_once("token=").expect("a token").1;
    browser
        .post("/auth/welcome", &[("token", token), ("name", "root"), ("password", PASSWORD), ("password_again", PASSWORD)])
        .await
        .expect(303);
    let exists = run(folder.path(), &["admin-link"]);
    assert_eq!(exists.status.code(), Some(3), "{exists:?}");
    assert!(stderr(&exists).contains("--person NAME"), "{exists:?}");
    let nobody = run(folder.path(), &["admin-link", "--person", "noor"]);
    assert_eq!(
        (nobody.status.code(), stderr(&nobody).as_str()),
        (Some(1), "slipway-server: there is nobody called noor; the People page lists everybody\n")
    );
    assert!(browser.is_signed_in().await);
    assert!(run(folder.path(), &["admin-link", "--person", "root"]).status.success());
    assert!(!browser.is_signed_in().await, "a reset from the command line left the session");

    let verified = run(folder.path(), &["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
    let known = String::from_utf8(verified.stdout).expect("a row").trim().to_owned();
    assert!(run(folder.path(), &["audit", "verify", "--known", &known]).status.success());
    let missing = run(folder.path(), &["audit", "verify", "--known", &format!("9999:{}", "0".repeat(64))]);
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert_eq!(stderr(&missing), "slipway-server: the audit log is not what was written: row 9999 is missing\n");

    let export = run(folder.path(), &["audit", "export"]);
    assert!(export.status.success() && export.stderr.is_empty(), "{export:?}");
    let rows: Vec<serde_json::Value> =
        String::from_utf8_lossy(&export.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(known.starts_with(&format!("{}:", rows.len() - 1)), "{known} was the last row before the export's own: {rows:#?}");
    assert_eq!(rows.last().map(|row| (&row["person"], &row["phase"])), Some((&"[audit-export]".into(), &"intent".into())), "{rows:#?}");
    let table = run(folder.path(), &["audit", "export", "--format", "csv", "--until", "1999-12-31"]);
    assert_eq!(String::from_utf8_lossy(&table.stdout).lines().count(), 1, "{table:?}");
    let refused = run(folder.path(), &["audit", "export", "--from", "yesterday"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(stderr(&refused).contains("from: A time is written 2026-11-24"), "{refused:?}");
    server.end("-TERM");
}

#[test]
fn what_it_cannot_start_with_is_one_sentence() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("broken"), "clusters: [").expect("a broken kubeconfig");
    let with = |replace: &str, by: &str| -> Vec<String> {
        SERVE.iter().map(|word| if *word == replace { by } else { *word }.to_owned()).collect()
    };
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = held.local_addr().expect("an address").to_string();
    for (arguments, want) in [
        (with("kubeconfig", "broken"), "the kubeconfig broken cannot be used"),
        (with("kubeconfig", "none"), "the kubeconfig none cannot be used"),
        (with("site", "none"), "the folder none/pkg cannot be read"),
        (with("127.0.0.1:0", &taken), &format!("{taken} cannot be listened on")),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run(path, &arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = stderr(&output);
        let sentence = text.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>();
        assert_eq!(sentence.len(), 1, "{text}");
        assert!(sentence[0].starts_with(&format!("slipway-server: {want}")), "{text}");
    }
}
