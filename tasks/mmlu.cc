// MMLU: 57 subjects, four choices, the letter is scored; groups weighted by size at both levels.
//
//   The following are multiple choice questions (with answers) about high school biology.
//   ⏎
//   [shots: the first n of the subject's dev split, so every question of a subject shares its prefix]
//   Which of the following …?
//   A. mitosis ⏎ B. meiosis ⏎ C. fission ⏎ D. budding
//   Answer: A      one request per letter: " A" … " D"
//
// cais/mmlu: {"question", "subject", "choices": [4 texts], "answer": 0–3}. Definition: lm_eval 0.4.13,
// tasks/mmlu/default (group version 2, subjects 1.0; no default number of shots).
#include <array>

#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

struct Category {
  const char* name;
  const char* alias;
  std::vector<const char*> subjects;
};

const std::array<Category, 4>& categories() {
  static const std::array<Category, 4> kCategories = {{
      {"stem",
       "stem",
       {"abstract_algebra", "anatomy", "astronomy", "college_biology", "college_chemistry", "college_computer_science",
        "college_mathematics", "college_physics", "computer_security", "conceptual_physics", "electrical_engineering",
        "elementary_mathematics", "high_school_biology", "high_school_chemistry", "high_school_computer_science",
        "high_school_mathematics", "high_school_physics", "high_school_statistics", "machine_learning"}},
      {"other",
       "other",
       {"business_ethics", "clinical_knowledge", "college_medicine", "global_facts", "human_aging", "management",
        "marketing", "medical_genetics", "miscellaneous", "nutrition", "professional_accounting",
        "professional_medicine", "virology"}},
      {"social_sciences",
       "social sciences",
       {"econometrics", "high_school_geography", "high_school_government_and_politics", "high_school_macroeconomics",
        "high_school_microeconomics", "high_school_psychology", "human_sexuality", "professional_psychology",
        "public_relations", "security_studies", "sociology", "us_foreign_policy"}},
      {"humanities",
       "humanities",
       {"formal_logic", "high_school_european_history", "high_school_us_history", "high_school_world_history",
        "international_law", "jurisprudence", "logical_fallacies", "moral_disputes", "moral_scenarios", "philosophy",
        "prehistory", "professional_law", "world_religions"}},
  }};
  return kCategories;
}

constexpr std::size_t kChoices = 4;

Result<Question> ask(const Row& row) {
  PARETO_TRY(const std::string_view question, row.text("question"));
  PARETO_TRY(const std::vector<std::string> choices, row.strings("choices"));
  PARETO_TRY(const std::int64_t answer, row.integer("answer"));
  if (choices.size() != kChoices) {
    return fail(Code::kInvalid, "{}: column 'choices' has {} texts, not 4", row.where(), choices.size());
  }
  if (answer < 0 || answer >= static_cast<std::int64_t>(kChoices)) {
    return fail(Code::kInvalid, "{}: column 'answer' is {}, not 0 to 3", row.where(), answer);
  }
  Question out;
  out.text = fmt::format("{}\nA. {}\nB. {}\nC. {}\nD. {}\nAnswer:", python::strip(question), choices[0], choices[1],
                         choices[2], choices[3]);
  out.choices = {"A", "B", "C", "D"};
  out.gold = static_cast<int>(answer);
  out.target = std::to_string(answer);
  return out;
}

TaskEntry entry(const std::string& subject, const std::string& category) {
  const std::string words = python::replace(subject, "_", " ");
  TaskSpec spec;
  spec.info.name = "mmlu_" + subject;
  spec.info.alias = subject;
  spec.info.version = "1.0";
  spec.info.summary = fmt::format("MMLU, {}: four choices by their letter", words);
  spec.info.tags = {"mmlu_" + category + "_tasks"};
  spec.info.dataset = "cais/mmlu " + subject;
  spec.info.metrics = {{"acc"}};
  spec.documents = {"cais/mmlu", subject, "test", ""};
  spec.fewshot_split = {"cais/mmlu", subject, "dev", ""};
  spec.sampler = Sampler::kFirstN;
  spec.prompt.description =
      fmt::format("The following are multiple choice questions (with answers) about {}.\n\n", words);
  spec.ask = ask;
  return {spec.info.name, spec.info.summary, spec.info.tags, [spec] { return make_choice_task(spec); }};
}

struct RegisterMmlu {
  RegisterMmlu() {
    GroupInfo all{.name = "mmlu", .alias = "mmlu", .version = "2", .members = {}};
    for (const Category& category : categories()) {
      GroupInfo group{
          .name = fmt::format("mmlu_{}", category.name), .alias = category.alias, .version = "2", .members = {}};
      for (const char* subject : category.subjects) {
        TaskEntry task = entry(subject, category.name);
        group.members.push_back(task.name);
        RegisterTask{std::move(task)};
      }
      all.members.push_back(group.name);
      RegisterGroup{std::move(group)};
    }
    RegisterGroup{std::move(all)};
  }
};
const RegisterMmlu kMmlu;

}  // namespace
}  // namespace pareto
