// A linear layer and cross-entropy in one, chunk by chunk of rows.
//
// Wijmans et al., "Cut your losses in large-vocabulary language models" (2024), say why: the logits of a large vocabulary are
// the largest tensor of a training step. Here the gradients are computed in the forward pass while a chunk's logits are at
// hand, so that nothing is computed twice.
#include "kiln_shim.h"

#include "border.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Task {
  at::Tensor hidden;        // [rows, width]
  at::Tensor weight;        // [classes, width]
  at::Tensor bias;          // [classes] or undefined
  at::Tensor targets;       // [rows]
  at::Tensor class_weights; // [classes] or undefined
  kiln_cross_entropy options;
};

// Which gradients are computed.
struct Wanted {
  bool hidden, weight, bias;
  bool any() const { return hidden || weight || bias; }
};

struct Answer {
  at::Tensor sum, plain;
  at::Tensor hidden, weight, bias; // gradients of `sum`; undefined where not wanted
};

// Half has too few small numbers for the probabilities of a large vocabulary: they are scaled by a power of two on the way
// into the product, and its result back.
constexpr double half_scale = 8.0;

// The buffers and constants of all chunks of one call.
class Chunks {
public:
  Chunks(const Task &task, Wanted wanted) : task_(task), wanted_(wanted) {
    const auto kind = task.hidden.scalar_type();
    TORCH_CHECK(task.hidden.dim() == 2 && task.weight.dim() == 2 && task.hidden.size(1) == task.weight.size(1),
                "hidden states ", task.hidden.sizes(), " do not fit a weight ", task.weight.sizes());
    TORCH_CHECK(task.weight.scalar_type() == kind, "hidden states of kind ", kind, ", a weight of kind ",
                task.weight.scalar_type());
    TORCH_CHECK(task.targets.dim() == 1 && task.targets.size(0) == task.hidden.size(0), task.targets.numel(),
                " targets for ", task.hidden.size(0), " rows");
    TORCH_CHECK(task.options.chunk_rows > 0, "chunks of ", task.options.chunk_rows, " rows");
    sums_ = kind == at::kDouble ? at::kDouble : at::kFloat;
    low_ = kind != sums_;
    const int64_t rows = task.hidden.size(0), classes = task.weight.size(0);
    const int64_t most = std::max<int64_t>(1, std::min(task.options.chunk_rows, rows));
    const auto options = task.hidden.options();
    products_ = at::empty({most, classes}, options);
    logits_ = low_ ? at::empty({most, classes}, options.dtype(sums_)) : products_;
    logs_ = task.options.cap > 0 ? at::empty({most, classes}, options.dtype(sums_)) : logits_;
    losses_ = at::empty({rows}, options.dtype(sums_));
    plains_ = at::empty({rows}, options.dtype(sums_));
    if (task.class_weights.defined()) {
      class_weights_ = task.class_weights.to(sums_);
      class_weight_sum_ = class_weights_.sum();
    }
    // In half the gradient of a hidden state is kept in fp32, and so are all products of it.
    const bool half = kind == at::kHalf;
    if (wanted.hidden) {
      answer_.hidden = at::empty(task.hidden.sizes(), options.dtype(half ? sums_ : kind));
    }
    if (wanted.weight) {
      answer_.weight = at::zeros(task.weight.sizes(), options.dtype(sums_));
    }
    if (wanted.bias) {
      answer_.bias = at::zeros({classes}, options.dtype(sums_));
    }
  }

