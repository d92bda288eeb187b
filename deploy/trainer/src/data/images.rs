//! A folder of images: one folder a class, named as the class; PNG or JPEG, brought to one size.

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor, vision::image};

use super::Samples;
use crate::failure::Failure;

pub fn load(path: &Path, size: i64) -> Result<Samples, Failure> {
    let classes: Vec<PathBuf> = entries(path)?.into_iter().filter(|entry| entry.is_dir()).collect();
    if classes.len() < 2 {
        return Err(Failure::data(format!(
            "{} has {} folders; it needs one for each of at least two classes",
            path.display(),
            classes.len()
        )));
    }
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for (class, folder) in classes.iter().enumerate() {
        for file in entries(folder)? {
            let extension = file.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
            if !matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg" | "bmp")) {
                continue;
            }
            let tensor = image::load_and_resize(&file, size, size)
                .map_err(|error| Failure::data(format!("{} is no image that can be read: {error}", file.display())))?;
            inputs.push(tensor.to_kind(Kind::Float) / 255.0);
            labels.push(i64::try_from(class).unwrap_or(0));
        }
    }
    if inputs.is_empty() {
        return Err(Failure::data(format!("the folders of {} hold no PNG or JPEG", path.display())));
    }
    Ok(Samples { inputs: Tensor::stack(&inputs, 0), labels: Tensor::from_slice(&labels) })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    let mut entries: Vec<PathBuf> = read.map_err(|error| Failure::missing(format!("{} cannot be read: {error}", folder.display())))?;
    entries.sort();
    Ok(entries)
}
