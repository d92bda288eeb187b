//! How a re-layout can fail, and the sentence that says what to do about each.

use super::{CONFIG, Limits, Order, State, Step};

/// It fails with the cordon on, unless somebody else's was there before.
fn failed(order: &Order, step: Step, why: String, recovery: &str) -> State {
    let (cordoned, stays) = if order.was_cordoned {
        (false, "The node stays cordoned, as it was before")
    } else {
        (true, "The node stays cordoned, so that nothing is placed on it until then")
    };
    State::Failed { step, why, recovery: format!("{recovery}. {stays}"), cordoned }
}

pub(super) fn vanished(order: &Order, state: &State, step: Step) -> State {
    match state {
        // What was wanted is that it is no longer touched.
        State::Uncordoning { aborted: Some(at), .. } => State::Aborted { at: *at },
        State::Cordoning
        | State::Draining { .. }
        | State::Labelling
        | State::Applying { .. }
        | State::Checking { .. }
        | State::Uncordoning { aborted: None, .. }
        | State::Done
        | State::Failed { .. }
        | State::Aborted { .. } => State::Failed {
            step,
            why: format!("The node {} has vanished from the cluster", order.node),
            recovery: "A node that registers anew comes without the cordon and with whatever its cards are cut into; look at it when it is back, and order the layout again".to_owned(),
            cordoned: false,
        },
    }
}

pub(super) fn uncordoned(order: &Order, step: Step) -> State {
    State::Failed {
        step,
        why: format!("Somebody uncordoned {} in the meantime, so Pods may come to it", order.node),
        recovery: "Nothing was cut. Agree with whoever did that, and order the layout again".to_owned(),
        cordoned: false,
    }
}

pub(super) fn relabelled(order: &Order, label: Option<&str>) -> State {
    let says = label.map_or_else(|| "is gone".to_owned(), |label| format!("says {label}"));
    let why = format!("Somebody else changed the label {CONFIG} in the meantime: it {says}, not {}", order.config);
    failed(order, Step::Apply, why, "Agree with whoever did that; then order the layout again, or uncordon the node here")
}

pub(super) fn not_cut(order: &Order) -> State {
    let why = "mig-manager says that it failed".to_owned();
    let recovery = format!(
        "Its log says why (kubectl logs -l app=nvidia-mig-manager -n gpu-operator, the Pod on {}): most often a process outside of Kubernetes still uses a GPU. End that and order the layout again, or uncordon the node here",
        order.node
    );
    failed(order, Step::Apply, why, &recovery)
}

pub(super) fn wedged(order: &Order, limits: &Limits, word: &str) -> State {
    let why = format!("mig-manager has said {word} for more than {} min", limits.apply.as_mins());
    let recovery = format!(
        "It hangs. Restart its Pod on {} (kubectl delete pod -l app=nvidia-mig-manager -n gpu-operator --field-selector spec.nodeName={}), or the node; then order the layout again, or uncordon the node here",
        order.node, order.node
    );
    failed(order, Step::Apply, why, &recovery)
}

pub(super) fn no_answer(order: &Order, limits: &Limits) -> State {
    let why = format!("mig-manager has not answered within {} min", limits.answer.as_mins());
    let recovery = format!(
        "Look whether it runs on {} (kubectl get pods -l app=nvidia-mig-manager -n gpu-operator -o wide) and whether MIG is managed there (label nvidia.com/gpu.deploy.mig-manager); then order the layout again, or uncordon the node here",
        order.node
    );
    failed(order, Step::Apply, why, &recovery)
}

pub(super) fn mismatched(order: &Order, limits: &Limits, difference: &str) -> State {
    let why = format!("mig-manager says success, but after {} min the node advertises {difference}", limits.advertise.as_mins());
    let recovery = format!(
        "Restart the device plugin's Pod on {} so that it looks at the GPUs anew; then order the layout again, or uncordon the node here",
        order.node
    );
    failed(order, Step::Check, why, &recovery)
}
