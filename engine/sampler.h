// Choosing the next token. Greedy takes the argmax; sampling is Gumbel-max: argmax of logit / temperature + noise,
// where noise = -ln(-ln u) and u is the counter-based stream's word for (seed, request, position, token). The draw
// therefore does not depend on the batch, and two decoders that agree on logits agree on tokens.
//
// Filters in transformers' order: temperature, then top_k (the k largest logits), then top_p (the smallest set of
// largest probabilities that reaches p, at least one token).
#pragma once

#include <cstdint>
#include <span>

#include "core/request.h"
#include "core/types.h"

namespace pareto {

// The part of the random stream's key that names a request: its document, part and id, not its place in the run.
std::uint64_t sampling_stream(const Request& request);

// A token of `logits` [vocab]. `position` is that of the token to be drawn. REQUIRES: temperature > 0.
Token sample(std::span<const float> logits, const Sampling& sampling, std::uint64_t stream, std::uint32_t position);

}  // namespace pareto
