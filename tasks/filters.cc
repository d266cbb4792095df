#include "tasks/filters.h"

#include <algorithm>
#include <unordered_map>

#include "tasks/python.h"

namespace pareto {
namespace {

std::string extract(const PythonRegex& regex, int group_select, const std::string& fallback,
                    std::string_view response) {
  const auto matches = regex.find_all(response);
  const std::ptrdiff_t count = std::ssize(matches);
  const std::ptrdiff_t index = group_select < 0 ? count + group_select : group_select;
  if (index < 0 || index >= count) return fallback;
  const auto& groups = matches[static_cast<std::size_t>(index)];
  if (groups.size() == 1) return std::string(python::strip(groups.front()));
  const auto first = std::find_if(groups.begin(), groups.end(), [](std::string_view group) { return !group.empty(); });
  return std::string(python::strip(first == groups.end() ? fallback : *first));
}

template <class Change>
Filter each(Change change) {
  return [change](std::vector<std::string> responses, std::span<const std::string>) {
    for (std::string& response : responses) response = change(response);
    return responses;
  };
}

}  // namespace

Filter regex_filter(PythonRegex regex, int group_select, std::string fallback) {
  return each([regex = std::move(regex), group_select, fallback = std::move(fallback)](const std::string& response) {
    return extract(regex, group_select, fallback, response);
  });
}

Filter take_first_k(std::size_t k) {
  return [k](std::vector<std::string> responses, std::span<const std::string>) {
    if (responses.size() > k) responses.resize(k);
    return responses;
  };
}

Filter take_first() { return take_first_k(1); }

Filter majority_vote() {
  return [](std::vector<std::string> responses, std::span<const std::string>) {
    std::unordered_map<std::string_view, int> counts;
    for (const std::string& response : responses) ++counts[response];
    std::string vote;
    int best = 0;
    for (const std::string& response : responses) {
      if (const int count = counts[response]; count > best) {
        best = count;
        vote = response;
      }
    }
    return std::vector<std::string>{vote};
  };
}

Filter remove_whitespace() {
  return each([](const std::string& response) { return std::string(python::strip(response)); });
}

Filter lowercase() {
  return each([](const std::string& response) { return python::lower(response); });
}

Filter uppercase() {
  return each([](const std::string& response) { return python::upper(response); });
}

std::string FilterChain::apply(std::vector<std::string> responses, std::span<const std::string> choices) const {
  for (const Filter& step : steps) responses = step(std::move(responses), choices);
  return responses.empty() ? std::string() : std::move(responses.front());
}

}  // namespace pareto
