//! Room on nodes, as kube-scheduler's filters see it, and who makes way, as its preemption decides.
//!
//! Filters: `NodeResourcesFit`, `NodeUnschedulable`, `NodeAffinity` (the selector), `TaintToleration`. Preemption: on each node all Pods
//! of lower priority are taken away; where the Pod then fits, as many as can stay are put back, the most important first; of
//! the nodes, the one whose victims matter least is taken. Pod disruption budgets are not known here: they decide between nodes
//! and victims, never whether there is a place.

use super::{
    Ask, Operator, Picture, Taint, Toleration, Victim,
    picture::{Group, Kind, PODS, whole},
};
use crate::limit::Amounts;

/// The nodes with what is free on them.
pub(super) struct Room<'a> {
    pub picture: &'a Picture,
    /// Resources there are.
    width: usize,
    /// Free on each group's nodes: `width` amounts a group.
    free: Vec<i64>,
    /// What each shape asks for: `width` amounts a shape.
    asked: Vec<i64>,
}

/// What a Pod needs: places in the list of resources, with amounts.
pub(super) type Need = Vec<(usize, i64)>;

/// Where a Pod would go.
pub(super) enum Place<'a> {
    /// There is room.
    Free { node: &'a str, others: u32 },
    /// There is room when these make way.
    Taken { node: &'a str, victims: Vec<Victim> },
    /// Nowhere.
    None,
}

impl<'a> Room<'a> {
    pub fn of(picture: &'a Picture) -> Self {
        let width = picture.resources.len();
        let mut asked = vec![0; width * picture.shapes.len()];
        for (shape, row) in picture.shapes.iter().zip(asked.chunks_exact_mut(width.max(1))) {
            row[..shape.requests.len()].copy_from_slice(&shape.requests);
        }
        let mut free = vec![0; width * picture.groups.len()];
        for (group, row) in picture.groups.iter().zip(free.chunks_exact_mut(width.max(1))) {
            let allocatable = &picture.kinds[group.kind].allocatable;
            row[..allocatable.len()].copy_from_slice(allocatable);
            for shape in &group.pods {
                for (free, asked) in row.iter_mut().zip(&asked[shape * width..][..width]) {
                    *free -= asked;
                }
            }
        }
        Self { picture, width, free, asked }
    }

    /// What is free on a group's nodes.
    pub fn free(&self, group: usize) -> &[i64] {
        &self.free[group * self.width..][..self.width]
    }

    /// What a shape's Pods ask for.
    pub fn asked(&self, shape: usize) -> &[i64] {
        &self.asked[shape * self.width..][..self.width]
    }

    /// What a Pod needs of a node; none where no node has ever heard of one of its resources.
    pub fn need(&self, requests: &Amounts) -> Option<Need> {
        let mut need = Need::with_capacity(requests.len() + 1);
        let position = |name: &str| self.picture.resources.iter().position(|known| known == name);
        for (name, amount) in requests {
            let amount = whole(name, *amount);
            if amount > 0 {
                need.push((position(name)?, amount));
            }
        }
        need.push((position(PODS)?, 1));
        Some(need)
    }

    /// For each kind of node, whether the Pod may go there at all.
    pub fn open(&self, ask: &Ask) -> Vec<bool> {
        self.picture.kinds.iter().map(|kind| selected(kind, ask) && !kept_away(kind, ask)).collect()
    }

    /// Groups on whose nodes the Pod may go.
    fn groups(&self, open: Vec<bool>) -> impl Iterator<Item = (usize, &'a Group)> {
        self.picture.groups.iter().enumerate().filter(move |(_, group)| open[group.kind])
    }

    pub fn has_place(&self, ask: &Ask, requests: &Amounts) -> bool {
        let Some(need) = self.need(requests) else { return false };
        self.groups(self.open(ask)).any(|(at, _)| fits(self.free(at), &need))
    }

    /// Where the Pod would go; with a priority, it may displace others that have less.
    pub fn place(&self, ask: &Ask, requests: &Amounts, displaces: Option<i32>) -> Place<'a> {
        let Some(need) = self.need(requests) else { return Place::None };
        let open = self.open(ask);
        let with_room = self.groups(open.clone()).filter(|(at, _)| fits(self.free(*at), &need));
        let (mut first, mut count) = (None::<&str>, 0);
        for name in with_room.flat_map(|(_, group)| &group.names) {
            count += 1;
            first = Some(first.map_or(name.as_str(), |first| first.min(name)));
        }
        if let Some(node) = first {
            return Place::Free { node, others: count - 1 };
        }
        let Some(priority) = displaces else { return Place::None };
        let best = self
            .groups(open)
            .filter_map(|(at, group)| {
                let victims = self.victims(at, group, &need, priority)?;
                let name = group.names.iter().min()?;
                Some((self.cost(group, &victims), name, at, victims))
            })
            .min_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        match best {
            Some((_, name, at, victims)) => {
                let node = self.picture.groups[at].names.iter().position(|other| other == name).unwrap_or(0);
                Place::Taken { node: name, victims: victims.into_iter().map(|pod| self.victim(at, node, pod)).collect() }
            }
            None => Place::None,
        }
    }

    /// Places of the Pods on a group's nodes that would have to make way.
    fn victims(&self, at: usize, group: &Group, need: &Need, priority: i32) -> Option<Vec<usize>> {
        let lower = |pod: &usize| self.picture.shapes[group.pods[*pod]].priority < priority;
        let mut free = self.free(at).to_vec();
        let candidates: Vec<usize> = (0..group.pods.len()).filter(lower).collect();
        let change = |free: &mut Vec<i64>, pod: usize, sign: i64| {
            free.iter_mut().zip(self.asked(group.pods[pod])).for_each(|(free, asked)| *free += sign * asked);
        };
        candidates.iter().for_each(|pod| change(&mut free, *pod, 1));
        if candidates.is_empty() || !fits(&free, need) {
            return None;
        }
        let mut victims = Vec::new();
        for pod in candidates {
            change(&mut free, pod, -1);
            if !fits(&free, need) {
                change(&mut free, pod, 1);
                victims.push(pod);
            }
        }
        Some(victims)
    }

    /// How much victims matter: the highest priority, then the sum of what each has above the lowest possible, then how many.
    fn cost(&self, group: &Group, victims: &[usize]) -> (i32, i64, usize) {
        let priorities = || victims.iter().map(|pod| self.picture.shapes[group.pods[*pod]].priority);
        let sum = priorities().map(|priority| i64::from(priority) - i64::from(i32::MIN)).sum();
        (priorities().max().unwrap_or(i32::MIN), sum, victims.len())
    }

    fn victim(&self, group: usize, node: usize, pod: usize) -> Victim {
        let shape = &self.picture.shapes[self.picture.groups[group].pods[pod]];
        let run = self.picture.runs.iter().find(|known| known.at == (group, node, pod));
        Victim {
            team: shape.team.clone(),
            run: run.map(|known| (known.id.clone(), known.name.clone())),
            priority: shape.priority,
            class: self.picture.priorities.iter().find(|class| class.value == shape.priority).map(|class| class.name.clone()),
        }
    }
}

