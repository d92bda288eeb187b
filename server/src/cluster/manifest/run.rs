//! A run's Job.
//!
//! One Pod at a time that is replaced, not restarted, when it fails: a replaced Pod may go to another node, and it continues
//! from the newest checkpoint on the team's volume. Exit codes that a retry cannot cure fail the Job at once; a Pod that was
//! preempted or drained does not count as a failure.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        batch::v1::{
            Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
            PodFailurePolicyRule,
        },
        core::v1::{
            Capabilities, Container, EnvVar, EnvVarSource, PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec,
            ResourceFieldSelector, ResourceRequirements, SeccompProfile, SecurityContext, Toleration, Volume, VolumeMount,
        },
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use slipway_domain::{
    fit::{self, Ask, Operator},
    limit::Amounts,
    person::PersonName,
    run::{
        exit::ExitReason,
        spec::{Program, RunId, RunSpec},
    },
    team::TEAM_LABEL,
};

use super::{CONTAINER, LAUNCHED_BY, RUN_LABEL, Settings};

/// How long a run has to write its last checkpoint after it was told to stop, in seconds.
const GRACE_SECONDS: i64 = 60;

/// How long Kubernetes keeps a Job that has ended, in seconds: Slipway keeps its history for longer.
const KEEP_SECONDS: i32 = 7 * 24 * 60 * 60;

/// Everything that one run makes in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct RunObjects {
    /// Its Job.
    pub job: Job,
}

impl RunObjects {
    /// The objects as YAML, for people.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(&self.job).unwrap_or_else(|error| format!("# this object cannot be written as YAML: {error}\n"))
    }
}

/// The objects of a run.
pub fn run(spec: &RunSpec, id: &RunId, by: &PersonName, settings: &Settings) -> RunObjects {
    let labels = BTreeMap::from([
        (RUN_LABEL.to_owned(), id.to_string()),
        (TEAM_LABEL.to_owned(), spec.team.to_string()),
        ("app.kubernetes.io/managed-by".to_owned(), "slipway".to_owned()),
    ]);
    let annotations = BTreeMap::from([(LAUNCHED_BY.to_owned(), by.to_string())]);
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels.clone()), annotations: Some(annotations.clone()), ..ObjectMeta::default() }),
        spec: Some(pod(spec, id, settings)),
    };
    let job = Job {
        metadata: ObjectMeta {
            name: Some(spec.name.to_string()),
            namespace: Some(spec.team.to_string()),
            labels: Some(labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            backoff_limit: Some(i32::try_from(spec.retries).unwrap_or(i32::MAX)),
            active_deadline_seconds: spec.deadline_minutes.map(|minutes| i64::from(minutes.get()) * 60),
            completions: Some(1),
            parallelism: Some(1),
            pod_failure_policy: Some(failure_policy(&spec.program)),
            pod_replacement_policy: Some("Failed".to_owned()),
            ttl_seconds_after_finished: Some(KEEP_SECONDS),
            template,
            ..JobSpec::default()
        }),
        status: None,
    };
    RunObjects { job }
}

/// The form's field that a path in the Job came from; empty where it is none's.
pub fn form_field(path: &str) -> &'static str {
    let fields = [
        ("metadata.name", "name"),
        ("activeDeadlineSeconds", "deadline_minutes"),
        ("backoffLimit", "retries"),
        ("priorityClassName", "priority_class"),
        ("nodeSelector", "gpu_product"),
        ("nvidia.com", "gpu_count"),
        ("[cpu]", "cpu"),
        ("[memory]", "memory"),
        (".resources", "cpu"),
        (".image", "image"),
        (".env", "env"),
        (".command", "command"),
    ];
    fields.into_iter().find(|(part, _)| path.contains(part)).map_or("", |(_, field)| field)
}

fn pod(spec: &RunSpec, id: &RunId, settings: &Settings) -> PodSpec {
    // What decides where it runs is the domain's to say: the form answers by it whether it will.
    let ask = Ask::of(spec);
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        priority_class_name: ask.priority_class.clone(),
        node_selector: (!ask.node_selector.is_empty()).then(|| ask.node_selector.clone()),
        tolerations: (!ask.tolerations.is_empty()).then(|| ask.tolerations.iter().map(toleration).collect()),
        containers: vec![container(spec, &ask, id, settings)],
        volumes: Some(vec![Volume {
            name: "team".to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource { claim_name: settings.claim.clone(), read_only: None }),
            ..Volume::default()
        }]),
        ..PodSpec::default()
    }
}

