//! Weights files: safetensors, written whole and read through a memory map.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors};
use tch::{Device, Kind, Tensor};

use crate::{Error, Result, host};

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
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let header = header(path, tensors, metadata)?;
    let mut file = BufWriter::new(File::create(path).map_err(io)?);
    let written = write_all(&mut file, &header, tensors).and_then(|()| file.flush());
    drop(file.into_parts()); // what could not be written is not tried again
    written.map_err(io)
}

/// The same to any writer, in pieces of at most 4 MiB; `path` is what messages call it.
///
/// # Errors
/// As [`write_tensors`].
pub fn write_tensors_to(
    writer: &mut dyn Write,
    path: &Path,
    tensors: &[(String, Tensor)],
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    let header = header(path, tensors, metadata)?;
    write_all(writer, &header, tensors).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

/// Length and JSON that stand before the values, and the order in which these follow.
struct Header {
    bytes: Vec<u8>,
    order: Vec<usize>,
}

fn header(
    path: &Path,
    tensors: &[(String, Tensor)],
    metadata: &BTreeMap<String, String>,
) -> Result<Header> {
    let broken = |problem: String| Error::Weights {
        path: path.to_owned(),
        problem,
    };
    // Wide elements first, so that each lies at a multiple of its width; then by name.
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by(|&one, &other| {
        let of = |index: usize| {
            (
                tensors[index].1.kind().elt_size_in_bytes(),
                &tensors[index].0,
            )
        };
        let ((wide, name), (other_wide, other_name)) = (of(one), of(other));
        other_wide.cmp(&wide).then(name.cmp(other_name))
    });
    let mut entries = serde_json::Map::new();
    if !metadata.is_empty() {
        entries.insert("__metadata__".to_owned(), serde_json::json!(metadata));
    }
    let mut end = 0;
    for &index in &order {
        let (name, tensor) = &tensors[index];
        let kind = tensor.kind();
        let dtype = dtype(kind).ok_or_else(|| {
            broken(format!(
                "`{name}` is of kind {kind:?}, which has no place in safetensors"
            ))
        })?;
        let begin = end;
        end += tensor.numel() * kind.elt_size_in_bytes();
        let entry = serde_json::json!({"dtype": dtype, "shape": tensor.size(), "data_offsets": [begin, end]});
        if entries.insert(name.clone(), entry).is_some() {
            return Err(broken(format!("two tensors are named `{name}`")));
        }
    }
    let mut text = serde_json::Value::Object(entries).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    Ok(Header { bytes, order })
}

fn write_all(
    writer: &mut dyn Write,
    header: &Header,
    tensors: &[(String, Tensor)],
) -> std::io::Result<()> {
    const PIECE: usize = 4 << 20;
    writer.write_all(&header.bytes)?;
    for &index in &header.order {
        let tensor = &tensors[index].1;
        let plain = tensor.device() == Device::Cpu && tensor.is_contiguous();
        let here = if plain {
            tensor.detach()
        } else {
            tensor.detach().to_device(Device::Cpu).contiguous()
        };
        for piece in host::bytes(&here).chunks(PIECE) {
            writer.write_all(piece)?;
        }
    }
    Ok(())
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
