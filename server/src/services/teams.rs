//! Teams: made by platform admins, filled by their own admins. What is made here is a row; its namespace is the driver's to make
//! (see [`crate::drivers::teams`]), so that a cluster that is away makes a team late and never half.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use slipway_app::ports;
use slipway_domain::{
    person::Caller,
    policy::{Action, Subject, may},
    refusal::Refusal,
    team::{MemberForm, Namespace, TeamDetail, TeamForm, TeamList, TeamName, TeamRow},
};

use super::{permit, sign_in::SignIn, to_the_end, why_not};
use crate::{
    cluster::{Cluster, NotPrepared, manifest},
    drivers::teams::Wake,
    store::{audit::About, people, teams},
};

/// How long whoever makes a team waits for its namespace before the page that comes next shows it as it is.
const A_MOMENT: Duration = Duration::from_secs(3);

/// The port, implemented.
#[derive(Clone, Debug)]
pub struct Teams {
    sign_in: SignIn,
    cluster: Cluster,
    wake: Wake,
}

impl Teams {
    /// The service over what signing in uses; `wake` calls the driver.
    pub const fn new(sign_in: SignIn, cluster: Cluster, wake: Wake) -> Self {
        Self { sign_in, cluster, wake }
    }

    async fn rows(&self, caller: &Caller) -> Result<Vec<TeamRow>, Refusal> {
        let rows = teams::rows(&self.sign_in.store).await?;
        Ok(rows.into_iter().filter(|row| may(caller, Action::ViewPeople, Subject::Team(&row.name)).is_ok()).collect())
    }

    /// The row of a team that the caller may see.
    async fn row(&self, caller: &Caller, team: &TeamName) -> Result<TeamRow, Refusal> {
        let rows = self.rows(caller).await?;
        rows.into_iter().find(|row| row.name == *team).ok_or_else(|| Refusal::not_found("There is no such team; look at the list of teams"))
    }

