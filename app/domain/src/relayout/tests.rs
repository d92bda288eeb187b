//! Layouts that hardware can and cannot have, and re-layouts that are killed, aborted, refused and left alone.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    configs::{MigConfigs, choose, usual},
    form::{LayoutForm, OWN},
    holds,
    layout::{Layout, difference},
    steps::*,
};
use crate::{
    gpu::{MODELS, Model},
    node::NodeFacts,
};

fn a100() -> &'static Model {
    Model::of("A100-SXM4-40GB").unwrap()
}

#[test]
fn a_form_is_read_card_by_card() {
    let layout = Layout::parse("whole\n\n 2 x 1g.5gb + 1g.5gb+me, 3g.20gb\n7g.40gb\n7g.40gb", a100(), 4).unwrap();
    assert_eq!(layout.words(), "GPU 0: whole; GPU 1: 2 × 1g.5gb + 1g.5gb.me + 3g.20gb; GPUs 2–3: 7g.40gb");
    assert_eq!(Layout::parse(&layout.lines(), a100(), 4), Ok(layout.clone()));
    assert_eq!(Layout::of(&layout.gpus(a100())), Some(layout));
}

#[test]
fn what_no_card_can_hold_is_refused_with_the_reason() {
    for (text, words) in [
        ("whole\n1g.10tb", "GPU 1: A100-40GB has no profile “1g.10tb”; it has 1g.5gb"),
        ("8 x 1g.5gb\nwhole", "GPU 0: 8 × 1g.5gb takes 8 compute slices, and a GPU has 7"),
        ("2 x 3g.20gb + 1g.5gb\nwhole", "takes 9 memory slices, and a GPU has 8"),
        ("2 x 1g.5gb.me\nwhole", "2 slices are to have the media extension"),
        ("3 x 1g.10gb + 1g.5gb + 2g.10gb\nwhole", "takes 9 memory slices"),
        ("whole", "The node has 2 GPUs, and 1 lines are written"),
        ("0 x 1g.5gb\nwhole", "is no slice"),
        ("-1 x 1g.5gb\nwhole", "is no slice"),
        ("99999999999 x 1g.5gb\nwhole", "is no slice"),
        ("+\nwhole", "is no slice"),
        ("2g.10gb.me\nwhole", "has no profile “2g.10gb.me”"),
        ("4.5\nwhole", "has no profile “4.5”"),
    ] {
        let refusal = Layout::parse(text, a100(), 2).unwrap_err();
        assert!(refusal.contains(words), "{text:?}: {refusal}");
    }
}

#[test]
fn what_is_advertised_depends_on_the_strategy() {
    let parse = |text: &str| Layout::parse(text, a100(), 2).unwrap();
    let counts = |of: &[(&str, u32)]| Ok(of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<BTreeMap<_, _>>());
    let mixed = parse("whole\n2 x 1g.5gb");
    assert_eq!(mixed.resources(Some("mixed")), counts(&[("nvidia.com/gpu", 1), ("nvidia.com/mig-1g.5gb", 2)]));
    assert!(mixed.resources(Some("single")).unwrap_err().contains("one profile"));
    assert!(mixed.resources(None).unwrap_err().contains("no MIG strategy"));
    assert_eq!(parse("2 x 3g.20gb\n2 x 3g.20gb").resources(Some("single")), counts(&[("nvidia.com/gpu", 4)]));
    assert_eq!(parse("whole\nwhole").resources(None), counts(&[("nvidia.com/gpu", 2)]));
    let advertised = BTreeMap::from([("nvidia.com/gpu".to_owned(), "0".to_owned()), ("cpu".to_owned(), "4".to_owned())]);
    let said = difference(&mixed.resources(Some("mixed")).unwrap(), &advertised).unwrap();
    assert_eq!(said, "0 of nvidia.com/gpu where 1 should be, 0 of nvidia.com/mig-1g.5gb where 2 should be");
    assert_eq!(difference(&BTreeMap::new(), &advertised), None, "what is advertised as none is none");
}

