//! Text from a language model.

use std::ops::ControlFlow;

use kiln_learn::{Context, Inputs, State, Trained};
use kiln_tensor::{Kind, Tensor, no_grad};
use kiln_tokens::TokenId;

use crate::{Characters, Error, Result, Sampling};

/// A finished generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// What was written after the prompt.
    pub text: String,
    /// Tokens drawn, the end of the text included.
    pub tokens: usize,
    /// Why it ended.
    pub end: End,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The model ended the text.
    EndOfText,
    /// As many tokens as were asked for.
    Length,
    /// The receiver asked to stop.
    Stopped,
}

/// Go on with `prompt` for at most `tokens` tokens, giving each piece of text to `receive` as soon as it is whole. An empty
/// prompt begins a new text.
///
/// # Errors
/// The model does not predict tokens, or its tokenizer cannot express the prompt.
pub fn generate(
    trained: &Trained,
    prompt: &str,
    tokens: usize,
    sampling: &Sampling,
    receive: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Generated> {
    if trained.labels.is_some() || trained.scales.is_some() {
        return Err(Error::Task(
            "this model predicts labels or values, it does not write text: use `kiln predict`",
        ));
    }
    sampling.check()?;
    let mut reader = Reader::new(trained, beginning(trained, prompt)?, tokens)?;
    let mut sampler = sampling.sampler();
    let mut characters = Characters::default();
    let mut text = String::new();
    let mut drawn = 0;
    let mut end = End::Length;
    while drawn < tokens {
        let token = TokenId::try_from(sampler.choose(&reader.logits()?)).unwrap_or(TokenId::MAX);
        drawn += 1;
        if Some(token) == trained.tokenizer.end_of_text() {
            end = End::EndOfText;
            break;
        }
        let bytes = trained.tokenizer.decode(&[token]).map_err(Error::Text)?;
        let piece = characters.push(&bytes);
        text += &piece;
        if !piece.is_empty() && receive(&piece).is_break() {
            end = End::Stopped;
            break;
        }
        reader.push(token);
    }
    let rest = characters.finish();
    if !rest.is_empty() && end != End::Stopped {
        text += &rest;
        // The last piece: whether more is wanted no longer matters.
        let _ = receive(&rest);
    }
    Ok(Generated {
        text,
        tokens: drawn,
        end,
    })
}

/// The ids to begin with. Nothing to begin with: the mark between documents, or a line end, as in training.
fn beginning(trained: &Trained, prompt: &str) -> Result<Vec<TokenId>> {
    let tokenizer = &trained.tokenizer;
    let mut ids = Vec::new();
    tokenizer.encode(prompt, &mut ids).map_err(Error::Text)?;
    if ids.is_empty() {
        match tokenizer.end_of_text() {
            Some(end) => ids.push(end),
            None => {
                if tokenizer.encode("\n", &mut ids).is_err() || ids.is_empty() {
                    ids = vec![0];
                }
            }
        }
    }
    Ok(ids)
}

/// Reads a growing text and keeps the model's state of it.
struct Reader<'a> {
    trained: &'a Trained,
    text: Vec<TokenId>,
    unread: usize,
    state: State,
    limit: Option<usize>,
}

impl<'a> Reader<'a> {
    /// Read `text`, to which at most `more` tokens will be added.
    fn new(trained: &'a Trained, mut text: Vec<TokenId>, more: usize) -> Result<Self> {
        let trunk = &trained.network.trunk;
        let limit = trunk.context_limit();
        let state = trunk.new_state(1, limit.unwrap_or(0)).ok_or(Error::Task(
            "this model keeps no state between tokens: it cannot write text",
        ))?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        if let Some(limit) = limit {
            // Of a prompt that does not fit, the end, with room for what follows, up to half of the context.
            let kept = limit - more.min(limit / 2);
            if text.len() > kept && text.len() + more > limit {
                tracing::warn!(
                    "the prompt has {} tokens, the model sees {limit}: it reads the last {kept} of them",
                    text.len()
                );
                text.drain(..text.len() - kept);
            }
        }
        Ok(Self {
            trained,
            unread: text.len(),
            text,
            state,
            limit,
        })
    }

    fn push(&mut self, token: TokenId) {
        self.text.push(token);
        self.unread += 1;
    }

    /// Logits of the next token, `[vocabulary]`.
    fn logits(&mut self) -> Result<Vec<f32>> {
        let trunk = &self.trained.network.trunk;
        if let Some(limit) = self.limit
            && usize::try_from(self.state.seen()).unwrap_or(0) + self.unread > limit
        {
            // No room: read the latest half of what fits again, which leaves room for as much.
            self.unread = self.text.len().min((limit / 2).max(1));
            if let Some(state) = trunk.new_state(1, i64::try_from(limit).unwrap_or(i64::MAX)) {
                self.state = state;
            }
        }
        let newest = &self.text[self.text.len() - self.unread..];
        let ids: Vec<i64> = newest.iter().map(|&id| i64::from(id)).collect();
        let inputs = Inputs::of(
            Tensor::from_slice(&ids)
                .view([1, -1])
                .to_device(self.trained.network.device()),
        );
        self.unread = 0;
        let logits = no_grad(|| -> Result<Tensor> {
            let hidden = trunk
                .forward(&inputs, Some(&mut self.state), &Context::evaluation())?
                .hidden; // [1, time, width]
            let last = hidden.f_narrow(1, hidden.size()[1] - 1, 1)?;
            Ok(self
                .trained
                .network
                .head
                .project(&last)?
                .f_to_kind(Kind::Float)?)
        })?;
        let logits = Vec::<f32>::try_from(logits.view([-1]))?;
        if logits.iter().all(|logit| logit.is_finite()) {
            Ok(logits)
        } else {
            Err(Error::NotFinite)
        }
    }
}
