//! What a Pod meets before it exists: its priority class, the team's limits, validation, the team's quotas, in the API server's
//! order. The texts that Kubernetes would say are in the reference of its 1.34; here they are said to whoever fills in a form.

use std::collections::BTreeMap;

use super::{Ask, Left, Picture, Refused, Rule};
use crate::{
    limit::{Amounts, defaulted, violations},
    priority::PriorityFacts,
    quantity::Quantity,
    quota::{QuotaFacts, Scope},
};

/// A Pod that was let in.
pub(super) struct Admitted {
    /// What it asks for, with what the team's limits filled in.
    pub requests: Amounts,
    /// Its priority.
    pub priority: i32,
    /// Whether it may displace others.
    pub preempts: bool,
    /// What quotas have left then.
    pub left: Vec<Left>,
}

/// Lets a Pod in, or says who refuses it.
pub(super) fn admit(picture: &Picture, ask: &Ask) -> Result<Admitted, Refused> {
    let class = class(&picture.priorities, ask)?;
    let (requests, limits) = defaulted(&ask.requests, &ask.limits, &picture.limits);
    if let Some((sentence, field)) = contradiction(&requests, &limits) {
        return Err(Refused { by: Rule::Validation, sentence, field: field.to_owned() });
    }
    if let Some(said) = violations(&requests, &limits, &picture.limits).into_iter().next() {
        let field = field(&said).to_owned();
        return Err(Refused {
            by: Rule::LimitRange,
            sentence: format!("The team's limits forbid it: {}", said.replace(".  ", ". ")),
            field,
        });
    }
    let pod = Counted { requests: &requests, limits: &limits, class: class.map(|class| class.name.as_str()), ask };
    let mut left = Vec::new();
    for quota in &picture.quotas {
        left.extend(pod.within(quota)?);
    }
    Ok(Admitted { requests, priority: class.map_or(0, |class| class.value), preempts: class.is_none_or(|class| class.preempts), left })
}

/// The class that the Pod gets: the one that it names, or the cluster's default, of which the lowest counts.
fn class<'a>(classes: &'a [PriorityFacts], ask: &Ask) -> Result<Option<&'a PriorityFacts>, Refused> {
    let Some(name) = ask.priority_class.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(classes.iter().filter(|class| class.global_default).min_by_key(|class| class.value));
    };
    classes.iter().find(|class| class.name == name).map(Some).ok_or_else(|| Refused {
        by: Rule::PriorityClass,
        sentence: format!("The cluster has no priority class {name}; choose another"),
        field: "priority_class".to_owned(),
    })
}

/// What validation refuses once the limits have filled in what was not said.
fn contradiction(requests: &Amounts, limits: &Amounts) -> Option<(String, &'static str)> {
    for (resource, request) in requests {
        let limit = limits.get(resource);
        let said = match limit {
            Some(limit) if is_extended(resource) && (limit.minus(*request).is_positive() || request.minus(*limit).is_positive()) => {
                format!("It asks for {request} of {resource} and is limited to {limit}; of that both must be the same")
            }
            Some(limit) if request.minus(*limit).is_positive() => {
                format!("It asks for {request} of {resource} and is limited to {limit} by default")
            }
            None if is_extended(resource) => format!("It asks for {resource} without a limit, which that must have"),
            Some(_) | None => continue,
        };
        return Some((said, field(resource)));
    }
    None
}

/// Whether a resource is counted in whole units that nobody shares.
fn is_extended(resource: &str) -> bool {
    resource.contains('/')
}

/// The form's field that a resource comes from.
fn field(text: &str) -> &'static str {
    let fields = [("nvidia.com/", "gpu_count"), ("cpu", "cpu"), ("memory", "memory")];
    fields.into_iter().find(|(part, _)| text.contains(part)).map_or("", |(_, field)| field)
}

/// Resources that every container must state where a quota is set on them.
const MUST_BE_STATED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// A Pod as quotas count it.
struct Counted<'a> {
    requests: &'a Amounts,
    limits: &'a Amounts,
    class: Option<&'a str>,
    ask: &'a Ask,
}