  Answer run() {
    const int64_t rows = task_.hidden.size(0);
    for (int64_t begin = 0; begin < rows; begin += task_.options.chunk_rows) {
      chunk(begin, std::min(task_.options.chunk_rows, rows - begin));
    }
    answer_.sum = losses_.sum();
    answer_.plain = plains_.sum();
    return answer_;
  }

private:
  void chunk(int64_t begin, int64_t rows) {
    const auto hidden = task_.hidden.narrow(0, begin, rows);
    auto products = products_.narrow(0, 0, rows); // [rows, classes] in the kind of the model
    if (task_.bias.defined()) {
      at::addmm_out(products, task_.bias, hidden, task_.weight.t());
    } else {
      at::mm_out(products, hidden, task_.weight.t());
    }
    auto logits = logits_.narrow(0, 0, rows); // [rows, classes] in the kind of sums
    if (low_) {
      logits.copy_(products);
    }
    const auto &options = task_.options;
    if (options.cap > 0) {
      logits.div_(options.cap).tanh_().mul_(options.cap);
    }
    const auto targets = task_.targets.narrow(0, begin, rows).unsqueeze(1); // [rows, 1]
    const auto scored = targets.ne(options.ignored);
    const auto places = targets.where(scored, at::zeros({}, targets.options()));
    const auto target_logits = logits.gather(1, places);
    auto logs = logs_.narrow(0, 0, rows); // logarithms of probabilities, in the place of the logits where there is no cap
    at::_log_softmax_out(logs, logits, 1, false);
    const auto counted = scored.to(sums_);             // [rows, 1]: 0 or 1
    const auto likelihood = logs.gather(1, places);    // [rows, 1]
    const auto normaliser = target_logits - likelihood; // [rows, 1]: log of the sum of exponentials
    const auto weights = class_weights_.defined() ? counted * class_weights_.index({places.squeeze(1)}).unsqueeze(1) : counted;
    const double kept = 1.0 - options.label_smoothing;
    const double spread = options.label_smoothing / static_cast<double>(logs.size(1));
    auto losses = likelihood * weights * -kept; // [rows, 1]
    if (spread > 0) {
      const auto all = class_weights_.defined() ? logs.mv(class_weights_).unsqueeze(1) : logs.sum(1, true);
      losses.sub_(all * counted, spread);
    }
    if (options.z_loss > 0) {
      losses.add_(normaliser.square() * counted, options.z_loss);
    }
    losses_.narrow(0, begin, rows).copy_(losses.squeeze(1));
    plains_.narrow(0, begin, rows).copy_((likelihood * counted).neg_().squeeze(1));
    if (wanted_.any()) {
      differentiate(logs, logits, places, counted, weights, normaliser, kept, spread);
      multiply(begin, rows, hidden, products, logs);
    }
  }

  // From logarithms of probabilities to the gradient with respect to the products, in place.
  void differentiate(at::Tensor &logs, at::Tensor &logits, const at::Tensor &places, const at::Tensor &counted,
                     const at::Tensor &weights, const at::Tensor &normaliser, double kept, double spread) {
    const auto &options = task_.options;
    at::Tensor factor = weights * kept; // of each probability, [rows, 1]
    if (spread > 0) {
      factor = class_weights_.defined() ? factor + counted * class_weight_sum_ * spread
                                        : counted; // the shares add up to 1
    }
    if (options.z_loss > 0) {
      factor = factor + normaliser * counted * (2.0 * options.z_loss);
    }
    logs.exp_().mul_(factor);
    logs.scatter_add_(1, places, weights * -kept);
    if (spread > 0) {
      if (class_weights_.defined()) {
        logs.addr_(counted.squeeze(1), class_weights_, 1.0, -spread);
      } else {
        logs.sub_(counted, spread);
      }
    }
    if (options.cap > 0) {
      // d cap tanh(x / cap) / dx = 1 - tanh^2
      logits.div_(options.cap).square_();
      logs.addcmul_(logs, logits, -1.0);
    }
  }

