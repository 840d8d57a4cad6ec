//! The verbs that make a model: `prepare` and `run`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use kiln_checkpoint::{Belongings, Companions, Retention};
use kiln_dataset::TaskConfig;
use kiln_evaluate::Copies;
use kiln_infer::Sampling;
use kiln_learn::{self as learn, Evaluation};
use kiln_pipeline::{IngestPart, Prepared, Reach, RunOptions};
use kiln_recipe::{Recipe, Resolved};
use kiln_run::{Digest, Progress, RunFolder, StopFlag};
use kiln_tensor::Draws;
use kiln_train::{Finished, Parts, Plan, Trainer};

use crate::Error;
use crate::data;
use crate::design::Design;
use crate::expand::expand;
use crate::open::{companion, open_trained};
use crate::summary::{Sample, Scores, Summary};

struct Opened {
    recipe: Recipe,
    resolved: Resolved,
    design: Design,
    run: RunFolder,
}

/// Read the whole recipe before anything is done, then open the run's folder.
fn open(options: &RunOptions) -> Result<Opened, Error> {
    let mut recipe = options.recipe()?;
    expand(&mut recipe)?;
    let design = Design::read(&recipe)?;
    let folder = options.folder(&recipe)?;
    let resolved = recipe.finish()?;
    let difference = |stored: &str| resolved.first_difference(stored);
    let run = RunFolder::open_or_create(&folder, &resolved.text(), difference)?;
    Ok(Opened {
        recipe,
        resolved,
        design,
        run,
    })
}

