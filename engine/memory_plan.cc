#include "engine/memory_plan.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "engine/model_file.h"

namespace pareto {
namespace {

constexpr int kDefaultBatch = 32, kDefaultChunk = 512, kDefaultMaxLength = 2048;
constexpr std::int64_t kLogitBytes = 32 << 20;  // of logits at a time, unless a decode step needs more
constexpr int kSparePages = 64;                 // partly filled pages where prefixes branch
constexpr double kKvShare = 0.6;                // of what is left, when more KV than one sequence's is wanted
constexpr std::int64_t kFixedBytes = 48 << 20;  // program, tokenizer, bookkeeping

std::optional<std::int64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;  // missing, or "max"
}

// The room of the memory cgroup at `folder` (v2's file names or v1's).
std::optional<std::int64_t> cgroup_room(const std::string& folder) {
  for (const auto& [limit, used] :
       {std::pair{"/memory.max", "/memory.current"}, std::pair{"/memory.limit_in_bytes", "/memory.usage_in_bytes"}}) {
    const auto most = read_number(folder + limit);
    if (!most) continue;
    // Clean page cache is charged to the group but is given back when somebody asks.
    std::int64_t cache = 0;
    std::ifstream stat(folder + "/memory.stat");
    for (std::string key; stat >> key;) {
      std::int64_t value = 0;
      stat >> value;
      if (key == "inactive_file" || key == "active_file") cache += value;
    }
    return *most - read_number(folder + used).value_or(0) + cache;
  }
  return std::nullopt;
}

std::int64_t mem_available() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  std::int64_t kib = 0;
  while (file >> key >> kib) {
    if (key == "MemAvailable:") return kib * 1024;
    std::getline(file, unit);
  }
  return std::numeric_limits<std::int64_t>::max();
}

std::string gigabytes(std::int64_t bytes) {
  return bytes >= 100'000'000 ? fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9)
                              : fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

// f32 numbers per row of a step: engine/forward.cc's buffers, and the kernels' prepared copy of the widest input.
std::int64_t activation_floats(const ModelConfig& c) {
  const std::int64_t mlp = std::max(c.intermediate, c.expert_intermediate);
  std::int64_t floats = 3 * std::int64_t{c.hidden} + 2 * c.q_dim() + 2 * c.kv_dim() + 2 * mlp;
  if (c.experts > 0) floats += 2 * std::int64_t{c.hidden} + c.experts + 4 * c.experts_per_token;
  return floats + std::max<std::int64_t>({c.hidden, c.q_dim(), mlp});
}

Status check_numbers(const BackendOptions& o) {
  for (const auto& [name, value] : {std::pair{"batch", o.batch}, std::pair{"chunk", o.chunk},
                                    std::pair{"max_length", o.max_length}, std::pair{"threads", o.threads}})
    if (value < 0) return fail(Code::kUsage, "{} is {}; it must not be negative (0: default)", name, value);
  if (o.page < 1 || o.page > 4096 || !std::has_single_bit(static_cast<unsigned>(o.page)))
    return fail(Code::kUsage, "page is {}; it must be a power of two from 1 to 4096", o.page);
  return {};
}

}  // namespace

std::int64_t available_memory() {
  std::int64_t least = mem_available();
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // "0::/path" (v2) or "7:memory:/path" (v1)
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("memory") == std::string::npos) continue;
    const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    // A limit may be set on any group above; in a container the path may not be visible, but its root is.
    std::string path = line.substr(second + 1);
    while (true) {
      if (const auto room = cgroup_room(root + path)) least = std::min(least, *room);
      if (path.empty() || path == "/") break;
      path.erase(path.rfind('/'));
    }
  }
  return std::max<std::int64_t>(least, 0);
}

std::string MemoryPlan::text() const {
  std::string text = fmt::format("weights {} (mapped)", gigabytes(weights));
  if (converted > 0) text += fmt::format(" + bf16 copies {}", gigabytes(converted));
  text += fmt::format(" + KV {} ({} pages of {} tokens, {})", gigabytes(kv), pages, page_size, dtype_name(kv_dtype));
  text += fmt::format(" + activations {} + logits {} + tables {}", gigabytes(activations), gigabytes(logits),
                      gigabytes(tables));
  return text + fmt::format(" = {}", gigabytes(total()));
}

Result<MemoryPlan> plan_memory(const ModelConfig& c, const MemoryNeeds& needs, const BackendOptions& options,
                               std::int64_t available) {
  PARETO_CHECK_OK(check_numbers(options));
  MemoryPlan plan;
  plan.available = available;
  plan.max_length = options.max_length > 0 ? options.max_length
                    : c.max_positions > 0  ? c.max_positions
                                           : kDefaultMaxLength;
  plan.batch = options.batch > 0 ? options.batch : kDefaultBatch;
  plan.chunk = options.chunk > 0 ? options.chunk : kDefaultChunk;
  plan.step_tokens = std::max(plan.chunk, plan.batch);
  plan.page_size = options.page;
  plan.kv_dtype = needs.kv_dtype;
  plan.weights = needs.weight_bytes;
  plan.converted = needs.converted_bytes;
  plan.activations = 4 * activation_floats(c) * plan.step_tokens;
  // The head is read once per this many rows: at least for all sequences of a decode step at once.
  const int least_rows = std::clamp(plan.batch, 8, 256);
  plan.logit_rows =
      static_cast<int>(std::clamp<std::int64_t>(kLogitBytes / (4 * std::int64_t{c.vocab}), least_rows, 256));
  plan.logit_rows = std::min(plan.logit_rows, plan.step_tokens);
  plan.logits = std::int64_t{4} * plan.logit_rows * (c.vocab + c.hidden);
  plan.tables = kFixedBytes + std::int64_t{4} * plan.max_length * c.head_dim;

  const std::int64_t per_token =
      kv_bytes_per_token(c, plan.kv_dtype) + (c.experts > 0 ? std::int64_t{2} * c.layers * c.experts_per_token : 0);
  const auto pages_for = [&](std::int64_t tokens) { return (tokens + plan.page_size - 1) / plan.page_size; };
  const std::int64_t page_bytes = per_token * plan.page_size;
  const std::int64_t most_pages = (std::int64_t{1} << 31) / plan.page_size - 1;
  const std::int64_t one = std::min(pages_for(plan.max_length) + kSparePages, most_pages);
  const std::int64_t wanted =
      std::min(plan.batch * pages_for(plan.max_length) + pages_for(plan.step_tokens) + plan.step_tokens, most_pages);

  const std::int64_t room = available - plan.total();
  const std::int64_t affordable = room > 0 ? room / page_bytes : 0;
  std::int64_t pages =
      std::clamp(static_cast<std::int64_t>(kKvShare * static_cast<double>(affordable)), one, std::max(wanted, one));
  if (pages > affordable) {
    // A context that the model could have, but nobody asked for, is no reason to refuse: a longer request will be.
    const std::int64_t least = options.max_length > 0 ? one : std::min(one, pages_for(1024) + kSparePages);
    pages = std::max(least, affordable);
    plan.pages = static_cast<int>(pages);
    plan.kv = pages * page_bytes;
    if (pages > affordable)
      return fail(Code::kOutOfMemory,
                  "the model does not fit: {}, but only {} are available; lower --max_length ({}), --chunk or --batch, "
                  "or take a smaller model",
                  plan.text(), gigabytes(available), plan.max_length);
  }
  plan.pages = static_cast<int>(pages);
  plan.kv = pages * page_bytes;
  return plan;
}

}  // namespace pareto
