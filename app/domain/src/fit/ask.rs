//! What a run's Pod asks for: the one place that says it, for the answer and for the Job that is made in the end.

use std::collections::BTreeMap;

use crate::{
    limit::Amounts,
    quantity::Quantity,
    resources::{GpuRequest, Resources},
    run::spec::RunSpec,
    team::TeamName,
};

/// The label by which a node's GPUs are told apart.
pub const PRODUCT_LABEL: &str = "nvidia.com/gpu.product";

/// The quota by which a team's Jobs are counted.
const JOBS: &str = "count/jobs.batch";

/// What a Pod of one container asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The namespace.
    pub team: TeamName,
    /// What its container wants for itself.
    pub requests: Amounts,
    /// What its container may use at most.
    pub limits: Amounts,
    /// Labels that its node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that do not keep it away.
    pub tolerations: Vec<Toleration>,
    /// Its `PriorityClass`; none means the cluster's default.
    pub priority_class: Option<String>,
    /// The Pod's own `activeDeadlineSeconds`. A run's deadline is its Job's, which quotas do not ask for.
    pub deadline_seconds: Option<u64>,
    /// Quotas that count an object which is made for it besides its Pod.
    pub counted: Vec<&'static str>,
    /// The form's answers that this was made of, where a nearer shape is wanted.
    pub shape: Option<Resources>,
}

/// A taint that does not keep a Pod away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// The taint's key; none means any.
    pub key: Option<String>,
    /// How the taint's value is compared.
    pub operator: Operator,
    /// The taint's effect; none means any.
    pub effect: Option<String>,
}

/// How a taint's value is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Any value will do.
    Exists,
    /// It is this one.
    Equal(String),
}

impl Ask {
    /// What a run's Pod asks for. Requests and limits are the same: what a run is given it has for itself, and nobody else can
    /// take it away.
    pub fn of(spec: &RunSpec) -> Self {
        Self {
            team: spec.team.clone(),
            requests: Amounts::new(),
            limits: Amounts::new(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            priority_class: spec.priority_class.as_ref().map(ToString::to_string),
            deadline_seconds: None,
            counted: vec![JOBS],
            shape: None,
        }
        .shaped(&spec.resources)
    }

    /// The same with other resources.
    #[must_use]
    pub fn shaped(&self, resources: &Resources) -> Self {
        let mut amounts = BTreeMap::from([("cpu".to_owned(), resources.cpu), ("memory".to_owned(), resources.memory)]);
        if let Some((name, count)) = resources.gpu.resource() {
            amounts.insert(name, Quantity::units(u64::from(count.get())));
        }
        let product = match &resources.gpu {
            GpuRequest::Whole { product, .. } => product.clone(),
            GpuRequest::Mig { .. } | GpuRequest::None => None,
        };
        let any_gpu = Toleration { key: Some("nvidia.com/gpu".to_owned()), operator: Operator::Exists, effect: None };
        Self {
            requests: amounts.clone(),
            limits: amounts,
            node_selector: product.map(|product| (PRODUCT_LABEL.to_owned(), product)).into_iter().collect(),
            tolerations: if resources.gpu == GpuRequest::None { Vec::new() } else { vec![any_gpu] },
            shape: Some(resources.clone()),
            ..self.clone()
        }
    }
}
