//! Random draws as functions of a key: no hidden state, no process-wide generator.
//!
//! A [`Draws`] holds the run's seed. From it and a purpose comes a [`Key`]; from a key and a sample position come the
//! numbers. So a resumed run, a run cut into other micro-batches and a run on other ranks draw the same numbers for the
//! same sample, and nothing about randomness has to be saved.

use kiln_tensor_sys as sys;
use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::gradients::check;

/// The seed of a run; every draw is a function of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    seed: u64,
}

/// What a sequence of draws is for, mixed with the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

impl Draws {
    /// Draws of a run with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The key of one purpose, `"dropout"` or a parameter's name.
    pub fn key(&self, purpose: &str) -> Key {
        let mut state = finalize(self.seed ^ 0x6b69_6c6e_0000_0001);
        for byte in purpose.bytes() {
            state = finalize(state.wrapping_add(u64::from(byte)).wrapping_add(GAMMA));
        }
        Key(state)
    }

    /// A host generator for one purpose at one position.
    pub fn generator(&self, purpose: &str, position: u64) -> Generator {
        Generator::new(self.key(purpose).with(position).0)
    }
}

impl Key {
    /// The key of a part of what this key is for: a layer, a position.
    pub fn with(self, part: u64) -> Self {
        Self(finalize(self.0 ^ finalize(part.wrapping_add(GAMMA))))
    }

    /// A mask of the shape and kind of `like`: 0 with the given probability, else `1 / (1 - probability)`.
    ///
    /// The first dimension of `like` is rows of a batch whose first row has sample position `position`; each row's part
    /// of the mask depends on its own position alone.
    ///
    /// # Errors
    /// libtorch could not allocate or fill it.
    pub fn dropout_mask(self, like: &Tensor, position: u64, probability: f64) -> Result<Tensor> {
        let threshold = threshold(probability);
        let scale = 1.0 / (1.0 - probability);
        if like.device() != Device::Cpu {
            return self.mask_by_operations(like, position, threshold, scale);
        }
        let mask = Tensor::f_empty(like.size(), (like.kind(), Device::Cpu))?;
        fill_mask(&mask, rows(like), self.0, position, threshold, scale)?;
        Ok(mask)
    }

    /// The same mask from integer operations, for devices that the shim has no kernel for.
    fn mask_by_operations(
        self,
        like: &Tensor,
        position: u64,
        threshold: u32,
        scale: f64,
    ) -> Result<Tensor> {
        let count = rows(like);
        let width = if count == 0 {
            0
        } else {
            i64::try_from(like.numel()).unwrap_or(i64::MAX) / count
        };
        let keys = (0..count.unsigned_abs()).map(|row| row_key(self.0, position.wrapping_add(row)));
        let (add, flip): (Vec<i64>, Vec<i64>) = keys
            .map(|(add, flip)| (i64::from(add), i64::from(flip)))
            .unzip();
        let column = |values: &[i64]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?
                .f_to_device(like.device())?
                .f_unsqueeze(1)?)
        };
        let index = Tensor::f_arange(width, (Kind::Int64, like.device()))?.f_unsqueeze(0)?;
        let first = mix_tensor(&index.f_add(&column(&add)?)?)?;
        let drawn = mix_tensor(&first.f_bitwise_xor_tensor(&column(&flip)?)?)?; // [rows, width]
        Ok(drawn
            .f_ge(i64::from(threshold))?
            .f_to_kind(like.kind())?
            .f_mul_scalar(scale)?
            .f_reshape(like.size())?)
    }
}

fn rows(like: &Tensor) -> i64 {
    like.size().first().copied().unwrap_or(1)
}

/// Draws below this are dropped: the nearest multiple of 2^-32 to the probability.
fn threshold(probability: f64) -> u32 {
    (probability * 4_294_967_296.0)
        .round()
        .clamp(0.0, f64::from(u32::MAX)) as u32
}

#[allow(unsafe_code)]
fn fill_mask(
    mask: &Tensor,
    rows: i64,
    key: u64,
    position: u64,
    threshold: u32,
    scale: f64,
) -> Result<()> {
    // SAFETY: the pointer is tch's own handle of a live tensor; the shim checks that it is contiguous CPU memory.
    let code = unsafe {
        sys::kiln_dropout_mask(
            mask.as_ptr().cast_mut().cast(),
            rows,
            key,
            position,
            threshold,
            scale as f32,
        )
    };
    check(code)
}

/// Chris Wellons' lowbias32, as the shim has it.
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

fn row_key(key: u64, position: u64) -> (u32, u32) {
    let low = mix(key as u32 ^ mix(position as u32));
    let high = mix((key >> 32) as u32 ^ mix(((position >> 32) as u32).wrapping_add(low)));
    (low, high)
}

