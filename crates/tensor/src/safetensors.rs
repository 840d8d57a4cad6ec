//! Weights files: safetensors, written whole and read through a memory map.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, View};
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Write tensors by name, with string metadata, to a new file. The bytes depend on names and values alone. The caller
/// makes the write atomic.
///
/// # Errors
/// A kind that safetensors has no name for, or the file could not be written.
pub fn write_tensors(
    path: &Path,
    tensors: &[(String, Tensor)],
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    let mut views = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let dtype = dtype(tensor.kind()).ok_or_else(|| Error::Weights {
            path: path.to_owned(),
            problem: format!(
                "`{name}` is of kind {:?}, which has no place in safetensors",
                tensor.kind()
            ),
        })?;
        let shape = tensor
            .size()
            .iter()
            .map(|&length| usize::try_from(length).unwrap_or(0))
            .collect();
        views.push((
            name.as_str(),
            Stored {
                tensor,
                dtype,
                shape,
            },
        ));
    }
    let metadata: Option<HashMap<String, String>> = (!metadata.is_empty()).then(|| {
        metadata
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    });
    safetensors::serialize_to_file(views, metadata, path).map_err(|error| match error {
        SafeTensorError::IoError(source) => Error::Io {
            path: path.to_owned(),
            source,
        },
        other => Error::Weights {
            path: path.to_owned(),
            problem: other.to_string(),
        },
    })
}

/// Read all tensors of a file, and its metadata.
///
/// # Errors
/// The file is missing, truncated, or no safetensors file.
#[allow(unsafe_code)]
pub fn read_tensors(
    path: &Path,
    device: Device,
) -> Result<(BTreeMap<String, Tensor>, BTreeMap<String, String>)> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let broken = |problem: String| Error::Weights {
        path: path.to_owned(),
        problem,
    };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the map is read only within this function; weights files are written beside and renamed, never in place.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(io)?;
    let unreadable = |error: SafeTensorError| {
        broken(format!(
            "not a whole safetensors file of {} bytes: {error}",
            map.len()
        ))
    };
    let (_, header) = SafeTensors::read_metadata(&map).map_err(unreadable)?;
    let parsed = SafeTensors::deserialize(&map).map_err(unreadable)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in parsed.iter() {
        let kind = kind(view.dtype()).ok_or_else(|| {
            broken(format!(
                "`{name}` has dtype {:?}, which is not supported",
                view.dtype()
            ))
        })?;
        let shape: Vec<i64> = view
            .shape()
            .iter()
            .map(|&length| i64::try_from(length).unwrap_or(i64::MAX))
            .collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind)?.f_to_device(device)?;
        tensors.insert(name.to_owned(), tensor);
    }
    let metadata = header.metadata().clone().unwrap_or_default();
    Ok((tensors, metadata.into_iter().collect()))
}

struct Stored<'a> {
    tensor: &'a Tensor,
    dtype: Dtype,
    shape: Vec<usize>,
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let tensor = self.tensor.detach().to_device(Device::Cpu).contiguous();
        let mut bytes = vec![0; self.data_len()];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

fn dtype(kind: Kind) -> Option<Dtype> {
    Some(match kind {
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        Kind::Half => Dtype::F16,
        Kind::BFloat16 => Dtype::BF16,
        Kind::Int64 => Dtype::I64,
        _ => return None,
    })
}

fn kind(dtype: Dtype) -> Option<Kind> {
    Some(match dtype {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::I64 => Kind::Int64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let tensors = vec![
            (
                "b".to_owned(),
                Tensor::from_slice(&[1.5f32, -2.0]).view([2, 1]),
            ),
            ("a".to_owned(), Tensor::from_slice(&[3i64])),
            (
                "empty".to_owned(),
                Tensor::zeros([0, 4], (Kind::Float, Device::Cpu)),
            ),
            (
                "half".to_owned(),
                Tensor::from_slice(&[0.25f32]).to_kind(Kind::BFloat16),
            ),
            // A transposed view is stored by its values, not by its memory.
            (
                "view".to_owned(),
                Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0])
                    .view([2, 2])
                    .transpose(0, 1),
            ),
        ];
        let metadata = BTreeMap::from([("step".to_owned(), "7".to_owned())]);
        write_tensors(&path, &tensors, &metadata).unwrap();
        let (read, same) = read_tensors(&path, Device::Cpu).unwrap();
        assert_eq!(same, metadata);
        assert_eq!(read.len(), tensors.len());
        for (name, tensor) in &tensors {
            assert_eq!(&read[name], tensor, "{name}");
            assert_eq!(read[name].kind(), tensor.kind());
        }
    }

    #[test]
    fn a_damaged_file_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let tensors = vec![("a".to_owned(), Tensor::from_slice(&[1.0f32; 100]))];
        write_tensors(&path, &tensors, &BTreeMap::new()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 4, 9, 40, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = read_tensors(&path, Device::Cpu).unwrap_err().to_string();
            assert!(error.contains("model.safetensors"), "{length}: {error}");
        }
    }
}
