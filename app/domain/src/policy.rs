//! Who may do what: one function, whose truth table is a committed file (`policy.golden.txt`), so that a change of policy is
//! seen in review as a changed row.
//!
//! A person of another team is refused with 403 and learns nothing of whether the thing exists. Inside a team everybody sees
//! everything: what one may not do is disabled, with this module's sentence as the reason.

use crate::{
    person::{Caller, PersonId, PersonName, Role},
    refusal::Refusal,
    team::TeamName,
};

/// Something a person may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See a team's runs with their logs and metrics.
    ViewRuns,
    /// Launch a run in a team.
    LaunchRun,
    /// Stop, suspend or resume a run.
    StopRun,
    /// Delete a run with its history.
    DeleteRun,
    /// See the people of the platform.
    ViewPeople,
    /// Add people, change their roles, end their access.
    ManagePeople,
    /// See the audit log.
    ViewAudit,
    /// See the nodes, each GPU as it is cut, and which team holds what.
    ViewNodes,
    /// Cordon nodes and cut their GPUs anew.
    ManageNodes,
    /// See a team's quotas and limits.
    ViewShares,
    /// Ask for a larger quota until a date.
    AskForQuota,
    /// Set a team's quotas, and answer those who ask for more.
    SetQuota,
    /// Set what one container of a team may have.
    SetLimits,
    /// Make, change and delete priority classes.
    ManagePriorities,
    /// Make teams.
    ManageTeams,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 15] = [
        Self::ViewRuns,
        Self::LaunchRun,
        Self::StopRun,
        Self::DeleteRun,
        Self::ViewPeople,
        Self::ManagePeople,
        Self::ViewAudit,
        Self::ViewNodes,
        Self::ManageNodes,
        Self::ViewShares,
        Self::AskForQuota,
        Self::SetQuota,
        Self::SetLimits,
        Self::ManagePriorities,
        Self::ManageTeams,
    ];

    /// The words in which a refusal names it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::ViewRuns => "see the runs of this team",
            Self::LaunchRun => "launch runs in this team",
            Self::StopRun => "stop this run",
            Self::DeleteRun => "delete this run",
            Self::ViewPeople => "see the people",
            Self::ManagePeople => "manage people",
            Self::ViewAudit => "see the audit log",
            Self::ViewNodes => "see the nodes",
            Self::ManageNodes => "change the nodes",
            Self::ViewShares => "see the quotas and limits of this team",
            Self::AskForQuota => "ask for a larger quota for this team",
            Self::SetQuota => "set a team's quota",
            Self::SetLimits => "set the limits of this team",
            Self::ManagePriorities => "change priority classes",
            Self::ManageTeams => "make teams",
        }
    }
}

/// What the action is on.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// The platform as a whole.
    Platform,
    /// A team.
    Team(&'a TeamName),
    /// Something in a team that a person made.
    Made {
        /// The team it belongs to.
        team: &'a TeamName,
        /// Who made it.
        by: &'a PersonId,
    },
}

impl<'a> Subject<'a> {
    /// The team that it belongs to, if it belongs to one.
    pub const fn team(self) -> Option<&'a TeamName> {
        match self {
            Self::Platform => None,
            Self::Team(team) | Self::Made { team, .. } => Some(team),
        }
    }
}

/// Who can give what somebody may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Askable<'a> {
    /// The admins of this team, to which the caller belongs.
    Team(&'a TeamName),
    /// The platform admins.
    Platform,
    /// Nobody is named to somebody of another team: it would say that there is such a team.
    Nobody,
}

/// Whom to ask where the caller may not do this.
pub fn whom_to_ask<'a>(caller: &Caller, action: Action, subject: Subject<'a>) -> Askable<'a> {
    let Some(team) = subject.team() else { return Askable::Platform };
    match (caller.role_in(team), action) {
        (None, _) => Askable::Nobody,
        (Some(_), Action::ManageNodes | Action::SetQuota | Action::ManagePriorities | Action::ManageTeams) => Askable::Platform,
        (
            Some(_),
            Action::ViewRuns
            | Action::LaunchRun
            | Action::StopRun
            | Action::DeleteRun
            | Action::ViewPeople
            | Action::ManagePeople
            | Action::ViewAudit
            | Action::ViewNodes
            | Action::ViewShares
            | Action::AskForQuota
            | Action::SetLimits,
        ) => Askable::Team(team),
    }
}

/// The refusal with the names of whom to ask, at most three of them.
pub fn naming(refusal: Refusal, names: &[PersonName]) -> Refusal {
    let Refusal::Forbidden { sentence } = refusal else { return refusal };
    let names: Vec<&str> = names.iter().take(3).map(PersonName::as_str).collect();
    let Some((last, others)) = names.split_last() else { return Refusal::Forbidden { sentence } };
    let names = if others.is_empty() { (*last).to_owned() } else { format!("{} or {last}", others.join(", ")) };
    Refusal::forbidden(format!("{}; ask {names}", sentence.strip_suffix("; ask one").unwrap_or(&sentence)))
}

