//! The training loop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use slipway_domain::run::{
    exit::ExitReason,
    report::{Outcome, Report},
};
use tch::{Cuda, Device, Kind, Tensor, nn};

use crate::{
    checkpoint::{Checkpoints, Identity, Position, Subject},
    cli::Train,
    data::{self, Dataset, Samples},
    failure::Failure,
    model::{self, Network},
    optimizer::{Optimizer, Weights},
    random::SplitMix,
    report, schedule,
};

/// Samples evaluated at once.
const EVALUATION_BATCH: i64 = 1024;

/// Trains to the end, or until `stop` becomes true.
///
/// # Errors
/// [`Failure`] with the reason that decides the exit code.
pub fn train(flags: &Train, stop: &Arc<AtomicBool>) -> Result<Outcome, Failure> {
    check(flags)?;
    let device = device(&flags.device)?;
    if let Some(threads) = flags.threads {
        tch::set_num_threads(i32::from(threads.max(1)));
    }
    let data = data::load(&flags.data, flags.validation_fraction, i64::from(flags.image_size))?;
    Training::new(flags, &data, device)?.run(stop)
}

fn check(flags: &Train) -> Result<(), Failure> {
    let finite = |flag: &str, value: f64, least: f64, most: f64| {
        let inside = value.is_finite() && value >= least && value <= most;
        if inside { Ok(()) } else { Err(Failure::flags(format!("--{flag}={value}: it is a number from {least} to {most}"))) }
    };
    finite("learning-rate", flags.learning_rate, 0.0, 1e6)?;
    finite("weight-decay", flags.weight_decay, 0.0, 1e3)?;
    finite("validation-fraction", flags.validation_fraction, 0.0, 0.9)?;
    if flags.batch_size.get() > 1 << 24 {
        return Err(Failure::flags(format!("--batch-size={}: it is at most {}", flags.batch_size, 1 << 24)));
    }
    Ok(())
}

fn device(word: &str) -> Result<Device, Failure> {
    let gpus = usize::try_from(Cuda::device_count()).unwrap_or(0);
    match word {
        "cpu" => Ok(Device::Cpu),
        "auto" => Ok(if gpus > 0 { Device::Cuda(0) } else { Device::Cpu }),
        _ => match word.strip_prefix("cuda:").and_then(|number| number.parse::<usize>().ok()) {
            Some(number) if number < gpus => Ok(Device::Cuda(number)),
            Some(_) => Err(Failure::new(
                ExitReason::Device,
                format!("--device={word}: this container has {gpus} GPUs; ask for one, or use --device=auto"),
            )),
            None => Err(Failure::flags(format!("--device={word}: it is auto, cpu or cuda:N"))),
        },
    }
}

struct Training<'a> {
    flags: &'a Train,
    data: Dataset,
    device: Device,
    store: nn::VarStore,
    network: Network,
    weights: Weights,
    optimizer: Optimizer,
    checkpoints: Option<Checkpoints>,
    steps_per_epoch: u64,
    scaler: Option<Scaler>,
}

/// Keeps half-precision gradients from vanishing, as PyTorch's `GradScaler` does with its defaults.
struct Scaler {
    scale: f64,
    steps_without_overflow: u32,
}

impl Default for Scaler {
    fn default() -> Self {
        Self { scale: 65_536.0, steps_without_overflow: 0 }
    }
}

impl Scaler {
    /// The gradient, or none where it overflowed: the step is left out and the next is scaled less.
    fn gradient(&mut self, weights: &Weights, loss: &Tensor) -> Option<Tensor> {
        let gradient = weights.gradient(&(loss * self.scale)) / self.scale;
        if !bool::try_from(gradient.isfinite().all()).unwrap_or(false) {
            *self = Self { scale: self.scale / 2.0, steps_without_overflow: 0 };
            return None;
        }
        self.steps_without_overflow += 1;
        if self.steps_without_overflow == 2000 {
            *self = Self { scale: self.scale * 2.0, steps_without_overflow: 0 };
        }
        Some(gradient)
    }
}

/// What has been measured since the last metric line.
struct Window {
    loss: f64,
    right: f64,
    samples: f64,
    batches: f64,
    since: Instant,
}

impl Window {
    #[expect(clippy::disallowed_methods, reason = "speed is measured where it is made")]
    fn new() -> Self {
        Self { loss: 0.0, right: 0.0, samples: 0.0, batches: 0.0, since: Instant::now() }
    }
}

