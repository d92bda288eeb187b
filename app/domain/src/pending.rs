//! Why a run waits: Kubernetes' own words, read and said again as one sentence with its arithmetic.
//!
//! A Job whose Pods are refused looks idle: the reason is in an event. A Pod that fits no node carries the scheduler's count of
//! reasons. Both are texts for operators; [`explain`] turns those it knows into a sentence for whoever waits, and shows any
//! other as it is rather than misread it. The texts are those of Kubernetes 1.34.

/// What is known about a run that waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waiting<'a> {
    /// The newest refusal to make its Pod (`FailedCreate`).
    pub refused: Option<&'a str>,
    /// What the scheduler last said about its Pod.
    pub unschedulable: Option<&'a str>,
    /// What it asks for, in words, such as `2 × A100-SXM4-80GB`.
    pub asks_for: &'a str,
}

/// What a run waits for, in one sentence without a full stop.
pub fn explain(waiting: Waiting<'_>) -> String {
    if let Some(text) = waiting.refused {
        return refusal(text);
    }
    if let Some(text) = waiting.unschedulable {
        return scheduling(text, waiting.asks_for);
    }
    "Kubernetes is making its Pod".to_owned()
}

/// Why the API server refuses a Pod.
fn refusal(text: &str) -> String {
    let said = text.split_once(" is forbidden: ").map_or(text, |(_, said)| said).trim_end_matches('.');
    if let Some(quota) = exceeded(said) {
        return quota;
    }
    if let Some((quota, missing)) = said.strip_prefix("failed quota: ").and_then(|rest| rest.split_once(": must specify ")) {
        return format!("The team's quota {quota} wants every container to state {missing}; ask an admin for defaults in a LimitRange");
    }
    if let Some(class) = said.split_once("no PriorityClass with name ").map(|(_, rest)| rest.split(' ').next().unwrap_or(rest)) {
        return format!("The cluster has no priority class {class}; clone the run and choose another");
    }
    if let Some((policy, why)) = said.strip_prefix("violates PodSecurity ").and_then(|rest| rest.split_once(": ")) {
        return format!("The namespace's security policy {policy} forbids this Pod: {why}");
    }
    if said.contains(" usage per Container is ") || said.contains(" usage per Pod is ") || said.contains("max limit to request ratio") {
        return format!("The team's LimitRange forbids what it asks for: {}", said.trim_matches(['[', ']']));
    }
    format!("Kubernetes refuses its Pod: {said}")
}

/// `exceeded quota: NAME, requested: R=V,…, used: R=V,…, limited: R=V,…`
fn exceeded(said: &str) -> Option<String> {
    let (name, rest) = said.strip_prefix("exceeded quota: ")?.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, limited) = rest.split_once(", limited: ")?;
    let amount = |list: &str, resource: &str| {
        list.split(',').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == resource).map(|(_, amount)| amount.to_owned()))
    };
    let parts: Option<Vec<String>> = requested
        .split(',')
        .map(|pair| {
            let (resource, wanted) = pair.split_once('=')?;
            let (used, limit) = (amount(used, resource)?, amount(limited, resource)?);
            Some(format!("{wanted} more {} with {used} of {limit} in use", resource.strip_prefix("requests.").unwrap_or(resource)))
        })
        .collect();
    Some(format!("The team's quota {name} has no room: it asks for {}", parts?.join(", and ")))
}

/// `0/N nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint(s). preemption: …`
fn scheduling(text: &str, asks_for: &str) -> String {
    let Some((counts, said)) = text.strip_prefix("0/").and_then(|rest| rest.split_once(" nodes are available: ")) else {
        return text.trim_end_matches('.').to_owned();
    };
    let before_preemption = said.split(" preemption: ").next().unwrap_or(said);
    let reasons = before_preemption.split(" no new claims to deallocate").next().unwrap_or(before_preemption);
    let said: Vec<String> = split_reasons(reasons.trim().trim_end_matches(['.', ','])).into_iter().map(reason).collect();
    let nodes = if counts == "1" { "The one node does not fit".to_owned() } else { format!("None of the {counts} nodes fits") };
    let asks = if asks_for.is_empty() { String::new() } else { format!(" {asks_for}") };
    format!("{nodes}{asks}: {}", said.join(", "))
}