#[test]
fn only_cuts_that_have_a_name_can_be_chosen_and_another_is_told_what_to_add() {
    let offers = usual(a100()).offers(a100(), 2, Some("mixed"));
    let names: Vec<&str> = offers.iter().map(|offer| offer.name.as_str()).collect();
    assert_eq!(
        names,
        ["all-1g.10gb", "all-1g.5gb", "all-2g.10gb", "all-3g.20gb", "all-4g.20gb", "all-7g.40gb", "all-balanced", "all-disabled"]
    );
    let own = |layout: &str| LayoutForm { config: OWN.into(), layout: layout.into(), drain: String::new() };
    let found = choose(&own("7 x 1g.5gb\n7x1g.5gb"), &offers, a100(), 2).unwrap().unwrap();
    assert_eq!(found.name, "all-1g.5gb");
    let refusal = choose(&own("whole\n7 x 1g.5gb"), &offers, a100(), 2).unwrap_err();
    assert!(refusal["layout"].contains("- devices: [1]\n  mig-enabled: true\n  mig-devices: {\"1g.5gb\": 7}"), "{refusal:?}");
    assert!(choose(&own("whole"), &offers, a100(), 2).unwrap_err()["layout"].contains("2 GPUs"));
    let unknown = LayoutForm { config: "all-1g.10tb".into(), ..LayoutForm::default() };
    assert!(choose(&unknown, &offers, a100(), 2).unwrap_err().contains_key("config"));
    assert_eq!(choose(&LayoutForm::default(), &offers, a100(), 2), Ok(None));
    assert_eq!(usual(a100()).offers(a100(), 2, None).len(), 1, "without a strategy only whole GPUs are advertised");
}

#[test]
fn a_cut_is_for_the_cards_that_its_filter_names() {
    let text = r#"{"mig-configs": {
        "all-1g.10gb": [
            {"device-filter": ["0x233010DE"], "devices": "all", "mig-enabled": true, "mig-devices": {"1g.10gb": 7}},
            {"device-filter": "0x20b010de", "devices": "all", "mig-enabled": true, "mig-devices": {"1g.10gb": 4}}],
        "half": [{"devices": [0], "mig-enabled": true, "mig-devices": {"7g.40gb": 1}}],
        "uncut": [{"devices": "all", "mig-enabled": true, "mig-devices": {}}],
        "odd": [{"devices": [0], "mig-enabled": true, "mig-devices": {"1g.5gb+me": 1}}, {"devices": [1], "mig-enabled": false}]}}"#;
    let configs: MigConfigs = serde_json::from_str(text).unwrap();
    let named = |model: &Model| -> Vec<String> {
        configs.offers(model, 2, Some("mixed")).iter().map(|offer| format!("{} {}", offer.name, offer.layout.words())).collect()
    };
    assert_eq!(named(a100()), ["all-1g.10gb GPUs 0–1: 4 × 1g.10gb", "odd GPU 0: 1g.5gb.me; GPU 1: whole"]);
    assert_eq!(named(Model::of("H100-80GB-HBM3").unwrap()), ["all-1g.10gb GPUs 0–1: 7 × 1g.10gb"]);
}

#[test]
fn whoever_has_a_slice_would_have_to_move_and_nobody_else() {
    let pods = [("cpu", "1"), ("nvidia.com/mig-1g.5gb", "2"), ("nvidia.com/gpu", "1"), ("nvidia.com/mig-1g.5gb", "1")];
    assert_eq!(holds(pods).as_deref(), Some("3 × 1g.5gb + 1 × GPU"));
    assert_eq!(holds([("cpu", "1"), ("nvidia.com/gpu", "0"), ("nvidia.com/mig-1g.5gb", "odd")]), None);
}

proptest! {
    #[test]
    fn whatever_is_typed_is_read_or_refused_and_what_is_read_can_be_cut(model in 0..MODELS.len(), text in "[0-9 x×+.,gmbe\n]{0,60}|(whole\n|7 x 1g.5gb\n|1g.10gb\n){0,4}") {
        let model = &MODELS[model];
        if let Ok(layout) = Layout::parse(&text, model, 2) {
            prop_assert_eq!(layout.gpus(model).len(), 2);
            prop_assert_eq!(Layout::parse(&layout.lines(), model, 2), Ok(layout));
        }
    }
}

/// A cluster with one node, which does what it is told, or not.
#[derive(Clone, Debug)]
struct World {
    node: Option<NodeFacts>,
    pods: u32,
    /// What mig-manager does with a new label.
    answer: Answer,
    /// The label that mig-manager saw last.
    heard: Option<String>,
    target: BTreeMap<String, u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Success,
    Failed,
    Stuck,
    Silent,
    Lies,
}