impl<'a> Training<'a> {
    fn new(flags: &'a Train, data: &Dataset, device: Device) -> Result<Self, Failure> {
        // Weights are drawn on the CPU, so that a seed means the same on every device.
        tch::manual_seed(i64::from_le_bytes(flags.seed.to_le_bytes()));
        let mut store = nn::VarStore::new(Device::Cpu);
        let network = model::build(flags.model, &store.root(), &data.training.inputs.size()[1..], data.classes)?;
        store.set_device(device);
        let weights = Weights::of(&store);
        let optimizer = Optimizer::new(flags.optimizer, flags.weight_decay, &weights);
        let identity = Identity::from(
            [
                ("data", flags.data.clone()),
                ("model", flags.model.word().to_owned()),
                ("batch-size", flags.batch_size.to_string()),
                ("optimizer", flags.optimizer.word().to_owned()),
                ("seed", flags.seed.to_string()),
            ]
            .map(|(flag, value)| (flag.to_owned(), value)),
        );
        let checkpoints = flags.checkpoint_dir.as_deref().map(|folder| Checkpoints::open(folder, flags.keep, identity)).transpose()?;
        let steps_per_epoch = (data.training.len() as u64).div_ceil(flags.batch_size.get());
        let data = Dataset { training: data.training.to(device), validation: data.validation.to(device), classes: data.classes };
        let scaler = (flags.precision == "amp" && device.is_cuda()).then(Scaler::default);
        if flags.precision == "amp" && scaler.is_none() {
            report::notice("Mixed precision needs a GPU; training in fp32");
        }
        Ok(Self { flags, data, device, store, network, weights, optimizer, checkpoints, steps_per_epoch, scaler })
    }

    fn steps(&self) -> u64 {
        self.flags.epochs.get() * self.steps_per_epoch
    }

    fn run(mut self, stop: &Arc<AtomicBool>) -> Result<Outcome, Failure> {
        let restored = self.restore()?;
        report::print(&Report::Start {
            model: self.flags.model.word().to_owned(),
            parameters: self.weights.len() as u64,
            device: if let Device::Cuda(number) = self.device { format!("cuda:{number}") } else { "cpu".to_owned() },
            epochs: self.flags.epochs.get(),
            steps_per_epoch: self.steps_per_epoch,
            resumed_from: restored.map(|position| position.step),
        });
        report::say(&format!(
            "Training {} ({} parameters) on {} samples, {} held back",
            self.flags.model.word(),
            self.weights.len(),
            self.data.training.len(),
            self.data.validation.len()
        ));
        let mut position = restored.unwrap_or(Position { step: 0, epoch: 0, batch: 0 });
        let mut saved = restored;
        while position.epoch < self.flags.epochs.get() {
            let mut window = Window::new();
            let order = SplitMix::new(self.flags.seed, position.epoch).permutation(self.data.training.len());
            let order = Tensor::from_slice(&order).to_device(self.device);
            while position.batch < self.steps_per_epoch {
                self.step(&order, position, &mut window)?;
                position.step += 1;
                position.batch += 1;
                if position.step.is_multiple_of(self.flags.log_every.get()) {
                    self.tell(position, &mut window);
                }
                let stopping = stop.load(Ordering::Relaxed);
                if stopping || position.step.is_multiple_of(self.flags.checkpoint_every.get()) {
                    self.save(position, &mut saved)?;
                }
                if stopping {
                    report::say(&format!("Told to stop at step {}", position.step));
                    return Ok(Outcome::Interrupted);
                }
            }
            position = Position { step: position.step, epoch: position.epoch + 1, batch: 0 };
            self.evaluate(position);
        }
        self.save(position, &mut saved)?;
        Ok(Outcome::Succeeded)
    }

    fn restore(&mut self) -> Result<Option<Position>, Failure> {
        let Some(checkpoints) = &self.checkpoints else { return Ok(None) };
        let mut subject = Subject { store: &self.store, weights: &mut self.weights, optimizer: &mut self.optimizer };
        let restored = checkpoints.restore(&mut subject)?;
        if let Some(position) = restored {
            report::say(&format!("Continuing from the checkpoint at step {}", position.step));
        }
        Ok(restored)
    }

