//! A mixture of feed-forward layers, of which each token goes through a few.

use kiln_learn::Result;
use kiln_tensor::{Builder, Init, Kind, Role, Tensor};

use super::feed_forward::FeedForwardShape;

/// The shape of a mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ExpertsShape {
    /// Each expert's; without biases.
    pub(crate) each: FeedForwardShape,
    pub(crate) experts: i64,
    /// Experts that a token goes through.
    pub(crate) chosen: i64,
    /// Factor of the loss that keeps experts equally busy.
    pub(crate) balance: f64,
}

/// Top-k routing without a limit of tokens an expert (Mixtral: Jiang et al., 2024, section 2.1).
pub(crate) struct Experts {
    shape: ExpertsShape,
    router: Tensor, // [experts, width]
    up: Tensor,     // [experts, first, width]
    down: Tensor,   // [experts, width, inner]
}

/// Which experts each token goes through.
struct Routes {
    /// How much each counts, `[tokens, chosen]`.
    weights: Tensor,
    /// Their numbers, `[tokens, chosen]`.
    experts: Tensor,
    /// Probabilities of all, `[tokens, experts]`.
    probabilities: Tensor,
}

impl Experts {
    pub(crate) fn new(
        shape: ExpertsShape,
        builder: &mut Builder,
        name: &str,
        router: Init,
        [up, down]: [Init; 2],
    ) -> Self {
        let FeedForwardShape { width, inner, .. } = shape.each;
        let experts = usize::try_from(shape.experts).unwrap_or(0);
        let mut parameter = |part: &str, sizes: &[i64], init, rows: &[i64]| {
            let name = format!("{name}.{part}.weight");
            builder.stacked(&name, sizes, Role::Matrix, init, rows)
        };
        let (first, matrices) = if shape.each.activation.is_gated() {
            ("gate_up", 2)
        } else {
            ("up", 1)
        };
        let rows = vec![inner; matrices * experts];
        let sizes = [shape.experts, shape.each.first(), width];
        Self {
            shape,
            router: parameter("router", &[shape.experts, width], router, &[shape.experts]),
            up: parameter(first, &sizes, up, &rows),
            down: parameter(
                "down",
                &[shape.experts, width, inner],
                down,
                &vec![width; experts],
            ),
        }
    }

    /// `[batch, time, width]` to the same, and the loss of balance: a sum over tokens. `scored` is 1 for tokens that count
    /// in that loss, `[batch, time]`; all do if left out.
    pub(crate) fn forward(
        &self,
        input: &Tensor,
        scored: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        let (batch, time, width) = input.size3()?;
        let tokens = input.f_reshape([batch * time, width])?;
        let routes = self.route(&tokens)?;
        let chosen = self.shape.chosen;
        // Tokens in the order of their experts, so that each expert has its own in one piece.
        let order = routes
            .experts
            .f_view([-1])?
            .f_argsort_stable(true, 0, false)?; // [tokens * chosen]
        let from = order.f_divide_scalar_mode(chosen, "floor")?;
        // A look-up in a table of tokens: its gradient adds up in a fixed order, on many threads.
        let sorted = Tensor::f_embedding(&tokens, &from, -1, false, false)?; // [tokens * chosen, width]
        let counts = routes
            .experts
            .f_view([-1])?
            .f_bincount::<&Tensor>(None, self.shape.experts)?;
        let answers = self.each(&sorted, &counts)?;
        let back = order
            .f_argsort_stable(false, 0, false)?
            .f_view([batch * time, chosen])?;
        let answers = Tensor::f_embedding(&answers, &back, -1, false, false)?; // [tokens, chosen, width]
        let weights = routes.weights.f_to_kind(input.kind())?.f_unsqueeze(1)?; // [tokens, 1, chosen]
        let mixed = weights.f_bmm(&answers)?.f_view([batch, time, width])?;
        Ok((mixed, self.balance(&routes, scored)?))
    }

    /// The most probable experts, their probabilities made to add up to one.
    fn route(&self, tokens: &Tensor) -> Result<Routes> {
        let logits = tokens.f_linear::<&Tensor>(&self.router, None)?;
        let kind = match logits.kind() {
            Kind::Double => Kind::Double,
            _ => Kind::Float,
        };
        let probabilities = logits.f_softmax(-1, kind)?;
        let (best, experts) = probabilities.f_topk(self.shape.chosen, -1, true, true)?;
        let sum = best.f_sum_dim_intlist(&[-1i64][..], true, kind)?;
        Ok(Routes {
            weights: best.f_div(&sum)?,
            experts,
            probabilities,
        })
    }

