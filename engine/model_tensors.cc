#include "engine/model_tensors.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "core/options.h"
#include "core/thread_pool.h"
#include "kernels/cpu/blocks.h"

namespace pareto {
namespace {

using Shape = std::vector<std::int64_t>;

Status visit_attention(const ModelConfig& config, const std::string& layer, const TensorVisitor& visit) {
  const std::int64_t hidden = config.hidden, q = config.q_dim(), kv = config.kv_dim(), head = config.head_dim;
  const std::string self = layer + "self_attn.";
  PARETO_CHECK_OK(visit(layer + "input_layernorm.weight", Shape{hidden}));
  PARETO_CHECK_OK(visit(self + "q_proj.weight", Shape{q, hidden}));
  if (config.qkv_bias) PARETO_CHECK_OK(visit(self + "q_proj.bias", Shape{q}));
  PARETO_CHECK_OK(visit(self + "k_proj.weight", Shape{kv, hidden}));
  if (config.qkv_bias) PARETO_CHECK_OK(visit(self + "k_proj.bias", Shape{kv}));
  PARETO_CHECK_OK(visit(self + "v_proj.weight", Shape{kv, hidden}));
  if (config.qkv_bias) PARETO_CHECK_OK(visit(self + "v_proj.bias", Shape{kv}));
  PARETO_CHECK_OK(visit(self + "o_proj.weight", Shape{hidden, q}));
  if (config.attn_out_bias) PARETO_CHECK_OK(visit(self + "o_proj.bias", Shape{hidden}));
  if (config.qk_norm) {
    PARETO_CHECK_OK(visit(self + "q_norm.weight", Shape{head}));
    PARETO_CHECK_OK(visit(self + "k_norm.weight", Shape{head}));
  }
  return visit(layer + "post_attention_layernorm.weight", Shape{hidden});
}

// One SwiGLU, dense or an expert's.
Status visit_mlp(const std::string& mlp, std::int64_t hidden, std::int64_t inner, bool bias,
                 const TensorVisitor& visit) {
  PARETO_CHECK_OK(visit(mlp + "gate_proj.weight", Shape{inner, hidden}));
  if (bias) PARETO_CHECK_OK(visit(mlp + "gate_proj.bias", Shape{inner}));
  PARETO_CHECK_OK(visit(mlp + "up_proj.weight", Shape{inner, hidden}));
  if (bias) PARETO_CHECK_OK(visit(mlp + "up_proj.bias", Shape{inner}));
  PARETO_CHECK_OK(visit(mlp + "down_proj.weight", Shape{hidden, inner}));
  if (bias) PARETO_CHECK_OK(visit(mlp + "down_proj.bias", Shape{hidden}));
  return {};
}

std::string shape_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

Status check_tensor(const std::string& tensor, const TensorView& view, const Shape& wanted, std::string_view file) {
  if (view.shape != wanted) {
    return fail(Code::kInvalid, "{}: '{}' has shape {}, but the configuration says {}", file, tensor,
                shape_text(view.shape), shape_text(wanted));
  }
  if (wanted.size() == 1 && is_quantised(view.dtype)) {
    return fail(Code::kUnsupported, "{}: '{}' is a vector in {}; supported for vectors: f32 f16 bf16", file, tensor,
                dtype_name(view.dtype));
  }
  if (wanted.back() % dtype_block(view.dtype) != 0) {
    return fail(Code::kInvalid, "{}: '{}' has rows of {} values, not a multiple of {}'s block of {}", file, tensor,
                wanted.back(), dtype_name(view.dtype), dtype_block(view.dtype));
  }
  return {};
}

// A part of a tensor whose scales (a quantised matrix) or values (a vector) are to be looked at.
struct Scan {
  const std::string* name;
  const TensorView* view;
  std::int64_t begin, end;  // blocks
};
constexpr std::int64_t kScanBytes = 4 << 20;

// Plain matrices are left alone: reading all of them would cost more than the rest of opening a model.
void add_scans(const std::string& name, const TensorView& view, std::vector<Scan>& scans) {
  if (view.shape.size() > 1 && !is_quantised(view.dtype)) return;
  const std::int64_t blocks = view.elements() / dtype_block(view.dtype),
                     step = kScanBytes / dtype_block_bytes(view.dtype);
  for (std::int64_t begin = 0; begin < blocks; begin += step) {
    scans.push_back({&name, &view, begin, std::min(blocks, begin + step)});
  }
}

Status run_scan(const Scan& scan, std::string_view file) {
  const DType dtype = scan.view->dtype;
  const std::int64_t bad = first_bad_block(dtype, scan.view->data + scan.begin * dtype_block_bytes(dtype),
                                           (scan.end - scan.begin) * dtype_block(dtype));
  if (bad < 0) return {};
  const bool quantised = is_quantised(dtype);
  return fail(Code::kInvalid, "{}: '{}' has a NaN or infinite {} in {} {}", file, *scan.name,
              quantised ? "scale" : "weight", quantised ? "block" : "value", scan.begin + bad);
}

// The first scan that fails decides. A large model is read by several threads: it is all page faults and memory.
Status run_scans(const std::vector<Scan>& scans, std::string_view file) {
  constexpr std::int64_t kMuch = 64 << 20;  // less is not worth starting threads
  std::int64_t bytes = 0;
  for (const Scan& scan : scans) bytes += (scan.end - scan.begin) * dtype_block_bytes(scan.view->dtype);
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  ThreadPool pool(bytes < kMuch ? 1 : std::clamp(cores, 1, 8));
  std::atomic<std::size_t> next{0}, first_bad{scans.size()};
  pool.run([&](int) {
    for (std::size_t i = next++; i < scans.size() && i < first_bad; i = next++) {
      if (run_scan(scans[i], file)) continue;
      std::size_t seen = first_bad;
      while (i < seen && !first_bad.compare_exchange_weak(seen, i)) {
      }
    }
  });
  return first_bad < scans.size() ? run_scan(scans[first_bad], file) : Status();
}

Error missing_tensor(const std::string& tensor, const TensorMap& tensors, std::string_view file) {
  std::vector<std::string> names;
  for (const auto& [name, view] : tensors) names.push_back(name);
  const std::string near = nearest_name(tensor, names);
  return Error{Code::kNotFound, fmt::format("{}: tensor '{}' is missing{}", file, tensor,
                                            near.empty() ? "" : fmt::format("; there is '{}'", near))};
}

}  // namespace

Status for_each_tensor(const ModelConfig& config, const TensorVisitor& visit) {
  PARETO_CHECK_OK(visit("model.embed_tokens.weight", Shape{config.vocab, config.hidden}));
  for (int i = 0; i < config.layers; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i), mlp = layer + "mlp.";
    PARETO_CHECK_OK(visit_attention(config, layer, visit));
    if (!config.is_moe(i)) {
      PARETO_CHECK_OK(visit_mlp(mlp, config.hidden, config.intermediate, config.mlp_bias, visit));
      continue;
    }
    PARETO_CHECK_OK(visit(mlp + "gate.weight", Shape{config.experts, config.hidden}));
    for (int e = 0; e < config.experts; ++e) {
      const std::string expert = fmt::format("{}experts.{}.", mlp, e);
      PARETO_CHECK_OK(visit_mlp(expert, config.hidden, config.expert_intermediate, false, visit));
    }
  }
  PARETO_CHECK_OK(visit("model.norm.weight", Shape{config.hidden}));
  if (!config.tied_embeddings) PARETO_CHECK_OK(visit("lm_head.weight", Shape{config.vocab, config.hidden}));
  return {};
}

