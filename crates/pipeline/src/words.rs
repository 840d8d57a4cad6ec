//! Verbs about words, stream to stream: stems, lemmas, sentences and tokens.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use kiln_preprocess::lemma::lemmatize_conllu;
use kiln_preprocess::segment::{Form, stream};
use kiln_preprocess::stem::{Algorithm, LANGUAGES};
use kiln_preprocess::{Lemmatizer, Segmenter, Stemmer, conllu};
use serde_json::json;

use crate::Error;
use crate::lines::{INPUT, each_line, text};

/// Sentences of a treebank in a file.
type Sentences = conllu::Reader<Box<dyn BufRead + Send>>;

/// Read words, one a line, and write their stems. Lines need not be words: whatever is not one comes back lowercased.
///
/// # Errors
/// No stemmer of that name; a line that is not UTF-8, with its number.
pub fn stem(
    language: &str,
    algorithm: &str,
    mut reader: impl BufRead,
    mut writer: impl Write,
) -> Result<(), Error> {
    let stemmer = Stemmer::with_algorithm(language, algorithm.parse::<Algorithm>()?)?;
    each_line(&mut reader, &mut writer, |line, number| {
        let word = text(line, number)?;
        let word = word.strip_suffix('\r').unwrap_or(word);
        Ok(stemmer.stem(word).into_owned().into_bytes())
    })
}

/// Write the languages that have stemmers, one a line, with their codes.
///
/// # Errors
/// The output cannot be written.
pub fn stem_languages(writer: &mut dyn Write) -> Result<(), Error> {
    for language in LANGUAGES {
        let codes = language.codes.join(" ");
        writeln!(writer, "{} {codes}", language.name).map_err(Error::Output)?;
    }
    Ok(())
}

/// Which model says something about words: one in a file, or the one that comes along for a language.
#[derive(Clone, Debug)]
pub enum ModelChoice {
    /// A file that was trained.
    File(PathBuf),
    /// English name or code.
    Language(String),
}

impl ModelChoice {
    pub(crate) fn lemmatizer(&self) -> Result<Lemmatizer, Error> {
        match self {
            Self::File(path) => Ok(Lemmatizer::load(path)?),
            Self::Language(name) => {
                let found = Lemmatizer::for_language(name);
                found.cloned().ok_or_else(|| Error::NoLemmatizer {
                    language: name.clone(),
                })
            }
        }
    }

    pub(crate) fn segmenter(&self) -> Result<Segmenter, Error> {
        match self {
            Self::File(path) => Ok(Segmenter::load(path)?),
            Self::Language(name) => Ok(Segmenter::for_language(name)?),
        }
    }
}

/// What lemmas are wanted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LemmatizeForm {
    /// CoNLL-U in and out: the column LEMMA is replaced and, unless the tags are gold, UPOS.
    Conllu {
        /// Whether the tags that are there are believed.
        gold_tags: bool,
    },
    /// A text a line in, its lemmas with spaces between them out.
    Text,
    /// A text a line in, `{"tokens":[{"form":..,"lemma":..,"upos":..,"start":..,"end":..},..]}` out, places in characters.
    Json,
}

/// Read texts or CoNLL-U and write lemmas.
///
/// # Errors
/// No such model; input that is not what it is said to be, with the line.
pub fn lemmatize(
    model: &ModelChoice,
    form: LemmatizeForm,
    mut reader: impl BufRead,
    mut writer: impl Write,
) -> Result<(), Error> {
    let lemmatizer = model.lemmatizer()?;
    if let LemmatizeForm::Conllu { gold_tags } = form {
        let sentences = conllu::Reader::new(reader, INPUT);
        lemmatize_conllu(sentences, &mut writer, &lemmatizer, gold_tags)?;
        return writer.flush().map_err(Error::Output);
    }
    let segmenter = match model {
        ModelChoice::Language(name) => Segmenter::for_language(name)?,
        ModelChoice::File(_) => Segmenter::unicode(),
    };
    each_line(&mut reader, &mut writer, |line, number| {
        let line = text(line, number)?;
        let segments = segmenter.segment(line);
        let places = segments.in_characters(line);
        let mut tokens = Vec::new();
        let mut lemmas = Vec::new();
        for sentence in segments.tokens_of_sentences() {
            let ranges = &segments.tokens[sentence.clone()];
            let forms: Vec<&str> = ranges.iter().map(|range| &line[range.clone()]).collect();
            let found = lemmatizer.lemmatize(&forms);
            for ((form, word), place) in forms.iter().zip(found).zip(&places.tokens[sentence]) {
                tokens.push(json!({
                    "form": form,
                    "lemma": word.lemma,
                    "upos": word.upos,
                    "start": place.start,
                    "end": place.end,
                }));
                lemmas.push(word.lemma);
            }
        }
        Ok(match form {
            LemmatizeForm::Json => json!({ "tokens": tokens }).to_string().into_bytes(),
            _ => lemmas.join(" ").into_bytes(),
        })
    })
}

