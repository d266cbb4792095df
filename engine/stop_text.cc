#include "engine/stop_text.h"

#include <algorithm>

namespace pareto {

StopText::StopText(const Tokenizer* tokenizer, std::vector<std::string> stops)
    : tokenizer_(tokenizer), stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  for (const std::string& stop : stops_) longest_ = std::max(longest_, stop.size());
}

bool StopText::add(Token token) {
  if (!tokenizer_) return false;
  const std::size_t before = text_.size();
  if (text_.empty()) {
    head_.push_back(token);
    text_ = tokenizer_->decode(head_);
  } else {
    text_ += tokenizer_->piece(token);
  }
  // A match must end in the new bytes, so it begins at most longest - 1 before them.
  const std::size_t from = before - std::min(before, longest_ > 0 ? longest_ - 1 : 0);
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, text_.find(stop, from));
  if (first == std::string::npos) return false;
  text_.resize(first);
  return true;
}

}  // namespace pareto
