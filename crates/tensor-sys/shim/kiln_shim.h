// What tch does not reach in libtorch, as plain C functions.
//
// A tensor is an `at::Tensor*`, the same pointer that tch holds. Every function returns 0, or 1 with a message kept for
// `kiln_last_error` of the same thread: no C++ exception crosses the border.
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" {
// The message of this thread's last failure; valid until its next one.
const char *kiln_last_error();

// Leave a message for `kiln_last_error` of this thread: what a closure of Rust's failed with.
void kiln_set_error(const char *message, size_t length);

// Make `gradient` the place where backward adds what flows into the leaf `parameter`.
int kiln_set_gradient(void *parameter, void *gradient);

// One step of Adam over a flat range, of AdamW (decoupled weight decay) where `decoupled` is not 0. `step` is a float tensor of one element, already advanced.
// Where `skip` is not null and holds 1, nothing changes.
int kiln_adam(void *parameter, void *gradient, void *average, void *square, void *step, double learning_rate,
              double beta1, double beta2, double weight_decay, double epsilon, int decoupled, void *skip);

// out[row][i] = keep(hash(key, position + row, i)) ? scale : 0, for a contiguous CPU tensor of `rows` equal rows,
// of floating point. keep: hash >= threshold.
int kiln_dropout_mask(void *out, int64_t rows, uint64_t key, uint64_t position, uint32_t threshold, float scale);

// What is scored by `kiln_linear_cross_entropy`, and how.
struct kiln_cross_entropy {
  double label_smoothing; // share of a target's weight that is spread over all classes
  double z_loss;          // coefficient of the squared logarithm of the normaliser
  double cap;             // logits are cap * tanh(logit / cap); 0 for as they are
  int64_t ignored;        // the target that is not scored
  int64_t chunk_rows;     // rows whose logits are held at once
};

// Cross-entropy of hidden [rows, width] x weight [classes, width]^T + bias [classes] against targets [rows], summed, never
// holding more than `chunk_rows` rows of logits. `bias` and `class_weights` [classes] may be null. Two new scalars: the sum that
// backward starts from, and the plain negative log-likelihood. Where gradients are wanted they are computed here, for a
// gradient of 1; backward scales them, once, and refuses to be differentiated.
int kiln_linear_cross_entropy(void *hidden, void *weight, void *bias, void *targets, void *class_weights,
                              const kiln_cross_entropy *options, void **sum, void **plain);

// Takes over a new handle of a tensor.
typedef void (*kiln_take)(void *sink, void *tensor);

// A computation of Rust's: `inputs` are new handles, which it takes over; each output is given to `kiln_give`.
typedef int (*kiln_computation)(void *state, void **inputs, size_t count, void *outputs);
void kiln_give(void *outputs, void *tensor);

// Run a computation without keeping what it needs for backward, which runs it again (Chen et al., 2016). `state` is dropped
// when the graph is, at once where no gradient is wanted. Outputs go to `take`.
int kiln_checkpoint(void **inputs, size_t count, void *state, kiln_computation call, void (*drop)(void *), kiln_take take,
                    void *sink);

// Call `call` with a new handle of `leaf` whenever backward has added to its gradient; in place of an earlier one.
int kiln_on_gradient(void *leaf, void *state, int (*call)(void *state, void *leaf), void (*drop)(void *));

// Bytes held by tensors now and at most, and reserved from a CUDA device now and at most; with `reset`, "at most" begins anew.
int kiln_cuda_memory(int64_t device, int reset, int64_t out[4]);
}
