//! The trainer as a person and a Pod meet it: the real program, run to its end or interrupted.

mod program;

use std::{fs, path::Path};

use program::{Ended, train};
use slipway_domain::run::report::{Outcome, Report};
use tempfile::TempDir;

/// A short run of the shipped example.
const SHORT: [&str; 3] = ["--model=mlp", "--epochs=4", "--checkpoint-every=10"];

fn weights(folder: &Path) -> Vec<u8> {
    let mut steps: Vec<_> = fs::read_dir(folder).expect("the checkpoints").map(|entry| entry.expect("an entry").path()).collect();
    steps.sort();
    fs::read(steps.last().expect("a checkpoint").join("weights.safetensors")).expect("the weights")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn at(folder: &TempDir) -> String {
    format!("--checkpoint-dir={}", folder.path().display())
}

fn refused(ended: &Ended, code: i32, words: &str) {
    assert_eq!(ended.code, Some(code), "{ended}");
    let Some(Report::End { outcome: Outcome::Failed, message: Some(message) }) = ended.reports.last() else {
        panic!("the last report is no failed end: {ended}")
    };
    assert!(message.contains(words), "{message}");
    assert!(ended.errors.contains(words), "{ended}");
}

#[test]
fn the_shipped_example_learns_and_says_so_in_reports() {
    let ended = train(["--model=cnn", "--epochs=6"]).to_end();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(matches!(ended.reports.first(), Some(Report::Start { resumed_from: None, epochs: 6, .. })), "{ended}");
    assert!(matches!(ended.reports.last(), Some(Report::End { outcome: Outcome::Succeeded, .. })), "{ended}");
    let accuracy = ended.last_value("validation/accuracy");
    assert!(accuracy > 0.97, "validation accuracy is {accuracy}");
    assert!(ended.log.iter().any(|line| line.starts_with("Epoch 6 of 6")), "{ended}");
}

#[test]
fn every_model_trains() {
    for model in ["linear", "mlp", "cnn", "transformer", "resnet18"] {
        let ended = train([&format!("--model={model}"), "--epochs=1", "--batch-size=256"]).to_end();
        assert_eq!(ended.code, Some(0), "{model}: {ended}");
    }
}

#[test]
fn an_interrupted_run_ends_with_the_very_weights_of_one_that_was_not() {
    let (whole, cut) = (folder(), folder());
    let uninterrupted = train(SHORT).with(&at(&whole)).to_end();
    assert_eq!(uninterrupted.code, Some(0), "{uninterrupted}");
    // Stopped in mid-epoch, twice, at steps of no meaning.
    for step in [17, 53] {
        let ended = train(SHORT).with(&at(&cut)).with("--log-every=1").until_step(step).terminate();
        assert_eq!(ended.code, Some(143), "{ended}");
        assert!(matches!(ended.reports.last(), Some(Report::End { outcome: Outcome::Interrupted, .. })), "{ended}");
    }
    let ended = train(SHORT).with(&at(&cut)).to_end();
    assert!(matches!(ended.reports.first(), Some(Report::Start { resumed_from: Some(_), .. })), "{ended}");
    assert_eq!(weights(whole.path()), weights(cut.path()), "the weights differ after two interruptions");
}

#[test]
fn a_corrupt_newest_checkpoint_falls_back_to_the_one_before_and_says_so() {
    let folder = folder();
    let first = train(SHORT).with(&at(&folder)).to_end();
    assert_eq!(first.code, Some(0), "{first}");
    let mut steps: Vec<_> = fs::read_dir(folder.path()).expect("checkpoints").map(|entry| entry.expect("an entry").path()).collect();
    steps.sort();
    assert_eq!(steps.len(), 3, "three are kept");
    let victim = steps.pop().expect("the newest").join("weights.safetensors");
    let mut bytes = fs::read(&victim).expect("the weights");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&victim, bytes).expect("damage");
    let ended = train(SHORT).with(&at(&folder)).to_end();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.reports.iter().any(|report| matches!(report, Report::Notice { message } if message.contains("is corrupt"))), "{ended}");
    let Some(Report::Start { resumed_from: Some(step), .. }) = ended.reports.iter().find(|r| matches!(r, Report::Start { .. })) else {
        panic!("it did not continue: {ended}")
    };
    assert!(*step < 92, "it continued from step {step}");
}