/// Splits at commas outside braces: a taint may hold any.
fn split_reasons(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0_u32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// One reason with its number of nodes, in words; one that is not known stays as it is.
fn reason(text: &str) -> String {
    let Some((count, why)) = text.split_once(' ').filter(|(count, _)| count.bytes().all(|b| b.is_ascii_digit())) else {
        return text.to_owned();
    };
    let (is, has) = if count == "1" { ("is", "has") } else { ("are", "have") };
    let why = why.strip_prefix("node(s) ").unwrap_or(why);
    if let Some(resource) = why.strip_prefix("Insufficient ") {
        return format!("{count} {has} too little {} free", resource_words(resource));
    }
    if why.starts_with("had untolerated taint") {
        let taint = why.split_once('{').map(|(_, rest)| rest.trim_end_matches('}'));
        return taint
            .map_or_else(|| format!("{count} {is} set aside by a taint"), |taint| format!("{count} {is} set aside by the taint {taint}"));
    }
    match why {
        "didn't match Pod's node affinity/selector" => format!("{count} {is} of another product than it asks for"),
        "were unschedulable" => format!("{count} {is} cordoned"),
        "were not ready" | "had no available volume zone" => format!("{count} {is} not ready"),
        "Too many pods" => format!("{count} {has} no room for another Pod"),
        _ => format!("{count} {why}"),
    }
}

fn resource_words(resource: &str) -> String {
    match resource.strip_prefix("nvidia.com/") {
        Some("gpu") => "whole GPUs".to_owned(),
        Some(slice) => format!("{} slices", slice.trim_start_matches("mig-")),
        None if resource == "cpu" => "CPU".to_owned(),
        None => resource.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_by_quota_has_its_arithmetic() {
        let text = "Error creating: pods \"a-x\" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=4, used: requests.nvidia.com/gpu=6, limited: requests.nvidia.com/gpu=8";
        let said = explain(Waiting { refused: Some(text), ..Waiting::default() });
        assert_eq!(said, "The team's quota gpus has no room: it asks for 4 more nvidia.com/gpu with 6 of 8 in use");
    }

    #[test]
    fn refusals_are_said_in_words() {
        for (text, want) in [
            (
                "Error creating: pods \"a\" is forbidden: failed quota: q: must specify limits.cpu for: main",
                "wants every container to state limits.cpu",
            ),
            ("Error creating: pods \"a\" is forbidden: no PriorityClass with name gold was found", "no priority class gold;"),
            (
                "Error creating: pods \"a\" is forbidden: [maximum memory usage per Container is 4Gi, but limit is 8Gi]",
                "LimitRange forbids what it asks for: maximum memory",
            ),
            (
                "Error creating: pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": privileged",
                "security policy \"restricted:latest\" forbids",
            ),
            ("Error creating: something new", "Kubernetes refuses its Pod: Error creating: something new"),
        ] {
            let said = explain(Waiting { refused: Some(text), ..Waiting::default() });
            assert!(said.contains(want), "{text}: {said}");
        }
    }

    #[test]
    fn the_schedulers_count_is_read_reason_by_reason() {
        let text = "0/4 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable, 2 node(s) had untolerated taint {a: b, c}. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.";
        let said = explain(Waiting { unschedulable: Some(text), asks_for: "2 × A100-80GB", ..Waiting::default() });
        assert_eq!(
            said,
            "None of the 4 nodes fits 2 × A100-80GB: 1 has too little CPU free, 1 is cordoned, 2 are set aside by the taint a: b, c"
        );
    }

    #[test]
    fn slices_and_products_have_their_names() {
        let text = "0/3 nodes are available: 2 Insufficient nvidia.com/mig-1g.5gb, 1 node(s) didn't match Pod's node affinity/selector.";
        let said = explain(Waiting { unschedulable: Some(text), ..Waiting::default() });
        assert_eq!(said, "None of the 3 nodes fits: 2 have too little 1g.5gb slices free, 1 is of another product than it asks for");
    }

    #[test]
    fn what_is_not_known_is_shown_as_it_is() {
        for text in ["persistentvolumeclaim \"team\" not found", "a text of another version"] {
            assert_eq!(explain(Waiting { unschedulable: Some(text), ..Waiting::default() }), text);
        }
        let said = explain(Waiting { unschedulable: Some("0/2 nodes are available: 2 node(s) had a bad day."), ..Waiting::default() });
        assert_eq!(said, "None of the 2 nodes fits: 2 had a bad day");
    }
}
