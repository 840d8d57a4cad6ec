//! Recipes that run in a second or two, one for each kind of network. Dropout is on, so that draws are exercised.

/// A Transformer language model over generated stories.
pub const TRANSFORMER: &str = r#"
name = "tiny"
seed = 7
[corpus]
sources = [{ format = "stories", documents = 60 }]
split = { method = "random", validation = 0.2 }
[tokenizer]
kind = "bpe"
vocabulary_size = 384
[task]
kind = "language-model"
[dataset]
context_length = 24
order = "windows"
[model]
kind = "transformer"
layers = 2
heads = 2
width = 32
dropout = 0.1
[optimizer]
kind = "adamw"
learning_rate = 3e-3
weight_decay = 0.1
[schedule]
kind = "cosine"
warmup_steps = 5
[train]
steps = 60
batch_size = 6
micro_batch_size = 3
clip_norm = 1.0
threads = 1
[evaluate]
every_steps = 20
samples = 1
sample_tokens = 20
[checkpoint]
every_steps = 5
keep = 2
"#;

/// An LSTM language model over contiguous streams of characters, its state carried from batch to batch.
pub const RECURRENT: &str = r#"
name = "tiny"
seed = 7
[corpus]
sources = [{ format = "stories", documents = 60 }]
split = { method = "random", validation = 0.2 }
[tokenizer]
kind = "character"
[task]
kind = "language-model"
[dataset]
context_length = 16
order = "streams"
[model]
kind = "rnn"
layers = 2
width = 24
dropout = 0.1
[optimizer]
kind = "sgd"
learning_rate = 0.5
momentum = 0.9
nesterov = true
[schedule]
kind = "linear"
warmup_steps = 5
[train]
steps = 60
batch_size = 4
micro_batch_size = 2
clip_norm = 1.0
threads = 1
[evaluate]
every_steps = 20
samples = 1
sample_tokens = 20
[checkpoint]
every_steps = 5
keep = 2
"#;

/// A sentence CNN that learns the theme of generated stories.
pub const CONVOLUTIONAL: &str = r#"
name = "tiny"
seed = 7
[corpus]
sources = [{ format = "stories", documents = 120 }]
split = { method = "random", validation = 0.2 }
[tokenizer]
kind = "bpe"
vocabulary_size = 384
[task]
kind = "classification"
[dataset]
context_length = 200
[model]
kind = "cnn"
filters = 8
embedding_width = 16
dropout = 0.3
[optimizer]
kind = "adamw"
learning_rate = 3e-3
[schedule]
kind = "constant"
warmup_steps = 5
[train]
steps = 60
batch_size = 8
micro_batch_size = 4
threads = 1
[evaluate]
every_steps = 20
[checkpoint]
every_steps = 5
keep = 2
"#;

/// The same CNN that learns the number of days of the journey.
pub const REGRESSION: &str = r#"
name = "tiny"
seed = 7
[corpus]
sources = [{ format = "stories", documents = 120 }]
split = { method = "random", validation = 0.2 }
[tokenizer]
kind = "bpe"
vocabulary_size = 384
[task]
kind = "regression"
[dataset]
context_length = 200
[model]
kind = "cnn"
filters = 8
embedding_width = 16
dropout = 0.0
[optimizer]
kind = "adamw"
learning_rate = 3e-3
[train]
steps = 40
batch_size = 8
threads = 1
[checkpoint]
keep = 1
"#;
