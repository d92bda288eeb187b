//! NumPy archives with the arrays `x` (`[N, F]`, `[N, H, W]` or `[N, C, H, W]`) and `y` (`[N]`, whole numbers).

use std::path::Path;

use tch::{Kind, Tensor};

use super::Samples;
use crate::failure::Failure;

pub fn load(path: &Path) -> Result<Samples, Failure> {
    let name = path.display();
    let arrays = Tensor::read_npz(path).map_err(|error| Failure::data(format!("{name} is no NumPy archive that can be read: {error}")))?;
    let array = |wanted: &str| {
        let found = arrays.iter().find(|(name, _)| name.trim_end_matches(".npy") == wanted);
        found.map(|(_, tensor)| tensor.shallow_clone()).ok_or_else(|| {
            let has = arrays.iter().map(|(name, _)| name.trim_end_matches(".npy")).collect::<Vec<_>>().join(", ");
            Failure::data(format!("{name} has no array {wanted}; it has {has}"))
        })
    };
    let (inputs, labels) = (array("x")?.to_kind(Kind::Float), array("y")?.to_kind(Kind::Int64));
    let (shape, count) = (inputs.size(), labels.numel());
    if labels.dim() != 1 || shape.first().copied() != i64::try_from(count).ok() {
        return Err(Failure::data(format!(
            "{name}: y has shape {:?} and x {shape:?}; both begin with the number of samples, and y has no other axis",
            labels.size()
        )));
    }
    if count > 0 && labels.min().int64_value(&[]) < 0 {
        return Err(Failure::data(format!("{name}: y has a label below 0; labels are 0 to the number of classes - 1")));
    }
    let inputs = match shape.len() {
        2 | 4 => inputs,
        3 => inputs.unsqueeze(1),
        _ => return Err(Failure::data(format!("{name}: x has shape {shape:?}; it is [N, F], [N, H, W] or [N, C, H, W]"))),
    };
    if !bool::try_from(inputs.isfinite().all()).unwrap_or(false) {
        return Err(Failure::data(format!("{name}: x has values that are NaN or infinite")));
    }
    Ok(Samples { inputs, labels })
}