impl World {
    fn new(order: &Order, answer: Answer, pods: u32) -> Self {
        let labels = order
            .was_config
            .iter()
            .map(|config| (CONFIG.to_owned(), config.clone()))
            .chain([(CONFIG_STATE.to_owned(), "success".to_owned())]);
        let node = NodeFacts {
            name: order.node.clone(),
            labels: labels.collect(),
            allocatable: BTreeMap::from([("nvidia.com/gpu".to_owned(), "2".to_owned())]),
            cordoned: order.was_cordoned,
            ready: true,
            ..NodeFacts::default()
        };
        Self { node: Some(node), pods, answer, heard: order.was_config.clone(), target: order.resources.clone() }
    }

    fn does(&mut self, order: &Order, deed: Deed) {
        let Some(node) = &mut self.node else { return };
        match deed {
            Deed::Cordon => node.cordoned = true,
            Deed::Uncordon => node.cordoned = false,
            Deed::Evict => self.pods = self.pods.saturating_sub(1),
            Deed::ClearLabel => {
                node.labels.remove(CONFIG);
            }
            Deed::Label => {
                node.labels.insert(CONFIG.to_owned(), order.config.clone());
                node.labels.remove(CONFIG_STATE);
            }
            Deed::Restore => match &order.was_config {
                Some(config) => {
                    node.labels.insert(CONFIG.to_owned(), config.clone());
                }
                None => {
                    node.labels.remove(CONFIG);
                }
            },
        }
    }

