//! Properties that every architecture must have, each as a check that its tests call. They run on the device that
//! `KILN_TEST_DEVICE` names (`cuda`), the CPU if it is not set.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kiln_learn::{Context, Inputs, Network};
use kiln_tensor::{
    Builder, Device, DeviceChoice, Draws, Kind, Parameter, Parameters, Precision, Role, Tensor,
    backward, no_grad,
};
use kiln_tokens::SamplePosition;

use crate::Draft;

/// A builder for tests. Their operations are too small for more than one thread each.
pub(crate) fn builder() -> Builder {
    kiln_tensor::set_threads(1);
    Builder::new(device(), Draws::new(7))
}

/// Where tests run.
pub(crate) fn device() -> Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    *DEVICE.get_or_init(|| {
        let asked = std::env::var("KILN_TEST_DEVICE").unwrap_or_else(|_| "cpu".to_owned());
        asked.parse::<DeviceChoice>().unwrap().open().unwrap()
    })
}

/// How far a tensor in fp32 may be from its reference: a GPU adds up in other orders.
pub(crate) fn tolerance() -> f64 {
    if device() == Device::Cpu { 1e-5 } else { 1e-4 }
}

/// Whole numbers where tests run.
pub(crate) fn whole_numbers(values: &[i64]) -> Tensor {
    Tensor::from_slice(values).to_device(device())
}

/// The folder of reference values: of this room's sources, or where a carried test binary is told it is.
pub(crate) fn reference_file(name: &str) -> PathBuf {
    let room = std::env::var("CARGO_MANIFEST_DIR");
    let room = room.unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&room).join(format!("tests/reference/{name}.safetensors"))
}

/// Ids below `vocabulary`, `[rows, time]`, that look random.
pub(crate) fn some_ids(vocabulary: i64, rows: i64, time: i64) -> Tensor {
    let mut generator = Draws::new(3).generator("ids", vocabulary.unsigned_abs());
    let ids: Vec<i64> = (0..rows * time)
        .map(|_| (generator.bits() % vocabulary.unsigned_abs()) as i64)
        .collect();
    whole_numbers(&ids).view([rows, time])
}

/// Normal numbers of a shape and kind.
pub(crate) fn some_numbers(shape: &[i64], kind: Kind, purpose: &str) -> Tensor {
    let mut values = vec![0.0f32; usize::try_from(shape.iter().product::<i64>()).unwrap()];
    Draws::new(11)
        .generator(purpose, 0)
        .fill_normal(&mut values, 1.0);
    let numbers = Tensor::from_slice(&values).view(shape).to_kind(kind);
    numbers.to_device(device())
}

/// Give all parameters of a network values at which nothing is nearly linear, zero or alike.
pub(crate) fn stir(parameters: &mut Parameters) {
    for (name, mut value) in parameters.named() {
        let size = if value.dim() < 2 { 0.1 } else { 0.3 };
        let drawn = some_numbers(&value.size(), value.kind(), &name) * size;
        no_grad(|| {
            let _ = value.f_add_(&drawn).unwrap();
        });
    }
    parameters.refresh().unwrap();
}