    /// Has the driver look after the teams, and waits a moment for what it finds of this one.
    async fn settle(&self, team: &TeamName) {
        self.wake.now();
        let store = &self.sign_in.store;
        let found = async {
            while let Ok(Some(Namespace::Preparing { .. })) = teams::namespace(store, team).await {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        let _ = tokio::time::timeout(A_MOMENT, found).await;
    }

    /// Refuses a name whose namespace is somebody else's. A cluster that is away is no reason to refuse: the driver asks again.
    async fn is_free(&self, team: &TeamName) -> Result<(), Refusal> {
        match tokio::time::timeout(A_MOMENT, self.cluster.may_have_namespace(team)).await {
            Ok(Err(error @ NotPrepared::Taken { .. })) => Err(Refusal::field("name", error.to_string())),
            Ok(Ok(()) | Err(NotPrepared::Ending { .. } | NotPrepared::Write(_))) | Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl ports::Teams for Teams {
    async fn list(&self, caller: &Caller) -> Result<TeamList, Refusal> {
        let an_admin_somewhere = caller.roles.keys().any(|team| may(caller, Action::ViewPeople, Subject::Team(team)).is_ok());
        if !an_admin_somewhere {
            permit(&self.sign_in.audit, caller, (Action::ViewPeople, Subject::Platform), "see teams", "platform").await?;
        }
        Ok(TeamList {
            teams: self.rows(caller).await?,
            may_not_create: why_not(&self.sign_in.store, caller, (Action::ManageTeams, Subject::Platform)).await,
            stale_since: self.cluster.index().stale_since(),
        })
    }

    async fn get(&self, caller: &Caller, team: &TeamName) -> Result<TeamDetail, Refusal> {
        permit(&self.sign_in.audit, caller, (Action::ViewPeople, Subject::Team(team)), "see team", &subject(team)).await?;
        Ok(TeamDetail {
            row: self.row(caller, team).await?,
            members: teams::members(&self.sign_in.store, team).await?,
            rights: manifest::rights(team),
            may_not_prepare: why_not(&self.sign_in.store, caller, (Action::ManageTeams, Subject::Team(team))).await,
            stale_since: self.cluster.index().stale_since(),
        })
    }

    async fn create(&self, caller: &Caller, form: TeamForm) -> Result<TeamName, Refusal> {
        let (teams, caller) = (self.clone(), caller.clone());
        to_the_end(async move { teams.create(&caller, &form).await }).await
    }

    async fn prepare(&self, caller: &Caller, team: &TeamName) -> Result<(), Refusal> {
        let (teams, caller, team) = (self.clone(), caller.clone(), team.clone());
        to_the_end(async move { teams.prepare(&caller, &team).await }).await
    }

    async fn add(&self, caller: &Caller, team: &TeamName, form: MemberForm) -> Result<(), Refusal> {
        let (teams, caller, team) = (self.clone(), caller.clone(), team.clone());
        to_the_end(async move { teams.add(&caller, &team, &form).await }).await
    }
}

impl Teams {
    async fn create(&self, caller: &Caller, form: &TeamForm) -> Result<TeamName, Refusal> {
        let typed = format!("team {:?}", form.name.trim());
        permit(&self.sign_in.audit, caller, (Action::ManageTeams, Subject::Platform), "make team", &typed).await?;
        let team = form.parse()?;
        let store = &self.sign_in.store;
        let taken = || Refusal::field("name", format!("There is a team {team} already; choose another name"));
        if teams::namespace(store, &team).await?.is_some() {
            return Err(taken());
        }
        self.is_free(&team).await?;
        let change = async {
            let is_new = teams::ensure(store, &team, self.sign_in.clock.now()).await?;
            if is_new { Ok(()) } else { Err(taken()) }
        };
        let after = Some(json!({ "name": team }));
        self.sign_in.audit.around(caller, "make team", &subject(&team), (None, after), change).await?;
        self.settle(&team).await;
        Ok(team)
    }

    async fn prepare(&self, caller: &Caller, team: &TeamName) -> Result<(), Refusal> {
        let on = (Action::ManageTeams, Subject::Team(team));
        permit(&self.sign_in.audit, caller, on, "prepare namespace", &subject(team)).await?;
        let row = self.row(caller, team).await?;
        let store = &self.sign_in.store;
        let anew = Namespace::Preparing { why: String::new() };
        let change = async { Ok(teams::set_namespace(store, team, &anew, self.sign_in.clock.now()).await?) };
        let states = (Some(json!(row.namespace)), Some(json!(anew)));
        self.sign_in.audit.around(caller, "prepare namespace", &subject(team), states, change).await?;
        self.settle(team).await;
        Ok(())
    }

    async fn add(&self, caller: &Caller, team: &TeamName, form: &MemberForm) -> Result<(), Refusal> {
        let on = (Action::ManagePeople, Subject::Team(team));
        permit(&self.sign_in.audit, caller, on, "give a role", &format!("person {:?} in {team}", form.person.trim())).await?;
        self.row(caller, team).await?;
        let (name, role) = form.parse().map_err(|fields| Refusal::Invalid { fields })?;
        let store = &self.sign_in.store;
        let person = people::by_name(store, &name).await?.map(|person| person.row);
        let nobody = || Refusal::field("person", format!("Nobody is called {name}; invite them on the People page"));
        let person = person.ok_or_else(nobody)?;
        if let Some(role) = person.roles.get(team) {
            return Err(Refusal::field("person", format!("{name} is {role} in {team} already; change the role in the table")));
        }
        let change = async { Ok(people::set_role(store, &person.id, team, Some(role)).await?) };
        let about = About::in_team(&format!("person {name} in {team}"), team);
        self.sign_in.audit.around(caller, "give a role", about, (None, Some(json!(role))), change).await?;
        self.sign_in.hub.people_changed();
        Ok(())
    }
}

/// What the audit log calls a team.
fn subject(team: &TeamName) -> String {
    format!("team {team}")
}
