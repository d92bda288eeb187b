//! People: who may manage whom, and that it holds at once.

use serde_json::{Value, json};

use crate::{
    browser::Answer,
    fixture::{PASSWORD, Person, Site},
};

#[track_caller]
fn is_forbidden(answer: Answer) -> String {
    let answer = answer.expect(403);
    assert_eq!(answer.json()["kind"], "forbidden", "{answer:?}");
    answer.json()["sentence"].as_str().expect("a sentence").to_owned()
}

async fn set_active(person: &mut Person, whom: &Person, active: bool) -> Answer {
    person.browser.call("people/active", json!({ "person": whom.id, "active": active })).await
}

async fn set_role(person: &mut Person, whom: &Person, team: &str, role: Value) -> Answer {
    person.browser.call("people/role", json!({ "person": whom.id, "team": team, "role": role })).await
}

#[tokio::test]
async fn an_invited_person_sets_a_password_once_and_within_three_days() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let link = admin.invite("mina", "default", "engineer").await;
    let late = admin.invite("noor", "default", "approver").await;

    let page = site.visitor().get(&link).await.expect(303);
    assert_eq!(page.location(), format!("{link}&name=mina"), "the page does not greet her by name");
    let token = link.split_once("token=").unwrap().1;
    let as_another = [("token", token), ("name", "root"), ("password", PASSWORD), ("password_again", PASSWORD)];
    let refused = site.visitor().post("/auth/welcome", &as_another).await.expect(303);
    assert!(refused.location().contains("This%20link%20is%20for%20mina"), "{refused:?}");

    site.accept(&link, "mina").await;
    let again =
        site.visitor().post("/auth/welcome", &[("token", token), ("password", PASSWORD), ("password_again", PASSWORD)]).await.expect(303);
    assert!(again.location().starts_with("/sign-in?error="), "the link works twice: {again:?}");
    assert_eq!(site.visitor().sign_in("mina", PASSWORD).await.location(), "/me");

    site.hours_pass(73);
    let answer = site.visitor().get(&late).await.expect(303);
    assert!(answer.location().starts_with("/sign-in?error="), "the link works after three days: {answer:?}");
}

#[tokio::test]
async fn an_invitation_that_cannot_be_made_says_what_is_wrong_with_each_field() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut invite = async |name: &str, team: &str, role: &str| {
        admin.browser.call("people/invite", json!({ "form": { "name": name, "team": team, "role": role, "platform_admin": "" } })).await
    };
    let fields = invite("Mina Å", "no such team", "king").await.expect(422).json()["fields"].clone();
    for field in ["name", "team", "role"] {
        assert!(fields[field].is_string(), "{field}: {fields}");
    }
    invite("mina", "default", "engineer").await.expect(200);
    let taken = invite("mina", "default", "engineer").await.expect(422);
    assert!(taken.json()["fields"]["name"].as_str().is_some_and(|sentence| sentence.contains("already")), "{taken:?}");
}

#[tokio::test]
async fn a_closed_account_is_out_at_the_next_request() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut engineer = site.engineer(&mut admin).await;
    assert!(engineer.browser.is_signed_in().await);
    set_active(&mut admin, &engineer, false).await.expect(200);
    assert!(!engineer.browser.is_signed_in().await, "she is still in");
    assert!(site.visitor().sign_in("mina", PASSWORD).await.location().starts_with("/sign-in"), "she can sign in again");
    set_active(&mut admin, &engineer, true).await.expect(200);
    assert!(!engineer.browser.is_signed_in().await, "her old session came back");
    assert_eq!(site.visitor().sign_in("mina", PASSWORD).await.location(), "/me");
}

#[tokio::test]
async fn a_role_holds_from_the_next_request() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut engineer = site.engineer(&mut admin).await;
    is_forbidden(engineer.browser.get("/api/people/list").await);
    set_role(&mut admin, &engineer, "default", json!("admin")).await.expect(200);
    engineer.browser.get("/api/people/list").await.expect(200);
    set_role(&mut admin, &engineer, "default", Value::Null).await.expect(200);
    is_forbidden(engineer.browser.get("/api/people/list").await);
}

