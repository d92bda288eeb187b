//! The UCI optical digits: 1,797 images of 8 × 8, shipped with the program (see `data/ATTRIBUTION.md`).

use std::io::Read as _;

use flate2::read::GzDecoder;
use tch::Tensor;

use super::Samples;
use crate::failure::Failure;

const DIGITS: &[u8] = include_bytes!("../../data/digits.csv.gz");
const SIDE: usize = 8;

pub fn load() -> Result<Samples, Failure> {
    let mut text = String::new();
    GzDecoder::new(DIGITS).read_to_string(&mut text).map_err(|error| Failure::data(format!("the shipped digits are damaged: {error}")))?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut numbers = line.split(',').map(|number| number.parse::<f32>().unwrap_or(0.0));
        pixels.extend(numbers.by_ref().take(SIDE * SIDE));
        #[expect(clippy::cast_possible_truncation, reason = "labels are 0 to 9")]
        labels.push(numbers.next().unwrap_or(0.0) as i64);
    }
    let side = i64::try_from(SIDE).unwrap_or(0);
    let count = i64::try_from(labels.len()).unwrap_or(0);
    Ok(Samples { inputs: Tensor::from_slice(&pixels).view([count, 1, side, side]) / 16.0, labels: Tensor::from_slice(&labels) })
}
