//! A small convolutional network: two convolutions, a pooling, two linear layers (as in PyTorch's MNIST example, without
//! dropout, and padded so that 8 × 8 pixels are enough).

use tch::nn;

pub fn build(path: &nn::Path<'_>, channels: i64, height: i64, width: i64, classes: i64) -> nn::SequentialT {
    let convolution =
        |name: &str, from, to| nn::conv2d(path / name, from, to, 3, nn::ConvConfig { padding: 1, ..nn::ConvConfig::default() });
    let linear = |name: &str, from, to| nn::linear(path / name, from, to, nn::LinearConfig::default());
    nn::seq_t()
        .add(convolution("conv1", channels, 32))
        .add_fn(tch::Tensor::relu)
        .add(convolution("conv2", 32, 64))
        .add_fn(|x| x.relu().max_pool2d_default(2).flatten(1, -1))
        .add(linear("hidden", 64 * (height / 2) * (width / 2), 128))
        .add_fn(tch::Tensor::relu)
        .add(linear("out", 128, classes))
}