#[test]
fn when_every_checkpoint_is_corrupt_it_says_so() {
    let folder = folder();
    fs::create_dir(folder.path().join("step-000000000007")).expect("a folder");
    fs::write(folder.path().join("step-000000000007/manifest.json"), "{").expect("a broken manifest");
    refused(&train(SHORT).with(&at(&folder)).to_end(), 75, "every checkpoint in");
}

#[test]
fn a_checkpoint_of_another_model_is_refused() {
    let folder = folder();
    assert_eq!(train(SHORT).with(&at(&folder)).to_end().code, Some(0));
    refused(&train(["--model=linear", "--epochs=1"]).with(&at(&folder)).to_end(), 64, "was made with mlp");
}

#[test]
fn a_loss_that_explodes_ends_the_run() {
    let ended = train(["--model=mlp", "--optimizer=sgd", "--learning-rate=1000000", "--epochs=2"]).to_end();
    refused(&ended, 70, "lower --learning-rate");
}

#[test]
fn bad_flags_are_one_sentence_and_64() {
    refused(&train(["--model=gpt5"]).to_end(), 64, "--help lists the flags");
    refused(&train(["--epochs=0"]).to_end(), 64, "--help lists the flags");
    refused(&train(["--learning-rate=NaN"]).to_end(), 64, "--learning-rate=NaN");
    refused(&train(["--device=tpu"]).to_end(), 64, "auto, cpu or cuda:N");
}

#[test]
fn a_gpu_that_is_not_there_is_76() {
    refused(&train(["--device=cuda:9"]).to_end(), 76, "ask for one");
}

#[test]
fn data_that_is_not_there_is_66_and_data_that_is_wrong_is_65() {
    refused(&train(["--data=csv:/nowhere/x.csv"]).to_end(), 66, "is not there");
    let folder = folder();
    let file = folder.path().join("x.csv");
    fs::write(&file, "a,b,label\n1,2,yes\n3,NaN,no\n").expect("a file");
    refused(&train([&format!("--data=csv:{}", file.display())]).to_end(), 65, "line 3, column 2");
    fs::write(&file, "1,2,yes\n3,no\n").expect("a file");
    refused(&train([&format!("--data=csv:{}", file.display())]).to_end(), 65, "line 2: it has 2 columns");
}

#[test]
fn a_table_of_numbers_is_learned_by_the_same_code() {
    let folder = folder();
    let file = folder.path().join("line.csv");
    let rows: String = (0..400).map(|n| format!("{},{},{}\n", n % 20, n / 20, if n % 20 > 9 { "right" } else { "left" })).collect();
    fs::write(&file, format!("x,y,side\n{rows}")).expect("a file");
    let data = format!("--data=csv:{}", file.display());
    let ended = train([data.as_str(), "--model=mlp", "--epochs=30"]).to_end();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.last_value("validation/accuracy") > 0.95, "{ended}");
    refused(&train([data.as_str(), "--model=cnn"]).to_end(), 65, "needs images");
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_73() {
    // What is a file cannot be a folder, for root as well.
    let folder = folder();
    let file = folder.path().join("taken");
    fs::write(&file, "").expect("a file");
    refused(&train(SHORT).with(&format!("--checkpoint-dir={}", file.display())).to_end(), 73, "cannot be written");
}

#[test]
fn a_full_disk_is_73_and_leaves_the_checkpoint_before() {
    let folder = folder();
    let ended = train(SHORT).with(&at(&folder)).limit_file_size(64 * 1024).to_end();
    refused(&ended, 73, "cannot be written");
    let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(left.is_empty(), "half-written files stay: {left:?}");
}

#[test]
fn help_lists_the_exit_codes() {
    let ended = program::run(["--help"]).to_end();
    assert!(ended.log.iter().any(|line| line.contains("143") && line.contains("told to stop")), "{ended}");
}
