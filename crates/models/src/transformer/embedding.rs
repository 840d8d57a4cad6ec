//! What a Transformer makes of ids: token embeddings with positions and segments.

use kiln_learn::{Context, Error, Inputs, Result};
use kiln_tensor::{Builder, Device, Init, Kind, Role, Tensor};

use super::plan::Plan;
use super::style::Positions;
use crate::layers::look_up;
use crate::layers::norm::Norm;
use crate::layers::short_convolution::same_document;

/// Ids to hidden states.
pub(crate) struct Embedding {
    tokens: Tensor,            // [vocabulary, width]
    ngrams: Vec<Tensor>,       // of two tokens, of three, and so on, [rows, width] each
    positions: Option<Tensor>, // [context, width], learned or sinusoidal
    segments: Option<Tensor>,  // [segments, width]
    norm: Option<Norm>,
    scale: f64,
    dropout: f64,
    context_length: i64,
}

impl Embedding {
    pub(crate) fn new(
        plan: &Plan,
        builder: &mut Builder,
        [vocabulary, context_length]: [i64; 2],
    ) -> Self {
        let width = plan.width();
        let init = plan.embedding_init();
        let mut table = |name: &str, rows: i64, init: Init| {
            builder.parameter(
                &format!("{name}.weight"),
                &[rows, width],
                Role::Embedding,
                init,
            )
        };
        let tokens = table("embedding", vocabulary, init);
        // Zero at first: a token is known before what stands before it is.
        let sequences = plan.ngrams.iter().zip(2u32..);
        let ngrams = sequences
            .map(|(most, length)| {
                let rows = all_sequences(vocabulary, length).min(*most);
                table(&format!("ngram.{length}"), rows, Init::Constant(0.0))
            })
            .collect();
        let positions = match plan.positions {
            Positions::Learned => Some(table("position", context_length, init)),
            Positions::Sinusoidal => Some(sinusoids(context_length, width, tokens.device())),
            Positions::Rotary | Positions::Relative | Positions::None => None,
        };
        let segments = (plan.segments > 0).then(|| table("segment", plan.segments, init));
        let norm = plan.block.norm;
        Self {
            tokens,
            ngrams,
            positions,
            segments,
            norm: plan
                .embedding_norm
                .then(|| norm.build(builder, "embedding_norm", width)),
            scale: plan.embedding_scale,
            dropout: plan.block.dropout,
            context_length,
        }
    }

    pub(crate) fn table(&self) -> &Tensor {
        &self.tokens
    }

    pub(crate) fn kind(&self) -> Kind {
        self.tokens.kind()
    }

    pub(crate) fn device(&self) -> Device {
        self.tokens.device()
    }

    pub(crate) fn context_length(&self) -> i64 {
        self.context_length
    }

    /// How many ids before a row's first it must know.
    pub(crate) fn before(&self) -> i64 {
        i64::try_from(self.ngrams.len()).unwrap_or(i64::MAX)
    }

    /// What stands in the place of an id before a row's first.
    pub(crate) const NONE: i64 = -1;

    /// `[batch, time]`, of which a row has `seen` before, the last of these `previous`, `[batch, before]`, to `[batch, time, width]`.
    pub(crate) fn forward(
        &self,
        inputs: &Inputs,
        seen: i64,
        previous: Option<&Tensor>,
        context: &Context,
    ) -> Result<Tensor> {
        let (_, time) = inputs.ids.size2()?;
        let limit = self.context_length;
        if seen + time > limit {
            return Err(Error::Batch(format!(
                "{} tokens in a row, the model sees at most {limit}",
                seen + time
            )));
        }
        let mut hidden = look_up(&self.tokens, &inputs.ids)?; // [batch, time, width]
        for (table, rows) in self.ngrams.iter().zip(self.ngram_rows(inputs, previous)?) {
            hidden = hidden.f_add(&look_up(table, &rows)?)?;
        }
        if self.scale != 1.0 {
            hidden = hidden.f_mul_scalar(self.scale)?;
        }
        if let Some(table) = &self.positions {
            let positions = match &inputs.documents {
                Some(documents) => {
                    Tensor::f_embedding(table, &within_documents(documents)?, -1, false, false)?
                }
                None => table.f_narrow(0, seen, time)?,
            };
            hidden = hidden.f_add(&positions.f_to_kind(hidden.kind())?)?;
        }
        if let Some(table) = &self.segments {
            let segments = match &inputs.segments {
                Some(segments) => Tensor::f_embedding(table, segments, -1, false, false)?,
                None => table.f_select(0, 0)?,
            };
            hidden = hidden.f_add(&segments)?;
        }
        if let Some(norm) = &self.norm {
            hidden = norm.forward(&hidden)?;
        }
        context.dropout(&hidden, self.dropout)
    }
}

