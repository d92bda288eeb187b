//! Nodes: each GPU as it is cut and who holds what, from the index; how busy it is, as Prometheus told last; run names and people
//! from the store.
//!
//! Everybody who has signed in sees every node, because whoever launches runs must know what there is to run them on. Of what
//! holds a GPU they see the run where they may see that team's runs, and otherwise the team alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use slipway_app::ports;
use slipway_domain::{
    node::{Fleet, HeldBy, Holder, NodeDetail, NodeFacts, NodeQuery, NodeRow, PodThere},
    person::Caller,
    policy::{Action, Subject, may},
    refusal::Refusal,
    run::spec::RunId,
    team::TeamName,
    utilisation,
};

use super::{in_time, permit, to_the_end};
use crate::{
    clock::Clock,
    cluster::{Cluster, index::Holding},
    drivers::utilisation::Utilisation,
    store::{Store, audit::Audit, runs, teams},
};

/// Colours that teams are told apart by; teams beyond them share one.
const COLOURS: usize = 6;

/// The port, implemented. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Nodes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    cluster: Cluster,
    audit: Audit,
    utilisation: Utilisation,
}

/// The team, the name and the person of each run.
type Names = BTreeMap<RunId, (String, HeldBy)>;

/// Whether a run is known, and is of the team whose namespace its Pod is in.
fn is_known(names: &Names, holder: &Holder) -> bool {
    holder.run.as_ref().and_then(|id| names.get(id)).is_some_and(|(team, _)| *team == holder.team)
}

/// Leaves the team alone of a holder whose run is not for the viewer to know.
fn hide(holder: &mut Holder, names: &Names) {
    if !is_known(names, holder) {
        holder.run = None;
    }
}

fn without_teams(names: Names) -> BTreeMap<RunId, HeldBy> {
    names.into_iter().map(|(id, (_, held_by))| (id, held_by)).collect()
}

/// Whether the caller may see the runs of a namespace's team.
fn may_see(caller: &Caller, team: &str) -> bool {
    TeamName::parse(team).is_ok_and(|team| may(caller, Action::ViewRuns, Subject::Team(&team)).is_ok())
}

fn subject(name: &str) -> String {
    format!("node {name}")
}

impl Nodes {
    /// The service.
    pub fn new(store: Store, cluster: Cluster, clock: Clock, utilisation: Utilisation) -> Self {
        let audit = Audit::new(store.clone(), clock);
        Self(Arc::new(Inner { store, cluster, audit, utilisation }))
    }

    /// What the runs of these holders are called, as far as the caller may know: with the team of each.
    async fn names<'a>(&self, caller: &Caller, holders: impl Iterator<Item = &'a Holder>) -> Result<Names, Refusal> {
        let ids: BTreeSet<&RunId> =
            holders.filter(|holder| may_see(caller, &holder.team)).filter_map(|holder| holder.run.as_ref()).collect();
        let mut names = runs::names(&self.0.store, &ids).await?;
        // Whoever makes a Pod can label it with any run's identity, also with that of another team's.
        names.retain(|_, (team, _)| may_see(caller, team));
        Ok(names)
    }

    /// The number of each team's colour, for those that hold something of these nodes. It depends on the teams that there are, so
    /// that a team keeps it from page to page.
    async fn colours(&self, rows: &[NodeRow]) -> Result<BTreeMap<String, u8>, Refusal> {
        let here: BTreeSet<&str> = rows.iter().flat_map(NodeRow::holders).map(|holder| holder.team.as_str()).collect();
        if here.is_empty() {
            return Ok(BTreeMap::new());
        }
        let teams = teams::list(&self.0.store).await?;
        let numbered = teams.iter().zip((1..=COLOURS).cycle());
        let shown = numbered.filter(|(team, _)| here.contains(team.as_str()));
        Ok(shown.map(|(team, number)| (team.to_string(), u8::try_from(number).unwrap_or(1))).collect())
    }

    fn known(&self, name: &str) -> Result<(NodeFacts, Vec<Holding>), Refusal> {
        let found = self.0.cluster.index().node(name);
        found.ok_or_else(|| Refusal::not_found("The cluster has no such node, or no longer; look at the list of nodes"))
    }

    async fn cordon(&self, caller: &Caller, name: &str, cordoned: bool) -> Result<(), Refusal> {
        let word = if cordoned { "cordon" } else { "uncordon" };
        permit(&self.0.audit, caller, (Action::ManageNodes, Subject::Platform), word, &subject(name)).await?;
        let (facts, _) = self.known(name)?;
        let states = (Some(json!({ "cordoned": facts.cordoned })), Some(json!({ "cordoned": cordoned })));
        let cluster = self.0.cluster.acting_as(caller);
        let change = async { Ok(in_time(cluster.set_cordoned(name, cordoned)).await?) };
        self.0.audit.around(caller, word, &subject(name), states, change).await?;
        // Waits a moment until it is seen, so that the page that comes next shows it; where it takes longer, it hears of it live.
        let seen = async {
            while self.0.cluster.index().node(name).is_some_and(|(facts, _)| facts.cordoned != cordoned) {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), seen).await;
        Ok(())
    }
}

