//! Memory that ran out, and rows that go through the model in smaller portions then.

use kiln_learn::{Error, State};
use kiln_tensor::Tensor;

use kiln_learn::Result;

/// Whether an error is that of an allocation: of libtorch's allocators on a CPU and on a GPU, of oneDNN, of C++.
pub(crate) fn is_out_of_memory(error: &Error) -> bool {
    const SAID: [&str; 5] = [
        "can't allocate memory",
        "not enough memory",
        "out of memory",
        "could not create a memory object",
        "std::bad_alloc",
    ];
    let Error::Tensor(kiln_tensor::Error::Torch(message)) = error else {
        return false;
    };
    SAID.iter().any(|words| message.contains(words))
}

/// Sizes of portions of at most so many rows, which together are all rows.
pub(crate) fn portions(rows: u64, most: u64) -> impl Iterator<Item = u64> {
    let most = most.max(1);
    (0..rows.div_ceil(most)).map(move |index| most.min(rows - index * most))
}

/// The carried states of a batch cut otherwise: all rows, in portions of at most so many.
///
/// # Errors
/// libtorch refused.
pub(crate) fn recut(carry: &[State], most: u64) -> Result<Vec<State>> {
    let Some(first) = carry.first() else {
        return Ok(Vec::new());
    };
    let mut whole = Vec::new();
    for (index, (name, _)) in first.parts().iter().enumerate() {
        let rows: Vec<&Tensor> = carry.iter().map(|state| state.part(index)).collect();
        whole.push((name.clone(), Tensor::f_cat(&rows, 0)?));
    }
    let rows = whole.first().map_or(0, |(_, part)| part.size()[0]);
    let mut begin = 0;
    portions(rows.unsigned_abs(), most)
        .map(|count| {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let mut parts = Vec::with_capacity(whole.len());
            for (name, part) in &whole {
                parts.push((name.clone(), part.f_narrow(0, begin, count)?));
            }
            begin += count;
            let mut state = State::new(parts);
            state.advance(first.seen());
            Ok(state)
        })
        .collect()
}

/// The states as they are now; a model puts new tensors in their places, and never writes into them.
pub(crate) fn remember(carry: &[State]) -> Vec<State> {
    let states = carry.iter().map(|state| {
        let parts = state.parts().iter();
        let mut same = State::new(
            parts
                .map(|(name, part)| (name.clone(), part.shallow_clone()))
                .collect(),
        );
        same.advance(state.seen());
        same
    });
    states.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocators_are_understood() {
        for (message, is) in [
            (
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)",
                true,
            ),
            (
                "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes.",
                true,
            ),
            ("CUDA out of memory. Tried to allocate 20.00 MiB.", true),
            ("could not create a memory object", true),
            ("std::bad_alloc", true),
            ("mat1 and mat2 shapes cannot be multiplied", false),
        ] {
            let error = Error::Tensor(kiln_tensor::Error::Torch(message.to_owned()));
            assert_eq!(is_out_of_memory(&error), is, "{message}");
        }
        // What libtorch says here, of an allocation that no machine has.
        let error: kiln_tensor::Error = Tensor::f_zeros(
            [1 << 50],
            (kiln_tensor::Kind::Float, kiln_tensor::Device::Cpu),
        )
        .unwrap_err()
        .into();
        assert!(is_out_of_memory(&error.into()));
    }

    #[test]
    fn rows_keep_their_order_in_any_cut() {
        let state = |rows: &[f32]| {
            let mut state = State::new(vec![("hidden".to_owned(), Tensor::from_slice(rows))]);
            state.advance(5);
            state
        };
        let carry = [state(&[1.0, 2.0, 3.0]), state(&[4.0, 5.0, 6.0])];
        let cut = recut(&carry, 2).unwrap();
        assert_eq!(cut.len(), 3);
        let values: Vec<Vec<f32>> = cut
            .iter()
            .map(|state| Vec::try_from(state.part(0)).unwrap())
            .collect();
        assert_eq!(values, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        assert_eq!(cut[2].seen(), 5);
        assert_eq!(portions(7, 3).collect::<Vec<_>>(), [3, 3, 1]);
        assert_eq!(portions(0, 3).count(), 0);
    }
}
