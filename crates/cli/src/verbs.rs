//! One call for each verb.

use std::io::{IsTerminal, Write};

use clap::CommandFactory;
#[cfg(feature = "torch")]
use kiln_assembly as stages;
#[cfg(not(feature = "torch"))]
use kiln_pipeline as stages;
use kiln_pipeline::{IngestPart, LemmatizeForm, PiecesForm};

use crate::arguments::{Arguments, LemmatizerVerb, SegmenterVerb, TokenizerVerb, Verb};
use crate::exit;
use crate::progress::Reporter;
use crate::signals;

/// A line for the person, and the process's exit code. Code 0: the reader of the output went away, which is no failure.
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) code: u8,
}

impl Failure {
    fn new(error: &(dyn std::error::Error + 'static), mistake: bool, interrupted: bool) -> Self {
        let code = if gone(error) {
            0
        } else if interrupted {
            exit::INTERRUPTED
        } else if mistake {
            exit::MISTAKE
        } else {
            exit::FAILED
        };
        // One line, whatever a library put into it.
        let message = error.to_string().replace('\n', " ");
        Self { message, code }
    }
}

/// Whether the reader of the output closed it, as `head` does.
fn gone(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::BrokenPipe;
        }
        source = error.source();
    }
    false
}

impl From<kiln_pipeline::Error> for Failure {
    fn from(error: kiln_pipeline::Error) -> Self {
        Self::new(&error, error.is_mistake(), error.is_interruption())
    }
}

#[cfg(feature = "torch")]
impl From<kiln_assembly::Error> for Failure {
    fn from(error: kiln_assembly::Error) -> Self {
        Self::new(&error, error.is_mistake(), error.is_interruption())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(&error, false, false)
    }
}

