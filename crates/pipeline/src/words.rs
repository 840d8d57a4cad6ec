//! Verbs about words, stream to stream: stems, lemmas, sentences and tokens.

use std::fmt;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use kiln_preprocess::stem::{Algorithm, LANGUAGES};
use kiln_preprocess::{Lemmatizer, Lexicon, Segmenter, Stemmer, conllu, lemma, segment};
use serde::Serialize;
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
        lemma::lemmatize_conllu(sentences, &mut writer, &lemmatizer, gold_tags)?;
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
                    "lemma": word.word(form),
                    "upos": word.upos,
                    "start": place.start,
                    "end": place.end,
                }));
                lemmas.push(word.word(form).to_owned());
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
    let form = if json {
        segment::Form::Json
    } else {
        segment::Form::Plain
    };
    Ok(segment::stream(
        &model.segmenter()?,
        reader,
        INPUT,
        writer,
        form,
    )?)
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
    let config = lemma::TrainingConfig {
        notice: notice.to_owned(),
        ..Default::default()
    };
    let readers = opened(treebanks)?;
    let mut lemmatizer = lemma::train(&config, readers.into_iter().flatten())?;
    if let Some(lexicon) = lexicon {
        lemmatizer = lemmatizer.with_lexicon(Lexicon::open(lexicon)?);
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
) -> Result<LemmatizerScore, Error> {
    let lemmatizer = model.lemmatizer()?;
    let sentences = opened(treebanks)?.into_iter().flatten();
    let score = lemma::score(&lemmatizer, sentences, gold_tags, |_, _| ())?;
    Ok(LemmatizerScore {
        lemmas: score.all_share(),
        content_lemmas: score.content_share(),
        upos: score.upos_share(),
        words: score.words,
        compared_lemmas: score.lemmas,
        compared_content_lemmas: score.content,
    })
}

/// How many lemmas and tags are right; see [`Score`](kiln_preprocess::lemma::Score) for which are compared.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LemmatizerScore {
    /// Share of right lemmas, 0 to 1.
    pub lemmas: f64,
    /// The same of nouns, verbs, adjectives and adverbs.
    pub content_lemmas: f64,
    /// Share of right parts of speech.
    pub upos: f64,
    /// Words.
    pub words: u64,
    /// Words whose lemmas are compared.
    pub compared_lemmas: u64,
    /// Nouns, verbs, adjectives and adverbs among them.
    pub compared_content_lemmas: u64,
}

impl fmt::Display for LemmatizerScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, what, share: f64, count| {
            write!(f, "{what:<22} {:6.2} % of {count}", 100.0 * share)
        };
        line(f, "lemmas", self.lemmas, self.compared_lemmas)?;
        f.write_str("\n")?;
        let content = self.compared_content_lemmas;
        line(f, "lemmas of content words", self.content_lemmas, content)?;
        f.write_str("\n")?;
        line(f, "parts of speech", self.upos, self.words)
    }
}

/// Train a segmenter on treebanks in CoNLL-U (`.gz` too) and write it to `output`.
///
/// # Errors
/// As [`train_lemmatizer`].
pub fn train_segmenter(language: &str, treebanks: &[PathBuf], output: &Path) -> Result<(), Error> {
    let gold = gold(treebanks)?;
    let segmenter = segment::train(language, &gold, &Default::default());
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
) -> Result<SegmenterScore, Error> {
    let score = model.segmenter()?.score(&gold(treebanks)?);
    let of = |counts: segment::Counts| SpanScore {
        f1: counts.f1(),
        precision: counts.precision(),
        recall: counts.recall(),
    };
    Ok(SegmenterScore {
        sentences: of(score.sentences),
        tokens: of(score.tokens),
    })
}

/// How many sentences and tokens have exactly the right span.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SegmenterScore {
    /// Of sentences.
    pub sentences: SpanScore,
    /// Of surface tokens.
    pub tokens: SpanScore,
}

/// Spans found among the right ones, 0 to 1.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SpanScore {
    /// Harmonic mean of the two others.
    pub f1: f64,
    /// Share of those found that are right.
    pub precision: f64,
    /// Share of the right ones that are found.
    pub recall: f64,
}

impl fmt::Display for SegmenterScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, score, end) in [
            ("sentences", self.sentences, "\n"),
            ("tokens", self.tokens, ""),
        ] {
            let [f1, precision, recall] =
                [score.f1, score.precision, score.recall].map(|share| 100.0 * share);
            write!(
                f,
                "{what:<9} F1 {f1:6.2}, precision {precision:6.2}, recall {recall:6.2}{end}"
            )?;
        }
        Ok(())
    }
}

fn opened(treebanks: &[PathBuf]) -> Result<Vec<Sentences>, Error> {
    let readers = treebanks.iter().map(|path| conllu::open(path));
    Ok(readers.collect::<Result<_, _>>()?)
}

fn gold(treebanks: &[PathBuf]) -> Result<Vec<segment::Gold>, Error> {
    let mut gold = Vec::new();
    for reader in opened(treebanks)? {
        gold.extend(segment::read_gold(reader)?);
    }
    Ok(gold)
}
