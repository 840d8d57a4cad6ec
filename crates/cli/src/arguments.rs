//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use kiln_pipeline::{ModelChoice, RunOptions, Shard};

/// Raw text in, a trained language model out, from one recipe.
#[derive(Debug, Parser)]
#[command(name = "kiln", version, about, max_term_width = 120, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[cfg(feature = "torch")]
const EXAMPLES: &str = "\
Examples:
  kiln new language-model > mine.toml         write a commented recipe
  kiln plan mine.toml                         its parameters, operations and memory
  kiln run mine.toml                          data, training, scores and samples
  kiln ingest mine.toml                       only read the sources
  kiln prepare mine.toml                      only make the data ready for training
  kiln train mine.toml --run-dir runs/short --set train.steps=500
                                              train, with one key of the recipe changed
  kiln evaluate runs/my-language-model        held-out scores
  kiln generate runs/my-language-model        write text
  kiln predict runs/my-classifier < FILE      a class or value for each line
  kiln tokenize --tokenizer FILE < TEXT       text to token ids and back
  kiln stem --language english < WORDS        stems, one word a line
  kiln lemmatize --language english < TEXT    dictionary forms
  kiln segment --language english < TEXT      sentences and words
  kiln tokenizer report FILE TEXTS            bytes a token by language and source
  kiln lemmatizer train TREEBANK --output FILE
                                              another language's lemmas, from a treebank in CoNLL-U
  kiln segmenter train TREEBANK --language german --output FILE
                                              the same of sentences and words
  kiln inspect PATH                           what a recipe, run, shard, tokenizer or checkpoint holds
  kiln recount runs/mine                      why documents were kept or dropped; what other thresholds would do
  kiln verify PATH                            recompute the checksums of a run
  kiln completions bash                       completions for a shell

Paths in a recipe start at the recipe's folder. Run folders are made under runs/.";

#[cfg(not(feature = "torch"))]
const EXAMPLES: &str = "\
This is the data-only kiln: it prepares corpora on machines without libtorch.

Examples:
  kiln new language-model > mine.toml         write a commented recipe
  kiln ingest mine.toml                       only read the sources
  kiln prepare mine.toml                      make the data ready for training
  kiln tokenize --tokenizer FILE < TEXT       text to token ids and back
  kiln stem --language english < WORDS        stems, one word a line
  kiln lemmatize --language english < TEXT    dictionary forms
  kiln segment --language english < TEXT      sentences and words
  kiln tokenizer report FILE TEXTS            bytes a token by language and source
  kiln lemmatizer train TREEBANK --output FILE
                                              another language's lemmas, from a treebank in CoNLL-U
  kiln segmenter train TREEBANK --language german --output FILE
                                              the same of sentences and words
  kiln inspect PATH                           what a recipe, run, shard or tokenizer holds
  kiln recount runs/mine                      why documents were kept or dropped; what other thresholds would do
  kiln verify PATH                            recompute the checksums of a run
  kiln completions bash                       completions for a shell

