//! ResNet-18 and ResNet-50 by torchvision's definition (the v1.5 bottleneck, with the stride in its 3 × 3 convolution).
//!
//! Images smaller than 32 pixels are enlarged to 32: the network halves its input five times.

use tch::{
    Tensor,
    nn::{self, ModuleT},
};

const SMALLEST: i64 = 32;

fn convolution(path: nn::Path<'_>, from: i64, to: i64, kernel: i64, padding: i64, stride: i64) -> nn::Conv2D {
    // torchvision: Kaiming normal over the fan out, for ReLU.
    let init = nn::Init::Kaiming {
        dist: nn::init::NormalOrUniform::Normal,
        fan: nn::init::FanInOut::FanOut,
        non_linearity: nn::init::NonLinearity::ReLU,
    };
    let config = nn::ConvConfig { stride, padding, bias: false, ws_init: init, ..nn::ConvConfig::default() };
    nn::conv2d(path, from, to, kernel, config)
}

fn norm(path: nn::Path<'_>, channels: i64) -> nn::BatchNorm {
    let config = nn::BatchNormConfig { ws_init: nn::Init::Const(1.0), ..nn::BatchNormConfig::default() };
    nn::batch_norm2d(path, channels, config)
}

/// The shortcut of a block: the input itself, or brought to the output's shape.
fn shortcut(path: &nn::Path<'_>, from: i64, to: i64, stride: i64) -> nn::SequentialT {
    let way = nn::seq_t();
    if stride == 1 && from == to {
        return way;
    }
    let path = path / "downsample";
    way.add(convolution(&path / "0", from, to, 1, 0, stride)).add(norm(&path / "1", to))
}

#[derive(Debug)]
struct Block {
    layers: Vec<(nn::Conv2D, nn::BatchNorm)>,
    shortcut: nn::SequentialT,
}

impl ModuleT for Block {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {
        let mut y = x.shallow_clone();
        for (index, (convolution, norm)) in self.layers.iter().enumerate() {
            y = y.apply(convolution).apply_t(norm, train);
            if index + 1 < self.layers.len() {
                y = y.relu();
            }
        }
        (x.apply_t(&self.shortcut, train) + y).relu()
    }
}

fn basic(path: &nn::Path<'_>, from: i64, width: i64, stride: i64) -> Block {
    let layer = |number: usize, from, stride| {
        (convolution(path / format!("conv{number}"), from, width, 3, 1, stride), norm(path / format!("bn{number}"), width))
    };
    Block { layers: vec![layer(1, from, stride), layer(2, width, 1)], shortcut: shortcut(path, from, width, stride) }
}

fn bottleneck(path: &nn::Path<'_>, from: i64, width: i64, stride: i64) -> Block {
    let layer = |number: usize, from, to, kernel, stride| {
        (convolution(path / format!("conv{number}"), from, to, kernel, kernel / 2, stride), norm(path / format!("bn{number}"), to))
    };
    let to = 4 * width;
    Block {
        layers: vec![layer(1, from, width, 1, 1), layer(2, width, width, 3, stride), layer(3, width, to, 1, 1)],
        shortcut: shortcut(path, from, to, stride),
    }
}

type MakeBlock = fn(&nn::Path<'_>, i64, i64, i64) -> Block;

fn resnet(path: &nn::Path<'_>, channels: i64, classes: i64, depths: [usize; 4], block: MakeBlock, widening: i64) -> nn::SequentialT {
    let mut net = nn::seq_t()
        .add_fn(|x| {
            let (height, width) = (x.size()[2], x.size()[3]);
            if height.min(width) >= SMALLEST {
                return x.shallow_clone();
            }
            x.upsample_bilinear2d([height.max(SMALLEST), width.max(SMALLEST)], false, None, None)
        })
        .add(convolution(path / "conv1", channels, 64, 7, 3, 2))
        .add(norm(path / "bn1", 64))
        .add_fn(|x| x.relu().max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false));
    let mut from = 64;
    for (stage, depth) in depths.into_iter().enumerate() {
        let width = 64 << stage;
        for index in 0..depth {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            let path = path / format!("layer{}", stage + 1) / index.to_string();
            net = net.add(block(&path, from, width, stride));
            from = width * widening;
        }
    }
    net.add_fn(|x| x.adaptive_avg_pool2d([1, 1]).flatten(1, -1)).add(nn::linear(path / "fc", from, classes, nn::LinearConfig::default()))
}

pub fn resnet18(path: &nn::Path<'_>, channels: i64, classes: i64) -> nn::SequentialT {
    resnet(path, channels, classes, [2, 2, 2, 2], basic, 1)
}

pub fn resnet50(path: &nn::Path<'_>, channels: i64, classes: i64) -> nn::SequentialT {
    resnet(path, channels, classes, [3, 4, 6, 3], bottleneck, 4)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn parameters(build: impl Fn(&nn::Path<'_>) -> nn::SequentialT) -> usize {
        let store = nn::VarStore::new(Device::Cpu);
        let _ = build(&store.root());
        store.trainable_variables().iter().map(Tensor::numel).sum()
    }

    #[test]
    fn they_have_as_many_parameters_as_torchvisions() {
        assert_eq!(parameters(|path| resnet18(path, 3, 1000)), 11_689_512);
        assert_eq!(parameters(|path| resnet50(path, 3, 1000)), 25_557_032);
    }
}