  // The gradients of hidden states, weight and bias from that of the products, `gradient`, in the kind of sums.
  void multiply(int64_t begin, int64_t rows, const at::Tensor &hidden, at::Tensor products, const at::Tensor &gradient) {
    const bool half = products.scalar_type() == at::kHalf;
    if (wanted_.bias) {
      answer_.bias.add_(gradient.sum(0));
    }
    if (low_) {
      half ? products.copy_(gradient * half_scale) : products.copy_(gradient);
    } else {
      products = gradient;
    }
    if (wanted_.hidden) {
      auto out = answer_.hidden.narrow(0, begin, rows);
      if (half) {
        out.copy_(products.mm(task_.weight)).div_(half_scale);
      } else {
        at::mm_out(out, products, task_.weight);
      }
    }
    if (wanted_.weight) {
      if (half) {
        answer_.weight.addmm_(gradient.t(), hidden.to(sums_));
      } else if (low_) {
        answer_.weight.add_(products.t().mm(hidden));
      } else {
        answer_.weight.addmm_(products.t(), hidden);
      }
    }
  }

  const Task &task_;
  Wanted wanted_;
  at::ScalarType sums_ = at::kFloat;
  bool low_ = false; // the model's kind is smaller than that of sums
  at::Tensor products_, logits_, logs_, losses_, plains_;
  at::Tensor class_weights_, class_weight_sum_;
  Answer answer_;
};

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static variable_list forward(AutogradContext *context, const at::Tensor &hidden, const at::Tensor &weight,
                               const std::optional<at::Tensor> & /*bias*/, const Task *task, Wanted wanted) {
    auto answer = Chunks(*task, wanted).run();
    context->saved_data["hidden"] = answer.hidden;
    context->saved_data["weight"] = answer.weight;
    context->saved_data["bias"] = answer.bias;
    context->saved_data["kinds"] = std::vector<int64_t>{static_cast<int64_t>(hidden.scalar_type()),
                                                        static_cast<int64_t>(weight.scalar_type())};
    context->mark_non_differentiable({answer.plain});
    context->set_materialize_grads(false);
    return {answer.sum, answer.plain};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "the chunked cross-entropy has no second derivative: its gradients are computed in the forward pass");
    TORCH_CHECK(!context->saved_data.empty(), "backward through the chunked cross-entropy a second time: its gradients were scaled in place");
    variable_list out(5);
    if (gradients[0].defined()) {
      const char *names[] = {"hidden", "weight", "bias"};
      const auto kinds = context->saved_data["kinds"].toIntVector();
      for (int part = 0; part < 3; ++part) {
        auto saved = context->saved_data[names[part]].toTensor();
        if (saved.defined()) {
          const auto kind = static_cast<at::ScalarType>(kinds[part == 0 ? 0 : 1]);
          // Scaled in the kind of sums, where the factor of a mean over many targets loses nothing.
          const auto sums = saved.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
          out[part] = saved.to(sums).mul_(gradients[0].to(sums)).to(kind);
        }
      }
    }
    context->saved_data.clear();
    return out;
  }
};

} // namespace

int kiln_linear_cross_entropy(void *hidden, void *weight, void *bias, void *targets, void *class_weights,
                              const kiln_cross_entropy *options, void **sum, void **plain) {
  return kiln::guarded([&] {
    const at::Tensor &given = kiln::tensor(hidden), &matrix = kiln::tensor(weight);
    const at::Tensor addend = kiln::optional_tensor(bias);
    const auto wants = [](const at::Tensor &tensor) {
      return at::GradMode::is_enabled() && tensor.defined() && tensor.requires_grad();
    };
    const Wanted wanted{wants(given), wants(matrix), wants(addend)};
    const Task task{given.detach(),
                    matrix.detach(),
                    addend.defined() ? addend.detach() : addend,
                    kiln::tensor(targets).detach(),
                    kiln::optional_tensor(class_weights),
                    *options};
    variable_list sums;
    if (wanted.any()) {
      sums = LinearCrossEntropy::apply(given, matrix, addend.defined() ? std::optional(addend) : std::nullopt, &task, wanted);
    } else {
      const at::NoGradGuard guard;
      const auto answer = Chunks(task, wanted).run();
      sums = {answer.sum, answer.plain};
    }
    *sum = new at::Tensor(sums[0]);
    *plain = new at::Tensor(sums[1]);
  });
}
