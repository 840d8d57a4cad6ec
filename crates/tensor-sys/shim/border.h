// What every function of the shim does at the border to Rust: exceptions become a code and a message.
#pragma once
#include <ATen/core/Tensor.h>

#include <exception>
#include <stdexcept>
#include <string>

namespace kiln {

inline thread_local std::string last_error;

template <typename Body> int guarded(Body body) {
  try {
    body();
    return 0;
  } catch (const c10::Error &error) {
    last_error = error.what_without_backtrace();
  } catch (const std::exception &error) {
    last_error = error.what();
  } catch (...) {
    last_error = "an unknown C++ exception";
  }
  return 1;
}

inline at::Tensor &tensor(void *pointer) { return *static_cast<at::Tensor *>(pointer); }

// A handle that may be null.
inline at::Tensor optional_tensor(void *pointer) { return pointer ? tensor(pointer) : at::Tensor(); }

// A Rust closure: called from libtorch, dropped when libtorch no longer needs it. What a call fails with is left in
// `last_error` of the calling thread and goes on as an exception.
template <typename Call> class Closure {
public:
  Closure(void *state, Call call, void (*drop)(void *)) : state_(state), call_(call), drop_(drop) {}
  Closure(const Closure &) = delete;
  Closure &operator=(const Closure &) = delete;
  ~Closure() { drop_(state_); }

  template <typename... Arguments> void operator()(Arguments... arguments) const {
    if (call_(state_, arguments...) != 0) {
      throw std::runtime_error(last_error);
    }
  }

private:
  void *state_;
  Call call_;
  void (*drop_)(void *);
};

} // namespace kiln
