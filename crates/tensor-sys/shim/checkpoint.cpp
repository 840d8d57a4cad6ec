// Computations that are run again in backward, and what is called when a gradient is ready.
#include "kiln_shim.h"

#include "border.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/function_hook.h>

#include <memory>
#include <vector>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Computation : torch::CustomClassHolder {
  Computation(void *state, kiln_computation call, void (*drop)(void *)) : closure(state, call, drop) {}

  variable_list run(const variable_list &inputs) const {
    std::vector<void *> handles;
    handles.reserve(inputs.size());
    for (const auto &input : inputs) {
      handles.push_back(new at::Tensor(input)); // the closure takes it over
    }
    variable_list outputs;
    closure(handles.data(), handles.size(), static_cast<void *>(&outputs));
    return outputs;
  }

  kiln::Closure<kiln_computation> closure;
};

struct Checkpoint : torch::autograd::Function<Checkpoint> {
  // `anchor` needs a gradient, so that the outputs do where only parameters inside the computation need one.
  static variable_list forward(AutogradContext *context, at::TensorList given, const at::Tensor & /*anchor*/,
                               const c10::intrusive_ptr<Computation> &computation) {
    const variable_list inputs = given.vec();
    context->save_for_backward(inputs);
    context->saved_data["computation"] = c10::IValue::make_capsule(computation);
    context->set_materialize_grads(false);
    auto outputs = computation->run(inputs);
    variable_list whole;
    for (const auto &output : outputs) {
      if (!output.is_floating_point()) {
        whole.push_back(output);
      }
    }
    context->mark_non_differentiable(whole);
    return outputs;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "a checkpointed computation has no second derivative");
    const auto computation = c10::static_intrusive_pointer_cast<Computation>(
        context->saved_data["computation"].toCapsule());
    variable_list inputs;
    for (const auto &saved : context->get_saved_variables()) {
      auto input = saved.detach();
      input.set_requires_grad(saved.requires_grad());
      inputs.push_back(input);
    }
    variable_list roots, given;
    {
      const at::AutoGradMode enabled(true);
      const auto outputs = computation->run(inputs);
      TORCH_CHECK(outputs.size() == gradients.size(), "a checkpointed computation gave ", gradients.size(),
                  " tensors, and ", outputs.size(), " when it was run again");
      for (size_t part = 0; part < outputs.size(); ++part) {
        if (gradients[part].defined() && outputs[part].requires_grad()) {
          roots.push_back(outputs[part]);
          given.push_back(gradients[part]);
        }
      }
    }
    if (!roots.empty()) {
      torch::autograd::backward(roots, given);
    }
    variable_list out;
    for (const auto &input : inputs) {
      out.push_back(input.requires_grad() ? input.grad() : at::Tensor());
    }
    out.resize(inputs.size() + 2); // the anchor and the computation have none
    return out;
  }
};

struct Hook : torch::autograd::PostAccumulateGradHook {
  using Call = int (*)(void *, void *);
  Hook(void *state, Call call, void (*drop)(void *)) : closure(state, call, drop) {}
  void operator()(const at::Tensor &leaf) override { closure(static_cast<void *>(new at::Tensor(leaf))); }
  kiln::Closure<Call> closure;
};

} // namespace

void kiln_give(void *outputs, void *given) {
  static_cast<variable_list *>(outputs)->push_back(kiln::tensor(given));
}

int kiln_checkpoint(void **inputs, size_t count, void *state, kiln_computation call, void (*drop)(void *), kiln_take take,
                    void *sink) {
  return kiln::guarded([&] {
    const auto computation = c10::make_intrusive<Computation>(state, call, drop);
    variable_list given;
    for (size_t part = 0; part < count; ++part) {
      given.push_back(kiln::tensor(inputs[part]));
    }
    variable_list outputs;
    if (at::GradMode::is_enabled()) {
      const auto options = given.empty() ? at::TensorOptions() : given[0].options();
      const auto anchor = at::zeros({}, options.dtype(at::kFloat)).set_requires_grad(true);
      outputs = Checkpoint::apply(at::TensorList(given), anchor, computation);
    } else {
      outputs = computation->run(given);
    }
    for (const auto &output : outputs) {
      take(sink, new at::Tensor(output));
    }
  });
}

int kiln_on_gradient(void *leaf, void *state, int (*call)(void *, void *), void (*drop)(void *)) {
  return kiln::guarded([&] {
    auto hook = std::make_unique<Hook>(state, call, drop);
    const at::Tensor &given = kiln::tensor(leaf);
    TORCH_CHECK(given.is_leaf() && given.requires_grad(), "only a leaf that needs a gradient is told of it");
    torch::autograd::impl::set_post_acc_grad_hooks(given, std::move(hook));
  });
}
