#include "tasks/declared_marks.h"

#include <algorithm>
#include <map>

#include "core/options.h"
#include "tasks/declared_fields.h"
#include "tasks/metrics.h"

namespace pareto::declared {
namespace {

Result<PythonRegex> pattern_of(const Yaml& step) {
  PARETO_TRY(const std::string pattern, text_field(step, "regex_pattern", R"(#### (\-?[0-9\.\,]+))"));
  auto regex = PythonRegex::compile(pattern);
  if (regex) return regex;
  const Yaml* place = field(step, "regex_pattern");
  return fail(regex.error().code, "{}: {}", (place == nullptr ? step : *place).where(), regex.error().message);
}

Result<int> group_select_of(const Yaml& step) {
  PARETO_TRY(const auto select, whole_field(step, "group_select", -1'000'000));
  return static_cast<int>(select.value_or(0));
}

Result<Filter> regex_step(const Yaml& step) {
  PARETO_TRY(PythonRegex regex, pattern_of(step));
  PARETO_TRY(const int select, group_select_of(step));
  PARETO_TRY(std::string fallback, text_field(step, "fallback", "[invalid]"));
  return regex_filter(std::move(regex), select, std::move(fallback));
}

Result<Filter> multi_choice_step(const Yaml& step) {
  PARETO_TRY(PythonRegex regex, pattern_of(step));
  MultiChoiceRegex options{.regex = std::move(regex)};
  PARETO_TRY(options.group_select, group_select_of(step));
  PARETO_TRY(options.fallback, text_field(step, "fallback", "[invalid]"));
  PARETO_TRY(options.ignore_case, bool_field(step, "ignore_case", false));
  PARETO_TRY(options.ignore_punctuation, bool_field(step, "ignore_punctuation", false));
  PARETO_TRY(options.ignore, regexes_field(step, "regexes_to_ignore"));
  return multi_choice_regex(std::move(options));
}

Result<Filter> first_k_step(const Yaml& step) {
  PARETO_TRY(const auto k, whole_field(step, "k", 1));
  if (!k) return fail(Code::kInvalid, "{}: filter 'take_first_k' needs 'k: number'", step.where());
  return take_first_k(static_cast<std::size_t>(*k));
}

struct FilterKind {
  std::vector<std::string> fields;  // besides "function"
  Result<Filter> (*make)(const Yaml& step);
};

const std::map<std::string, FilterKind>& filter_kinds() {
  static const std::map<std::string, FilterKind> kKinds = {
      {"regex", {{"regex_pattern", "group_select", "fallback"}, regex_step}},
      {"multi_choice_regex",
       {{"regex_pattern", "group_select", "fallback", "ignore_case", "ignore_punctuation", "regexes_to_ignore"},
        multi_choice_step}},
      {"take_first", {{}, [](const Yaml&) -> Result<Filter> { return take_first(); }}},
      {"take_first_k", {{"k"}, first_k_step}},
      {"majority_vote", {{}, [](const Yaml&) -> Result<Filter> { return majority_vote(); }}},
      {"remove_whitespace", {{}, [](const Yaml&) -> Result<Filter> { return remove_whitespace(); }}},
      {"lowercase", {{}, [](const Yaml&) -> Result<Filter> { return lowercase(); }}},
      {"uppercase", {{}, [](const Yaml&) -> Result<Filter> { return uppercase(); }}},
  };
  return kKinds;
}

Result<Filter> filter_step(const Yaml& step) {
  PARETO_TRY(const std::string name, text_field(step, "function"));
  const auto kind = filter_kinds().find(name);
  if (kind == filter_kinds().end()) {
    std::vector<std::string> names;
    for (const auto& [known, unused] : filter_kinds()) names.push_back(known);
    const std::string near = nearest_name(name, names);
    return fail(Code::kUnsupported, "{}: no filter '{}'; there is: {}{}", step.where(), name, fmt::join(names, " "),
                near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
  std::vector<std::string> fields = kind->second.fields;
  fields.push_back("function");
  PARETO_CHECK_OK(check_yaml_keys(step, fmt::format("field of filter '{}'", name), fields));
  return kind->second.make(step);
}

// Upstream's registry, by kind of task, in its default order.
std::vector<MetricInfo> default_metrics(Output output) {
  const auto lower = [](const char* name, Aggregation aggregation) {
    return MetricInfo{.name = name, .higher_is_better = false, .binary = false, .aggregation = aggregation};
  };
  switch (output) {
    case Output::kChoice:
      return {{"acc"}, {"acc_norm"}};
    case Output::kGenerate:
      return {{"exact_match"}};
    case Output::kLoglikelihood:
      return {lower("perplexity", Aggregation::kPerplexity), {"acc"}};
    case Output::kRolling:
      return {lower("word_perplexity", Aggregation::kWeightedPerplexity),
              lower("byte_perplexity", Aggregation::kWeightedPerplexity),
              lower("bits_per_byte", Aggregation::kBitsPerByte)};
  }
  return {};
}

Result<MetricInfo> metric_of(const Yaml& entry, Output output) {
  PARETO_TRY(const std::string name, text_field(entry, "metric"));
  std::vector<MetricInfo> known = default_metrics(output);
  if (output == Output::kChoice) known.push_back({"acc_bytes"});
  auto metric = std::find_if(known.begin(), known.end(), [&](const MetricInfo& m) { return m.name == name; });
  if (metric == known.end()) {
    std::string names;
    for (const MetricInfo& m : known) names += " " + m.name;
    return fail(Code::kUnsupported, "{}: no metric '{}' of this output_type; there is:{}", entry.where(), name, names);
  }
  PARETO_TRY(metric->higher_is_better, bool_field(entry, "higher_is_better", metric->higher_is_better));
  PARETO_TRY(const std::string way, text_field(entry, "aggregation", aggregation_name(metric->aggregation)));
  const auto aggregation = find_aggregation(way);
  if (!aggregation)
    return fail(Code::kUnsupported,
                "{}: no aggregation '{}'; there is: mean perplexity weighted_perplexity bits_per_byte",
                entry.get("aggregation")->where(), way);
  metric->aggregation = *aggregation;
  return *metric;
}

Result<ExactMatch> exact_match_of(const Yaml& entry) {
  ExactMatch options;
  PARETO_TRY(options.ignore_case, bool_field(entry, "ignore_case", false));
  PARETO_TRY(options.ignore_punctuation, bool_field(entry, "ignore_punctuation", false));
  PARETO_TRY(options.ignore_numbers, bool_field(entry, "ignore_numbers", false));
  PARETO_TRY(options.regexes_to_ignore, regexes_field(entry, "regexes_to_ignore"));
  return options;
}

void mark_by(ExactMatch options, TaskSpec* spec) {
  spec->mark = [options = std::move(options)](const std::string& filtered, const Document& document) {
    const std::vector<std::string> target = {document.target};
    const auto& references = document.references.empty() ? target : document.references;
    const bool right = std::any_of(references.begin(), references.end(), [&](const std::string& reference) {
      return exact_match(filtered, reference, options);
    });
    return std::map<std::string, double>{{"exact_match", right ? 1.0 : 0.0}};
  };
}

}  // namespace

Status set_filters(const Yaml& fields, Asker* asker, TaskSpec* spec) {
  PARETO_TRY(const std::vector<Yaml> chains, list_field(fields, "filter_list", "a list of {name, filter}"));
  if (chains.empty()) return {};
  spec->filters.clear();
  for (const Yaml& chain : chains) {
    PARETO_CHECK_OK(check_yaml_keys(chain, "field of filter_list", {"name", "filter"}));
    FilterChain out;
    out.steps.clear();
    PARETO_TRY(out.name, text_field(chain, "name"));
    if (out.name.empty()) return fail(Code::kInvalid, "{}: an entry of filter_list needs 'name: word'", chain.where());
    PARETO_TRY(const std::vector<Yaml> steps, list_field(chain, "filter", "a list of {function, …}"));
    for (const Yaml& step : steps) {
      PARETO_TRY(Filter filter, filter_step(step));
      out.steps.push_back(std::move(filter));
      asker->choices_from_row |= !asker->choice && field(step, "function")->text == "multi_choice_regex";
    }
    spec->filters.push_back(std::move(out));
  }
  return {};
}

Status set_metrics(const Yaml& fields, Output output, TaskSpec* spec) {
  spec->info.metrics = default_metrics(output);
  if (output == Output::kGenerate) mark_by({}, spec);
  PARETO_TRY(const std::vector<Yaml> entries, list_field(fields, "metric_list", "a list of {metric, …}"));
  if (entries.empty()) return {};
  spec->info.metrics.clear();
  for (const Yaml& entry : entries) {
    std::vector<std::string> known = {"metric", "aggregation", "higher_is_better", "hf_evaluate"};
    if (output == Output::kGenerate)
      known.insert(known.end(), {"ignore_case", "ignore_punctuation", "ignore_numbers", "regexes_to_ignore"});
    PARETO_CHECK_OK(check_yaml_keys(entry, "field of metric_list", known));
    PARETO_TRY(MetricInfo metric, metric_of(entry, output));
    spec->info.metrics.push_back(std::move(metric));
    if (output == Output::kGenerate) {
      PARETO_TRY(ExactMatch options, exact_match_of(entry));
      mark_by(std::move(options), spec);
    }
  }
  return {};
}

}  // namespace pareto::declared