/// Ingest the sources of a recipe, after checking the whole of it; one without a model is enough.
///
/// # Errors
/// As the stage; nothing half-done stands under a final name.
pub fn ingest_recipe(
    options: &RunOptions,
    part: IngestPart,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<(), Error> {
    let mut recipe = options.recipe()?;
    let has_model = Reach::of(&recipe) == Reach::Model;
    match part {
        IngestPart::Whole if has_model => {
            let opened = open(options)?;
            kiln_pipeline::ingest(&opened.recipe, &opened.run, progress, stop)?;
        }
        IngestPart::Merge if has_model => {
            let opened = open(options)?;
            kiln_pipeline::merge_shards(&opened.recipe, &opened.run, progress, stop)?;
        }
        _ => {
            if has_model {
                expand(&mut recipe)?;
                Design::read(&recipe)?;
            }
            kiln_pipeline::ingest_recipe(options, part, progress, stop)?;
        }
    }
    Ok(())
}

/// Prepare the data of a recipe, after checking the whole of it; one without a model is enough.
///
/// # Errors
/// As the stages; nothing half-done stands under a final name.
pub fn prepare_recipe(
    options: &RunOptions,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Prepared, Error> {
    if Reach::of(&options.recipe()?) != Reach::Model {
        return Ok(kiln_pipeline::prepare_recipe(options, progress, stop)?);
    }
    let opened = open(options)?;
    Ok(kiln_pipeline::prepare(
        &opened.recipe,
        &opened.run,
        progress,
        stop,
    )?)
}

/// Do every stage of a recipe that is not done: data, training, and the scores and samples at the end. A run that was stopped
/// goes on where it was. With `profile` it says after so many updates where the time of a step goes, whatever the recipe says of it.
///
/// # Errors
/// As the stages; everything finished stays.
pub fn run(
    options: &RunOptions,
    profile: Option<u64>,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Summary, Error> {
    let mut opened = open(options)?;
    if profile.is_some() {
        opened.design.train.profile = profile;
    }
    let prepared = kiln_pipeline::prepare(&opened.recipe, &opened.run, progress, stop)?;
    let Trained {
        finished,
        parameters,
        total_steps,
    } = train(&opened, &prepared, progress, stop)?;
    let folder = opened.run.path();
    let mut summary = Summary {
        run: folder.to_owned(),
        step: finished.state.step,
        total_steps,
        tokens: finished.state.tokens,
        seconds: finished.state.seconds,
        parameters,
        context_length: opened.design.data.dataset.context_length,
        interrupted: finished.interrupted || stop.requested(),
        checkpoint: None,
        scores: Scores::default(),
        samples: Vec::new(),
        next: Vec::new(),
    };
    if summary.interrupted {
        summary.next = vec![format!(
            "kiln run {}  # goes on from here",
            options.arguments()
        )];
        return Ok(summary);
    }
    let (trained, design, checkpoint) = open_trained(folder)?;
    summary.checkpoint = Some(checkpoint.path().to_owned());
    let shape = data::shape(&prepared);
    let mut score = data::held_out(
        &design,
        &shape,
        &prepared.validation,
        prepared.validation_counts,
    )?;
    summary.scores = Scores::new(score.evaluate(&trained.network)?, summary.context_length);
    summary.samples = samples(&design, &trained, &prepared)?;
    summary.next = next(folder, prepared.task);
    Ok(summary)
}

fn next(folder: &Path, task: TaskConfig) -> Vec<String> {
    let run = folder.display();
    let mut commands = match task {
        TaskConfig::LanguageModel => vec![
            format!("kiln generate {run} --tokens 200"),
            format!("kiln generate {run} --prompt \"Once\" --temperature 0.7 --seed 2"),
        ],
        TaskConfig::Classification | TaskConfig::Regression => {
            vec![format!(
                "echo \"a text of your own\" | kiln predict {run} --json"
            )]
        }
    };
    commands.push(format!("kiln evaluate {run} --json"));
    commands
}

/// A training run that ended or was stopped.
struct Trained {
    finished: Finished,
    parameters: u64,
    total_steps: u64,
}

fn train(
    opened: &Opened,
    prepared: &Prepared,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Trained, Error> {
    let design = &opened.design;
    if let Some(threads) = design.train.threads {
        kiln_tensor::set_threads(threads);
    }
    let device = design.device.open()?;
    let precision = design.precision.resolve(device);
    let (source, targets) = data::training(design, prepared)?;
    let total_steps = design.train.total_steps(source.rows_per_epoch(), targets);
    if total_steps == 0 {
        return Err(Error::Mistake(format!(
            "[train] comes to no step at all: an epoch has {} rows, the batch is of {}",
            source.rows_per_epoch(),
            design.train.batch_size
        )));
    }
    let shape = data::shape(prepared);
    let network = design.network(&shape, device, precision)?;
    let parameters = network.parameters.count();
    let each = network
        .trunk
        .operations_per_token(design.data.dataset.context_length as i64);
    let most = kiln_tensor::peak_operations(device, precision.kind())?;
    let evaluation = data::held_out(
        design,
        &shape,
        &prepared.validation,
        prepared.validation_counts,
    )?;
    progress.note(&format!(
        "{parameters} parameters, {total_steps} steps, {device:?}, {precision:?}, {} threads",
        kiln_tensor::threads()
    ));
    let (clip_norm, clip_value) = (design.train.clip_norm, design.train.clip_value);
    let parts = Parts {
        objective: design.objective(&shape)?,
        optimizer: design.optimizer(&network.parameters),
        schedule: design.schedule(targets),
        clip: Box::new(move |parameters| match clip_value {
            // The norm before all clipping: a gradient that is infinite must not look like one that was cut off.
            Some(limit) => {
                let norm = kiln_optim::clip_by_norm(parameters, None)?;
                kiln_optim::clip_by_value(parameters, limit)?;
                if clip_norm.is_some() {
                    let _ = kiln_optim::clip_by_norm(parameters, clip_norm)?;
                }
                Ok(norm)
            }
            None => kiln_optim::clip_by_norm(parameters, clip_norm),
        }),
        source,
        evaluation: Box::new(evaluation),
        draws: Draws::new(design.data.seed),
        belongings: Arc::new(Belongings {
            companions: companions(&opened.resolved, prepared)?,
            origins: origins(&opened.run)?,
        }),
        network,
    };
    let plan = Plan {
        total_steps,
        sizes: design.train.sizes(targets),
        micro_rows: design.train.micro_rows(),
        carry: data::carries(design),
        activation_checkpointing: design.train.activation_checkpointing,
        log_every: design.train.log_every_steps,
        evaluate_every: design.evaluate.every_steps,
        save_every: design.checkpoint.every_steps,
        save_every_minutes: design.checkpoint.every_minutes,
        retention: Retention {
            newest: design.checkpoint.keep,
            every_steps: design.checkpoint.keep_every_steps,
        },
        best: design.checkpoint.best.clone(),
        early_stopping: design.train.early_stopping.clone(),
        not_finite: design.train.not_finite,
        max_rollbacks: design.train.max_rollbacks,
        profile: design.train.profile,
        tokenizer: prepared.tokenizer.identity().to_owned(),
        arithmetic: format!("{precision:?} on {device:?}"),
        // A target of a language model is a token; other tasks' are whole texts, of which no count of operations is known.
        operations: (prepared.task == TaskConfig::LanguageModel).then_some((each, most)),
    };
    let trainer = Trainer::new(parts, plan, &opened.run, progress, stop)?;
    Ok(Trained {
        finished: trainer.run()?,
        parameters,
        total_steps,
    })
}

/// What a model of this run comes from: the stages and the recipe by their hashes, program and libtorch by their versions, and the
/// program by its hash too.
fn origins(run: &RunFolder) -> Result<BTreeMap<String, String>, Error> {
    let mut origins = run.origins()?;
    origins.insert("program".to_owned(), kiln_run::WRITTEN_BY.to_owned());
    let libtorch = kiln_tensor::LIBTORCH_VERSION.to_owned();
    origins.insert("libtorch".to_owned(), libtorch);
    // A program that was replaced while it runs cannot be read any more.
    if let Ok(program) = std::env::current_exe()
        && let Ok(hash) = Digest::of_file(&program)
    {
        origins.insert("program_blake3".to_owned(), hash.to_string());
    }
    Ok(origins)
}

/// What every checkpoint holds beside the run's state.
fn companions(resolved: &Resolved, prepared: &Prepared) -> Result<Companions, Error> {
    let json = |value: serde_json::Result<Vec<u8>>| {
        value.map_err(|error| Error::Companion(error.to_string()))
    };
    let path = &prepared.tokenizer_path;
    let tokenizer = fs::read(path).map_err(|error| kiln_run::Error::io(path, error))?;
    let mut companions = Companions::from([
        (companion::RECIPE.to_owned(), resolved.text().into_bytes()),
        (companion::TOKENIZER.to_owned(), tokenizer),
    ]);
    for name in [
        kiln_preprocess::PREPROCESSING_FILE,
        kiln_pipeline::TOKENIZER_CONFIG_FILE,
    ] {
        let beside = path.with_file_name(name);
        if beside.exists() {
            let text = fs::read(&beside).map_err(|error| kiln_run::Error::io(&beside, error))?;
            companions.insert(name.to_owned(), text);
        }
    }
    if let Some(labels) = &prepared.labels {
        companions.insert(
            companion::LABELS.to_owned(),
            json(serde_json::to_vec(labels))?,
        );
    }
    if let Some(scales) = &prepared.scales {
        companions.insert(
            companion::SCALES.to_owned(),
            json(serde_json::to_vec(scales))?,
        );
    }
    Ok(companions)
}

/// What the model writes, and how much of it stands in the training text.
fn samples(
    design: &Design,
    trained: &learn::Trained,
    prepared: &Prepared,
) -> Result<Vec<Sample>, Error> {
    if prepared.task != TaskConfig::LanguageModel {
        return Ok(Vec::new());
    }
    let config = &design.evaluate;
    let texts = (0..config.samples)
        .map(|number| {
            let sampling = Sampling {
                temperature: config.sample_temperature,
                seed: design.data.seed.wrapping_add(number as u64),
                ..Sampling::default()
            };
            let mut ignore = |_: &str| std::ops::ControlFlow::Continue(());
            let tokens = config.sample_tokens;
            Ok(kiln_infer::generate(trained, "", tokens, &sampling, &mut ignore)?.text)
        })
        .collect::<Result<Vec<String>, Error>>()?;
    let mut copies = Copies::new(texts.iter().map(String::as_str));
    kiln_pipeline::each_document(&prepared.train_documents, &mut |document| {
        copies.see(&trained.tokenizer.prepare(&document.text));
    })?;
    let found = copies.found().into_iter();
    Ok(texts
        .into_iter()
        .zip(found)
        .map(|(text, copied)| Sample {
            text,
            copied_share: copied.share,
            longest_copied: copied.longest,
        })
        .collect())
}
