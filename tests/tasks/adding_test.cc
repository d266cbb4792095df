// The task that docs/adding.md shows, as it stands there: it compiles, registers itself, and asks what the page says.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/tasks/example_task.cc"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

std::string whole_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Adding, ThePageShowsTheFileThatIsTested) {
  const std::string tests = std::string(PARETO_GOLDEN) + "/../";
  const std::string code = whole_file(tests + "tasks/example_task.cc"), page = whole_file(tests + "../docs/adding.md");
  ASSERT_FALSE(code.empty());
  EXPECT_NE(page.find("```cpp\n" + code + "```"), std::string::npos);
}

TEST(Adding, TheTaskOfThePageWorks) {
  const test::DataDir data;
  data.write("own__colours/main/test.jsonl", R"({"thing": "grass", "colours": ["red", "green"], "right": 1})");
  const TaskEntry* entry = find_task("colours");
  ASSERT_NE(entry, nullptr);
  const std::unique_ptr<Task> task = entry->make();
  TaskOptions options;
  options.data_dir = data.path();
  ASSERT_TRUE(task->load(options));
  const std::vector<Request> requests = task->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(*requests[1].context, "Thing: grass\nColour:");
  EXPECT_EQ(requests[1].continuation, " green");
  Response unlikely, likely;
  unlikely.loglikelihood = -2;
  likely.loglikelihood = -1;
  const std::vector<const Response*> responses = {&unlikely, &likely};
  EXPECT_EQ(task->score(0, responses).at(0).metrics.at("acc"), 1);

  data.write("own__colours/main/test.jsonl", R"({"thing": "grass", "colours": ["red"], "right": 3})");
  const Status wrong = entry->make()->load(options);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("test.jsonl:1: 'right' is 3; there are 1 colours"), std::string::npos);
}

}  // namespace
}  // namespace pareto
