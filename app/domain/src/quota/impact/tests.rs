//! What a change of a quota would do, case by case.

use proptest::prelude::*;

use super::*;
use crate::{limit::LimitItem, name::DnsLabel, team::TeamName};

fn amounts(of: &[(&str, &str)]) -> Amounts {
    of.iter().map(|(name, amount)| ((*name).to_owned(), Quantity::parse(amount).expect("an amount"))).collect()
}

fn facts(hard: &[(&str, &str)], used: &[(&str, &str)]) -> QuotaFacts {
    let team = TeamName::parse("vision").expect("a name");
    QuotaFacts { team, name: "team".into(), hard: amounts(hard), used: amounts(used), scopes: Vec::new(), version: "7".into() }
}

fn change(hard: &[(&str, &str)], class: Option<&str>) -> QuotaChange {
    QuotaChange {
        team: TeamName::parse("vision").expect("a name"),
        name: DnsLabel::parse("team").expect("a name"),
        class: class.map(|class| DnsLabel::parse(class).expect("a name")),
        hard: amounts(hard),
        seen: String::new(),
    }
}

fn holds(run: &str, gpus: &str, counted: bool) -> Demand {
    let class = Some("training".to_owned());
    Demand { run: run.into(), who: "mina".into(), class, usage: amounts(&[("requests.nvidia.com/gpu", gpus), ("pods", "1")]), counted }
}

fn said(effects: &[Effect], weight: Weight) -> Vec<&str> {
    effects.iter().filter(|effect| effect.weight == weight).map(|effect| effect.sentence.as_str()).collect()
}

const GPUS: &str = "requests.nvidia.com/gpu";

#[test]
fn a_quota_below_use_says_who_holds_it_and_what_it_would_refuse() {
    let demands = [holds("resnet", "4", true), holds("bert", "2", true)];
    let effects = impact(Some(&facts(&[(GPUS, "8")], &[(GPUS, "6")])), &change(&[(GPUS, "4")], None), &demands, &[]);
    assert_eq!(
        said(&effects, Weight::Refuses),
        [
            "6 GPUs in use, 4 GPUs allowed: nothing that runs is stopped, but nothing that asks for GPUs starts until 2 GPUs are given back; \
             resnet (mina) holds 4 GPUs, bert (mina) holds 2 GPUs"
        ]
    );
}

#[test]
fn a_run_that_waits_and_would_still_be_refused_is_named() {
    let demands = [holds("resnet", "4", true), holds("bert", "3", false)];
    let effects = impact(Some(&facts(&[(GPUS, "5")], &[(GPUS, "4")])), &change(&[(GPUS, "6")], None), &demands, &[]);
    assert_eq!(said(&effects, Weight::Refuses), ["2 GPUs left would not be enough: bert (mina) asks for 3 GPUs"]);
    let enough = impact(Some(&facts(&[(GPUS, "5")], &[(GPUS, "4")])), &change(&[(GPUS, "7")], None), &demands, &[]);
    assert_eq!(enough, []);
}

#[test]
fn zero_is_allowed_and_explained() {
    let effects = impact(None, &change(&[(GPUS, "0")], None), &[], &[]);
    assert_eq!(said(&effects, Weight::Note), ["0 means none at all: every Pod that asks for GPUs is refused"]);
}

#[test]
fn a_quota_for_memory_without_defaults_is_a_trap() {
    let after = change(&[("limits.memory", "64Gi"), ("requests.cpu", "8"), (GPUS, "4")], None);
    let effects = impact(None, &after, &[], &[]);
    let traps = said(&effects, Weight::Trap);
    assert_eq!(traps.len(), 2, "{traps:?}");
    assert!(traps[0].contains("failed quota: team: must specify limits.memory"), "{traps:?}");
    let item = LimitItem { kind: CONTAINER.into(), max: amounts(&[("cpu", "8"), ("memory", "64Gi")]), ..LimitItem::default() };
    let team = TeamName::parse("vision").expect("a name");
    let limits = [LimitFacts { team, name: "limits".into(), items: vec![item], version: "1".into() }];
    assert_eq!(impact(None, &after, &[], &limits), [], "a most is a default");
}

#[test]
fn what_is_no_longer_limited_is_said() {
    let effects = impact(Some(&facts(&[(GPUS, "8"), ("pods", "9")], &[])), &change(&[("pods", "9")], None), &[], &[]);
    assert_eq!(said(&effects, Weight::Note), ["GPUs would no longer be limited by this quota"]);
}

#[test]
fn a_quota_of_a_class_concerns_that_class_alone() {
    let demands = [holds("resnet", "4", true)];
    assert_eq!(said(&impact(None, &change(&[(GPUS, "2")], Some("urgent")), &demands, &[]), Weight::Refuses), Vec::<&str>::new());
    assert_eq!(said(&impact(None, &change(&[(GPUS, "2")], Some("training")), &demands, &[]), Weight::Refuses).len(), 1);
}

proptest! {
    #[test]
    fn nobody_is_refused_by_a_quota_that_holds_all_that_is_asked_for(held in proptest::collection::vec((1_u64..9, any::<bool>()), 0..8), more in 0_u64..5) {
        let demands: Vec<Demand> =
            held.iter().enumerate().map(|(index, (gpus, counted))| holds(&format!("run-{index}"), &gpus.to_string(), *counted)).collect();
        let used: u64 = held.iter().filter(|(_, counted)| *counted).map(|(gpus, _)| gpus).sum();
        let all: u64 = held.iter().map(|(gpus, _)| gpus).sum();
        let before = facts(&[(GPUS, "1")], &[(GPUS, &used.to_string())]);
        let enough = impact(Some(&before), &change(&[(GPUS, &(all + more).max(1).to_string())], None), &demands, &[]);
        prop_assert_eq!(said(&enough, Weight::Refuses), Vec::<&str>::new());
        if used > 1 {
            let too_little = impact(Some(&before), &change(&[(GPUS, &(used - 1).to_string())], None), &demands, &[]);
            prop_assert_eq!(said(&too_little, Weight::Refuses).len(), 1);
        }
    }
}