#[tokio::test]
async fn whoever_reaches_for_another_team_is_refused_and_written_down() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut outsider = site.outsider(&mut admin).await;
    let engineer = site.engineer(&mut admin).await;
    let sentence = "You do not belong to that team, or there is none of that name; ask its admin to add you";
    assert_eq!(is_forbidden(set_role(&mut outsider, &engineer, "default", json!("engineer")).await), sentence);
    // A team that does not exist is answered like one that does.
    assert_eq!(is_forbidden(set_role(&mut outsider, &engineer, "no-such-team", json!("engineer")).await), sentence);
    assert_eq!(is_forbidden(outsider.browser.get("/live?runs=default").await), sentence);
    let lines = site.audit_lines(3).await;
    assert_eq!(
        lines,
        [
            format!("otto: give a role person {} in default → {sentence}", engineer.id.0),
            format!("otto: give a role person {} in no-such-team → {sentence}", engineer.id.0),
            format!("otto: watch runs team default → {sentence}"),
        ]
    );
}

#[tokio::test]
async fn an_admin_of_a_team_gains_no_power_beyond_it() {
    let site = Site::start().await;
    let mut root = site.admin().await;
    let mut lead = site.person(&mut root, "lead", "default", "admin").await;
    let engineer = site.engineer(&mut root).await;
    let outsider = site.outsider(&mut root).await;

    let people = lead.browser.get("/api/people/list").await.expect(200).json();
    let names: Vec<_> =
        people[0].as_array().expect("people").iter().map(|person| person["name"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(names, ["lead", "mina", "root"], "a team's admin sees others than the team");

    let reset = async |lead: &mut Person, whom: &Person| lead.browser.call("people/reset", json!({ "person": whom.id })).await;
    reset(&mut lead, &engineer).await.expect(200);
    is_forbidden(reset(&mut lead, &root).await);
    is_forbidden(reset(&mut lead, &outsider).await);
    is_forbidden(set_active(&mut lead, &root, false).await);
    let as_platform_admin = json!({ "form": { "name": "eve", "team": "default", "role": "admin", "platform_admin": "on" } });
    is_forbidden(lead.browser.call("people/invite", as_platform_admin).await);

    // A link for somebody with a role elsewhere as well would be a way into that team.
    set_role(&mut root, &engineer, "elsewhere", json!("admin")).await.expect(200);
    is_forbidden(reset(&mut lead, &engineer).await);
}

#[tokio::test]
async fn a_reset_ends_the_old_password_and_its_sessions_and_gives_one_link() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let mut engineer = site.engineer(&mut admin).await;
    let answer = admin.browser.call("people/reset", json!({ "person": engineer.id })).await.expect(200);
    let first = answer.json()["link"].as_str().expect("a link").to_owned();
    assert!(!engineer.browser.is_signed_in().await, "her session goes on");
    assert!(site.visitor().sign_in("mina", PASSWORD).await.location().starts_with("/sign-in"), "her old password works");
    let answer = admin.browser.call("people/reset", json!({ "person": engineer.id })).await.expect(200);
    let second = answer.json()["link"].as_str().expect("a link").to_owned();
    assert!(site.visitor().get(&first).await.expect(303).location().starts_with("/sign-in?error="), "the earlier link still works");
    site.accept(&second, "mina").await;
}

#[tokio::test]
async fn somebody_is_always_left_who_administers_the_platform() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let itself = Person { id: admin.id.clone(), name: "root", browser: admin.browser.clone() };
    let answer = set_active(&mut admin, &itself, false).await.expect(409);
    assert!(answer.json()["sentence"].as_str().is_some_and(|sentence| sentence.contains("only platform admin")), "{answer:?}");
    assert!(admin.browser.is_signed_in().await);
}

#[tokio::test]
async fn each_change_is_an_intent_and_an_outcome_in_the_audit_log() {
    let site = Site::start().await;
    let mut admin = site.admin().await;
    let engineer = site.engineer(&mut admin).await;
    set_role(&mut admin, &engineer, "default", json!("approver")).await.expect(200);
    assert_eq!(
        site.audit_lines(2).await,
        ["root: give a role person mina in default → ?", "root: give a role person mina in default → ok"]
    );
}
