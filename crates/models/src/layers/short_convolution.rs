//! A convolution over a place and the few before it, a feature at a time.

use kiln_learn::{Error, Result, State};
use kiln_tensor::{Builder, Init, Role, Tensor, no_grad};

/// A causal convolution of each feature by itself over so many places, the newest first (before attention: Primer, So et al., 2021;
/// Allen-Zhu, 2025). It begins as the identity.
pub(crate) struct ShortConvolution {
    taps: Vec<Tensor>, // of each place back, [width]
}

impl ShortConvolution {
    pub(crate) fn new(builder: &mut Builder, name: &str, places: i64, width: i64) -> Self {
        let taps = (0..places).map(|back| {
            let init = Init::Constant(if back == 0 { 1.0 } else { 0.0 });
            builder.parameter(&format!("{name}.{back}"), &[width], Role::Vector, init)
        });
        Self {
            taps: taps.collect(),
        }
    }

    /// Places before its own that it reads.
    fn back(&self) -> i64 {
        i64::try_from(self.taps.len()).unwrap_or(1) - 1
    }

    /// `[batch, time, width]` to the same. `state`, if given, holds the last inputs at a place in it, `[batch, places - 1, width]`;
    /// else what stands before a row is zero. Places of other `documents`, `[batch, time]`, count as zero.
    pub(crate) fn forward(
        &self,
        input: &Tensor,
        documents: Option<&Tensor>,
        state: Option<(&mut State, usize)>,
    ) -> Result<Tensor> {
        let (_, time, _) = input.size3()?;
        let back = self.back();
        let longer = match &state {
            Some((state, place)) => {
                let before = state.part(*place).f_to_kind(input.kind())?;
                Tensor::f_cat(&[&before, input], 1)?
            }
            None => input.f_constant_pad_nd([0, 0, back, 0])?,
        }; // [batch, back + time, width]
        let mut sum = input.f_mul(&self.taps[0])?;
        for (distance, tap) in (1..=back).zip(&self.taps[1..]) {
            let mut shifted = longer.f_narrow(1, back - distance, time)?;
            if let Some(documents) = documents {
                let same = same_document(documents, distance)?;
                shifted = shifted.f_mul(&same.f_to_kind(input.kind())?.f_unsqueeze(2)?)?;
            }
            sum = sum.f_addcmul(&shifted, tap)?;
        }
        if let Some((state, place)) = state {
            let mut kept = state.part(place).shallow_clone();
            let newest = longer.f_narrow(1, time, back)?;
            no_grad(|| kept.f_copy_(&newest))?;
        }
        Ok(sum)
    }
}

/// Whether the place so far back is of the same document, `[batch, time]`.
pub(crate) fn same_document(documents: &Tensor, distance: i64) -> Result<Tensor> {
    let (_, time) = documents.size2()?;
    if distance >= time {
        return Ok(documents.f_zeros_like()?);
    }
    let earlier = documents.f_narrow(1, 0, time - distance)?;
    let own = documents.f_narrow(1, distance, time - distance)?;
    let same = own.f_eq_tensor(&earlier)?;
    same.f_constant_pad_nd([distance, 0]).map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use kiln_tensor::{Device, Draws, Kind, Precision};

    use super::*;

    #[test]
    fn each_feature_sums_its_last_places_of_the_same_document() {
        let mut builder = Builder::new(Device::Cpu, Draws::new(0));
        let convolution = ShortConvolution::new(&mut builder, "convolution", 3, 2);
        let mut parameters = builder.finish(Precision::Fp32).unwrap();
        for ((_, mut tap), values) in
            parameters
                .named()
                .into_iter()
                .zip([[1.0f32, 2.0], [10.0, 20.0], [100.0, 200.0]])
        {
            no_grad(|| tap.copy_(&Tensor::from_slice(&values)));
        }
        parameters.refresh().unwrap();
        let input =
            Tensor::from_slice(&[1.0f32, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]).view([1, 4, 2]);
        let forward = |documents: Option<&Tensor>| {
            let output = convolution.forward(&input, documents, None).unwrap();
            Vec::<f32>::try_from(output.select(2, 0).view([-1])).unwrap()
        };
        assert_eq!(forward(None), [1.0, 12.0, 123.0, 234.0]);
        let documents = Tensor::from_slice(&[0i64, 0, 1, 1]).view([1, 4]);
        assert_eq!(forward(Some(&documents)), [1.0, 12.0, 3.0, 34.0]);
        assert_eq!(input.kind(), Kind::Float);
    }
}
