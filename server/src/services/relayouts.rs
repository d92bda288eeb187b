//! Cutting a node's GPUs anew: who may, what can be chosen, who would have to move; the order is written down here and carried out
//! by the driver of the same name, so that it outlives a restart.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use serde_json::json;
use slipway_app::{
    live::{Message, Watched},
    ports,
};
use slipway_domain::{
    gpu::Model,
    node::{NodeFacts, NodeRow},
    person::Caller,
    policy::{Action, Subject},
    refusal::{FieldErrors, Refusal},
    relayout::{
        configs::{Offer, choose, usual},
        form::{Displaced, LayoutForm, LayoutPage, Plan, RelayoutId},
        layout::Layout,
        steps::{CONFIG, Drain, Order},
    },
    run::spec::RunId,
};
use uuid::Uuid;

use super::{permit, to_the_end};
use crate::{
    clock::Clock,
    cluster::{Cluster, OnNode},
    live::{Hub, Scope},
    store::{
        Error, Store,
        audit::Audit,
        relayouts::{self, NewRelayout},
        runs,
    },
};

/// How often an abort is tried against a driver that moves it on at the same moment.
const TRIES: u32 = 10;

/// The port, implemented. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Relayouts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    cluster: Cluster,
    audit: Audit,
    clock: Clock,
    hub: Hub,
}

/// A node as far as it can be cut.
struct Ground {
    facts: NodeFacts,
    row: NodeRow,
    here: Vec<OnNode>,
    /// Model and number of its cards; or why they cannot be cut.
    cards: Result<(&'static Model, usize), String>,
    offers: Vec<Offer>,
    source: &'static str,
}

impl Relayouts {
    /// The service over these.
    pub fn new(store: Store, cluster: Cluster, clock: Clock, hub: Hub) -> Self {
        let audit = Audit::new(store.clone(), clock.clone());
        Self(Arc::new(Inner { store, cluster, audit, clock, hub }))
    }

    async fn permit(&self, caller: &Caller, word: &str, node: &str) -> Result<(), Refusal> {
        permit(&self.0.audit, caller, (Action::ManageNodes, Subject::Platform), word, &format!("node {node:?}")).await
    }

    fn ground(&self, node: &str) -> Result<Ground, Refusal> {
        let index = self.0.cluster.index();
        let unknown = || Refusal::not_found("The cluster has no such node, or no longer; look at the list of nodes");
        let (facts, here) = index.on_node(node);
        let facts = facts.ok_or_else(unknown)?;
        let row = index.drawn_node(node).ok_or_else(unknown)?.row.clone();
        let cards = cards(&facts, &row);
        let known = index.mig_configs();
        let source = match known {
            Some(_) => "These are the cuts that mig-manager knows here, from the config map default-mig-parted-config",
            None => {
                "These are the cuts that NVIDIA ships; the config map default-mig-parted-config, which has those of this cluster, cannot be read"
            }
        };
        let offers = match &cards {
            Ok((model, count)) => {
                let configs = known.map_or_else(|| usual(model), |known| (*known).clone());
                configs.offers(model, *count, row.strategy.as_deref())
            }
            Err(_) => Vec::new(),
        };
        Ok(Ground { facts, row, here, cards, offers, source })
    }

    /// Those on a node who would have to move.
    async fn displaced(&self, here: &[OnNode]) -> Result<Vec<Displaced>, Error> {
        let ids: BTreeSet<&RunId> = here.iter().filter_map(|pod| pod.run.as_ref()).collect();
        let names = runs::names(&self.0.store, &ids).await?;
        let moving = here.iter().filter_map(|pod| {
            // Whoever makes a Pod can label it with any run's identity, also with that of another team's.
            let known = pod.run.as_ref().and_then(|id| Some((id, names.get(id)?))).filter(|(_, (team, _))| *team == pod.namespace);
            let run = known.map(|(id, (_, held_by))| (id.clone(), held_by.clone()));
            Some(Displaced { team: pod.namespace.clone(), pod: pod.pod.clone(), run, holds: pod.holds()? })
        });
        Ok(moving.collect())
    }

