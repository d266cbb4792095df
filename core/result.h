// Result<T>: a value, or why there is none.
//
// Expected failures (a bad file, a wrong option, no memory) are returned, never thrown. A message names the thing, the
// value and the way out, on one line: "no backend 'topkk'; built in: dense null; did you mean 'topk'?". Bugs abort.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace pareto {

enum class Code {
  kUsage,        // the command line alone is wrong: unknown name, value out of range (exit 2)
  kInvalid,      // a file or a reply is malformed
  kNotFound,     // a file, tensor or column is missing
  kUnsupported,  // well-formed, but not something we do
  kOutOfMemory,  // the memory plan does not fit
  kIo,           // the operating system refused
  kDevice,       // no such device, or it failed
  kInterrupted,  // Ctrl-C (exit 130)
};

struct Error {
  Code code = Code::kInvalid;
  std::string message;  // one line, no trailing newline
};

// The name that a record's error.code carries: "usage", "invalid", "not_found", …
const char* code_name(Code code);
// The exit code of design.md §11: 2 for kUsage, 130 for kInterrupted, else 1.
int exit_code(Code code);

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// return fail(Code::kInvalid, "{}: header of {} bytes in a file of {}", path, header, size);
template <class... Args>
tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// Passes an error on to the caller: `PARETO_TRY(auto file, open(path));` or, for a Status, `PARETO_CHECK_OK(step());`.
#define PARETO_CONCAT_INNER(a, b) a##b
#define PARETO_CONCAT(a, b) PARETO_CONCAT_INNER(a, b)
#define PARETO_TRY_IMPL(tmp, decl, expr)                                    \
  auto tmp = (expr);                                                        \
  if (!tmp) return tl::unexpected<::pareto::Error>(std::move(tmp).error()); \
  decl = std::move(*tmp)
#define PARETO_TRY(decl, ...) PARETO_TRY_IMPL(PARETO_CONCAT(pareto_try_, __LINE__), decl, (__VA_ARGS__))
#define PARETO_CHECK_OK(...)                                                                      \
  do {                                                                                            \
    auto pareto_status = (__VA_ARGS__);                                                           \
    if (!pareto_status) return tl::unexpected<::pareto::Error>(std::move(pareto_status).error()); \
  } while (0)

}  // namespace pareto