impl Counted<'_> {
    /// Whether the quota has room, and what it has left then; nothing where it does not count this Pod.
    fn within(&self, quota: &QuotaFacts) -> Result<Vec<Left>, Refused> {
        if !quota.scopes.iter().all(|scope| self.is_in(scope)) {
            return Ok(Vec::new());
        }
        let usage = self.usage(quota.scopes.is_empty());
        let name = &quota.name;
        let unstated: Vec<&str> =
            MUST_BE_STATED.into_iter().filter(|resource| quota.hard.contains_key(*resource) && !usage.contains_key(*resource)).collect();
        if let Some(first) = unstated.first() {
            let sentence = format!("The team's quota {name} wants every container to state {}", unstated.join(" and "));
            return Err(Refused { by: Rule::Quota, sentence, field: field(first).to_owned() });
        }
        let (mut left, mut over) = (Vec::new(), Vec::new());
        for (resource, hard) in &quota.hard {
            let Some(asked) = usage.get(resource.as_str()) else { continue };
            let used = quota.used.get(resource).copied().unwrap_or_default();
            let after = hard.minus(used).minus(*asked);
            if Quantity::ZERO.minus(after).is_positive() {
                over.push((resource, *asked, used, *hard));
            } else {
                left.push(Left { quota: name.clone(), resource: resource.clone(), left: after, hard: *hard });
            }
        }
        let Some((first, ..)) = over.first() else { return Ok(left) };
        let parts: Vec<String> = over
            .iter()
            .map(|(resource, asked, used, hard)| {
                format!("{asked} more {} with {used} of {hard} in use", resource.strip_prefix("requests.").unwrap_or(resource))
            })
            .collect();
        let sentence = format!("The team's quota {name} has no room: it asks for {}", parts.join(", and "));
        Err(Refused { by: Rule::Quota, sentence, field: field(first).to_owned() })
    }

    /// What it takes of a quota, by quota name. A quota with scopes counts Pods alone.
    fn usage(&self, all_objects: bool) -> BTreeMap<String, Quantity> {
        let one = Quantity::units(1);
        let mut usage = BTreeMap::from([("pods".to_owned(), one), ("count/pods".to_owned(), one)]);
        if all_objects {
            usage.extend(self.ask.counted.iter().map(|name| ((*name).to_owned(), one)));
        }
        for (resource, amount) in self.requests {
            usage.insert(format!("requests.{resource}"), *amount);
            if !is_extended(resource) {
                usage.insert(resource.clone(), *amount);
            }
        }
        for (resource, amount) in self.limits.iter().filter(|(resource, _)| !is_extended(resource)) {
            usage.insert(format!("limits.{resource}"), *amount);
        }
        usage
    }

    fn is_in(&self, scope: &Scope) -> bool {
        match scope.name.as_str() {
            "Terminating" => self.ask.deadline_seconds.is_some(),
            "NotTerminating" => self.ask.deadline_seconds.is_none(),
            "BestEffort" => self.is_best_effort(),
            "NotBestEffort" => !self.is_best_effort(),
            "PriorityClass" => {
                let named = self.class.is_some_and(|class| scope.values.iter().any(|value| value == class));
                match scope.operator.as_str() {
                    "In" => named,
                    "NotIn" => !named,
                    "DoesNotExist" => self.class.is_none(),
                    // `Exists`, the only one left that the API server takes.
                    _ => self.class.is_some(),
                }
            }
            // Affinity to other namespaces and attributes of volumes, of which a run's Pod has none.
            _ => false,
        }
    }

    /// Whether it states nothing of CPU and memory.
    fn is_best_effort(&self) -> bool {
        let states = |amounts: &Amounts| ["cpu", "memory"].iter().any(|name| amounts.get(*name).is_some_and(|amount| amount.is_positive()));
        !states(self.requests) && !states(self.limits)
    }
}
