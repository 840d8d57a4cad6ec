//! Copies of tensors in host memory, for those who store them while the originals change.

use tch::{Device, Tensor, no_grad};

use crate::{Result, threads};

/// Named copies in host memory that is used again from one copy to the next, so that taking them neither grows the process nor
/// waits for the system to hand out pages.
#[derive(Debug, Default)]
pub struct HostCopies {
    tensors: Vec<(String, Tensor)>,
}

impl HostCopies {
    /// No copies and no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Get the memory ready for copies of these tensors without copying: the first copy is then as fast as the others.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn reserve(&mut self, tensors: &[(String, Tensor)]) -> Result<()> {
        self.fit(tensors)?;
        for (_, copy) in &mut self.tensors {
            let _ = no_grad(|| copy.f_zero_())?;
        }
        Ok(())
    }

    /// Copy all values; what was copied before is gone. Tensors of a device come to the host.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn take(&mut self, tensors: &[(String, Tensor)]) -> Result<()> {
        self.fit(tensors)?;
        let mut plain = Vec::with_capacity(tensors.len());
        for ((_, copy), (_, tensor)) in self.tensors.iter_mut().zip(tensors) {
            if tensor.device() == Device::Cpu && tensor.is_contiguous() {
                plain.push((bytes_mut(copy), bytes(tensor)));
            } else {
                no_grad(|| copy.f_copy_(tensor))?;
            }
        }
        copy_in_parallel(plain);
        Ok(())
    }

    /// The copies, by name.
    pub fn tensors(&self) -> &[(String, Tensor)] {
        &self.tensors
    }

    /// Memory for tensors of these names, shapes and kinds; what fits already stays.
    fn fit(&mut self, tensors: &[(String, Tensor)]) -> Result<()> {
        self.tensors.truncate(tensors.len());
        for (index, (name, tensor)) in tensors.iter().enumerate() {
            let (size, kind) = (tensor.size(), tensor.kind());
            let fits = self.tensors.get(index).is_some_and(|(known, copy)| {
                known == name && copy.size() == size && copy.kind() == kind
            });
            if !fits {
                self.tensors.truncate(index); // names are in one order: what follows is of another list
                let copy = Tensor::f_empty(&size, (kind, Device::Cpu))?;
                self.tensors.push((name.clone(), copy));
            }
        }
        Ok(())
    }
}

/// Bytes that one thread copies at a time: so many that a core's caches are passed by, so few that the threads end together.
const PIECE: usize = 8 << 20;

/// Copy pairs of equal length with as many threads as operations have.
fn copy_in_parallel(pairs: Vec<(&mut [u8], &[u8])>) {
    let mut pieces: Vec<(&mut [u8], &[u8])> = pairs
        .into_iter()
        .flat_map(|(to, from)| to.chunks_mut(PIECE).zip(from.chunks(PIECE)))
        .collect();
    let total: usize = pieces.iter().map(|(to, _)| to.len()).sum();
    let threads = threads().clamp(1, 1 + total / PIECE);
    let share = total.div_ceil(threads);
    std::thread::scope(|scope| {
        while !pieces.is_empty() {
            let mut own = Vec::new();
            let mut bytes = 0;
            while bytes < share
                && let Some((to, from)) = pieces.pop()
            {
                bytes += to.len();
                own.push((to, from));
            }
            let copy = move || {
                for (to, from) in own {
                    to.copy_from_slice(from);
                }
            };
            if pieces.is_empty() {
                copy(); // the last share on this thread
            } else {
                scope.spawn(copy);
            }
        }
    });
}

/// The memory of a contiguous tensor in host memory.
#[allow(unsafe_code)]
pub(crate) fn bytes(tensor: &Tensor) -> &[u8] {
    let length = length(tensor);
    if length == 0 {
        return &[];
    }
    // SAFETY: a contiguous tensor in host memory is so many initialised bytes, which live as long as the handle that is borrowed.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast_const().cast(), length) }
}

/// The same to be written; the tensor must be one that nobody else holds a handle of, as those of [`HostCopies`].
#[allow(unsafe_code)]
fn bytes_mut(tensor: &mut Tensor) -> &mut [u8] {
    let length = length(tensor);
    if length == 0 {
        return &mut [];
    }
    // SAFETY: as above, and the handle is borrowed mutably and is the only one: the tensor was made here and handed out by reference.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), length) }
}

fn length(tensor: &Tensor) -> usize {
    assert!(
        tensor.device() == Device::Cpu && tensor.is_contiguous(),
        "only what lies in one piece in host memory has bytes"
    );
    tensor.numel() * tensor.kind().elt_size_in_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn named(values: &[f32]) -> Vec<(String, Tensor)> {
        let whole = Tensor::from_slice(values);
        vec![
            ("whole".to_owned(), whole.shallow_clone()),
            ("part".to_owned(), whole.narrow(0, 1, 2)),
            ("turned".to_owned(), whole.view([2, 2]).transpose(0, 1)),
            ("count".to_owned(), Tensor::from_slice(&[7i64])),
            (
                "none".to_owned(),
                Tensor::zeros([0], (Kind::Float, Device::Cpu)),
            ),
        ]
    }

    #[test]
    fn copies_stay_when_the_originals_change_and_use_the_same_memory_again() {
        let mut copies = HostCopies::new();
        let originals = named(&[1.0, 2.0, 3.0, 4.0]);
        copies.reserve(&originals).unwrap();
        let places = |copies: &HostCopies| -> Vec<usize> {
            let tensors = copies.tensors().iter();
            tensors.map(|(_, copy)| copy.data_ptr() as usize).collect()
        };
        let first = places(&copies);
        for round in 0..3 {
            copies.take(&originals).unwrap();
            let expected: Vec<Tensor> = originals.iter().map(|(_, t)| t.copy()).collect();
            let _ = originals[0].1.shallow_clone().fill_(f64::from(round));
            for ((_, copy), expected) in copies.tensors().iter().zip(&expected) {
                assert_eq!(copy, expected);
            }
            assert_eq!(places(&copies), first);
        }
    }

    #[test]
    fn other_tensors_get_memory_of_their_own() {
        let mut copies = HostCopies::new();
        copies.take(&named(&[1.0, 2.0, 3.0, 4.0])).unwrap();
        let other = vec![("other".to_owned(), Tensor::from_slice(&[5.0f64]))];
        copies.take(&other).unwrap();
        assert_eq!(copies.tensors(), other);
    }

    #[test]
    fn many_pieces_are_copied_by_many_threads_to_the_byte() {
        let length = 3 * PIECE / 4 + 5;
        let values: Vec<i64> = (0..length as i64).collect();
        let original = vec![("a".to_owned(), Tensor::from_slice(&values))];
        let mut copies = HostCopies::new();
        copies.take(&original).unwrap();
        assert_eq!(copies.tensors(), original);
    }
}