/// The gradient of every parameter against central differences in float64, along two directions each, with dropout as
/// `context` has it.
///
/// # Panics
/// If one differs by more than a part in a million of the larger of both.
pub(crate) fn check_gradients(draft: Draft, inputs: &Inputs, training: bool) {
    let mut network = draft.finish(Precision::Fp64).unwrap();
    stir(&mut network.parameters);
    let context = || {
        if training {
            Context::training(Draws::new(5), SamplePosition(0))
        } else {
            Context::evaluation()
        }
    };
    let loss = |network: &Network| -> Tensor {
        let output = network.trunk.forward(inputs, None, &context()).unwrap();
        let outputs = network.head.project(&output.hidden).unwrap();
        let weights = some_numbers(&outputs.size(), Kind::Double, "weights");
        let mut sum = (outputs.tanh() * weights).sum(Kind::Double);
        for (_, auxiliary) in &output.auxiliary {
            sum += auxiliary;
        }
        sum
    };
    backward(&loss(&network)).unwrap();
    network.parameters.collect_gradients().unwrap();
    let gradients = network.parameters.named_gradients();
    let roles: Vec<Role> = network.parameters.iter().map(Parameter::role).collect();
    for (index, (name, gradient)) in gradients.iter().enumerate() {
        if roles[index] == Role::Frozen {
            assert_eq!(gradient, &gradient.zeros_like(), "{name} is frozen");
            continue;
        }
        let mut value = network.parameters.named()[index].1.shallow_clone();
        for direction in 0..2 {
            const STEP: f64 = 1e-6;
            let along = some_numbers(&value.size(), Kind::Double, &format!("{name}{direction}"));
            let mut moved = |by: f64| -> f64 {
                no_grad(|| {
                    let _ = value.f_add_(&(&along * by)).unwrap();
                });
                f64::try_from(no_grad(|| loss(&network))).unwrap()
            };
            let difference = (moved(STEP) - moved(-2.0 * STEP)) / (2.0 * STEP);
            moved(STEP);
            let ours = f64::try_from((gradient * &along).sum(Kind::Double)).unwrap();
            // The loss itself is of size 10 and rounded: a difference has an error of some 1e-9.
            let size = ours.abs().max(difference.abs()).max(1e-2);
            assert!(
                (ours - difference).abs() < 1e-6 * size,
                "{name}: {ours} by backward, {difference} by differences"
            );
        }
    }
}

/// `‖a - b‖ / ‖b‖`.
pub(crate) fn distance(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.size(), theirs.size());
    let [ours, theirs] = [ours, theirs].map(|tensor| tensor.to_kind(Kind::Double));
    f64::try_from((&ours - &theirs).norm() / theirs.norm()).unwrap()
}

fn outputs(network: &Network, inputs: &Inputs) -> Tensor {
    no_grad(|| network.outputs(inputs, None, &Context::evaluation())).unwrap()
}

/// Changing the id at any place changes no logit before it, and every row's logits from it on.
pub(crate) fn check_causal(draft: Draft, vocabulary: i64, time: i64) {
    let mut network = draft.finish(Precision::Fp32).unwrap();
    stir(&mut network.parameters);
    let ids = some_ids(vocabulary, 2, time);
    let before = outputs(&network, &Inputs::of(ids.copy()));
    for place in 0..time {
        let changed = ids.copy();
        let mut column = changed.narrow(1, place, 1);
        column.copy_(&((&column + 1).remainder(vocabulary)));
        let after = outputs(&network, &Inputs::of(changed));
        if place > 0 {
            // Not to the last bit: a mixture's products are of other sizes when tokens go elsewhere.
            let distance = distance(&after.narrow(1, 0, place), &before.narrow(1, 0, place));
            assert!(
                distance < 1e-6,
                "place {place} is seen before it is read: {distance}"
            );
        }
        let rest = time - place;
        assert_ne!(
            after.narrow(1, place, rest),
            before.narrow(1, place, rest),
            "place {place} is not seen at all"
        );
    }
}

/// What stands in the padding, and how much of it there is, changes no output of a place that is not padding by more than
/// `1e-5`. `of_rows`: the network gives one output a row and no output a place.
pub(crate) fn check_padding(draft: Draft, vocabulary: i64, of_rows: bool) {
    let mut network = draft.finish(Precision::Fp32).unwrap();
    stir(&mut network.parameters);
    let ids = some_ids(vocabulary, 3, 9);
    let lengths = [9i64, 4, 1];
    let padded = |more: i64, with: i64| {
        let filler = Tensor::full([3, more], with, (Kind::Int64, device()));
        let mut wide = Tensor::cat(&[ids.copy(), filler], 1);
        for (row, &length) in (0i64..).zip(&lengths) {
            let _ = wide
                .get(row)
                .narrow(0, length, 9 + more - length)
                .fill_(with);
        }
        let _ = &mut wide;
        outputs(
            &network,
            &Inputs::of(wide).with_lengths(whole_numbers(&lengths)),
        )
    };
    let wide = padded(3, 1);
    let other = padded(0, 2);
    for (row, &length) in (0i64..).zip(&lengths) {
        let alone = outputs(
            &network,
            &Inputs::of(ids.narrow(0, row, 1).narrow(1, 0, length)),
        );
        for many in [&wide, &other] {
            let mine = many.narrow(0, row, 1);
            let mine = if of_rows {
                mine
            } else {
                mine.narrow(1, 0, length)
            };
            let distance = distance(&mine, &alone);
            assert!(
                distance < tolerance(),
                "row {row} of {length} ids: {distance}"
            );
        }
    }
}

