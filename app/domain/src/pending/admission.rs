//! Why the API server refuses a Pod, read from its words.
//!
//! Sources of the texts: quota, `apiserver/pkg/admission/plugin/resourcequota/controller.go` and
//! `pkg/quota/v1/evaluator/core/pods.go`; limits, `plugin/pkg/admission/limitranger/admission.go`; priority and service accounts,
//! the `admission.go` of each; Pod security, `pod-security-admission/admission/admission.go`; webhooks and policies,
//! `apiserver/pkg/admission/plugin`.

use super::cause::{Bound, Breach, Cause, Over};

/// Reads a refusal, as the Job controller repeats it in an event (`Error creating: …`).
pub(super) fn read(text: &str) -> Cause {
    let said = text.strip_prefix("Error creating: ").unwrap_or(text).trim_end_matches('.');
    // A webhook answers with any status, and is named before or after the object.
    if let Some(cause) = webhook(said) {
        return cause;
    }
    let inner = said.split_once(" is forbidden: ").map_or(said, |(_, inner)| inner);
    None.or_else(|| exceeded(inner))
        .or_else(|| quota(inner))
        .or_else(|| limits(inner))
        .or_else(|| security(inner))
        .or_else(|| reference(inner))
        .unwrap_or_else(|| Cause::Unknown { raw: said.to_owned() })
}

/// `exceeded quota: NAME, requested: R=V,…, used: R=V,…, limited: R=V,…`
fn exceeded(said: &str) -> Option<Cause> {
    let (quota, rest) = said.strip_prefix("exceeded quota: ")?.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, hard) = rest.split_once(", limited: ")?;
    let amount = |list: &str, resource: &str| {
        list.split(',').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == resource).map(|(_, amount)| amount.to_owned()))
    };
    let over = |pair: &str| {
        let (resource, asks) = pair.split_once('=')?;
        Some(Over { resource: resource.to_owned(), asks: asks.to_owned(), used: amount(used, resource)?, hard: amount(hard, resource)? })
    };
    let over: Option<Vec<Over>> = requested.split(',').map(over).collect();
    Some(Cause::QuotaExceeded { quota: quota.to_owned(), over: over? })
}

fn quota(said: &str) -> Option<Cause> {
    if let Some((quota, missing)) = said.strip_prefix("failed quota: ").and_then(|rest| rest.split_once(": must specify ")) {
        return Some(Cause::QuotaNeedsRequests { quota: quota.to_owned(), missing: missing.to_owned() });
    }
    if let Some((quota, _)) = said.strip_prefix("status unknown for quota: ").and_then(|rest| rest.split_once(", resources: ")) {
        return Some(Cause::QuotaUncounted { quota: quota.to_owned() });
    }
    let consume = said.strip_prefix("insufficient quota to consume: ");
    let what = consume.or_else(|| said.strip_prefix("insufficient quota to match these scopes: "))?;
    Some(Cause::QuotaMissing { what: what.to_owned() })
}

/// One breach, or several as `[a, b]`; read only where every one is understood.
fn limits(said: &str) -> Option<Cause> {
    let list = said.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(said);
    // A breach has a comma of its own before what is provided: a new one begins with its bound, or with a resource and a ratio.
    let mut parts: Vec<String> = Vec::new();
    for part in list.split(", ") {
        let begins = part.contains(" usage per ") || part.contains(" max limit to request ratio per ");
        match parts.last_mut().filter(|_| !begins) {
            Some(last) => *last += &format!(", {part}"),
            None => parts.push(part.to_owned()),
        }
    }
    let breaches: Option<Vec<Breach>> = parts.iter().map(|part| breach(part)).collect();
    breaches.map(|breaches| Cause::LimitRange { breaches })
}

fn breach(text: &str) -> Option<Breach> {
    let of = |bound: Bound, resource: &str, rest: &str| {
        let (kind, rest) = rest.split_once(" is ")?;
        let (is, asks) = match rest.split_once(", but ") {
            Some((is, asked)) => (is, Some(asked)),
            None => (rest.split_once(".  No ")?.0, None),
        };
        let asks = asks.filter(|asked| !asked.starts_with("no ")).map(|asked| {
            let (what, amount) = asked.split_once(" is ").unwrap_or(("", asked));
            format!("{what} {amount}").trim().to_owned()
        });
        Some(Breach { resource: resource.to_owned(), kind: kind.to_owned(), bound, is: is.to_owned(), asks })
    };
    if let Some((resource, rest)) = text.split_once(" max limit to request ratio per ") {
        return of(Bound::Ratio, resource, rest);
    }
    let (bound, rest) = match text.strip_prefix("minimum ") {
        Some(rest) => (Bound::Min, rest),
        None => (Bound::Max, text.strip_prefix("maximum ")?),
    };
    let (resource, rest) = rest.split_once(" usage per ")?;
    of(bound, resource, rest)
}

/// `violates PodSecurity "restricted:latest": …`
fn security(said: &str) -> Option<Cause> {
    let (policy, said) = said.strip_prefix("violates PodSecurity \"")?.split_once("\": ")?;
    Some(Cause::PodSecurity { policy: policy.to_owned(), said: said.to_owned() })
}

/// What the Pod refers to and is not there.
fn reference(said: &str) -> Option<Cause> {
    if let Some(class) = said.strip_prefix("no PriorityClass with name ").and_then(|rest| rest.strip_suffix(" was found")) {
        return Some(Cause::NoPriorityClass { class: class.to_owned() });
    }
    let account = said.strip_prefix("error looking up service account ")?.split_once(": ")?;
    let (named, why) = account;
    let name = named.split_once('/').map_or(named, |(_, name)| name);
    why.contains("not found").then(|| Cause::ServiceAccountMissing { name: name.to_owned() })
}

/// `admission webhook "NAME" denied the request: …`, `failed calling webhook "NAME": …`, and the policies that are written in CEL.
fn webhook(said: &str) -> Option<Cause> {
    if let Some((_, rest)) = said.split_once("admission webhook \"")
        && let Some((name, said)) = rest.split_once("\" denied the request")
    {
        let said = said.trim_start_matches(':').trim().to_owned();
        return Some(Cause::Webhook { name: name.to_owned(), said });
    }
    if let Some((_, rest)) = said.split_once("failed calling webhook \"")
        && let Some((name, said)) = rest.split_once('"')
    {
        let said = said.trim_start_matches([':', ';']).trim().to_owned();
        return Some(Cause::WebhookAway { name: name.to_owned(), said });
    }
    let (_, rest) = said.split_once("ValidatingAdmissionPolicy '")?;
    let (name, rest) = rest.split_once('\'')?;
    let (_, said) = rest.split_once(" denied request: ")?;
    Some(Cause::Webhook { name: name.to_owned(), said: said.to_owned() })
}
