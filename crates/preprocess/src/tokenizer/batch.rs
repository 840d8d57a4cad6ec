//! Many texts at once, on all cores.

use kiln_tokens::{TokenId, Tokenizer};
use rayon::prelude::*;

/// The ids of each text, in the order of the texts, worked out by the threads of the current rayon pool. The ids are those
/// of [`Tokenizer::encode`] whatever the number of threads.
///
/// ```
/// use kiln_preprocess::{ByteConfig, TokenizerConfig, encode_batch, train};
///
/// let trained = train(&TokenizerConfig::Byte(ByteConfig {}), &mut std::iter::empty())?;
/// let ids = encode_batch(trained.tokenizer().as_ref(), &["to", "be"])?;
/// assert_eq!(ids, [[116, 111], [98, 101]]);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
///
/// # Errors
/// The error of the first text that cannot be encoded, in the order of the texts.
pub fn encode_batch<T: AsRef<str> + Sync>(
    tokenizer: &dyn Tokenizer,
    texts: &[T],
) -> Result<Vec<Vec<TokenId>>, kiln_tokens::Error> {
    let encoded: Vec<Result<Vec<TokenId>, kiln_tokens::Error>> = texts
        .par_iter()
        .map(|text| {
            let mut ids = Vec::new();
            tokenizer.encode(text.as_ref(), &mut ids)?;
            Ok(ids)
        })
        .collect();
    encoded.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CharacterConfig, TokenizerConfig, train};

    #[test]
    fn texts_keep_their_order_and_the_first_error_is_told() {
        let config = TokenizerConfig::Character(CharacterConfig {});
        let trained = train(
            &config,
            &mut ["abc"].map(|text| Ok(text.into())).into_iter(),
        )
        .unwrap();
        let tokenizer = trained.tokenizer();
        let mut texts: Vec<String> = (0..5000).map(|n| "abc".repeat(n % 7)).collect();
        let one_by_one: Vec<Vec<TokenId>> = texts
            .iter()
            .map(|text| {
                let mut ids = Vec::new();
                tokenizer.encode(text, &mut ids).unwrap();
                ids
            })
            .collect();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let batch = pool
                .unwrap()
                .install(|| encode_batch(tokenizer.as_ref(), &texts).unwrap());
            assert_eq!(batch, one_by_one);
        }
        texts[4000].push('z');
        texts[3000].push('y');
        let error = encode_batch(tokenizer.as_ref(), &texts).unwrap_err();
        assert!(error.to_string().starts_with("character 'y'"), "{error}");
    }
}
