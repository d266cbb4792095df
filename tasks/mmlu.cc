// MMLU: 57 subjects, four choices, three ways of asking; groups weighted by size at both levels.
//
//   mmlu               the letter is scored                                 mmlu_<subject>
//   mmlu_continuation  the choice's text is scored, the choices not shown    mmlu_<subject>_continuation
//   mmlu_generative    the letter is generated, up to the end of the line    mmlu_<subject>_generative
//
//   The following are multiple choice questions (with answers) about high school biology.
//   ⏎
//   [shots: the first n of the subject's dev split, so every question of a subject shares its prefix]
//   Which of the following …?
//   A. mitosis ⏎ B. meiosis ⏎ C. fission ⏎ D. budding
//   Answer: A      one request per letter: " A" … " D"
//
// cais/mmlu: {"question", "subject", "choices": [4 texts], "answer": 0–3}. Definition: lm_eval 0.4.13,
// tasks/mmlu/{default, continuation, generative} (groups 2, 2, 3; subjects 1.0, 1.0, 3.0; no default number of shots).
#include <array>

#include "tasks/common.h"
#include "tasks/metrics.h"
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

struct MmluRow {
  std::string_view question;
  std::vector<std::string> choices;
  std::int64_t answer = 0;
};

Result<MmluRow> read_row(const Row& row) {
  MmluRow out;
  PARETO_TRY(out.question, row.text("question"));
  PARETO_TRY(out.choices, row.strings("choices"));
  PARETO_TRY(out.answer, row.integer("answer"));
  if (out.choices.size() != kChoices) {
    return fail(Code::kInvalid, "{}: column 'choices' has {} texts, not 4", row.where(), out.choices.size());
  }
  if (out.answer < 0 || out.answer >= static_cast<std::int64_t>(kChoices)) {
    return fail(Code::kInvalid, "{}: column 'answer' is {}, not 0 to 3", row.where(), out.answer);
  }
  out.question = python::strip(out.question);
  return out;
}

std::string lettered(const MmluRow& row) {
  return fmt::format("{}\nA. {}\nB. {}\nC. {}\nD. {}\nAnswer:", row.question, row.choices[0], row.choices[1],
                     row.choices[2], row.choices[3]);
}

Result<Question> ask_letter(const Row& row) {
  PARETO_TRY(const MmluRow read, read_row(row));
  Question out;
  out.text = lettered(read);
  out.choices = {"A", "B", "C", "D"};
  out.gold = static_cast<int>(read.answer);
  out.target = std::to_string(read.answer);
  return out;
}

Result<Question> ask_text(const Row& row) {
  PARETO_TRY(MmluRow read, read_row(row));
  Question out;
  out.text = fmt::format("Question: {}\nAnswer:", read.question);
  out.choices = std::move(read.choices);
  out.gold = static_cast<int>(read.answer);
  out.target = std::to_string(read.answer);
  return out;
}

Result<Question> ask_for_letter(const Row& row) {
  PARETO_TRY(const MmluRow read, read_row(row));
  Question out;
  out.text = lettered(read);
  out.target = std::string(1, "ABCD"[read.answer]);
  return out;
}

std::map<std::string, double> mark_letter(const std::string& filtered, const Document& document) {
  static const ExactMatch kOptions = {.ignore_case = true, .ignore_punctuation = true};
  return {{"exact_match", exact_match(filtered, document.target, kOptions) ? 1.0 : 0.0}};
}

// What the variants share: rows, shots, and a description that names the subject.
TaskSpec mmlu_spec(const std::string& subject, const char* suffix, const char* description) {
  const std::string words = python::replace(subject, "_", " ");
  TaskSpec spec;
  spec.info.name = "mmlu_" + subject + suffix;
  spec.info.version = "1.0";
  spec.info.dataset = "cais/mmlu " + subject;
  spec.info.metrics = {{"acc"}};
  spec.documents = {"cais/mmlu", subject, "test", ""};
  spec.fewshot_split = {"cais/mmlu", subject, "dev", ""};
  spec.sampler = Sampler::kFirstN;
  spec.prompt.description = fmt::format("{} about {}.\n\n", description, words);
  spec.info.summary = fmt::format("MMLU, {}: ", words);
  return spec;
}

