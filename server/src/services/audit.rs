//! The audit log as people read it: platform admins all of it, a team's admins what concerns their teams.
//!
//! That the chain is whole is found out by recomputing all of it, which takes a while on a long log: it is done in the background
//! and when a platform admin asks, never because somebody looks at the page. Taking the log elsewhere is written down in it.

pub mod export;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::json;
use slipway_app::ports;
use slipway_domain::{
    audit::{AuditPage, AuditQuery, Chain, ExportFormat},
    person::Caller,
    policy::{Action, Subject, may},
    refusal::Refusal,
    team::TeamName,
};

use super::{permit, why_not};
use crate::{
    clock::Clock,
    store::{
        Store,
        audit::{
            Audit, VerifyError,
            entries::{self, Filter},
        },
    },
};

/// The port, implemented. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AuditLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    audit: Audit,
    clock: Clock,
    chain: Mutex<Option<Chain>>,
    /// Held while the chain is recomputed: one is enough.
    verifying: tokio::sync::Mutex<()>,
}

impl AuditLog {
    /// The service over `store`.
    pub fn new(store: Store, clock: Clock) -> Self {
        let audit = Audit::new(store.clone(), clock.clone());
        Self(Arc::new(Inner { store, audit, clock, chain: Mutex::new(None), verifying: tokio::sync::Mutex::new(()) }))
    }

    /// Recomputes the whole chain and remembers what was found. One that is under way already is left to end.
    ///
    /// # Errors
    /// That it is under way, or that the log cannot be read.
    pub async fn verify(&self) -> Result<Chain, Refusal> {
        let Ok(_held) = self.0.verifying.try_lock() else {
            return Err(Refusal::conflict("The log is being verified at this moment; look at the page again in a while"));
        };
        let chain = match self.0.audit.verify(None).await {
            Ok(whole) => Chain { at: self.0.clock.now(), rows: whole.rows, hash: whole.hash, broken: None },
            Err(error @ VerifyError::Broken { seq, .. }) => {
                tracing::error!(%error, "the audit log was changed behind Slipway's back");
                Chain { at: self.0.clock.now(), rows: (seq - 1).max(0), hash: String::new(), broken: Some(error.to_string()) }
            }
            Err(VerifyError::Store(error)) => return Err(error.into()),
        };
        *self.chain() = Some(chain.clone());
        Ok(chain)
    }

    fn chain(&self) -> std::sync::MutexGuard<'_, Option<Chain>> {
        self.0.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose entries the caller may see: none means everything. Where a team is named, that team's alone.
    async fn visible(&self, caller: &Caller, team: &str, word: &str) -> Result<Option<Vec<TeamName>>, Refusal> {
        if !team.is_empty() {
            let team = TeamName::parse(team).map_err(|error| Refusal::field("team", error.to_string()))?;
            permit(&self.0.audit, caller, (Action::ViewAudit, Subject::Team(&team)), word, &format!("team {team}")).await?;
            return Ok(Some(vec![team]));
        }
        if may(caller, Action::ViewAudit, Subject::Platform).is_ok() {
            return Ok(None);
        }
        let teams: Vec<TeamName> =
            caller.roles.keys().filter(|team| may(caller, Action::ViewAudit, Subject::Team(team)).is_ok()).cloned().collect();
        if teams.is_empty() {
            permit(&self.0.audit, caller, (Action::ViewAudit, Subject::Platform), word, "platform").await?;
        }
        Ok(Some(teams))
    }
}

/// What is wrong with a query, by field.
fn filter(query: &AuditQuery, teams: Option<&[TeamName]>) -> Result<Filter, Refusal> {
    Filter::new(query, teams).map_err(|fields| Refusal::Invalid { fields })
}

#[async_trait]
impl ports::Audit for AuditLog {
    async fn list(&self, caller: &Caller, query: AuditQuery) -> Result<AuditPage, Refusal> {
        let teams = self.visible(caller, &query.team, "see audit log").await?;
        let filter = filter(&query, teams.as_deref())?;
        let (entries, older) = entries::list(&self.0.store, &filter, self.0.clock.now()).await?;
        let may_not_verify = why_not(&self.0.store, caller, (Action::ViewAudit, Subject::Platform)).await;
        Ok(AuditPage { entries, older, teams, chain: self.chain().clone(), may_not_verify })
    }

    async fn verify(&self, caller: &Caller) -> Result<Chain, Refusal> {
        permit(&self.0.audit, caller, (Action::ViewAudit, Subject::Platform), "verify audit log", "platform").await?;
        Self::verify(self).await
    }

    async fn export(
        &self,
        caller: &Caller,
        query: AuditQuery,
        format: ExportFormat,
    ) -> Result<BoxStream<'static, Result<String, Refusal>>, Refusal> {
        let teams = self.visible(caller, &query.team, "export audit log").await?;
        let query = AuditQuery { before: None, ..query };
        let filter = filter(&query, teams.as_deref())?;
        let what = json!({ "format": format, "filters": query, "teams": teams });
        let subject = match teams.as_deref() {
            Some([team]) => format!("team {team}"),
            Some(_) => "teams".to_owned(),
            None => "platform".to_owned(),
        };
        let first = async { Ok(export::Export::begin(&self.0.store, filter, format).await?) };
        let export = self.0.audit.around(caller, "export audit log", &subject, (None, Some(what)), first).await?;
        Ok(export.into_stream())
    }
}