Status check_tensors(const ModelConfig& config, const TensorMap& tensors, std::string_view file) {
  std::size_t found = 0;
  std::vector<Scan> scans;
  PARETO_CHECK_OK(for_each_tensor(config, [&](const std::string& name, const Shape& shape) -> Status {
    const auto it = tensors.find(name);
    if (it == tensors.end()) return tl::unexpected<Error>(missing_tensor(name, tensors, file));
    ++found;
    PARETO_CHECK_OK(check_tensor(name, it->second, shape, file));
    add_scans(it->first, it->second, scans);
    return {};
  }));
  if (found == tensors.size()) return run_scans(scans, file);
  // Some tensor is not asked for: say which. A second pass, because it is the rare case.
  std::vector<std::string> wanted;
  PARETO_CHECK_OK(for_each_tensor(config, [&](const std::string& name, const Shape&) -> Status {
    wanted.push_back(name);
    return {};
  }));
  std::sort(wanted.begin(), wanted.end());
  for (const auto& [name, view] : tensors) {
    if (std::binary_search(wanted.begin(), wanted.end(), name)) continue;
    return fail(Code::kUnsupported,
                "{}: tensor '{}' {} is not part of a {} model with this configuration ({} layers, {} experts)", file,
                name, shape_text(view.shape), config.architecture, config.layers, config.experts);
  }
  return {};
}

}  // namespace pareto
