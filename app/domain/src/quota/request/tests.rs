//! Who may answer what, and when.

use super::*;
use crate::limit::Amounts;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn caller(id: &str, name: &str) -> Caller {
    Caller {
        id: PersonId(id.into()),
        name: PersonName::parse(name).expect("a name"),
        platform_admin: true,
        roles: BTreeMap::new(),
        request: "r".into(),
        session: String::new(),
    }
}

fn request(state: RequestState) -> Request {
    Request {
        id: RequestId("1".into()),
        team: TeamName::parse("vision").expect("a name"),
        quota: "team".into(),
        resource: "requests.nvidia.com/gpu".into(),
        amount: Quantity::units(2),
        until: at("2026-12-01T00:00:00Z"),
        why: "a deadline".into(),
        by: PersonName::parse("mina").expect("a name"),
        made_by: PersonId("mina-id".into()),
        asked: at("2026-11-25T00:00:00Z"),
        state,
        trouble: None,
    }
}

#[test]
fn nobody_answers_their_own_request() {
    let (now, mina) = (at("2026-11-25T01:00:00Z"), caller("mina-id", "mina"));
    let asked = request(RequestState::Asked);
    for answer in [Answer::Approve, Answer::Refuse { why: "no".into() }] {
        assert!(matches!(asked.answered(&answer, &mina, now), Err(Refusal::Forbidden { .. })), "{answer:?}");
    }
    assert_eq!(asked.answered(&Answer::Withdraw, &mina, now), Ok(RequestState::Withdrawn));
    assert!(asked.answered(&Answer::Withdraw, &caller("root-id", "root"), now).is_err());
}

#[test]
fn a_request_is_answered_once() {
    let (now, root) = (at("2026-11-25T01:00:00Z"), caller("root-id", "root"));
    let by = root.name.clone();
    let granted = request(RequestState::Asked).answered(&Answer::Approve, &root, now).expect("it is granted");
    assert_eq!(granted, RequestState::Granted { until: at("2026-12-01T00:00:00Z"), by: by.clone() });
    assert_eq!(request(granted.clone()).answered(&Answer::End, &root, now), Ok(RequestState::Ended { at: now, by: by.clone() }));
    let settled =
        [granted, RequestState::Refused { by: by.clone(), why: "no".into() }, RequestState::Ended { at: now, by }, RequestState::Withdrawn];
    for state in settled {
        for answer in [Answer::Approve, Answer::Refuse { why: "no".into() }, Answer::Withdraw] {
            let refusal = request(state.clone()).answered(&answer, &root, now).expect_err("it was answered");
            assert_eq!(refusal.status(), 409, "{state:?} {answer:?}");
        }
    }
}

#[test]
fn a_refusal_says_why_and_what_is_over_cannot_be_granted() {
    let root = caller("root-id", "root");
    let refusal = request(RequestState::Asked).answered(&Answer::Refuse { why: " ".into() }, &root, at("2026-11-25T01:00:00Z"));
    assert_eq!(refusal.expect_err("it says nothing").status(), 422);
    let late = request(RequestState::Asked).answered(&Answer::Approve, &root, at("2026-12-01T00:00:00Z"));
    assert_eq!(late.expect_err("it is over").status(), 409);
}

#[test]
fn what_is_asked_for_is_read_until_the_end_of_a_day() {
    let hard = Amounts::from([("requests.nvidia.com/gpu".to_owned(), Quantity::units(4))]);
    let team = TeamName::parse("vision").expect("a name");
    let quotas = [QuotaFacts { team, name: "team".into(), hard, used: Amounts::new(), scopes: Vec::new(), version: "1".into() }];
    let now = at("2026-11-25T12:00:00Z");
    let form = |amount: &str, until: &str, of: &str, why: &str| {
        let fields = [("amount", amount), ("until", until), ("of", of), ("why", why)];
        AskForm(fields.map(|(field, text)| (field.to_owned(), text.to_owned())).into())
    };
    let gpus = "team/requests.nvidia.com/gpu";
    let ask = form("2", "2026-11-25", gpus, "a deadline").parse(&quotas, now).expect("it is a request");
    assert_eq!((ask.amount, ask.until), (Quantity::units(2), at("2026-11-26T00:00:00Z")));
    for (field, wrong) in [
        ("amount", form("1.5", "2026-12-01", gpus, "x")),
        ("amount", form("0", "2026-12-01", gpus, "x")),
        ("until", form("2", "2026-11-24", gpus, "x")),
        ("until", form("2", "2027-12-01", gpus, "x")),
        ("until", form("2", "tomorrow", gpus, "x")),
        ("until", form("2", "9999-12-31", gpus, "x")),
        ("of", form("2", "2026-12-01", "team/pods", "x")),
        ("why", form("2", "2026-12-01", gpus, " ")),
        ("why", form("2", "2026-12-01", gpus, &"x".repeat(501))),
    ] {
        let errors = wrong.parse(&quotas, now).expect_err(field);
        assert!(errors.contains_key(field), "{field}: {errors:?}");
    }
}