impl Embedding {
    /// The rows of each id and those before it in the tables of several tokens, `[batch, time]` each.
    fn ngram_rows(&self, inputs: &Inputs, previous: Option<&Tensor>) -> Result<Vec<Tensor>> {
        if self.ngrams.is_empty() {
            return Ok(Vec::new());
        }
        let ids = &inputs.ids;
        let (batch, time) = ids.size2()?;
        let before = self.before();
        let first = match previous {
            Some(previous) => previous.shallow_clone(),
            None => Tensor::f_full([batch, before], Self::NONE, (Kind::Int64, ids.device()))?,
        };
        let all = Tensor::f_cat(&[&first, ids], 1)?; // [batch, before + time]
        let vocabulary = self.tokens.size()[0];
        let mut number = ids.shallow_clone(); // of a sequence, where each has its own row
        let mut mixed = ids.shallow_clone(); // the same, where they share
        let mut shorter = vocabulary; // sequences of one token less
        let mut rows = Vec::with_capacity(self.ngrams.len());
        for (table, distance) in self.ngrams.iter().zip(1..) {
            let mut earlier = all.f_narrow(1, before - distance, time)?;
            if let Some(documents) = &inputs.documents {
                let own = same_document(documents, distance)?.f_to_kind(Kind::Bool)?;
                earlier = earlier.f_where_self(&own, &earlier.f_full_like(Self::NONE)?)?;
            }
            let earlier = earlier.f_add_scalar(1)?; // 0 for none
            number = number.f_add(&earlier.f_mul_scalar(shorter)?)?;
            mixed = mixed
                .f_mul_scalar(MIXING)?
                .f_add(&earlier)?
                .f_remainder(MODULUS)?;
            shorter = shorter.saturating_mul(vocabulary + 1);
            let count = table.size()[0];
            rows.push(if count == shorter {
                number.shallow_clone()
            } else {
                mixed.f_remainder(count)?
            });
        }
        Ok(rows)
    }
}

/// Factor of the numbers of sequences that share rows: the modulus over the golden ratio, so that neighbours scatter.
const MIXING: i64 = 1_327_217_885;
/// A prime, 2^31 - 1: products of two numbers below it do not overflow.
const MODULUS: i64 = 2_147_483_647;

/// How many sequences of so many tokens there are, of which all but the last may be missing.
fn all_sequences(vocabulary: i64, length: u32) -> i64 {
    let before = (vocabulary + 1).saturating_pow(length - 1);
    before.saturating_mul(vocabulary)
}

/// The place of each id in its document, `[batch, time]`.
fn within_documents(documents: &Tensor) -> Result<Tensor> {
    let (batch, time) = documents.size2()?;
    let places = Tensor::f_arange(time, (Kind::Int64, documents.device()))?;
    let places = places.f_expand([batch, time], false)?;
    let before = documents.f_narrow(1, 0, time - 1)?;
    let begins = documents.f_narrow(1, 1, time - 1)?.f_ne_tensor(&before)?; // [batch, time - 1]
    let begins = begins.f_constant_pad_nd([1, 0])?; // the first place begins at 0 anyhow
    let (start, _) = places.f_mul(&begins.f_to_kind(Kind::Int64)?)?.f_cummax(1)?;
    Ok(places.f_sub(&start)?)
}

/// `[context, width]`: sines of a place at even features, cosines at odd ones.
fn sinusoids(context_length: i64, width: i64, device: Device) -> Tensor {
    let values: Vec<f32> = (0..context_length)
        .flat_map(|place| (0..width).map(move |feature| (place, feature)))
        .map(|(place, feature)| {
            let pair = (feature / 2 * 2) as f64 / width as f64;
            let angle = place as f64 / 10_000f64.powf(pair);
            (if feature % 2 == 0 {
                angle.sin()
            } else {
                angle.cos()
            }) as f32
        })
        .collect();
    Tensor::from_slice(&values)
        .view([context_length, width])
        .to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_begin_anew_in_each_document() {
        let documents = Tensor::from_slice(&[0i64, 0, 0, 1, 2, 2, 5, 5, 5, 5, 5, 5]).view([2, 6]);
        let places = within_documents(&documents).unwrap();
        let expected = Tensor::from_slice(&[0i64, 1, 2, 0, 0, 1, 0, 1, 2, 3, 4, 5]).view([2, 6]);
        assert_eq!(places, expected);
    }
}
