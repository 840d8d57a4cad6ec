//! The sentence CNN: parameters and forward pass.

use kiln_learn::{Context, Inputs, Model, Output, Result, State};
use kiln_tensor::{Builder, Init, Kind, Role, Tensor};

use super::{Embeddings, Sentence};
use crate::layers::{look_up, refuse_packed};

/// Convolutions over time, and the largest answer of each filter.
pub(crate) struct SentenceCnn {
    tables: Vec<Tensor>, // [vocabulary, embedding width] each
    convolutions: Vec<Convolution>,
    dropout: f64,
}

struct Convolution {
    weight: Tensor, // [filters, embedding width, kernel]
    bias: Tensor,   // [filters]
}

impl SentenceCnn {
    pub(crate) fn new(config: &Sentence, builder: &mut Builder, vocabulary: i64) -> Self {
        let width = config.embedding_width;
        let mut table = |name: &str, role| {
            // Section 3.3 of the paper, for words without a vector.
            let init = Init::Uniform { bound: 0.25 };
            builder.parameter(name, &[vocabulary, width], role, init)
        };
        let tables = match config.embeddings {
            Embeddings::Random | Embeddings::NonStatic => {
                vec![table("embedding.weight", Role::Embedding)]
            }
            Embeddings::Static => vec![table("embedding.weight", Role::Frozen)],
            Embeddings::Multichannel => vec![
                table("embedding.weight", Role::Embedding),
                table("embedding.static.weight", Role::Frozen),
            ],
        };
        let convolutions = (config.kernel_widths.iter().enumerate())
            .map(|(index, &kernel)| {
                let bound = 1.0 / ((width * kernel) as f64).sqrt();
                let mut parameter = |part: &str, shape: &[i64], role| {
                    let name = format!("convolutions.{index}.{part}");
                    builder.parameter(&name, shape, role, Init::Uniform { bound })
                };
                Convolution {
                    weight: parameter("weight", &[config.filters, width, kernel], Role::Matrix),
                    bias: parameter("bias", &[config.filters], Role::Vector),
                }
            })
            .collect();
        Self {
            tables,
            convolutions,
            dropout: config.dropout,
        }
    }

    pub(crate) fn features(&self) -> i64 {
        self.convolutions
            .iter()
            .map(|convolution| convolution.bias.size()[0])
            .sum()
    }
}

impl Convolution {
    fn kernel(&self) -> i64 {
        self.weight.size()[2]
    }

    /// `[batch, embedding width, time]`, zero past each row's length, to `[batch, filters]`.
    fn forward(&self, sentence: &Tensor, lengths: Option<&Tensor>) -> Result<Tensor> {
        let reach = self.kernel() - 1;
        let convolved = sentence
            .f_conv1d(&self.weight, Some(&self.bias), 1, reach, 1, 1)?
            .relu(); // [batch, filters, time + reach]
        let heard = match lengths {
            // Answers of windows that lie wholly in the padding count as zero, the least that ReLU gives.
            Some(lengths) => {
                let inside = before(&convolved, &(lengths + reach));
                convolved * inside.unsqueeze(1)
            }
            None => convolved,
        };
        Ok(heard.max_dim(2, false).0)
    }
}

/// `[batch, time]` of 1 at places before each row's end and 0 after, in the kind of `like`, whose last dimension is time.
fn before(like: &Tensor, ends: &Tensor) -> Tensor {
    let time = like.size().last().copied().unwrap_or(0);
    let places = Tensor::arange(time, (Kind::Int64, like.device()));
    places.lt_tensor(&ends.unsqueeze(1)).to_kind(like.kind())
}

impl Model for SentenceCnn {
    fn forward(
        &self,
        inputs: &Inputs,
        _state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        refuse_packed(inputs)?;
        let mut embedded = look_up(&self.tables[0], &inputs.ids)?;
        for table in &self.tables[1..] {
            // A filter's answers to two tables, added, are its answer to their sum.
            embedded = embedded.f_add(&look_up(table, &inputs.ids)?)?;
        }
        let whole = embedded.transpose(1, 2); // [batch, embedding width, time]
        let sentence = match &inputs.lengths {
            Some(lengths) => &whole * before(&whole, lengths).unsqueeze(1),
            None => whole,
        };
        let features = (self.convolutions.iter())
            .map(|convolution| convolution.forward(&sentence, inputs.lengths.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        let joined = Tensor::cat(&features, 1); // [batch, kernels * filters]
        Ok(Output::of(context.dropout(&joined, self.dropout)?))
    }

    fn new_state(&self, _rows: i64, _capacity: i64) -> Option<State> {
        None
    }

    fn context_limit(&self) -> Option<i64> {
        None
    }

    fn carries_state(&self) -> bool {
        false
    }

    fn operations_per_token(&self, _context_length: i64) -> f64 {
        let weights: usize = (self.convolutions.iter())
            .map(|convolution| convolution.weight.numel())
            .sum();
        6.0 * weights as f64
    }
}