/// Decides whether the caller may do this.
///
/// # Errors
/// [`Refusal::Forbidden`] with a sentence that says why and whom to ask.
pub fn may(caller: &Caller, action: Action, subject: Subject<'_>) -> Result<(), Refusal> {
    if caller.platform_admin {
        return Ok(());
    }
    let (team, mine) = match subject {
        // Who may run anything must know what there is to run it on; whose runs it is that hold it, only their team is shown.
        Subject::Platform if action == Action::ViewNodes => return Ok(()),
        Subject::Platform => {
            return Err(Refusal::forbidden(format!("Only a platform admin may {}; ask one", action.words())));
        }
        Subject::Team(team) => (team, false),
        Subject::Made { team, by } => (team, *by == caller.id),
    };
    let Some(role) = caller.role_in(team) else {
        return Err(Refusal::forbidden("You do not belong to that team, or there is none of that name; ask its admin to add you"));
    };
    let allowed = match action {
        Action::ViewRuns | Action::LaunchRun | Action::ViewNodes | Action::ViewShares | Action::AskForQuota => true,
        Action::StopRun | Action::DeleteRun => mine || role == Role::Admin,
        Action::ViewPeople | Action::ManagePeople | Action::ViewAudit | Action::SetLimits => role == Role::Admin,
        // What is shared between teams is not for one of them to take.
        Action::ManageNodes | Action::SetQuota | Action::ManagePriorities | Action::ManageTeams => {
            return Err(Refusal::forbidden(format!("Only a platform admin may {}; ask one", action.words())));
        }
    };
    if allowed {
        Ok(())
    } else {
        Err(Refusal::forbidden(match subject {
            Subject::Made { .. } => format!("Only whoever made it or an admin of {team} may {}", action.words()),
            Subject::Team(_) | Subject::Platform => format!("Only an admin of {team} may {}; you are {role} there", action.words()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt::Write};

    use super::*;
    use crate::person::PersonName;

    fn caller(platform_admin: bool, role: Option<Role>) -> Caller {
        let team = TeamName::parse("vision").expect("a team name");
        Caller {
            id: PersonId("me".into()),
            name: PersonName::parse("mina").expect("a name"),
            platform_admin,
            roles: role.map(|role| BTreeMap::from([(team, role)])).unwrap_or_default(),
            request: "r".into(),
            session: String::new(),
        }
    }

    #[test]
    fn the_policy_is_the_committed_table() {
        let team = TeamName::parse("vision").expect("a team name");
        let (me, another) = (PersonId("me".into()), PersonId("another".into()));
        let people = [
            ("outsider", caller(false, None)),
            ("engineer", caller(false, Some(Role::Engineer))),
            ("approver", caller(false, Some(Role::Approver))),
            ("admin", caller(false, Some(Role::Admin))),
            ("platform admin", caller(true, None)),
        ];
        let subjects = [
            ("platform", Subject::Platform),
            ("team", Subject::Team(&team)),
            ("own", Subject::Made { team: &team, by: &me }),
            ("another's", Subject::Made { team: &team, by: &another }),
        ];
        let mut table = String::new();
        for action in Action::ALL {
            for (what, subject) in subjects {
                write!(table, "{action:?} on {what}:").expect("writing to a string");
                for (who, caller) in &people {
                    let answer = if may(caller, action, subject).is_ok() { "yes" } else { "no" };
                    write!(table, " {who}={answer}").expect("writing to a string");
                }
                table.push('\n');
            }
        }
        assert_eq!(table, include_str!("policy.golden.txt"), "the policy changed; if that is meant, commit this table:\n{table}");
    }

    #[test]
    fn whoever_is_refused_is_told_whom_to_ask_unless_they_are_of_another_team() {
        let team = TeamName::parse("vision").expect("a team name");
        let names: Vec<_> = ["lead", "nora", "root", "sam"].map(|name| PersonName::parse(name).expect("a name")).into();
        let engineer = caller(false, Some(Role::Engineer));
        let asked = |action| whom_to_ask(&engineer, action, Subject::Team(&team));
        assert_eq!((asked(Action::ViewPeople), asked(Action::SetQuota)), (Askable::Team(&team), Askable::Platform));
        assert_eq!(whom_to_ask(&caller(false, None), Action::ViewPeople, Subject::Team(&team)), Askable::Nobody);
        assert_eq!(whom_to_ask(&engineer, Action::ViewAudit, Subject::Platform), Askable::Platform);

        let refusal = |action, subject| may(&engineer, action, subject).expect_err("an engineer may not");
        let sentence = naming(refusal(Action::ViewPeople, Subject::Team(&team)), &names[..2]).to_string();
        assert_eq!(sentence, "Only an admin of vision may see the people; you are engineer there; ask lead or nora");
        let sentence = naming(refusal(Action::ManageTeams, Subject::Platform), &names).to_string();
        assert_eq!(sentence, "Only a platform admin may make teams; ask lead, nora or root");
        let sentence = naming(refusal(Action::ManageTeams, Subject::Platform), &[]).to_string();
        assert_eq!(sentence, "Only a platform admin may make teams; ask one");
    }
}
