//! What a run's page says beyond its state: why it waits, and whom it displaced or had to make way for.

use slipway_domain::{
    pending::{Cause, Fix, Why},
    person::Caller,
    policy::{Action, Subject, may},
    preemption::{Displacement, Ledger, Other},
    refusal::Refusal,
    run::{
        spec::RunId,
        state::{State, StateKind},
        view::PodRow,
    },
};

use super::Runs;
use crate::store::{
    preemptions::{self, Entry, Side},
    runs::{self, Run},
};

/// Runs that hold what another waits for, of which it is asked whose they are.
const ASKED: usize = 20;

impl Runs {
    /// Why a run waits or does not start yet; none where it does neither.
    pub(super) async fn why(&self, caller: &Caller, run: &Run, pods: &[PodRow]) -> Result<Option<Why>, Refusal> {
        let kept = match &run.row.state {
            State::Waiting { why, .. } => why,
            State::Starting { what, .. } => what,
            State::Suspended { .. } => "It holds no resources; resume it to go on from its newest checkpoint",
            State::Running { .. } | State::Stopping { .. } | State::Succeeded { .. } | State::Failed { .. } | State::Stopped { .. } => {
                return Ok(None);
            }
        };
        let now = self.0.clock.now();
        let explanation = self.0.shared.pending.explain(run, pods, now).await?;
        // A wait's sentence is kept with the run, and is what the list shows: the page says the same.
        let sentence = match run.row.state.kind() {
            StateKind::Waiting => kept.to_owned(),
            // What the cluster shows of it is lost.
            _ if explanation.cause == Cause::Making => kept.to_owned(),
            _ => explanation.sentence,
        };
        let mine = self.mine(caller, &explanation.holders).await?;
        Ok(Some(Why { sentence, evidence: explanation.evidence, fix: mine.or(explanation.fix) }))
    }

    /// A run of the caller's own among these.
    async fn mine(&self, caller: &Caller, holders: &[RunId]) -> Result<Option<Fix>, Refusal> {
        for id in holders.iter().take(ASKED) {
            if let Some(run) = runs::get(&self.0.store, id).await?
                && run.made_by == caller.id
                && run.row.state.kind() == StateKind::Running
            {
                return Ok(Some(Fix::Stop { id: run.row.id, name: run.row.name.to_string() }));
            }
        }
        Ok(None)
    }

    /// Both sides of a run's ledger. A run of a team that the caller may not look into has no name here.
    pub(super) async fn ledger(&self, caller: &Caller, id: &RunId) -> Result<Ledger, Refusal> {
        let shown = |entry: Entry| Displacement {
            at: entry.at,
            node: entry.node.unwrap_or_default(),
            other: entry.other.map(|(id, team, name)| {
                let visible = may(caller, Action::ViewRuns, Subject::Team(&team)).is_ok();
                Other { team, run: visible.then_some((id, name)) }
            }),
            came: entry.came,
            went: entry.went,
            lost: entry.lost,
        };
        let by = preemptions::of_run(&self.0.store, id, Side::Went).await?;
        let of = preemptions::of_run(&self.0.store, id, Side::Came).await?;
        Ok(Ledger { by: by.into_iter().map(shown).collect(), of: of.into_iter().map(shown).collect() })
    }
}
