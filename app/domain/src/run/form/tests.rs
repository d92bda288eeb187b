//! What the form accepts, what it refuses and in which words.

use super::*;

fn form() -> RunForm {
    RunForm { team: "vision".into(), name: "digits-1".into(), ..RunForm::default() }
}

fn refused(form: &RunForm, field: &str) -> String {
    let errors = form.parse().expect_err("it should be refused");
    errors.get(field).unwrap_or_else(|| panic!("no error for {field} in {errors:?}")).clone()
}

#[test]
fn the_shipped_example_is_accepted_once_named() {
    let spec = form().parse().expect("the example is good");
    let Program::Trainer(training) = &spec.program else { panic!("not the trainer") };
    assert_eq!(training.model, Model::Cnn);
    assert!(training.arguments("/c").contains(&"--learning-rate=0.001".to_owned()));
}

#[test]
fn a_clone_means_what_its_original_meant() {
    let mut original = form();
    original.tags = "b, a".into();
    original.deadline_minutes = "90".into();
    original.gpu = "1g.5gb".into();
    original.gpu_count = "2".into();
    let spec = original.parse().expect("good");
    let copy = RunForm::from_spec(&spec, "digits-1".into()).parse().expect("a clone is good");
    assert_eq!(copy, spec);
}

#[test]
fn a_clone_of_a_command_keeps_its_lines() {
    let command = RunForm {
        program: "command".into(),
        image: "busybox:1".into(),
        command: "sh\n-c\necho $HOME  && true".into(),
        env: "A=1\nB=x=y".into(),
        ..form()
    };
    let spec = command.parse().expect("good");
    assert_eq!(RunForm::from_spec(&spec, "digits-1".into()).parse().expect("good"), spec);
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let bad = RunForm { epochs: "0".into(), learning_rate: "NaN".into(), seed: "-1".into(), retries: "many".into(), ..form() };
    let errors = bad.parse().expect_err("refused");
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["epochs", "learning_rate", "retries", "seed"]);
}

#[test]
fn quantities_that_make_no_sense_are_refused_beside_their_field() {
    for (field, text) in [("cpu", "1Ki"), ("cpu", "-1"), ("memory", "1e400"), ("gpu_count", "1.5"), ("cpu", ""), ("memory", "0")] {
        let mut bad = form();
        bad.gpu = "gpu".into();
        match field {
            "cpu" => bad.cpu = text.into(),
            "memory" => bad.memory = text.into(),
            _ => bad.gpu_count = text.into(),
        }
        let sentence = refused(&bad, field);
        assert!(sentence.len() > 10, "{field}={text}: {sentence}");
    }
}

#[test]
fn names_that_kubernetes_refuses_are_refused_here() {
    for name in ["", "Digits", "a_b", "-a", "a-", &"x".repeat(253), "\u{202e}abc", "ابت"] {
        assert!(!refused(&RunForm { name: name.into(), ..form() }, "name").is_empty());
    }
}

#[test]
fn a_container_may_not_choose_its_own_gpus() {
    let bad = RunForm { program: "command".into(), image: "a".into(), env: "NVIDIA_VISIBLE_DEVICES=all".into(), ..form() };
    assert!(refused(&bad, "env").contains("ask for GPUs"));
}

#[test]
fn data_may_not_climb_out_of_the_volume() {
    assert!(refused(&RunForm { data: "csv:/team/../etc/passwd".into(), ..form() }, "data").starts_with("The data is"));
}