/// Reading in pieces with a state gives what reading in one go gives, to `1e-5`.
pub(crate) fn check_state(draft: Draft, vocabulary: i64, time: i64) {
    let mut network = draft.finish(Precision::Fp32).unwrap();
    stir(&mut network.parameters);
    let ids = some_ids(vocabulary, 2, time);
    let whole = outputs(&network, &Inputs::of(ids.copy()));
    let cuts: [Vec<i64>; 3] = [
        vec![1; time as usize],
        vec![3, 1, time - 4],
        vec![time - 1, 1],
    ];
    for pieces in cuts {
        let mut state = network.trunk.new_state(2, time).unwrap();
        let mut start = 0;
        let mut parts = Vec::new();
        for piece in &pieces {
            let inputs = Inputs::of(ids.narrow(1, start, *piece));
            let part =
                no_grad(|| network.outputs(&inputs, Some(&mut state), &Context::evaluation()));
            parts.push(part.unwrap());
            start += piece;
        }
        assert_eq!(state.seen(), time);
        let distance = distance(&Tensor::cat(&parts, 1), &whole);
        assert!(
            distance < tolerance(),
            "in pieces of {pieces:?}: {distance}"
        );
    }
}

/// Documents packed into one row give what each gives alone, to `1e-5`.
pub(crate) fn check_packing(draft: Draft, vocabulary: i64) {
    let mut network = draft.finish(Precision::Fp32).unwrap();
    stir(&mut network.parameters);
    let ids = some_ids(vocabulary, 1, 12);
    let lengths = [5i64, 1, 4, 2];
    let numbers: Vec<i64> = (0i64..)
        .zip(&lengths)
        .flat_map(|(number, &length)| vec![number; length as usize])
        .collect();
    let packed = Inputs {
        documents: Some(whole_numbers(&numbers).view([1, 12])),
        ..Inputs::of(ids.copy())
    };
    let packed = outputs(&network, &packed);
    let mut start = 0;
    for length in lengths {
        let alone = outputs(&network, &Inputs::of(ids.narrow(1, start, length)));
        let distance = distance(&packed.narrow(1, start, length), &alone);
        assert!(
            distance < tolerance(),
            "the document at {start}: {distance}"
        );
        start += length;
    }
}

/// Gradients with dropout on are the same to the bit whether activations are kept or computed again.
pub(crate) fn check_checkpoints(draft: impl Fn() -> Draft, inputs: &Inputs) {
    for precision in [Precision::Fp32, Precision::Bf16] {
        let gradients = |again: bool| {
            let mut network = draft().finish(precision).unwrap();
            stir(&mut network.parameters);
            let context =
                Context::training(Draws::new(5), SamplePosition(0)).with_checkpoints(again);
            let output = network.trunk.forward(inputs, None, &context).unwrap();
            let outputs = network.head.project(&output.hidden).unwrap();
            let mut loss = outputs.tanh().sum(Kind::Float);
            for (_, auxiliary) in &output.auxiliary {
                loss += auxiliary;
            }
            backward(&loss).unwrap();
            network.parameters.collect_gradients().unwrap();
            network.parameters.gradients().copy()
        };
        let kept = gradients(false);
        assert!(f64::try_from(kept.abs().sum(Kind::Double)).unwrap() > 0.0);
        let again = gradients(true);
        if device() == Device::Cpu {
            assert_eq!(again, kept, "{precision:?}");
        } else {
            // Some of a GPU's sums have no order.
            assert!(distance(&again, &kept) < 1e-3, "{precision:?}");
        }
    }
}