/// Read paragraphs, one a line, and write their sentences and tokens: as JSON, in characters, a line for a line; or a
/// sentence a line, tokens with spaces between them, and an empty line after each paragraph.
///
/// # Errors
/// No such model; a line that is not UTF-8, with its number.
pub fn segment(
    model: &ModelChoice,
    json: bool,
    reader: impl BufRead,
    writer: impl Write,
) -> Result<(), Error> {
    let form = if json { Form::Json } else { Form::Plain };
    Ok(stream(&model.segmenter()?, reader, INPUT, writer, form)?)
}

/// Train a lemmatizer on treebanks in CoNLL-U (`.gz` too) and write it to `output`; `lexicon` is put into it.
///
/// # Errors
/// A file that cannot be read or is not CoNLL-U, with the line; an output that cannot be written.
pub fn train_lemmatizer(
    treebanks: &[PathBuf],
    lexicon: Option<&Path>,
    notice: &str,
    output: &Path,
) -> Result<String, Error> {
    let config = kiln_preprocess::lemma::TrainingConfig {
        notice: notice.to_owned(),
        ..Default::default()
    };
    let readers = opened(treebanks)?;
    let mut lemmatizer = kiln_preprocess::lemma::train(&config, readers.into_iter().flatten())?;
    if let Some(lexicon) = lexicon {
        lemmatizer = lemmatizer.with_lexicon(kiln_preprocess::Lexicon::open(lexicon)?);
    }
    kiln_run::atomic::write(output, &lemmatizer.to_bytes())?;
    Ok(lemmatizer.summary())
}

/// Score a lemmatizer on treebanks in CoNLL-U: lemmas and tags that are right.
///
/// # Errors
/// No such model; a file that cannot be read or is not CoNLL-U, with the line.
pub fn score_lemmatizer(
    model: &ModelChoice,
    treebanks: &[PathBuf],
    gold_tags: bool,
) -> Result<kiln_preprocess::lemma::Score, Error> {
    let lemmatizer = model.lemmatizer()?;
    let sentences = opened(treebanks)?.into_iter().flatten();
    Ok(kiln_preprocess::lemma::score(&lemmatizer, sentences, gold_tags, |_, _| ())?)
}

/// Train a segmenter on treebanks in CoNLL-U (`.gz` too) and write it to `output`.
///
/// # Errors
/// As [`train_lemmatizer`].
pub fn train_segmenter(
    language: &str,
    treebanks: &[PathBuf],
    output: &Path,
) -> Result<(), Error> {
    let gold = gold(treebanks)?;
    let segmenter = kiln_preprocess::segment::train(language, &gold, &Default::default());
    Ok(segmenter.save(output)?)
}

/// Score a segmenter on treebanks in CoNLL-U: sentences and tokens whose spans are exactly right (as in CoNLL 2018), each
/// paragraph by itself.
///
/// # Errors
/// As [`score_lemmatizer`].
pub fn score_segmenter(
    model: &ModelChoice,
    treebanks: &[PathBuf],
) -> Result<kiln_preprocess::segment::Score, Error> {
    Ok(model.segmenter()?.score(&gold(treebanks)?))
}

fn opened(treebanks: &[PathBuf]) -> Result<Vec<Sentences>, Error> {
    let readers = treebanks.iter().map(|path| conllu::open(path));
    Ok(readers.collect::<Result<_, _>>()?)
}

fn gold(treebanks: &[PathBuf]) -> Result<Vec<kiln_preprocess::segment::Gold>, Error> {
    let mut gold = Vec::new();
    for reader in opened(treebanks)? {
        gold.extend(kiln_preprocess::segment::read_gold(reader)?);
    }
    Ok(gold)
}