#[async_trait]
impl ports::Nodes for Nodes {
    async fn list(&self, caller: &Caller, query: NodeQuery) -> Result<Fleet, Refusal> {
        permit(&self.0.audit, caller, (Action::ViewNodes, Subject::Platform), "see nodes", "platform").await?;
        let index = self.0.cluster.index();
        let mut fleet = Fleet::of(&index.drawn(), &query, index.stale_since());
        let measured = self.0.utilisation.now();
        fleet.rows.iter_mut().for_each(|row| row.utilisation = measured.of_node(row));
        (fleet.measuring, fleet.idle, fleet.idle_found) = (measured.measuring.clone(), measured.idle.clone(), measured.idle_found);
        let drawn = fleet.rows.iter().flat_map(NodeRow::holders);
        let names = self.names(caller, drawn.chain(fleet.idle.iter().map(|idle| &idle.holder))).await?;
        fleet.rows.iter_mut().for_each(|row| row.hide(|holder| is_known(&names, holder), |team| may_see(caller, team)));
        fleet.idle.iter_mut().map(|idle| &mut idle.holder).for_each(|holder| hide(holder, &names));
        fleet.runs = without_teams(names);
        fleet.colours = self.colours(&fleet.rows).await?;
        Ok(fleet)
    }

    async fn get(&self, caller: &Caller, name: &str) -> Result<NodeDetail, Refusal> {
        permit(&self.0.audit, caller, (Action::ViewNodes, Subject::Platform), "see node", &subject(name)).await?;
        let (facts, held) = self.known(name)?;
        let index = self.0.cluster.index();
        let drawn = index.drawn_node(name).ok_or_else(|| Refusal::not_found("The node has just left the cluster"))?;
        let mut row = drawn.row.clone();
        let of_pod = |pod: &Holding| {
            let (team, name) = pod.key.split_once('/').unwrap_or(("", &pod.key));
            (Holder { team: team.to_owned(), run: pod.run.clone() }, name.to_owned())
        };
        let there: Vec<(Holder, String)> = held.iter().map(of_pod).collect();
        let measured = self.0.utilisation.now();
        let mut readings = measured.readings(&row);
        let unmeasured = utilisation::unmeasured(&row, &readings);
        row.utilisation = measured.of_node(&row);
        let holders = readings.iter().flat_map(|reading| &reading.holders).chain(row.holders());
        let names = self.names(caller, there.iter().map(|(holder, _)| holder).chain(holders)).await?;
        readings.iter_mut().flat_map(|reading| &mut reading.holders).for_each(|holder| hide(holder, &names));
        row.hide(|holder| is_known(&names, holder), |team| may_see(caller, team));
        let (mut pods, mut others) = (Vec::new(), BTreeMap::new());
        for ((holder, name), pod) in there.into_iter().zip(&held) {
            if may_see(caller, &holder.team) {
                let asks: Vec<_> = pod.requests.iter().map(|(resource, amount)| format!("{resource} {amount}")).collect();
                let run = holder.run.clone().filter(|_| is_known(&names, &holder));
                pods.push(PodThere { name, team: holder.team, run, asks: asks.join(", "), created: pod.created });
            } else {
                *others.entry(holder.team).or_default() += 1;
            }
        }
        let (runs, colours) = (without_teams(names), self.colours(std::slice::from_ref(&row)).await?);
        let denied = may(caller, Action::ManageNodes, Subject::Platform).err().map(|refusal| refusal.to_string());
        let (labels, created, heard) = (facts.labels, facts.created, facts.heard);
        Ok(NodeDetail {
            row,
            runs,
            colours,
            cordoned: facts.cordoned,
            labels,
            created,
            heard,
            pods,
            others,
            denied,
            stale_since: index.stale_since(),
            measuring: measured.measuring.clone(),
            readings,
            unmeasured,
        })
    }

    async fn set_cordoned(&self, caller: &Caller, name: &str, cordoned: bool) -> Result<(), Refusal> {
        let (nodes, caller, name) = (self.clone(), caller.clone(), name.to_owned());
        to_the_end(async move { nodes.cordon(&caller, &name, cordoned).await }).await
    }
}
