//! The product that ends a head and cross-entropy in one.
//!
//! The logits of a large vocabulary are the largest tensor of a training step: 8 x 1,024 places of 50,304 logits are 1.6 GB in
//! fp32, three times over when softmax and its gradient stand beside them. Chunk by chunk of rows, with the gradients
//! computed while a chunk is at hand, never more than a few MB of them exist (Wijmans et al., "Cut your losses in large-vocabulary
//! language models", 2024).

use std::ffi::c_void;

use kiln_tensor_sys as sys;
use tch::{Device, Kind, Reduction, Tensor};

use crate::Result;
use crate::gradients::check;

/// What is scored, and how.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyOptions<'a> {
    /// Share of each target's weight that is spread evenly over all classes, in `0.0 .. 1.0` (Szegedy et al., 2016, section 7).
    pub label_smoothing: f64,
    /// Coefficient of the squared logarithm of the softmax's normaliser, at each target (PaLM: Chowdhery et al., 2022, section
    /// 5; 1e-4 there). 0 for none.
    pub z_loss: f64,
    /// Largest magnitude of a logit: each is `cap * tanh(logit / cap)` (Gemma 2, 2024, section 2).
    pub cap: Option<f64>,
    /// What a target of each class counts, `[classes]`; all the same if left out. As in PyTorch, smoothing weighs each class by
    /// its own, and the z-loss by none.
    pub class_weights: Option<&'a Tensor>,
    /// The target that is not scored.
    pub ignored: i64,
    /// Where it is computed.
    pub path: LossPath,
}

/// How a loss over a linear layer is computed. All give the same numbers, up to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LossPath {
    /// Whichever was measured to be faster for this number of classes.
    #[default]
    Measured,
    /// In chunks of rows whose logits and what stands beside them take at most this many bytes.
    Chunked {
        /// Bytes of a chunk; at least one row is taken.
        bytes: usize,
    },
    /// All logits at once.
    Whole,
}

impl Default for CrossEntropyOptions<'_> {
    fn default() -> Self {
        Self {
            label_smoothing: 0.0,
            z_loss: 0.0,
            cap: None,
            class_weights: None,
            ignored: -100,
            path: LossPath::Measured,
        }
    }
}

/// A summed loss.
#[derive(Debug)]
pub struct Loss {
    /// The sum over all scored targets, a scalar in fp32 (fp64 for fp64 inputs) that backward can start from, once.
    pub sum: Tensor,
    /// The sum of the negative log-likelihoods alone: no smoothing, z-loss or weights. Detached.
    pub plain: Tensor,
}

/// Bytes of a chunk where nothing says otherwise, measured on two cores (`crates/optim/examples/chunked_loss.rs`): a few MB
/// that stay near the cache, but no fewer rows than make the product worth its reading of the weight, up to a limit. Smaller chunks
/// were faster by a tenth on one thread and slower by half on two where other programs ran.
const FEW_BYTES: i64 = 16 << 20;
const FEWEST_ROWS: i64 = 256;
const MOST_BYTES: i64 = 64 << 20;

/// From this many classes on the chunked path is taken.
const CHUNKED_FROM: i64 = 1024;

/// Cross-entropy of `hidden weight^T + bias` against `targets`, summed.
///
/// `hidden` is `[rows, width]`, `weight` `[classes, width]`, `bias` `[classes]`, all of one kind; `targets` is `[rows]`, whole
/// numbers below the number of classes or `options.ignored`. Products are computed in the kind of the inputs, everything
/// else in fp32 (fp64 for fp64). Gradients of the weight are added up in fp32.
///
/// The chunked path computes gradients in the forward pass, where any are wanted: the peak of memory is then the gradients of
/// `hidden` and `weight`, the latter in fp32, and one chunk. On a CPU, rows that are not scored cost nothing.
///
/// # Errors
/// Shapes or kinds do not fit, or a target is no class. The chunked path refuses a second derivative, and a second backward
/// through the same loss, when backward asks.
pub fn linear_cross_entropy(
    hidden: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    targets: &Tensor,
    options: &CrossEntropyOptions<'_>,
) -> Result<Loss> {
    let scored = scored_rows(targets, options.ignored)?;
    if let Some(places) = scored.filter(|_| hidden.size().first() == targets.size().first()) {
        let hidden = hidden.f_index_select(0, &places)?;
        let targets = targets.f_index_select(0, &places)?;
        return linear_cross_entropy(&hidden, weight, bias, &targets, options);
    }
    match options.path {
        LossPath::Chunked { bytes } => chunked(hidden, weight, bias, targets, options, Some(bytes)),
        LossPath::Measured if classes(weight) >= CHUNKED_FROM => {
            chunked(hidden, weight, bias, targets, options, None)
        }
        LossPath::Measured | LossPath::Whole => whole(hidden, weight, bias, targets, options),
    }
}

fn classes(weight: &Tensor) -> i64 {
    weight.size().first().copied().unwrap_or(1)
}

