// multi_choice_regex against what lm_eval 0.4.13 gives (ci/peers/multi_choice_goldens.py).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tasks/filters.h"

namespace pareto {
namespace {

using nlohmann::json;

MultiChoiceRegex options_of(const json& row) {
  MultiChoiceRegex options{.regex = *PythonRegex::compile(row["regex_pattern"].get<std::string>())};
  options.group_select = row.value("group_select", 0);
  options.ignore_case = row.value("ignore_case", false);
  options.ignore_punctuation = row.value("ignore_punctuation", false);
  for (const json& regex : row.value("regexes_to_ignore", json::array()))
    options.ignore.push_back(*PythonRegex::compile(regex.get<std::string>()));
  return options;
}

TEST(MultiChoiceRegex, EqualsUpstream) {
  std::ifstream file(PARETO_GOLDEN "/tasks/multi_choice_regex.jsonl");
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    const json row = json::parse(line);
    const Filter filter = multi_choice_regex(options_of(row["options"]));
    const auto choices = row["choices"].get<std::vector<std::string>>();
    for (std::size_t i = 0; i < row["responses"].size(); ++i) {
      if (row["filtered"][i].is_null()) continue;  // upstream raises
      const std::string response = row["responses"][i].get<std::string>();
      EXPECT_EQ(filter({response}, choices), std::vector{row["filtered"][i].get<std::string>()})
          << response << "\n"
          << row["options"] << "\n"
          << row["choices"];
      ++compared;
    }
  }
  EXPECT_GT(compared, 1500);
}

TEST(MultiChoiceRegex, WhereUpstreamRaisesTheNextStepIsTried) {
  MultiChoiceRegex second{.regex = *PythonRegex::compile(R"(\(([A-Z])\))"), .group_select = 1};
  const std::vector<std::string> choices = {"yes", "no"};
  EXPECT_EQ(multi_choice_regex(second)({"(A)", "(A) no no", "(A) (B)"}, choices),
            (std::vector<std::string>{"[invalid]", "(B)", "B"}));
}

TEST(MultiChoiceRegex, ChainsSeeTheDocumentsChoices) {
  const FilterChain chain{"x", {multi_choice_regex({.regex = *PythonRegex::compile("#(.)")}), take_first()}};
  const std::vector<std::string> choices = {"red", "blue"};
  EXPECT_EQ(chain.apply({"so blue", "red"}, choices), "(B)");
}

}  // namespace
}  // namespace pareto
