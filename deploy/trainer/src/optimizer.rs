//! SGD with momentum, Adam and AdamW, as PyTorch defines them, over all weights at once.
//!
//! The weights of a model are views of one flat tensor, and so are what an optimizer remembers of them. A step is then a
//! handful of operations whatever the number of layers, and a checkpoint of the optimizer is three tensors. What tch binds of
//! PyTorch's own optimizers can neither be saved nor be read.

use slipway_domain::run::spec::Optimizer as Kind;
use tch::{Device, Tensor, nn::VarStore};

/// PyTorch's defaults.
const MOMENTUM: f64 = 0.9;
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The trainable weights of a model, flat, in the order of their names.
#[derive(Debug)]
pub struct Weights {
    flat: Tensor,
    variables: Vec<Tensor>,
}

impl Weights {
    /// Moves the trainable variables of a store into one tensor.
    pub fn of(store: &VarStore) -> Self {
        let mut named: Vec<_> = store.variables().into_iter().filter(|(_, variable)| variable.requires_grad()).collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let mut variables: Vec<Tensor> = named.into_iter().map(|(_, variable)| variable).collect();
        let flat = tch::no_grad(|| Tensor::cat(&variables.iter().map(|v| v.detach().flatten(0, -1)).collect::<Vec<_>>(), 0));
        let mut from = 0;
        for variable in &mut variables {
            let (size, length) = (variable.size(), i64::try_from(variable.numel()).unwrap_or(0));
            variable.set_data(&flat.narrow(0, from, length).view(size.as_slice()));
            from += length;
        }
        Self { flat, variables }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.flat.numel()
    }

    /// All of them.
    pub fn flat(&self) -> &Tensor {
        &self.flat
    }

    /// The gradient of a loss, flat.
    pub fn gradient(&self, loss: &Tensor) -> Tensor {
        let gradients = Tensor::run_backward(&[loss], &self.variables, false, false);
        tch::no_grad(|| Tensor::cat(&gradients.iter().map(|g| g.flatten(0, -1)).collect::<Vec<_>>(), 0))
    }
}

/// An optimizer with what it remembers.
#[derive(Debug)]
pub struct Optimizer {
    kind: Kind,
    weight_decay: f64,
    /// Steps taken.
    pub steps: i64,
    /// Momentum, or the first moment.
    pub first: Tensor,
    /// The second moment; empty for SGD.
    pub second: Tensor,
}

impl Optimizer {
    /// One that remembers nothing yet.
    pub fn new(kind: Kind, weight_decay: f64, weights: &Weights) -> Self {
        let second = match kind {
            Kind::Sgd => Tensor::zeros([0], (tch::Kind::Float, Device::Cpu)),
            Kind::Adam | Kind::AdamW => weights.flat.zeros_like(),
        };
        Self { kind, weight_decay, steps: 0, first: weights.flat.zeros_like(), second }
    }

    /// Takes a step against the gradient.
    pub fn step(&mut self, weights: &mut Weights, gradient: &Tensor, learning_rate: f64) {
        tch::no_grad(|| {
            self.steps += 1;
            match self.kind {
                Kind::Sgd => self.sgd(weights, gradient, learning_rate),
                Kind::Adam | Kind::AdamW => self.adam(weights, gradient, learning_rate),
            }
        });
    }

    fn sgd(&mut self, weights: &mut Weights, gradient: &Tensor, learning_rate: f64) {
        let gradient = gradient + &weights.flat * self.weight_decay;
        let _ = self.first.g_mul_scalar_(MOMENTUM);
        let _ = self.first.g_add_(&gradient);
        let _ = weights.flat.g_sub_(&(&self.first * learning_rate));
    }

    fn adam(&mut self, weights: &mut Weights, gradient: &Tensor, learning_rate: f64) {
        let decayed;
        let gradient = if self.kind == Kind::Adam && self.weight_decay > 0.0 {
            decayed = gradient + &weights.flat * self.weight_decay;
            &decayed
        } else {
            if self.kind == Kind::AdamW {
                let _ = weights.flat.g_mul_scalar_(1.0 - learning_rate * self.weight_decay);
            }
            gradient
        };
        let _ = self.first.lerp_(gradient, 1.0 - BETA1);
        let _ = self.second.g_mul_scalar_(BETA2);
        let _ = self.second.addcmul_(gradient, &(gradient * (1.0 - BETA2)));
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (correction1, correction2) = (1.0 - BETA1.powi(steps), 1.0 - BETA2.powi(steps));
        let mut divisor = self.second.sqrt();
        let _ = divisor.g_div_scalar_(correction2.sqrt());
        let _ = divisor.g_add_scalar_(EPSILON);
        let _ = weights.flat.addcdiv_(&(&self.first * (-learning_rate / correction1)), &divisor);
    }
}