/// Whether there is at least what is needed.
pub(super) fn fits(free: &[i64], need: &Need) -> bool {
    need.iter().all(|(at, amount)| free[*at] >= *amount)
}

/// Whether a node has the labels that are asked for.
pub(super) fn selected(kind: &Kind, ask: &Ask) -> bool {
    ask.node_selector.iter().all(|(name, value)| kind.labels.get(name) == Some(value))
}

/// Whether a node takes no such Pod, whatever room it has.
pub(super) fn kept_away(kind: &Kind, ask: &Ask) -> bool {
    !kind.ready || is_cordoned(kind, ask) || untolerated(kind, ask).is_some()
}

/// Whether a node is cordoned for this Pod.
pub(super) fn is_cordoned(kind: &Kind, ask: &Ask) -> bool {
    let cordon = Taint { key: "node.kubernetes.io/unschedulable".to_owned(), value: String::new(), effect: "NoSchedule".to_owned() };
    kind.cordoned && !ask.tolerations.iter().any(|toleration| toleration.tolerates(&cordon))
}

/// The first taint of a node that keeps this Pod away. For a while every Pod tolerates that its node falls silent: the API server
/// adds that.
pub(super) fn untolerated<'a>(kind: &'a Kind, ask: &Ask) -> Option<&'a Taint> {
    let silent = |taint: &Taint| {
        taint.effect == "NoExecute" && matches!(taint.key.as_str(), "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable")
    };
    kind.taints.iter().find(|taint| !silent(taint) && !ask.tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}

impl Toleration {
    /// Whether this taint does not keep the Pod away.
    fn tolerates(&self, taint: &Taint) -> bool {
        let same = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
        same(&self.effect, &taint.effect)
            && same(&self.key, &taint.key)
            && match &self.operator {
                Operator::Exists => true,
                Operator::Equal(value) => *value == taint.value,
            }
    }
}
