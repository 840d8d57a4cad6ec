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

// Make `gradient` the place where backward adds what flows into the leaf `parameter`.
int kiln_set_gradient(void *parameter, void *gradient);

// One AdamW step (decoupled weight decay) over a flat range. `step` is a float tensor of one element, already advanced.
// Where `skip` is not null and holds 1, nothing changes.
int kiln_adamw(void *parameter, void *gradient, void *average, void *square, void *step, double learning_rate,
               double beta1, double beta2, double weight_decay, double epsilon, void *skip);

// out[row][i] = keep(hash(key, position + row, i)) ? scale : 0, for a contiguous CPU tensor of `rows` equal rows,
// float or bfloat16. keep: hash >= threshold.
int kiln_dropout_mask(void *out, int64_t rows, uint64_t key, uint64_t position, uint32_t threshold, float scale);
}