/// Do what was asked, and give the exit code.
pub(crate) fn call(verb: Verb) -> Result<u8, Failure> {
    signals::survive_file_limits()?;
    let mut out = std::io::stdout().lock();
    match verb {
        Verb::New { task } => out.write_all(kiln_pipeline::new_recipe(&task)?.as_bytes())?,
        Verb::Ingest {
            recipe,
            shard,
            merge,
        } => {
            let part = match shard {
                Some(shard) => IngestPart::Shard(shard),
                None if merge => IngestPart::Merge,
                None => IngestPart::Whole,
            };
            stages::ingest_recipe(
                &recipe.into(),
                part,
                &Reporter::new(),
                &signals::stop_flag()?,
            )?;
        }
        Verb::Prepare(recipe) => {
            stages::prepare_recipe(&recipe.into(), &Reporter::new(), &signals::stop_flag()?)?;
        }
        Verb::Tokenize { tokenizer, decode } => {
            kiln_pipeline::tokenize(&tokenizer, decode, std::io::stdin().lock(), out)?;
        }
        Verb::Stem {
            languages: true, ..
        } => kiln_pipeline::stem_languages(&mut out)?,
        Verb::Stem {
            language,
            algorithm,
            ..
        } => {
            let language = language.unwrap_or_default();
            kiln_pipeline::stem(&language, &algorithm, std::io::stdin().lock(), out)?;
        }
        Verb::Lemmatize {
            model,
            conllu,
            gold_tags,
            json,
        } => {
            let form = match (conllu, json) {
                (true, _) => LemmatizeForm::Conllu { gold_tags },
                (false, true) => LemmatizeForm::Json,
                (false, false) => LemmatizeForm::Text,
            };
            kiln_pipeline::lemmatize(&model.into(), form, std::io::stdin().lock(), out)?;
        }
        Verb::Segment { model, json } => {
            kiln_pipeline::segment(&model.into(), json, std::io::stdin().lock(), out)?;
        }
        Verb::Lemmatizer(LemmatizerVerb::Train {
            treebanks,
            output,
            lexicon,
            notice,
        }) => {
            let lexicon = lexicon.as_deref();
            let summary = kiln_pipeline::train_lemmatizer(&treebanks, lexicon, &notice, &output)?;
            writeln!(out, "{summary}")?;
        }
        Verb::Lemmatizer(LemmatizerVerb::Score {
            model,
            treebanks,
            gold_tags,
            json,
        }) => {
            let score = kiln_pipeline::score_lemmatizer(&model.into(), &treebanks, gold_tags)?;
            print(&score, json, &mut out)?;
        }
        Verb::Segmenter(SegmenterVerb::Train {
            treebanks,
            language,
            output,
        }) => kiln_pipeline::train_segmenter(&language, &treebanks, &output)?,
        Verb::Segmenter(SegmenterVerb::Score {
            model,
            treebanks,
            json,
        }) => {
            let score = kiln_pipeline::score_segmenter(&model.into(), &treebanks)?;
            print(&score, json, &mut out)?;
        }
        Verb::Inspect {
            path,
            text,
            id,
            json,
        } => match (text, id) {
            (Some(text), _) => {
                let form = match json {
                    true => PiecesForm::Json,
                    false if out.is_terminal() => PiecesForm::Colours,
                    false => PiecesForm::Bars,
                };
                kiln_pipeline::pieces(&path, &text, form, &mut out)?;
            }
            (None, Some(id)) => kiln_pipeline::explain(&path, &id, json, &mut out)?,
            (None, None) => kiln_pipeline::inspect(&path, json, &mut out)?,
        },
        Verb::Tokenizer(TokenizerVerb::Report {
            tokenizer,
            texts,
            against,
            json,
        }) => {
            let against = against.as_deref();
            let report = kiln_pipeline::tokenizer_report(&tokenizer, against, &texts)?;
            print(&report, json, &mut out)?;
        }
        Verb::Recount {
            run,
            overrides,
            json,
        } => print(&kiln_pipeline::recount(&run, &overrides)?, json, &mut out)?,
        Verb::Verify { path, json } => kiln_pipeline::verify(&path, json, &mut out)?,
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "kiln", &mut script);
            out.write_all(&script)?;
        }
        #[cfg(feature = "torch")]
        Verb::Plan { recipe, json } => {
            print(&kiln_assembly::plan(&recipe.into())?, json, &mut out)?;
        }
        #[cfg(feature = "torch")]
        Verb::Run {
            recipe,
            profile,
            json,
        } => return train(recipe, profile, json, &mut out),
        #[cfg(feature = "torch")]
        Verb::Train { recipe, json } => return train(recipe, None, json, &mut out),
        #[cfg(feature = "torch")]
        Verb::Evaluate {
            checkpoint,
            data,
            json,
        } => {
            let scores = kiln_assembly::evaluate(&checkpoint, data.as_deref())?;
            print(&scores, json, &mut out)?;
        }
        #[cfg(feature = "torch")]
        Verb::Predict { checkpoint, json } => {
            kiln_assembly::predict(&checkpoint, json, &mut std::io::stdin().lock(), &mut out)?;
        }
        #[cfg(feature = "torch")]
        Verb::Generate(arguments) => {
            let options = kiln_assembly::GenerateOptions {
                prompt: arguments.prompt,
                tokens: arguments.tokens,
                sampling: kiln_assembly::Sampling {
                    temperature: arguments.temperature,
                    top_k: arguments.top_k,
                    top_p: arguments.top_p,
                    seed: arguments.seed,
                },
                json: arguments.json,
            };
            kiln_assembly::generate(&arguments.checkpoint, &options, &mut out)?;
        }
    }
    Ok(exit::DONE)
}

#[cfg(feature = "torch")]
fn train(
    recipe: crate::arguments::RecipeArguments,
    profile: Option<u64>,
    json: bool,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let stop = signals::stop_flag()?;
    let summary = kiln_assembly::run(&recipe.into(), profile, &Reporter::new(), &stop)?;
    print(&summary, json, out)?;
    Ok(if summary.interrupted {
        exit::INTERRUPTED
    } else {
        exit::DONE
    })
}

/// A result for a person, or as one JSON object for a program.
fn print<T: std::fmt::Display + serde::Serialize>(
    result: &T,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if json {
        let line = serde_json::to_string(result).map_err(std::io::Error::from)?;
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{result}")?;
    }
    Ok(())
}
