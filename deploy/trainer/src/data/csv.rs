//! Tables of numbers: the last column is the label, a whole number or any word; a first line of words is a head.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use tch::Tensor;

use super::Samples;
use crate::failure::Failure;

pub fn load(path: &Path) -> Result<Samples, Failure> {
    let name = path.display();
    let file = File::open(path).map_err(|error| Failure::missing(format!("{name} cannot be opened: {error}")))?;
    let (mut numbers, mut words, mut width) = (Vec::<f32>::new(), Vec::<String>::new(), None);
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let number = index + 1;
        let line = line.map_err(|error| Failure::data(format!("{name}, line {number}: it is not UTF-8 text ({error})")))?;
        if line.trim().is_empty() {
            continue;
        }
        let mut cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let label = cells.pop().unwrap_or_default();
        let head = width.is_none() && numbers.is_empty() && !cells.is_empty() && cells.iter().all(|cell| cell.parse::<f32>().is_err());
        if head {
            continue;
        }
        if cells.is_empty() {
            return Err(Failure::data(format!("{name}, line {number}: a line has at least one number and a label, separated by commas")));
        }
        if *width.get_or_insert(cells.len()) != cells.len() {
            let has = cells.len() + 1;
            let want = width.unwrap_or(0) + 1;
            return Err(Failure::data(format!("{name}, line {number}: it has {has} columns, the lines before have {want}")));
        }
        for (column, cell) in cells.iter().enumerate() {
            let value = cell.parse::<f32>().ok().filter(|value| value.is_finite());
            let column = column + 1;
            numbers.push(
                value.ok_or_else(|| Failure::data(format!("{name}, line {number}, column {column}: {cell:?} is not a finite number")))?,
            );
        }
        words.push(label.to_owned());
    }
    let Some(width) = width else {
        return Err(Failure::data(format!("{name} has no line with numbers")));
    };
    let size = [i64::try_from(words.len()).unwrap_or(0), i64::try_from(width).unwrap_or(0)];
    Ok(Samples { inputs: Tensor::from_slice(&numbers).view(size), labels: Tensor::from_slice(&classes(&words)) })
}

/// Whole numbers from 0 stand for themselves; any other words are numbered in their order.
fn classes(words: &[String]) -> Vec<i64> {
    let numbers: Option<Vec<i64>> = words.iter().map(|word| word.parse::<i64>().ok().filter(|n| (0..100_000).contains(n))).collect();
    numbers.unwrap_or_else(|| {
        let mut known: BTreeMap<&str, i64> = words.iter().map(|word| (word.as_str(), 0)).collect();
        for (index, class) in known.values_mut().enumerate() {
            *class = i64::try_from(index).unwrap_or(0);
        }
        words.iter().map(|word| known[word.as_str()]).collect()
    })
}