    /// mig-manager and whoever runs there go on.
    fn turns(&mut self, order: &Order) {
        if order.drain == Drain::Wait {
            self.pods = self.pods.saturating_sub(1);
        }
        let Some(node) = &mut self.node else { return };
        let label = node.labels.get(CONFIG).cloned();
        if label != self.heard {
            self.heard = label.clone();
            let word = match self.answer {
                _ if label.is_none() => return,
                Answer::Success | Answer::Lies => "success",
                Answer::Failed => "failed",
                Answer::Stuck => "pending",
                Answer::Silent => return,
            };
            node.labels.insert(CONFIG_STATE.to_owned(), word.to_owned());
            if self.answer == Answer::Success && label.as_deref() == Some(&order.config) {
                node.allocatable = self.target.iter().map(|(name, count)| (name.clone(), count.to_string())).collect();
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Nothing,
    /// The server dies after the deed and before it stores what follows.
    Killed,
    Abort,
    Vanishes,
    Refuses,
    /// Somebody uncordons the node by hand.
    Uncordons,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => Just(Event::Nothing),
        4 => Just(Event::Killed),
        1 => Just(Event::Abort),
        1 => Just(Event::Vanishes),
        1 => Just(Event::Refuses),
        1 => Just(Event::Uncordons),
    ]
}

fn order(evict: bool, was_cordoned: bool, was_config: Option<&str>) -> Order {
    Order {
        node: "gpu-b".into(),
        config: "all-1g.5gb".into(),
        resources: BTreeMap::from([("nvidia.com/mig-1g.5gb".to_owned(), 14)]),
        drain: if evict { Drain::Evict } else { Drain::Wait },
        was_cordoned,
        was_config: was_config.map(str::to_owned),
    }
}

/// Carries an order out in a world, with what happens in each turn; the states that it went through.
fn carry_out(order: &Order, world: &mut World, from: State, events: &[Event]) -> Vec<State> {
    let limits = Limits::default();
    let mut now = Timestamp::UNIX_EPOCH;
    let mut states = vec![from];
    for turn in 0..600 {
        let stored = states.last().unwrap().clone();
        if stored.has_ended() {
            break;
        }
        now += SignedDuration::from_secs(3);
        let event = events.get(turn).copied().unwrap_or(Event::Nothing);
        match event {
            Event::Vanishes => world.node = None,
            Event::Uncordons => {
                if let Some(node) = &mut world.node {
                    node.cordoned = false;
                }
            }
            Event::Abort => {
                if let Ok(state) = stored.abort() {
                    states.push(state);
                    continue;
                }
            }
            Event::Nothing | Event::Killed | Event::Refuses => {}
        }
        world.turns(order);
        let seen = world.node.clone();
        let (mut next, deed) = step(now, &limits, order, stored.clone(), Seen { node: seen.as_ref(), left: world.pods });
        if let Some(deed) = deed {
            if event == Event::Refuses {
                next = refused(order, &next, deed, "not allowed");
            } else {
                world.does(order, deed);
                next = after(now, next, deed);
            }
        }
        if event != Event::Killed && next != stored {
            states.push(next);
        }
    }
    states
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![Just(Answer::Success), Just(Answer::Failed), Just(Answer::Stuck), Just(Answer::Silent), Just(Answer::Lies)]
}

proptest! {
    #[test]
    fn from_every_state_it_ends_and_no_node_is_left_cordoned_in_silence(
        evict: bool, was_cordoned: bool, was in prop_oneof![Just(None), Just(Some("all-disabled")), Just(Some("all-1g.5gb"))],
        answer in answers(), pods in 0..4_u32, events in proptest::collection::vec(event(), 0..40), begin in 0..7_usize,
    ) {
        let order = order(evict, was_cordoned, was);
        let mut world = World::new(&order, answer, pods);
        let since = Timestamp::UNIX_EPOCH;
        let from = [
            State::Cordoning, State::Draining { left: pods, since }, State::Labelling, State::Applying { since }, State::Checking { since },
            State::Uncordoning { aborted: None, restore: false }, State::Uncordoning { aborted: Some(Step::Apply), restore: true },
        ][begin].clone();
        if from != State::Cordoning {
            world.node.as_mut().unwrap().cordoned = true;
        }
        let states = carry_out(&order, &mut world, from, &events);
        let last = states.last().unwrap();
        prop_assert!(last.has_ended(), "{:?}", states);
        let cordoned = world.node.as_ref().is_some_and(|node| node.cordoned);
        let by_hand = events.contains(&Event::Uncordons);
        match last {
            State::Done | State::Aborted { .. } => prop_assert!(by_hand || world.node.is_none() || cordoned == was_cordoned, "{:?}", states),
            State::Failed { cordoned: left, recovery, .. } => {
                prop_assert!(!cordoned || was_cordoned || *left, "it is cordoned and nobody is told: {:?}", states);
                prop_assert!(!left || recovery.contains("cordoned"), "{}", recovery);
            }
            other => prop_assert!(false, "{:?}", other),
        }
        if *last == State::Done && begin < 5 {
            prop_assert_eq!(difference(&order.resources, &world.node.as_ref().unwrap().allocatable), None);
        }
    }
}

#[test]
fn an_undisturbed_re_layout_goes_through_every_step() {
    let order = order(true, false, Some("all-disabled"));
    let mut world = World::new(&order, Answer::Success, 3);
    let states = carry_out(&order, &mut world, State::Cordoning, &[]);
    let mut steps: Vec<_> = states.iter().filter_map(State::step).collect();
    steps.dedup();
    assert_eq!(steps, Step::ALL);
    assert_eq!(states.last(), Some(&State::Done));
}

#[test]
fn a_wedge_is_found_and_its_recovery_is_said() {
    for (answer, at, words) in [
        (Answer::Stuck, Step::Apply, "It hangs"),
        (Answer::Failed, Step::Apply, "Its log says why"),
        (Answer::Silent, Step::Apply, "Look whether it runs"),
        (Answer::Lies, Step::Check, "Restart the device plugin"),
    ] {
        let order = order(true, false, Some("all-disabled"));
        let states = carry_out(&order, &mut World::new(&order, answer, 0), State::Cordoning, &[]);
        let Some(State::Failed { step, recovery, cordoned, .. }) = states.last() else { panic!("{answer:?}: {states:?}") };
        assert_eq!((*step, *cordoned), (at, true), "{answer:?}");
        assert!(recovery.contains(words), "{recovery}");
    }
}

#[test]
fn an_abort_puts_the_label_back_and_lifts_the_cordon() {
    for turns in 0..12 {
        let order = order(true, false, Some("all-disabled"));
        let mut world = World::new(&order, Answer::Stuck, 2);
        let mut events = vec![Event::Nothing; turns];
        events.push(Event::Abort);
        let states = carry_out(&order, &mut world, State::Cordoning, &events);
        assert!(matches!(states.last(), Some(State::Aborted { .. })), "{states:?}");
        let node = world.node.unwrap();
        assert_eq!(node.labels.get(CONFIG).map(String::as_str), Some("all-disabled"), "{states:?}");
        assert!(!node.cordoned, "{states:?}");
    }
}

#[test]
fn what_failed_can_be_given_up_and_what_has_ended_cannot() {
    let order = order(true, false, None);
    let failed = refused(&order, &State::Labelling, Deed::Label, "nodes is forbidden");
    assert!(failed.left_cordoned());
    assert!(matches!(failed.abort(), Ok(State::Uncordoning { aborted: Some(Step::Label), restore: true })));
    for ended in [State::Done, State::Aborted { at: Step::Drain }, refused(&order, &State::Cordoning, Deed::Cordon, "no")] {
        assert!(ended.abort().is_err(), "{ended:?}");
    }
}
