//! `kubectl logs`, with each of the ways to cut a log.

use super::cluster::{shared, until};

#[test]
fn a_log_is_cut_as_asked() {
    let namespace = shared().namespace("logs-cut");
    namespace.pod("printer", "for i in 1 2 3 4 5; do echo line $i; done", "");
    namespace.phase("printer", "Succeeded");
    assert_eq!(namespace.logs(&["printer"]).lines().count(), 5);
    assert_eq!(namespace.logs(&["printer", "--tail=2"]), "line 4\nline 5\n");
    assert_eq!(namespace.logs(&["printer", "--limit-bytes=9"]), "line 1\nli");
    assert_eq!(namespace.logs(&["printer", "--since-time=2999-01-01T00:00:00Z"]), "");
    assert_eq!(namespace.logs(&["printer", "--since=1h"]).lines().count(), 5);
    for line in namespace.logs(&["printer", "--timestamps"]).lines() {
        let (time, text) = line.split_once(' ').expect("a time and a line");
        assert!(time.ends_with('Z') && time.len() > 20 && text.starts_with("line "), "{line}");
    }
}

#[test]
fn a_log_that_is_followed_ends_with_its_container() {
    let namespace = shared().namespace("logs-followed");
    namespace.pod("slow", "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.2; done", "");
    until("it has begun", || match namespace.run(&["logs", "slow"]) {
        output if output.status.success() => Ok(()),
        output => Err(super::cluster::said(&output)),
    });
    let followed = namespace.logs(&["slow", "--follow"]);
    assert_eq!(followed, (1..=6).map(|i| format!("line {i}\n")).collect::<String>());
}

#[test]
fn both_streams_and_what_is_no_text_are_kept_as_they_are() {
    let namespace = shared().namespace("logs-binary");
    namespace.pod("noisy", r"echo to stderr >&2; printf 'a\0b\377\n'; printf 'no newline'", "");
    namespace.phase("noisy", "Succeeded");
    let output = namespace.run(&["logs", "noisy"]);
    // The two streams are two pipes: each is in order, neither is before the other. A last line without an end gets one.
    let mut lines: Vec<&[u8]> = output.stdout.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    assert_eq!(lines, [&b"a\0b\xff\n"[..], b"no newline\n", b"to stderr\n"]);
}