constexpr const char* kChoicesShown = "The following are multiple choice questions (with answers)";

TaskSpec by_letter(const std::string& subject, const std::string& category) {
  TaskSpec spec = mmlu_spec(subject, "", kChoicesShown);
  spec.info.alias = subject;
  spec.info.summary += "four choices by their letter";
  spec.info.tags = {"mmlu_" + category + "_tasks"};
  spec.ask = ask_letter;
  return spec;
}

TaskSpec by_text(const std::string& subject, const std::string& category) {
  TaskSpec spec = mmlu_spec(subject, "_continuation", "The following are questions (with answers)");
  spec.info.summary += "four choices by their text";
  spec.info.tags = {"mmlu_" + category + "_continuation"};
  spec.info.metrics = {{"acc"}, {"acc_norm"}};
  spec.ask = ask_text;
  return spec;
}

TaskSpec generated(const std::string& subject, const std::string& category) {
  TaskSpec spec = mmlu_spec(subject, "_generative", kChoicesShown);
  spec.info.alias = subject;
  spec.info.version = "3.0";
  spec.info.summary += "the letter of one of four choices, generated";
  spec.info.tags = {"mmlu_" + category + "_generative"};
  spec.info.metrics = {{"exact_match"}};
  spec.generation_kwargs = R"({"until": ["</s>", "\n"]})";
  spec.filters = {{"get_response",
                   {regex_filter(PythonRegex::compile(R"(^(.*?)(?=\n|$))").value()), remove_whitespace(),
                    regex_filter(PythonRegex::compile(R"(^(.*?)\s*$)").value()), take_first()}}};
  spec.ask = ask_for_letter;
  spec.mark = mark_letter;
  return spec;
}

// One of the three: its tasks, and how lm-eval names and scores its groups.
struct Variant {
  TaskSpec (*spec)(const std::string& subject, const std::string& category);
  std::unique_ptr<Task> (*make)(TaskSpec);
  const char* group;
  const char* alias;
  const char* version;
  GroupMetric metric;
  bool inner_groups_are_inline = false;  // "mmlu_generative::social sciences": defined inside the outer one
};

GroupInfo inner_group(const Variant& variant, const Category& category) {
  if (variant.inner_groups_are_inline) {
    const std::string name = fmt::format("{}::{}", variant.group, category.alias);
    return {.name = name, .alias = name, .version = "N/A", .members = {}, .metrics = {variant.metric}};
  }
  return {.name = fmt::format("{}_{}", variant.group, category.name),
          .alias = category.alias,
          .version = variant.version,
          .members = {},
          .metrics = {variant.metric}};
}

struct RegisterMmlu {
  explicit RegisterMmlu(const Variant& variant) {
    GroupInfo all{.name = variant.group,
                  .alias = variant.alias,
                  .version = variant.version,
                  .members = {},
                  .metrics = {variant.metric}};
    for (const Category& category : categories()) {
      GroupInfo group = inner_group(variant, category);
      for (const char* subject : category.subjects) {
        TaskSpec spec = variant.spec(subject, category.name);
        group.members.push_back(spec.info.name);
        RegisterTask(task_entry(std::move(spec), variant.make));
      }
      all.members.push_back(group.name);
      RegisterGroup{std::move(group)};
    }
    RegisterGroup{std::move(all)};
  }
};
const RegisterMmlu kByLetter({by_letter, make_choice_task, "mmlu", "mmlu", "2", {"acc"}});
const RegisterMmlu kByText({by_text, make_choice_task, "mmlu_continuation", "mmlu (continuation)", "2", {"acc"}, true});
const RegisterMmlu kGenerated({generated,
                               make_generate_task,
                               "mmlu_generative",
                               "mmlu (generative)",
                               "3",
                               {.metric = "exact_match", .filters = {"get_response"}},
                               true});

}  // namespace
}  // namespace pareto
