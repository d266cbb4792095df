// MMLU: subjects and groups, prompts, and the speed of loading all of it.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>

#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

const GroupInfo* group(const std::string& name) {
  for (const GroupInfo& info : task_groups()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

TEST(Mmlu, GroupsHoldEverySubjectOnce) {
  const GroupInfo* all = group("mmlu");
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(all->members,
            (std::vector<std::string>{"mmlu_stem", "mmlu_other", "mmlu_social_sciences", "mmlu_humanities"}));
  std::set<std::string> subjects;
  for (const std::string& name : all->members) {
    const GroupInfo* category = group(name);
    ASSERT_NE(category, nullptr) << name;
    ASSERT_EQ(category->metrics.size(), 1u);
    EXPECT_TRUE(category->metrics[0].weight_by_size);
    EXPECT_EQ(category->metrics[0].metric, "acc");
    EXPECT_EQ(category->version, "2");
    for (const std::string& member : category->members) {
      EXPECT_NE(find_task(member), nullptr) << member;
      EXPECT_TRUE(subjects.insert(member).second) << member;
    }
  }
  EXPECT_EQ(subjects.size(), 57u);
  EXPECT_EQ(group("mmlu_social_sciences")->alias, "social sciences");
  EXPECT_EQ(find_task("mmlu_astronomy")->make()->info().alias, "astronomy");
}

TEST(Mmlu, SizesOfTheCategories) {
  PARETO_NEEDS_HUB();
  const std::map<std::string, int> want = {
      {"mmlu_stem", 3153}, {"mmlu_humanities", 4705}, {"mmlu_social_sciences", 3077}, {"mmlu_other", 3107}};
  for (const auto& [name, size] : want) {
    int documents = 0;
    for (const std::string& member : group(name)->members) {
      const auto task = test::load_task(member);
      ASSERT_NE(task, nullptr);
      documents += static_cast<int>(task->documents().size());
    }
    EXPECT_EQ(documents, size) << name;
  }
}

TEST(Mmlu, Prompt) {
  const test::DataDir dir;
  const std::string dev = R"({"question": " 1+1? ", "subject": "s", "choices": ["1", "2", "3", "4"], "answer": 1})";
  dir.write("cais__mmlu/abstract_algebra/dev.jsonl", dev + "\n" + dev + "\n");
  dir.write("cais__mmlu/abstract_algebra/test.jsonl",
            R"({"question": "2+2?\n", "subject": "s", "choices": ["5", "6", "7", "4"], "answer": 3})");
  TaskOptions options;
  options.data_dir = dir.path();
  options.num_fewshot = 1;
  const auto task = test::load_task("mmlu_abstract_algebra", options);
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(*requests[0].context,
            "The following are multiple choice questions (with answers) about abstract algebra.\n\n"
            "1+1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: B\n\n"
            "2+2?\nA. 5\nB. 6\nC. 7\nD. 4\nAnswer:");
  EXPECT_EQ(requests[3].continuation, " D");
  EXPECT_EQ(task->documents()[0].target, "3");
  options.num_fewshot = 3;
  EXPECT_NE(test::load_error("mmlu_abstract_algebra", options).find("3 few-shot examples are wanted, 2 are available"),
            std::string::npos);
}

TEST(Mmlu, QuestionsOfASubjectShareTheirPrefix) {
  PARETO_NEEDS_HUB();
  TaskOptions options;
  options.num_fewshot = 5;
  const auto task = test::load_task("mmlu_astronomy", options);
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  const std::string& first = *requests[0].context;
  // Six questions end in "Answer:", the last of them the document's own.
  std::size_t end = 0;
  for (int shot = 0; shot < 5; ++shot) end = first.find("\nAnswer: ", end) + 1;
  const std::string_view prefix = std::string_view(first).substr(0, first.find("\n\n", end) + 2);
  EXPECT_GT(prefix.size(), 1000u);
  for (const Request& request : requests) EXPECT_TRUE(request.context->starts_with(prefix));
}

TEST(Mmlu, BadRows) {
  const test::DataDir dir;
  TaskOptions options;
  options.data_dir = dir.path();
  const std::string file = dir.write("cais__mmlu/anatomy/test.jsonl",
                                     R"({"question": "?", "subject": "s", "choices": ["1", "2", "3"], "answer": 1})");
  EXPECT_EQ(test::load_error("mmlu_anatomy", options), file + ":1: column 'choices' has 3 texts, not 4");
  dir.write("cais__mmlu/anatomy/test.jsonl",
            R"({"question": "?", "subject": "s", "choices": ["1", "2", "3", "4"], "answer": 4})");
  EXPECT_EQ(test::load_error("mmlu_anatomy", options), file + ":1: column 'answer' is 4, not 0 to 3");
}

// Prints how fast; the bound is loose, see gsm8k_test.cc.
TEST(Mmlu, AllSubjectsLoadFast) {
  PARETO_NEEDS_HUB();
  const auto load_all = [](std::optional<double> limit) {
    std::size_t documents = 0;
    for (const TaskEntry& entry : tasks()) {
      const bool scores_letters =
          !entry.tags.empty() && entry.tags[0].starts_with("mmlu_") && entry.tags[0].ends_with("_tasks");
      if (!scores_letters) continue;
      TaskOptions options;
      options.num_fewshot = 5;
      options.limit = limit;
      documents += test::load_task(entry.name, options)->documents().size();
    }
    return documents;
  };
  std::size_t documents = 0, few = 0;
  const double all = test::least_cpu_seconds([&] { documents = load_all({}); });
  const double building = all - test::least_cpu_seconds([&] { few = load_all(1); });
  EXPECT_EQ(documents, 14042u);
  std::printf("mmlu 5-shot: %.0f documents/s built and hashed; all 57 subjects in %.0f ms with reading\n",
              static_cast<double>(documents - few) / building, 1e3 * all);
  EXPECT_LT(all, 10);
}

}  // namespace
}  // namespace pareto
