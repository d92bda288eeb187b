//! A small Transformer encoder for classification: the sample's rows (or groups of 8 numbers) are the tokens, with learned
//! positions, two pre-norm layers of 4 heads, and the mean over tokens at the end.

use tch::{
    Kind, Tensor,
    nn::{self, Module, ModuleT},
};

const WIDTH: i64 = 64;
const HEADS: i64 = 4;
const LAYERS: i64 = 2;
const TOKEN: i64 = 8;

#[derive(Debug)]
struct Layer {
    norm1: nn::LayerNorm,
    qkv: nn::Linear,
    out: nn::Linear,
    norm2: nn::LayerNorm,
    up: nn::Linear,
    down: nn::Linear,
}

impl Layer {
    fn new(path: &nn::Path<'_>) -> Self {
        let linear = |name: &str, from, to| nn::linear(path / name, from, to, nn::LinearConfig::default());
        let norm = |name: &str| nn::layer_norm(path / name, vec![WIDTH], nn::LayerNormConfig::default());
        Self {
            norm1: norm("norm1"),
            qkv: linear("qkv", WIDTH, 3 * WIDTH),
            out: linear("out", WIDTH, WIDTH),
            norm2: norm("norm2"),
            up: linear("up", WIDTH, 4 * WIDTH),
            down: linear("down", 4 * WIDTH, WIDTH),
        }
    }
}

impl Module for Layer {
    fn forward(&self, x: &Tensor) -> Tensor {
        let (batch, tokens) = (x.size()[0], x.size()[1]);
        let heads = self.norm1.forward(x).apply(&self.qkv).view([batch, tokens, 3, HEADS, WIDTH / HEADS]).permute([2, 0, 3, 1, 4]);
        let (query, key, value) = (heads.get(0), heads.get(1), heads.get(2));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let scale = 1.0 / ((WIDTH / HEADS) as f64).sqrt();
        let weights = (query.matmul(&key.transpose(-2, -1)) * scale).softmax(-1, Kind::Float);
        let mixed = weights.to_kind(value.kind()).matmul(&value).transpose(1, 2).reshape([batch, tokens, WIDTH]);
        let x = x + mixed.apply(&self.out);
        &x + self.norm2.forward(&x).apply(&self.up).gelu("none").apply(&self.down)
    }
}

#[derive(Debug)]
pub struct Transformer {
    tokens: i64,
    width: i64,
    embed: nn::Linear,
    positions: Tensor,
    layers: Vec<Layer>,
    norm: nn::LayerNorm,
    out: nn::Linear,
}

pub fn build(path: &nn::Path<'_>, shape: &[i64], classes: i64) -> Transformer {
    let features: i64 = shape.iter().product();
    // Rows of an image, over its channels; groups of numbers of a table.
    let (tokens, width) = match *shape {
        [channels, height, width] => (height, channels * width),
        _ => (features.div_euclid(TOKEN) + i64::from(features % TOKEN != 0), TOKEN),
    };
    Transformer {
        tokens,
        width,
        embed: nn::linear(path / "embed", width, WIDTH, nn::LinearConfig::default()),
        positions: path.randn("positions", &[1, tokens, WIDTH], 0.0, 0.02),
        layers: (0..LAYERS).map(|index| Layer::new(&(path / "layers" / index))).collect(),
        norm: nn::layer_norm(path / "norm", vec![WIDTH], nn::LayerNormConfig::default()),
        out: nn::linear(path / "head", WIDTH, classes, nn::LinearConfig::default()),
    }
}

impl ModuleT for Transformer {
    fn forward_t(&self, x: &Tensor, _: bool) -> Tensor {
        let batch = x.size()[0];
        let rows = if x.dim() == 4 {
            x.permute([0, 2, 1, 3]).reshape([batch, self.tokens, self.width])
        } else {
            let missing = self.tokens * self.width - x.size()[1];
            x.constant_pad_nd([0, missing]).view([batch, self.tokens, self.width])
        };
        let mut x = rows.apply(&self.embed) + &self.positions;
        for layer in &self.layers {
            x = layer.forward(&x);
        }
        self.norm.forward(&x).mean_dim([1_i64].as_slice(), false, None::<Kind>).apply(&self.out)
    }
}