/// Places of the rows that are scored, `[scored]`, on a CPU where some are not: their number decides shapes, and is free to
/// read there. `None` where all are, and on other devices.
///
/// # Errors
/// The targets, `[rows]`, are no whole numbers.
pub fn scored_rows(targets: &Tensor, ignored: i64) -> Result<Option<Tensor>> {
    if targets.device() != Device::Cpu {
        return Ok(None);
    }
    let scored = targets.f_ne(ignored)?;
    if bool::try_from(scored.f_all()?)? {
        return Ok(None);
    }
    Ok(Some(scored.f_nonzero()?.f_squeeze_dim(1)?))
}

/// Rows of a chunk: as many as fit, in chunks of nearly the same size.
fn chunk_rows(hidden: &Tensor, weight: &Tensor, capped: bool, bytes: Option<usize>) -> i64 {
    let of_logit = match hidden.kind() {
        Kind::Double => 8,
        Kind::Float => 4,
        _ => 2 + 4, // the product, and the same in fp32
    } + if capped { 4 } else { 0 };
    let rows = hidden.size().first().copied().unwrap_or(1).max(1);
    let of_row = classes(weight).max(1) * of_logit;
    let bytes = match bytes {
        Some(bytes) => i64::try_from(bytes).unwrap_or(i64::MAX),
        None if hidden.device() == Device::Cpu => {
            FEW_BYTES.max(FEWEST_ROWS * of_row).min(MOST_BYTES)
        }
        None => MOST_BYTES,
    };
    let most = (bytes / of_row).max(1);
    let chunks = (rows + most - 1) / most;
    (rows + chunks - 1) / chunks
}

#[allow(unsafe_code)]
fn chunked(
    hidden: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    targets: &Tensor,
    options: &CrossEntropyOptions<'_>,
    bytes: Option<usize>,
) -> Result<Loss> {
    let handle = |tensor: &Tensor| -> *mut c_void { tensor.as_ptr().cast_mut().cast() };
    let numbers = sys::CrossEntropy {
        label_smoothing: options.label_smoothing,
        z_loss: options.z_loss,
        cap: options.cap.unwrap_or(0.0),
        ignored: options.ignored,
        chunk_rows: chunk_rows(hidden, weight, options.cap.is_some(), bytes),
    };
    let (mut sum, mut plain) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the handles are of live tensors, whose shapes and kinds the shim checks; it gives two new handles.
    let code = unsafe {
        sys::kiln_linear_cross_entropy(
            handle(hidden),
            handle(weight),
            bias.map_or(std::ptr::null_mut(), handle),
            handle(targets),
            options.class_weights.map_or(std::ptr::null_mut(), handle),
            &raw const numbers,
            &raw mut sum,
            &raw mut plain,
        )
    };
    check(code)?;
    // SAFETY: both are new handles, made as tch makes its own.
    unsafe {
        Ok(Loss {
            sum: Tensor::from_ptr(sum.cast()),
            plain: Tensor::from_ptr(plain.cast()),
        })
    }
}

fn whole(
    hidden: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    targets: &Tensor,
    options: &CrossEntropyOptions<'_>,
) -> Result<Loss> {
    cross_entropy(&hidden.f_linear(weight, bias)?, targets, options)
}

/// The same of `logits`, `[rows, classes]`, that are at hand.
///
/// # Errors
/// Shapes do not fit, or a target is no class.
pub fn cross_entropy(
    logits: &Tensor,
    targets: &Tensor,
    options: &CrossEntropyOptions<'_>,
) -> Result<Loss> {
    let sums = match logits.kind() {
        Kind::Double => Kind::Double,
        _ => Kind::Float,
    };
    let mut logits = logits.f_to_kind(sums)?; // [rows, classes]
    if let Some(cap) = options.cap {
        logits = logits.f_div_scalar(cap)?.f_tanh()?.f_mul_scalar(cap)?;
    }
    let class_weights = match options.class_weights {
        Some(weights) => Some(weights.f_to_kind(sums)?),
        None => None,
    };
    let cross_entropy = |weights: Option<&Tensor>, smoothing| {
        logits.f_cross_entropy_loss(targets, weights, Reduction::Sum, options.ignored, smoothing)
    };
    let mut sum = cross_entropy(class_weights.as_ref(), options.label_smoothing)?;
    let plain = if class_weights.is_some() || options.label_smoothing > 0.0 {
        tch::no_grad(|| cross_entropy(None, 0.0))?
    } else {
        sum.f_detach()?
    };
    if options.z_loss > 0.0 {
        let scored = targets.f_ne(options.ignored)?.f_to_kind(sums)?; // [rows]
        let normaliser = logits.f_logsumexp(-1, false)?; // [rows]
        let squares = normaliser.f_square()?.f_mul(&scored)?.f_sum(sums)?;
        sum = sum.f_add(&squares.f_mul_scalar(options.z_loss)?)?;
    }
    Ok(Loss { sum, plain })
}

#[cfg(test)]
#[path = "linear_cross_entropy_tests.rs"]
mod tests;
