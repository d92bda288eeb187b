//! The data: inputs and labels as tensors, split into what is learned from and what is held back.

mod csv;
mod digits;
mod images;
mod npz;

use std::path::Path;

use tch::{Kind, Tensor};

use crate::{failure::Failure, random::SplitMix};

/// Labelled samples.
#[derive(Debug)]
pub struct Samples {
    /// `[N, F]` for rows of numbers, `[N, C, H, W]` for images; 32-bit floats.
    pub inputs: Tensor,
    /// `[N]`, 64-bit integers from 0 to the number of classes - 1.
    pub labels: Tensor,
}

impl Samples {
    /// How many.
    pub fn len(&self) -> usize {
        self.labels.numel()
    }

    fn pick(&self, order: &Tensor) -> Self {
        Self { inputs: self.inputs.index_select(0, order), labels: self.labels.index_select(0, order) }
    }
}

/// A data set, normalised by what is learned from.
#[derive(Debug)]
pub struct Dataset {
    /// Learned from.
    pub training: Samples,
    /// Held back.
    pub validation: Samples,
    /// The number of classes.
    pub classes: i64,
}

/// Loads what a flag such as `digits` or `csv:/team/iris.csv` names.
///
/// # Errors
/// [`Failure`] with reason `MissingData` or `BadData`.
pub fn load(source: &str, validation_fraction: f64, image_size: i64) -> Result<Dataset, Failure> {
    let samples = match source.split_once(':') {
        None if source == "digits" => digits::load()?,
        Some(("csv", path)) => csv::load(existing(path)?)?,
        Some(("npz", path)) => npz::load(existing(path)?)?,
        Some(("images", path)) => images::load(existing(path)?, image_size)?,
        _ => return Err(Failure::flags(format!("--data={source}: it is digits, csv:PATH, npz:PATH or images:PATH"))),
    };
    split(&samples, validation_fraction)
}

fn existing(path: &str) -> Result<&Path, Failure> {
    let path = Path::new(path);
    if path.exists() {
        Ok(path)
    } else {
        Err(Failure::missing(format!("{} is not there; put it on the team's volume, or correct --data", path.display())))
    }
}

/// The same samples are held back whatever the run's seed, so that runs can be compared.
fn split(samples: &Samples, fraction: f64) -> Result<Dataset, Failure> {
    let count = samples.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a fraction of a count")]
    let held_back = ((count as f64 * fraction).round() as usize).clamp(1, count.max(2) - 1);
    if count < 4 {
        return Err(Failure::data(format!("the data has {count} samples; training needs at least 4")));
    }
    let order = SplitMix::new(0, u64::MAX).permutation(count);
    let (validation, training) = order.split_at(held_back);
    let training = samples.pick(&Tensor::from_slice(training));
    let validation = samples.pick(&Tensor::from_slice(validation));
    let classes = samples.labels.max().int64_value(&[]) + 1;
    if classes < 2 {
        return Err(Failure::data("every sample has the same label; there is nothing to tell apart"));
    }
    // One mean and deviation a column of a table, one for all pixels of images.
    let (mean, deviation) = if training.inputs.dim() == 2 {
        let axes: &[i64] = &[0];
        (training.inputs.mean_dim(axes, true, Kind::Float), training.inputs.std_dim(axes, false, true))
    } else {
        (training.inputs.mean(Kind::Float), training.inputs.std(false))
    };
    let deviation = deviation.clamp_min(1e-6);
    let normal = |samples: Samples| Samples { inputs: (samples.inputs - &mean) / &deviation, labels: samples.labels };
    Ok(Dataset { training: normal(training), validation: normal(validation), classes })
}