    /// Each expert's answers to its own tokens: `[tokens * chosen, width]`, sorted by expert, to the same.
    fn each(&self, sorted: &Tensor, counts: &Tensor) -> Result<Tensor> {
        if sorted.device().is_cuda() && sorted.kind() == Kind::BFloat16 {
            return self.each_grouped(sorted, counts);
        }
        // Where each expert begins is needed on the host: free on a CPU. Elsewhere this waits for the device, which is why
        // bf16 takes the grouped product there.
        let counts = Vec::<i64>::try_from(counts)?;
        let mut answers = Vec::with_capacity(counts.len());
        let mut start = 0;
        for (expert, &count) in (0i64..).zip(&counts) {
            if count == 0 {
                continue;
            }
            let own = sorted.f_narrow(0, start, count)?;
            start += count;
            let inner = own.f_linear::<&Tensor>(&self.up.f_select(0, expert)?, None)?;
            let inner = self.shape.each.activation.apply(&inner)?;
            answers.push(inner.f_linear::<&Tensor>(&self.down.f_select(0, expert)?, None)?);
        }
        Ok(Tensor::f_cat(&answers, 0)?)
    }

    /// The same by one product over all experts, whose sizes stay on the device.
    fn each_grouped(&self, sorted: &Tensor, counts: &Tensor) -> Result<Tensor> {
        let ends = counts.f_cumsum(0, Kind::Int)?;
        let product = |input: &Tensor, weights: &Tensor| -> Result<Tensor> {
            let weights = weights.f_transpose(1, 2)?; // [experts, inputs, outputs]
            Ok(Tensor::f_internal_grouped_mm(
                input,
                &weights,
                Some(&ends),
                None::<&Tensor>,
                None::<Kind>,
            )?)
        };
        let inner = self
            .shape
            .each
            .activation
            .apply(&product(sorted, &self.up)?)?;
        product(&inner, &self.down)
    }

    /// `experts * sum over experts of (share of tokens sent there * mean probability)` (Switch Transformers: Fedus et al., 2021,
    /// equation 4), times the number of tokens: at perfect balance the number of experts that a token goes through, for each token.
    fn balance(&self, routes: &Routes, scored: Option<&Tensor>) -> Result<Tensor> {
        let kind = routes.probabilities.kind();
        let sent = routes.probabilities.f_zeros_like()?;
        let sent = sent.f_scatter_value(1, &routes.experts, 1.0)?; // [tokens, experts]
        let weigh = match scored {
            Some(scored) => scored.f_reshape([-1, 1])?.f_to_kind(kind)?,
            None => Tensor::f_ones([sent.size()[0], 1], (kind, sent.device()))?,
        };
        let sum = |of: &Tensor| {
            of.f_mul(&weigh)?
                .f_sum_dim_intlist(&[0i64][..], false, kind)
        };
        let tokens = weigh.f_sum(kind)?.f_clamp_min(1.0)?;
        let together = sum(&sent)?
            .f_mul(&sum(&routes.probabilities)?)?
            .f_sum(kind)?;
        let factor = self.shape.balance * self.shape.experts as f64;
        Ok(together.f_div(&tokens)?.f_mul_scalar(factor)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{builder, distance, some_numbers};
    use crate::layers::feed_forward::Activation;
    use kiln_tensor::backward;

    /// What a GPU does at once is what a CPU does one expert after another, an expert without tokens among them.
    #[test]
    fn the_grouped_product_is_that_of_each_expert() {
        let shape = ExpertsShape {
            each: FeedForwardShape {
                width: 16,
                inner: 32,
                activation: Activation::Swiglu,
                bias: false,
            },
            experts: 4,
            chosen: 2,
            balance: 0.0,
        };
        let run = |grouped: bool| {
            let init = Init::Normal { std: 0.3 };
            let mut experts = Experts::new(shape, &mut builder(), "experts", init, [init; 2]);
            for weights in [&mut experts.up, &mut experts.down] {
                *weights = weights
                    .detach()
                    .to_kind(Kind::BFloat16)
                    .set_requires_grad(true);
            }
            let sorted = some_numbers(&[24, 16], Kind::BFloat16, "tokens").set_requires_grad(true);
            let counts = crate::checks::whole_numbers(&[8, 0, 11, 5]);
            let answers = match grouped {
                true => experts.each_grouped(&sorted, &counts),
                false => experts.each(&sorted, &counts),
            };
            let answers = answers.unwrap();
            backward(&answers.sum(Kind::Float)).unwrap();
            [
                answers.detach(),
                sorted.grad(),
                experts.up.grad(),
                experts.down.grad(),
            ]
        };
        for (grouped, each) in run(true).iter().zip(&run(false)) {
            assert!(distance(grouped, each) < 1e-2);
        }
    }
}