    async fn order_it(&self, caller: &Caller, node: &str, form: &LayoutForm) -> Result<RelayoutId, Refusal> {
        let ground = self.ground(node)?;
        if let Some(since) = self.0.cluster.index().stale_since() {
            return Err(Refusal::unavailable(format!("The cluster cannot be reached since {since}; order this when it is back")));
        }
        let (model, count) = ground.cards.map_err(Refusal::conflict)?;
        let drain = Drain::parse(&form.drain).map_err(|sentence| Refusal::field("drain", sentence))?;
        let offer = choose(form, &ground.offers, model, count).map_err(|fields| Refusal::Invalid { fields })?;
        let offer = offer.ok_or_else(|| Refusal::field("config", "Choose a layout first"))?;
        let label = ground.facts.labels.get(CONFIG).cloned();
        let before = Layout::of(&ground.row.gpus);
        let earlier = relayouts::newest(&self.0.store, node).await?;
        if let Some(open) = earlier.as_ref().filter(|earlier| !earlier.state.has_ended()) {
            return Err(under_way(node, open.caller.name.as_str()));
        }
        // What failed and left its cordon behind is taken up: how the node was before that one is how it is to be after this.
        let left_behind = earlier.filter(|earlier| earlier.state.left_cordoned());
        let resources = offer.layout.resources(ground.row.strategy.as_deref()).map_err(Refusal::conflict)?;
        if before.as_ref() == Some(&offer.layout) && label.as_deref() == Some(&offer.name) && left_behind.is_none() {
            return Err(Refusal::field("config", format!("{node} is cut so already, and its label says {}", offer.name)));
        }
        let order = Order {
            node: node.to_owned(),
            config: offer.name.clone(),
            resources,
            drain,
            was_cordoned: ground.facts.cordoned && left_behind.is_none(),
            was_config: left_behind.map_or(label, |earlier| earlier.order.was_config),
        };
        let was = before.map_or_else(|| "not known by card".to_owned(), |before| before.words());
        let new = NewRelayout { id: new_id(), caller: caller.clone(), order, was, wanted: offer.layout.words() };
        let states = (Some(json!(new.was)), Some(json!({ "config": new.order.config, "drain": drain, "layout": new.wanted })));
        let change = async {
            relayouts::add(&self.0.store, &new, self.0.clock.now()).await.map_err(|error| match error {
                Error::Duplicate(_) => under_way(node, "Somebody"),
                other => other.into(),
            })
        };
        self.0.audit.around(caller, "re-layout node", &format!("node {node} ({})", new.id.0), states, change).await?;
        self.0.hub.publish(Scope::everybody(), Message::Changed { what: Watched::Nodes });
        Ok(new.id)
    }

    async fn abort_it(&self, caller: &Caller, node: &str) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let Some(relayout) = relayouts::newest(&self.0.store, node).await? else {
                return Err(Refusal::conflict(format!("Nothing is done to {node}; there is nothing to abort")));
            };
            let state = relayout.state.abort()?;
            let subject = format!("node {node} ({})", relayout.id.0);
            let states = (Some(json!(relayout.state)), Some(json!(state)));
            let change = async { Ok(relayouts::advance(&self.0.store, &relayout, &state, Some(caller), self.0.clock.now()).await?) };
            if self.0.audit.around(caller, "abort re-layout", &subject, states, change).await? {
                self.0.hub.publish(Scope::everybody(), Message::Changed { what: Watched::Nodes });
                return Ok(());
            }
        }
        Err(Refusal::conflict("It moves on faster than it can be aborted; look at it again"))
    }
}

