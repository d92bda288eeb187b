//! The architectures, each as published, for inputs of any size that fits.

mod cnn;
mod resnet;
mod transformer;

use slipway_domain::run::spec::Model;
use tch::nn::{self, ModuleT};

use crate::failure::Failure;

/// A model in the making: its weights live in the store behind `path`.
pub type Network = Box<dyn ModuleT>;

/// Builds a model for inputs of this shape (without the batch axis).
///
/// # Errors
/// [`Failure`] with reason `BadData` where the model cannot take such inputs.
pub fn build(model: Model, path: &nn::Path<'_>, shape: &[i64], classes: i64) -> Result<Network, Failure> {
    let features = shape.iter().product();
    let image = || match *shape {
        [channels, height, width] if height >= 4 && width >= 4 => Ok((channels, height, width)),
        _ => Err(Failure::data(format!(
            "--model={} needs images of at least 4 × 4 pixels; each sample has shape {shape:?}; choose linear, mlp or transformer",
            model.word()
        ))),
    };
    Ok(match model {
        Model::Linear => {
            Box::new(nn::seq_t().add_fn(|x| x.flatten(1, -1)).add(nn::linear(path / "out", features, classes, nn::LinearConfig::default())))
        }
        Model::Mlp => Box::new(mlp(path, features, classes)),
        Model::Cnn => {
            let (channels, height, width) = image()?;
            Box::new(cnn::build(path, channels, height, width, classes))
        }
        Model::Resnet18 => Box::new(resnet::resnet18(path, image()?.0, classes)),
        Model::Resnet50 => Box::new(resnet::resnet50(path, image()?.0, classes)),
        Model::Transformer => Box::new(transformer::build(path, shape, classes)),
    })
}

/// Two hidden layers of 256 with `ReLU`.
fn mlp(path: &nn::Path<'_>, features: i64, classes: i64) -> nn::SequentialT {
    const HIDDEN: i64 = 256;
    let layer = |name: &str, from, to| nn::linear(path / name, from, to, nn::LinearConfig::default());
    nn::seq_t()
        .add_fn(|x| x.flatten(1, -1))
        .add(layer("hidden1", features, HIDDEN))
        .add_fn(tch::Tensor::relu)
        .add(layer("hidden2", HIDDEN, HIDDEN))
        .add_fn(tch::Tensor::relu)
        .add(layer("out", HIDDEN, classes))
}
