//! The style sheet is Tailwind's: each class of the app, its rule, its conditions, its place among the others, beside what
//! Tailwind's own program (from npm, `end2end/package.json`) makes of the same words. Chromium reads both; where two rules are
//! written otherwise, they must declare the same properties with the same effect. `compare.mjs` does that part.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use style::{class, scan, sheet, tailwind_rs};

/// What the comparison found.
struct Verdict {
    /// Words that are classes.
    classes: BTreeSet<String>,
    /// A sentence for each difference.
    different: Vec<String>,
    /// Utilities that tailwind-rs-core knows, each with what is wrong about it where it is.
    claims: BTreeMap<String, Option<String>>,
}

static VERDICT: LazyLock<Verdict> = LazyLock::new(compared);

#[test]
fn every_class_is_what_tailwind_makes_of_it() {
    assert!(VERDICT.classes.len() > 200, "the app's classes were not found: {:?}", VERDICT.classes);
    println!("{} classes compared", VERDICT.classes.len());
    assert!(VERDICT.different.is_empty(), "{} differences:\n{}", VERDICT.different.len(), VERDICT.different.join("\n"));
}

#[test]
fn what_is_taken_from_tailwind_rs_is_what_it_says_right() {
    let in_use: BTreeSet<&str> = VERDICT.classes.iter().map(|class| class::utility(class)).collect();
    let listed: BTreeSet<&str> = tailwind_rs::allowed().collect();
    // What is listed may fall out of use, but never be wrong.
    let judged = in_use.union(&listed).copied();
    let right: BTreeSet<&str> = judged.filter(|utility| VERDICT.claims.get(*utility) == Some(&None)).collect();
    println!("tailwind-rs-core says {} of {} utilities right", right.intersection(&in_use).count(), in_use.len());
    if right == listed {
        return;
    }
    let corrected = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tailwind_rs.txt");
    let lines: String = right.iter().map(|utility| format!("{utility}\n")).collect();
    std::fs::write(&corrected, lines).expect("the corrected list can be written");
    let add: Vec<&str> = right.difference(&listed).copied().collect();
    let remove: Vec<String> = listed
        .difference(&right)
        .map(|utility| match VERDICT.claims.get(*utility) {
            Some(Some(wrong)) => format!("{utility} ({wrong})"),
            Some(None) | None => format!("{utility} (which it does not know)"),
        })
        .collect();
    panic!(
        "style/src/tailwind_rs.txt is to be as {} is: with {}; without {}",
        corrected.display(),
        if add.is_empty() { "nothing more".to_owned() } else { add.join(", ") },
        if remove.is_empty() { "nothing less".to_owned() } else { remove.join(", ") },
    );
}

fn compared() -> Verdict {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/src");
    let base = include_str!("../../app.css");
    let found = scan::folders(&[app]).expect("the app's sources can be read");
    let made = sheet::generate(base, &found).expect("ironframe writes a style sheet");
    let library = tailwind_rs::TailwindRs::default();
    let mut claims = BTreeMap::new();
    let mut wanted = base.to_owned();
    let listed: Vec<&str> = tailwind_rs::allowed().collect();
    for word in found.all().chain(listed) {
        let utility = class::utility(word);
        claims.extend(library.claims(utility).map(|claim| (utility, claim)));
        for class in [word, utility] {
            wanted.push_str(&format!("\n@source inline(\"{class}\");"));
        }
    }
    let end2end = given("SLIPWAY_END2END");
    let mut tailwind = Command::new(end2end.join("node_modules/.bin/tailwindcss"));
    let wanted = run(tailwind.args(["--input", "-"]).current_dir(&end2end), &wanted);
    let words: Vec<&str> = found.all().collect();
    let question = serde_json::json!({ "wanted": wanted, "made": made, "words": words, "utilities": claims });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/compare.mjs");
    let mut node = Command::new("node");
    let answer = run(node.arg(script).env("CHROMIUM", given("CHROMIUM")), &question.to_string());
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("the comparison answers in JSON");
    let texts = |value: &serde_json::Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let wrong = |utility: &str| answer["refuted"][utility].as_str().map(str::to_owned);
    Verdict {
        classes: texts(&answer["classes"]).into_iter().collect(),
        different: texts(&answer["different"]),
        claims: claims.into_keys().map(|utility| (utility.to_owned(), wrong(utility))).collect(),
    }
}

fn given(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is set: `cargo xtask test rust` runs these tests")).into()
}

/// Runs a program with a text at its input, and gives its output.
fn run(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("the input is a pipe");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()).expect("the program reads its input"));
        child.wait_with_output().expect("the program ends")
    });
    assert!(output.status.success(), "{command:?} ended with {}", output.status);
    String::from_utf8(output.stdout).expect("the output is text")
}