Paths in a recipe start at the recipe's folder. Run folders are made under runs/.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write a commented recipe that runs as it is: `kiln new classification > mine.toml`
    New {
        /// `language-model`, `classification` or `regression`
        task: String,
    },
    /// Do every stage of a recipe that is not done yet: `kiln run mine.toml`
    #[cfg(feature = "torch")]
    Run {
        #[command(flatten)]
        recipe: RecipeArguments,
        /// Say after so many updates (50 if not given) where the time of a step goes, and write it to profile.json in the run's folder
        #[arg(long, value_name = "STEPS", num_args = 0..=1, require_equals = true, default_missing_value = "50",
              value_parser = clap::value_parser!(u64).range(1..))]
        profile: Option<u64>,
        /// Write the summary as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say what a recipe comes to before it is run: parameters, operations, memory: `kiln plan mine.toml`
    #[cfg(feature = "torch")]
    Plan {
        #[command(flatten)]
        recipe: RecipeArguments,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Read the sources of a recipe into documents: `kiln ingest mine.toml`
    Ingest {
        #[command(flatten)]
        recipe: RecipeArguments,
        /// Read one shard of N alone, counted from 0, for an array of jobs: `--shard 3/16`
        #[arg(long, value_name = "I/N", conflicts_with = "merge")]
        shard: Option<Shard>,
        /// Put the shards together that were read with --shard
        #[arg(long)]
        merge: bool,
    },
    /// Make the data of a recipe ready for training: `kiln prepare mine.toml`
    Prepare(RecipeArguments),
    /// Train the model of a recipe, preparing what is not ready: `kiln train mine.toml`
    #[cfg(feature = "torch")]
    Train {
        #[command(flatten)]
        recipe: RecipeArguments,
        /// Write the summary as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Score a checkpoint on held-out data: `kiln evaluate runs/mine --json`
    #[cfg(feature = "torch")]
    Evaluate {
        /// A checkpoint's folder, or a run's (its best checkpoint)
        checkpoint: PathBuf,
        /// Score on these documents rather than on the run's held-out split
        #[arg(long)]
        data: Option<PathBuf>,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Predict a class or value for each line of standard input: `kiln predict runs/mine < FILE`
    #[cfg(feature = "torch")]
    Predict {
        /// A checkpoint's folder, or a run's (its best checkpoint)
        checkpoint: PathBuf,
        /// Write a JSON object a line, with probabilities
        #[arg(long)]
        json: bool,
    },
    /// Write text with a language model: `kiln generate runs/mine --prompt "Once"`
    #[cfg(feature = "torch")]
    Generate(GenerateArguments),
    /// Turn lines of text into token ids, or back: `kiln tokenize --tokenizer FILE < TEXT`
    Tokenize {
        /// A tokenizer.json
        #[arg(long)]
        tokenizer: PathBuf,
        /// Turn ids, separated by spaces, into text
        #[arg(long)]
        decode: bool,
    },
    /// Turn words, one a line, into stems: `kiln stem --language english < WORDS`
    Stem {
        /// English name or ISO 639 code
        #[arg(long, required_unless_present = "languages")]
        language: Option<String>,
        /// `snowball`, `porter`, `lancaster` or `lovins`
        #[arg(long, default_value = "snowball")]
        algorithm: String,
        /// List the languages that have stemmers
        #[arg(long)]
        languages: bool,
    },
    /// Give the words of texts, one text a line, their dictionary form: `kiln lemmatize --language english < TEXT`
    Lemmatize {
        #[command(flatten)]
        model: ModelArguments,
        /// Read and write CoNLL-U: LEMMA and UPOS are replaced
        #[arg(long, conflicts_with = "json")]
        conllu: bool,
        /// Believe the tags that are there
        #[arg(long, requires = "conllu")]
        gold_tags: bool,
        /// Write a JSON object a line: tokens with lemma, part of speech and place
        #[arg(long)]
        json: bool,
    },
    /// Find sentences and words, one paragraph a line: `kiln segment --language english < TEXT`
    Segment {
        #[command(flatten)]
        model: ModelArguments,
        /// Write a JSON object a line: sentences and tokens as [start, end] in characters
        #[arg(long)]
        json: bool,
    },
    /// Report what texts become with a tokenizer: `kiln tokenizer report FILE TEXTS --against OTHER`
    #[command(subcommand)]
    Tokenizer(TokenizerVerb),
    /// Train or score a lemmatizer: `kiln lemmatizer train TREEBANK.conllu --output FILE`
    #[command(subcommand)]
    Lemmatizer(LemmatizerVerb),
    /// Train or score a segmenter: `kiln segmenter train TREEBANK.conllu --language LANG --output FILE`
    #[command(subcommand)]
    Segmenter(SegmenterVerb),
    /// Show what a file or folder of ours holds: `kiln inspect runs/mine`
    Inspect {
        /// A recipe, tokenizer, shard, checkpoint, run, or a stage's folder
        path: PathBuf,
        /// Of a tokenizer, a run or a checkpoint: the tokens of this text
        text: Option<String>,
        /// Of a corpus: explain this document alone
        #[arg(long, conflicts_with = "text")]
        id: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Add up why documents were kept or dropped, or would be: `kiln recount runs/mine --set corpus.filters.0.min_words=30`
    Recount {
        /// A run whose sources were read
        run: PathBuf,
        /// Try another threshold; the sources are not read again
        #[arg(long = "set", value_name = "KEY.PATH=VALUE")]
        overrides: Vec<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Recompute checksums: `kiln verify runs/mine`
    Verify {
        /// A run, a stage's folder, a checkpoint or a shard
        path: PathBuf,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Write completions for a shell: `kiln completions bash`
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Which model of words.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ModelArguments {
    /// English name or ISO 639 code: what comes along for it
    #[arg(long)]
    language: Option<String>,
    /// A file that was trained
    #[arg(long)]
    model: Option<PathBuf>,
}

impl From<ModelArguments> for ModelChoice {
    fn from(arguments: ModelArguments) -> Self {
        match arguments.model {
            Some(path) => Self::File(path),
            None => Self::Language(arguments.language.unwrap_or_default()),
        }
    }
}

/// What to do with a tokenizer.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenizerVerb {
    /// Bytes a token by language and source, unknown and unused tokens, the longest tokens
    Report {
        /// A tokenizer.json, or a run or checkpoint that has one
        tokenizer: PathBuf,
        /// Files of text, or runs whose documents are read; 64 MiB of them
        #[arg(required = true)]
        texts: Vec<PathBuf>,
        /// Compare with this tokenizer
        #[arg(long)]
        against: Option<PathBuf>,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// What to do with a lemmatizer.
#[derive(Debug, Subcommand)]
pub(crate) enum LemmatizerVerb {
    /// Train one on treebanks in CoNLL-U
    Train {
        /// Treebanks, .gz too
        #[arg(required = true)]
        treebanks: Vec<PathBuf>,
        /// The file that is written
        #[arg(long)]
        output: PathBuf,
        /// Put a lexicon into it: lines of form, tab, lemma; lemminflect's .csv; spaCy's .json; WordNet's folder
        #[arg(long)]
        lexicon: Option<PathBuf>,
        /// Source and licence of the treebanks, kept in the file
        #[arg(long, default_value = "")]
        notice: String,
    },
    /// Compare its lemmas and tags with those of treebanks in CoNLL-U
    Score {
        #[command(flatten)]
        model: ModelArguments,
        /// Treebanks, .gz too
        #[arg(required = true)]
        treebanks: Vec<PathBuf>,
        /// Give it the treebank's tags
        #[arg(long)]
        gold_tags: bool,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// What to do with a segmenter.
#[derive(Debug, Subcommand)]
pub(crate) enum SegmenterVerb {
    /// Train one on treebanks in CoNLL-U
    Train {
        /// Treebanks, .gz too
        #[arg(required = true)]
        treebanks: Vec<PathBuf>,
        /// Language of the treebanks
        #[arg(long)]
        language: String,
        /// The file that is written
        #[arg(long)]
        output: PathBuf,
    },
    /// Compare its sentences and tokens with those of treebanks in CoNLL-U, paragraph by paragraph
    Score {
        #[command(flatten)]
        model: ModelArguments,
        /// Treebanks, .gz too
        #[arg(required = true)]
        treebanks: Vec<PathBuf>,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Which recipe, and where its run lies.
#[derive(Debug, Args)]
pub(crate) struct RecipeArguments {
    /// The recipe
    pub(crate) recipe: PathBuf,
    /// The run's folder; runs/NAME if left out. One that exists with the same recipe goes on
    #[arg(long)]
    pub(crate) run_dir: Option<PathBuf>,
    /// Change one key of the recipe
    #[arg(long = "set", value_name = "KEY.PATH=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Go on with the run if it exists, which is what happens anyway
    #[arg(long)]
    pub(crate) resume: bool,
}

impl From<RecipeArguments> for RunOptions {
    /// `--resume` asks for what happens anyway.
    fn from(arguments: RecipeArguments) -> Self {
        Self {
            recipe: arguments.recipe,
            run_dir: arguments.run_dir,
            overrides: arguments.overrides,
        }
    }
}

/// What to write.
#[cfg(feature = "torch")]
#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// A checkpoint's folder, or a run's (its best checkpoint)
    pub(crate) checkpoint: PathBuf,
    /// Text to go on from; a new text if left out
    #[arg(long, default_value = "")]
    pub(crate) prompt: String,
    /// Tokens to write at most
    #[arg(long, default_value_t = 200)]
    pub(crate) tokens: usize,
    /// Divides the logits; 0 always takes the likeliest token
    #[arg(long, default_value_t = 0.8)]
    pub(crate) temperature: f64,
    /// Draw from this many of the likeliest tokens
    #[arg(long)]
    pub(crate) top_k: Option<usize>,
    /// Draw from the likeliest tokens that together have this probability
    #[arg(long)]
    pub(crate) top_p: Option<f64>,
    /// Decides all draws
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Write one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