/// [`mix`] on whole numbers held in 64 bits.
fn mix_tensor(x: &Tensor) -> Result<Tensor> {
    const WORD: i64 = 0xffff_ffff;
    let word = |x: Tensor| x.f_bitwise_and(WORD);
    let fold = |x: &Tensor, bits: i64| -> std::result::Result<Tensor, tch::TchError> {
        x.f_bitwise_xor_tensor(&x.f_bitwise_right_shift_tensor_scalar(bits)?)
    };
    let x = word(x.shallow_clone())?;
    let x = word(fold(&x, 16)?.f_mul_scalar(0x7feb_352d_i64)?)?;
    let x = word(fold(&x, 15)?.f_mul_scalar(0x846c_a68b_i64)?)?;
    Ok(fold(&x, 16)?)
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn finalize(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// SplitMix64: numbers on the host, by counter, so that any part of a sequence can be drawn alone.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    start: u64,
    drawn: u64,
}

impl Generator {
    fn new(start: u64) -> Self {
        Self { start, drawn: 0 }
    }

    fn at(&self, index: u64) -> u64 {
        finalize(
            self.start
                .wrapping_add(index.wrapping_add(1).wrapping_mul(GAMMA)),
        )
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let bits = self.at(self.drawn);
        self.drawn += 1;
        bits
    }

    /// The next number of 53 random bits in `0.0 .. 1.0`.
    pub fn uniform(&mut self) -> f64 {
        unit(self.bits())
    }

    /// Independent normal draws, `mean` 0, one for each place; a function of the generator alone, whatever the threads.
    pub fn fill_normal(&self, values: &mut [f32], std: f64) {
        self.fill_pairs(values, |first, second| {
            // Box and Muller, 1958.
            let radius = (-2.0 * (1.0 - unit(first)).ln()).sqrt() * std;
            let (sine, cosine) = (std::f64::consts::TAU * unit(second)).sin_cos();
            [radius * cosine, radius * sine]
        });
    }

    /// Independent draws, uniform in `-bound .. bound`, one for each place.
    pub fn fill_uniform(&self, values: &mut [f32], bound: f64) {
        self.fill_pairs(values, |first, second| {
            [first, second].map(|bits| (2.0 * unit(bits) - 1.0) * bound)
        });
    }

    fn fill_pairs(&self, values: &mut [f32], pair: impl Fn(u64, u64) -> [f64; 2] + Sync) {
        const CHUNK: usize = 1 << 16; // even, so that pairs do not straddle chunks
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let share = values
            .len()
            .div_ceil(workers)
            .next_multiple_of(CHUNK)
            .max(CHUNK);
        std::thread::scope(|scope| {
            for (part, values) in values.chunks_mut(share).enumerate() {
                let pair = &pair;
                let first = (part * share) as u64;
                scope.spawn(move || {
                    for (index, values) in values.chunks_mut(2).enumerate() {
                        let at = first + 2 * index as u64;
                        let drawn = pair(self.at(at), self.at(at + 1));
                        for (value, drawn) in values.iter_mut().zip(drawn) {
                            *value = drawn as f32;
                        }
                    }
                });
            }
        });
    }
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(mask: &Tensor) -> Vec<f32> {
        Vec::<f32>::try_from(mask.to_kind(Kind::Float).flatten(0, -1)).unwrap()
    }

    #[test]
    fn splitmix64_as_published() {
        // First outputs of the reference implementation for seed 1234567.
        let mut generator = Generator::new(1_234_567);
        let drawn = [(); 3].map(|()| generator.bits());
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_mask_drops_its_share_and_keeps_the_mean() {
        let like = Tensor::zeros([64, 1000], (Kind::Float, Device::Cpu));
        let mask = Draws::new(1)
            .key("dropout")
            .dropout_mask(&like, 0, 0.2)
            .unwrap();
        let kept = numbers(&mask).iter().filter(|&&value| value != 0.0).count();
        // 64,000 draws: five standard deviations of the share are 0.008.
        assert!((kept as f64 / 64_000.0 - 0.8).abs() < 0.008, "{kept}");
        assert!(
            numbers(&mask)
                .iter()
                .all(|&v| v == 0.0 || (v - 1.25).abs() < 1e-6)
        );
    }

    #[test]
    fn a_row_depends_on_its_own_position_alone() {
        let key = Draws::new(7).key("dropout").with(3);
        let whole = Tensor::zeros([6, 40], (Kind::Float, Device::Cpu));
        let part = Tensor::zeros([2, 40], (Kind::Float, Device::Cpu));
        let rows = key.dropout_mask(&whole, 100, 0.5).unwrap();
        let later = key.dropout_mask(&part, 104, 0.5).unwrap();
        assert_eq!(rows.narrow(0, 4, 2), later);
        assert_ne!(rows.narrow(0, 0, 2), later);
        assert_ne!(rows, key.with(1).dropout_mask(&whole, 100, 0.5).unwrap());
    }

    #[test]
    fn kernel_and_tensor_operations_draw_the_same() {
        let key = Draws::new(99).key("dropout");
        for position in [0, 5, u64::from(u32::MAX) - 1] {
            let like = Tensor::zeros([4, 3, 50], (Kind::Float, Device::Cpu));
            let kernel = key.dropout_mask(&like, position, 0.3).unwrap();
            let operations = key
                .mask_by_operations(&like, position, threshold(0.3), 1.0 / 0.7)
                .unwrap();
            assert_eq!(kernel, operations);
        }
    }

    #[test]
    fn normal_draws_have_their_moments_whatever_the_cut() {
        let generator = Draws::new(3).generator("weight", 0);
        let mut values = vec![0.0; 200_001];
        generator.fill_normal(&mut values, 0.02);
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let square = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / count;
        let fourth = values.iter().map(|&v| f64::from(v).powi(4)).sum::<f64>() / count;
        assert!(mean.abs() < 2.3e-4, "{mean}"); // five standard errors
        assert!((square.sqrt() - 0.02).abs() < 2e-4, "{square}");
        assert!((fourth / square.powi(2) - 3.0).abs() < 0.06, "{fourth}");
        let mut first = vec![0.0; 1000];
        generator.fill_normal(&mut first, 0.02);
        assert_eq!(first, values[..1000]);
    }

    #[test]
    fn purposes_and_seeds_differ() {
        let draw = |seed, purpose| Draws::new(seed).generator(purpose, 0).bits();
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_eq!(draw(1, "a"), draw(1, "a"));
    }
}
