//! One epoch of the MLP and of the CNN on made-up data, to be compared with the same in PyTorch (`bench/peer.py`).

use rustix::time::{ClockId, clock_gettime};
use slipway_domain::run::spec::{Model, Optimizer as Kind};
use tch::{Device, Tensor, nn};

use crate::{
    model,
    optimizer::{Optimizer, Weights},
};

/// Samples in an epoch, and in a batch.
const SAMPLES: i64 = 8192;
const BATCH: i64 = 64;

/// Measures and prints one JSON object: milliseconds of CPU for an epoch, the least of five.
pub fn run() {
    let least = |model: Model| {
        tch::manual_seed(1);
        let store = nn::VarStore::new(Device::Cpu);
        let Ok(network) = model::build(model, &store.root(), &[1, 8, 8], 10) else { return f64::NAN };
        let mut weights = Weights::of(&store);
        let mut optimizer = Optimizer::new(Kind::AdamW, 0.01, &weights);
        let inputs = Tensor::randn([SAMPLES, 1, 8, 8], (tch::Kind::Float, Device::Cpu));
        let labels = Tensor::randint(10, [SAMPLES], (tch::Kind::Int64, Device::Cpu));
        let mut least = f64::INFINITY;
        for _ in 0..5 {
            let begun = cpu_ms();
            for from in (0..SAMPLES).step_by(usize::try_from(BATCH).unwrap_or(1)) {
                let logits = network.forward_t(&inputs.narrow(0, from, BATCH), true);
                let gradient = weights.gradient(&logits.cross_entropy_for_logits(&labels.narrow(0, from, BATCH)));
                optimizer.step(&mut weights, &gradient, 1e-3);
            }
            least = least.min(cpu_ms() - begun);
        }
        least
    };
    println!("{{\"mlp_ms\":{:.2},\"cnn_ms\":{:.2}}}", least(Model::Mlp), least(Model::Cnn));
}

/// What this process has computed so far, all its threads together, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