/// Model and number of a node's cards, or why they cannot be cut anew.
fn cards(facts: &NodeFacts, row: &NodeRow) -> Result<(&'static Model, usize), String> {
    let Some(product) = &row.product else {
        return Err(format!("{} has no GPUs, or GPU feature discovery has not labelled them", row.name));
    };
    let model = Model::of(product).ok_or_else(|| format!("Slipway knows no way in which a {product} can be cut with MIG"))?;
    // Under the strategy single a slice counts as a GPU in the label, too: there the cards are those that are drawn.
    let count = match row.strategy.as_deref() {
        Some("single") => Layout::of(&row.gpus).map(|layout| layout.0.len()),
        Some(_) | None => facts.labels.get("nvidia.com/gpu.count").and_then(|count| count.parse().ok()),
    };
    let count = count.filter(|count| (1..=64).contains(count)).ok_or_else(|| {
        format!(
            "How many GPUs {} has is not known: {}",
            row.name,
            row.contradiction.as_deref().unwrap_or("the label nvidia.com/gpu.count is missing")
        )
    })?;
    match row.strategy.as_deref() {
        Some("mixed" | "single") => Ok((model, count)),
        Some(_) | None => Err(format!(
            "The device plugin on {} has no MIG strategy, so slices would not be advertised; set mig.strategy to mixed in the GPU operator first",
            row.name
        )),
    }
}

fn under_way(node: &str, who: &str) -> Refusal {
    Refusal::conflict(format!("{who} is having the GPUs of {node} cut anew; wait until that has ended, or abort it first"))
}

/// Ids sort by when they were made.
#[expect(clippy::disallowed_methods, reason = "ids are made where things are ordered")]
fn new_id() -> RelayoutId {
    RelayoutId(Uuid::now_v7().to_string())
}

#[async_trait]
impl ports::Relayouts for Relayouts {
    async fn page(&self, caller: &Caller, node: &str, form: LayoutForm) -> Result<LayoutPage, Refusal> {
        self.permit(caller, "see layout", node).await?;
        let Ground { facts, row, here, cards, offers, source } = self.ground(node)?;
        let held = self.displaced(&here).await?;
        let mut all = relayouts::of_node(&self.0.store, node).await?;
        let is_open = all.first().is_some_and(|newest| !newest.state.has_ended() || (newest.state.left_cordoned() && facts.cordoned));
        let open = is_open.then(|| all.remove(0));
        let (plan, wrong) = match &cards {
            Ok((model, count)) => match choose(&form, &offers, model, *count) {
                Ok(offer) => (offer.map(|offer| plan(offer, &form)), FieldErrors::new()),
                Err(wrong) => (None, wrong),
            },
            Err(_) => (None, FieldErrors::new()),
        };
        Ok(LayoutPage {
            config: facts.labels.get(CONFIG).cloned(),
            why_not: cards.err(),
            offers,
            source: source.to_owned(),
            held,
            plan,
            wrong,
            open,
            past: all,
            stale_since: self.0.cluster.index().stale_since(),
            node: row,
        })
    }

    async fn order(&self, caller: &Caller, node: &str, form: LayoutForm) -> Result<RelayoutId, Refusal> {
        self.permit(caller, "re-layout node", node).await?;
        let (relayouts, caller, node) = (self.clone(), caller.clone(), node.to_owned());
        to_the_end(async move { relayouts.order_it(&caller, &node, &form).await }).await
    }

    async fn abort(&self, caller: &Caller, node: &str) -> Result<(), Refusal> {
        self.permit(caller, "abort re-layout", node).await?;
        let (relayouts, caller, node) = (self.clone(), caller.clone(), node.to_owned());
        to_the_end(async move { relayouts.abort_it(&caller, &node).await }).await
    }
}

fn plan(offer: &Offer, form: &LayoutForm) -> Plan {
    Plan {
        config: offer.name.clone(),
        after: offer.gpus.clone(),
        words: offer.layout.words(),
        drain: Drain::parse(&form.drain).unwrap_or(Drain::Evict),
    }
}
