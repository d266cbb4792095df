#include "core/result.h"

namespace pareto {

const char* code_name(Code code) {
  switch (code) {
    case Code::kUsage:
      return "usage";
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not_found";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kOutOfMemory:
      return "out_of_memory";
    case Code::kIo:
      return "io";
    case Code::kDevice:
      return "device";
    case Code::kInterrupted:
      return "interrupted";
  }
  return "unknown";
}

int exit_code(Code code) {
  if (code == Code::kUsage) return 2;
  if (code == Code::kInterrupted) return 130;
  return 1;
}

}  // namespace pareto
