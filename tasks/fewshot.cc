#include "tasks/fewshot.h"

#include <numeric>

namespace pareto {

FewshotSampler::FewshotSampler(std::string owner, Sampler kind, std::int64_t pool_size, std::uint64_t seed)
    : owner_(std::move(owner)), kind_(kind), pool_size_(pool_size), random_(static_cast<std::int64_t>(seed)) {}

tl::unexpected<Error> FewshotSampler::too_few(std::int64_t wanted, std::int64_t available) const {
  return fail(Code::kInvalid, "{}: {} few-shot examples are wanted, {} are available; lower --num_fewshot", owner_,
              wanted, available);
}

Result<std::vector<std::int64_t>> FewshotSampler::draw(std::int64_t from, int n) {
  if (n > from) return too_few(n, from);
  return random_.sample(from, n);
}

Result<std::vector<std::int64_t>> FewshotSampler::sample(int n, const std::function<bool(std::int64_t)>& is_document) {
  if (n == 0) return std::vector<std::int64_t>();
  if (kind_ == Sampler::kDefault && !is_document) return draw(pool_size_, n);
  std::vector<std::int64_t> candidates(static_cast<std::size_t>(pool_size_));
  std::iota(candidates.begin(), candidates.end(), 0);
  if (kind_ == Sampler::kDefault) {
    PARETO_TRY(std::vector<std::int64_t> shots, draw(pool_size_, n + 1));
    std::erase_if(shots, is_document);
    if (std::ssize(shots) >= n) {
      shots.resize(static_cast<std::size_t>(n));
      return shots;
    }
    std::erase_if(candidates, is_document);
    PARETO_TRY(shots, draw(std::ssize(candidates), n));
    for (std::int64_t& shot : shots) shot = candidates[static_cast<std::size_t>(shot)];
    return shots;
  }
  if (is_document) std::erase_if(candidates, is_document);
  if (n > std::ssize(candidates)) return too_few(n, std::ssize(candidates));
  candidates.resize(static_cast<std::size_t>(n));
  return candidates;
}

Result<ShotCount> resolve_num_fewshot(std::optional<int> own, std::optional<int> asked) {
  if (asked && *asked < 0) return fail(Code::kUsage, "--num_fewshot {} is negative", *asked);
  if (!asked) return ShotCount{own.value_or(0), ""};
  if (own == 0) {
    return ShotCount{
        0, *asked == 0 ? "" : fmt::format("--num_fewshot {} is ignored, the task is zero-shot by definition", *asked)};
  }
  return ShotCount{*asked, ""};
}

}  // namespace pareto