fn container(spec: &RunSpec, ask: &Ask, id: &RunId, settings: &Settings) -> Container {
    let checkpoints = format!("{}/runs/{id}/checkpoints", settings.mount);
    let (image, command, args, given) = match &spec.program {
        Program::Trainer(training) => (settings.trainer_image.clone(), None, Some(training.arguments(&checkpoints)), BTreeMap::new()),
        Program::Command { image, command, env } => (image.clone(), (!command.is_empty()).then(|| command.clone()), None, env.clone()),
    };
    let value = |name: &str, value: &str| EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None };
    let mut env =
        vec![value("SLIPWAY_RUN", &id.0), value("SLIPWAY_TEAM", spec.team.as_str()), value("SLIPWAY_CHECKPOINTS", &checkpoints), threads()];
    env.retain(|variable| !given.contains_key(&variable.name));
    env.extend(given.iter().map(|(name, text)| value(name, text)));
    Container {
        name: CONTAINER.to_owned(),
        image: Some(image),
        command,
        args,
        env: Some(env),
        resources: Some(requirements(ask)),
        volume_mounts: Some(vec![VolumeMount { name: "team".to_owned(), mount_path: settings.mount.clone(), ..VolumeMount::default() }]),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
            ..SecurityContext::default()
        }),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

/// As many threads as CPUs are asked for, rounded up: libraries would otherwise start one for each core of the node.
fn threads() -> EnvVar {
    let cpus = ResourceFieldSelector {
        container_name: Some(CONTAINER.to_owned()),
        resource: "limits.cpu".to_owned(),
        divisor: Some(Quantity("1".to_owned())),
    };
    EnvVar {
        name: "OMP_NUM_THREADS".to_owned(),
        value: None,
        value_from: Some(EnvVarSource { resource_field_ref: Some(cpus), ..EnvVarSource::default() }),
    }
}

fn requirements(ask: &Ask) -> ResourceRequirements {
    let written = |amounts: &Amounts| Some(amounts.iter().map(|(name, amount)| (name.clone(), Quantity(amount.to_string()))).collect());
    ResourceRequirements { requests: written(&ask.requests), limits: written(&ask.limits), claims: None }
}

fn toleration(of: &fit::Toleration) -> Toleration {
    let (operator, value) = match &of.operator {
        Operator::Exists => ("Exists", None),
        Operator::Equal(value) => ("Equal", Some(value.clone())),
    };
    Toleration { key: of.key.clone(), operator: Some(operator.to_owned()), value, effect: of.effect.clone(), ..Toleration::default() }
}

fn failure_policy(program: &Program) -> PodFailurePolicy {
    let disrupted = PodFailurePolicyRule {
        action: "Ignore".to_owned(),
        on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
        }]),
        on_exit_codes: None,
    };
    let mut rules = vec![disrupted];
    if matches!(program, Program::Trainer(_)) {
        let incurable =
            [ExitReason::BadFlags, ExitReason::BadData, ExitReason::MissingData, ExitReason::NotFinite, ExitReason::CorruptCheckpoints];
        rules.push(PodFailurePolicyRule {
            action: "FailJob".to_owned(),
            on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
                container_name: Some(CONTAINER.to_owned()),
                operator: "In".to_owned(),
                values: incurable.into_iter().map(|reason| i32::from(reason.code())).collect(),
            }),
            on_pod_conditions: None,
        });
    }
    PodFailurePolicy { rules }
}

#[cfg(test)]
mod tests {
    use slipway_domain::run::form::RunForm;

    use super::*;

    fn objects(form: &RunForm) -> RunObjects {
        let spec = form.parse().expect("the form is good");
        let by = PersonName::parse("mina").expect("a name");
        run(&spec, &RunId("0193-run".into()), &by, &Settings::default())
    }

    fn form() -> RunForm {
        RunForm { team: "vision".into(), name: "digits-1".into(), ..RunForm::default() }
    }

    #[test]
    fn a_slice_is_asked_for_by_its_profile_and_tolerates_gpu_nodes() {
        let yaml = objects(&RunForm { gpu: "1g.5gb".into(), gpu_count: "2".into(), ..form() }).to_yaml();
        assert!(yaml.contains("nvidia.com/mig-1g.5gb"), "{yaml}");
        assert!(yaml.contains("tolerations"), "{yaml}");
    }

    #[test]
    fn a_product_selects_its_nodes() {
        let asked = RunForm { gpu: "gpu".into(), gpu_product: "NVIDIA-A100-SXM4-80GB".into(), ..form() };
        let job = objects(&asked).job;
        let selector = job.spec.and_then(|s| s.template.spec).and_then(|p| p.node_selector).expect("a node selector");
        assert_eq!(selector["nvidia.com/gpu.product"], "NVIDIA-A100-SXM4-80GB");
    }

    #[test]
    fn variables_of_the_person_win_over_ours_without_standing_twice() {
        let own = RunForm { program: "command".into(), image: "busybox".into(), env: "OMP_NUM_THREADS=7".into(), ..form() };
        let job = objects(&own).job;
        let env = job.spec.and_then(|s| s.template.spec).map(|p| p.containers[0].env.clone()).expect("a pod").expect("env");
        let threads: Vec<_> = env.iter().filter(|v| v.name == "OMP_NUM_THREADS").collect();
        assert_eq!(threads.len(), 1);
        assert_eq!(threads[0].value.as_deref(), Some("7"));
    }

    #[test]
    fn refusals_of_kubernetes_find_their_field() {
        assert_eq!(form_field("spec.template.spec.containers[0].resources.requests[cpu]"), "cpu");
        assert_eq!(form_field("spec.template.spec.priorityClassName"), "priority_class");
        assert_eq!(form_field("spec.selector"), "");
    }
}