    fn save(&mut self, position: Position, saved: &mut Option<Position>) -> Result<(), Failure> {
        if *saved == Some(position) {
            return Ok(());
        }
        if let Some(checkpoints) = &self.checkpoints {
            let subject = Subject { store: &self.store, weights: &mut self.weights, optimizer: &mut self.optimizer };
            checkpoints.write(position, &subject)?;
        }
        *saved = Some(position);
        Ok(())
    }

    fn step(&mut self, order: &Tensor, position: Position, window: &mut Window) -> Result<(), Failure> {
        let size = i64::try_from(self.flags.batch_size.get()).unwrap_or(i64::MAX);
        let from = i64::try_from(position.batch).unwrap_or(i64::MAX).saturating_mul(size);
        let count = size.min(i64::try_from(self.data.training.len()).unwrap_or(0) - from);
        let batch = order.narrow(0, from, count);
        let inputs = self.data.training.inputs.index_select(0, &batch);
        let labels = self.data.training.labels.index_select(0, &batch);
        let logits = tch::autocast(self.scaler.is_some(), || self.network.forward_t(&inputs, true)).to_kind(Kind::Float);
        let loss = logits.cross_entropy_for_logits(&labels);
        let value = loss.double_value(&[]);
        if !value.is_finite() {
            #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
            let epoch = position.step as f64 / self.steps_per_epoch as f64;
            report::metric(position.step + 1, epoch, &[("train/loss", value)]);
            return Err(Failure::new(
                ExitReason::NotFinite,
                format!("the loss is {value} at step {}; lower --learning-rate={}", position.step + 1, self.flags.learning_rate),
            ));
        }
        let gradient = match &mut self.scaler {
            None => Some(self.weights.gradient(&loss)),
            Some(scaler) => scaler.gradient(&self.weights, &loss),
        };
        let rate = schedule::learning_rate(self.flags.schedule, self.flags.learning_rate, position.step, self.steps());
        if let Some(gradient) = gradient {
            self.optimizer.step(&mut self.weights, &gradient, rate);
        }
        window.loss += value;
        window.right += logits.argmax(1, false).eq_tensor(&labels).sum(Kind::Int64).double_value(&[]);
        #[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
        let samples = count as f64;
        window.samples += samples;
        window.batches += 1.0;
        Ok(())
    }

    fn tell(&self, position: Position, window: &mut Window) {
        let rate = schedule::learning_rate(self.flags.schedule, self.flags.learning_rate, position.step.saturating_sub(1), self.steps());
        let values = [
            ("train/loss", window.loss / window.batches),
            ("train/accuracy", window.right / window.samples),
            ("learning_rate", rate),
            ("samples_per_second", window.samples / window.since.elapsed().as_secs_f64().max(1e-9)),
        ];
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
        let epoch = position.step as f64 / self.steps_per_epoch as f64;
        report::metric(position.step, epoch, &values);
        *window = Window::new();
    }

    fn evaluate(&self, position: Position) {
        let (loss, right) = evaluate(&self.network, &self.data.validation);
        #[expect(clippy::cast_precision_loss, reason = "epochs are far below 2^52")]
        let epoch = position.epoch as f64;
        report::metric(position.step, epoch, &[("validation/loss", loss), ("validation/accuracy", right)]);
        report::say(&format!(
            "Epoch {} of {}: validation loss {loss:.4}, accuracy {:.2} %",
            position.epoch,
            self.flags.epochs,
            right * 100.0
        ));
    }
}

impl Samples {
    fn to(&self, device: Device) -> Self {
        Self { inputs: self.inputs.to_device(device), labels: self.labels.to_device(device) }
    }
}

/// Mean loss and part of right answers.
fn evaluate(network: &Network, samples: &Samples) -> (f64, f64) {
    tch::no_grad(|| {
        let (mut loss, mut right) = (0.0, 0.0);
        let count = i64::try_from(samples.len()).unwrap_or(0);
        let mut from = 0;
        while from < count {
            let size = EVALUATION_BATCH.min(count - from);
            let logits = network.forward_t(&samples.inputs.narrow(0, from, size), false);
            let labels = samples.labels.narrow(0, from, size);
            #[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
            let weight = size as f64;
            loss += logits.cross_entropy_for_logits(&labels).double_value(&[]) * weight;
            right += logits.argmax(1, false).eq_tensor(&labels).sum(Kind::Int64).double_value(&[]);
            from += size;
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of samples is far below 2^52")]
        let count = count as f64;
        (loss / count, right / count)
    })
}
