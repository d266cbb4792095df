#include "harness/options.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/bench.h"
#include "harness/progress.h"
#include "harness/select_tasks.h"
#include "harness/table.h"

namespace pareto {
namespace {

Result<RunPlan> plan(OptionMap values) {
  values.emplace("task", "arc_easy");
  Arguments arguments;
  arguments.values = std::move(values);
  return plan_run(arguments);
}

void expect_refused(const OptionMap& values, const std::string& part) {
  const auto result = plan(values);
  ASSERT_FALSE(result) << part;
  EXPECT_EQ(result.error().code, Code::kUsage) << result.error().message;
  EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
}

TEST(PlanRun, RefusesWhatTheCommandLineAloneSays) {
  expect_refused({{"backend", "dens"}}, "did you mean 'dense'?");
  expect_refused({{"backend", "null"}, {"task", "arc_esy"}}, "did you mean 'arc_easy'?");
  expect_refused({{"backend", "null"}, {"task", "nothing_*"}}, "no task matches");
  expect_refused({{"backend", "null"}, {"task", "requests:"}}, "requests:FILE.jsonl");
  expect_refused({{"backend", "dense"}}, "needs --model");
  expect_refused({{"backend", "null"}, {"limit", "0"}}, "--limit 0");
  expect_refused({{"backend", "null"}, {"limit", "2.5"}}, "--limit 2.5");
  expect_refused({{"backend", "null"}, {"limit", "ten"}}, "--limit ten");
  expect_refused({{"backend", "null"}, {"batch", "-1"}}, "batch=-1 is out of range");
  expect_refused({{"backend", "null"}, {"threads", "two"}}, "threads=two");
  expect_refused({{"backend", "null"}, {"page", "24"}}, "--page 24");
  expect_refused({{"backend", "null"}, {"dtype", "f64"}}, "dtype=f64");
  expect_refused({{"backend", "null"}, {"seed", "1,2"}}, "--seed 1,2");
  expect_refused({{"backend", "null"}, {"seed", "x"}}, "--seed x");
  expect_refused({{"backend", "null"}, {"samples", "[1]"}}, "--samples [1]");
  expect_refused({{"backend", "null"}, {"samples", "{\"arc_easy\": [0]}"}, {"limit", "3"}}, "exclude each other");
  expect_refused({{"backend", "null"}, {"gen_kwargs", "x"}}, "'x' is not key=value");
  expect_refused({{"backend", "null:speed=1"}}, "speed");
  expect_refused({{"backend", "null"}, {"fewshot_as_multiturn", "true"}}, "needs --apply_chat_template");
  expect_refused({{"backend", "null"}, {"fewshot_as_multiturn", "maybe"}}, "write true or false");
  expect_refused({{"model", "hf"}}, "pretrained=");
  expect_refused({{"model", "hf"}, {"model_args", "pretrained=x,dtyp=f32"}}, "did you mean 'dtype'?");
}

TEST(PlanRun, LmEvalsSpellingsBecomeOurs) {
  const auto result = plan({{"model", "hf"},
                            {"model_args", "pretrained=org/name,dtype=float32,max_length=512,trust_remote_code=True"},
                            {"batch", "auto:4"},
                            {"device", "cuda:0"},
                            {"seed", "7"}});
  ASSERT_TRUE(result) << result.error().message;
  const CellOptions& cell = result->cells.at(0);
  EXPECT_EQ(cell.model, "org/name");
  EXPECT_EQ(cell.backend().dtype, "f32");
  EXPECT_EQ(cell.backend().max_length, 512);
  EXPECT_EQ(cell.backend().batch, 0);
  EXPECT_EQ(cell.backend().device, "cuda");
  EXPECT_EQ(cell.task("arc_easy").fewshot_seed, 7u);
}

TEST(PlanRun, DefaultsAreLmEvals) {
  const auto result = plan({{"backend", "null"}});
  ASSERT_TRUE(result);
  const TaskOptions task = result->cells.at(0).task("arc_easy");
  EXPECT_EQ(task.fewshot_seed, 1234u);
  EXPECT_FALSE(task.num_fewshot);
  EXPECT_FALSE(task.limit);
  EXPECT_TRUE(result->cells[0].backend().deterministic);
}

TEST(PlanRun, CellsAreTheProductOfWhatIsGivenTwice) {
  const auto result = plan({{"model", "a,b"}, {"backend", "dense,null"}, {"max_length", "128,256"}});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->cells.size(), 8u);
  EXPECT_EQ(result->cells[0].model, "a");
  EXPECT_EQ(result->cells[0].id, "dense-arc_easy-max_length=128");
  EXPECT_EQ(result->cells[1].id, "null-arc_easy-max_length=128");
  EXPECT_EQ(result->cells[2].id, "dense-arc_easy-max_length=256");
  EXPECT_EQ(result->cells[4].model, "b");
}

TEST(PlanRun, CellIdsAreShortReadableAndDistinct) {
  const auto id = [](const OptionMap& values) { return plan(values)->cells.at(0).id; };
  EXPECT_EQ(id({{"backend", "null"}}), "null-arc_easy");
  EXPECT_EQ(id({{"backend", "null"}, {"limit", "20"}, {"dtype", "f32"}}), "null-arc_easy-dtype=f32-limit=20");
  EXPECT_EQ(id({{"backend", "null"}, {"deterministic", "false"}}), "null-arc_easy-no_deterministic");
  EXPECT_EQ(id({{"backend", "null"}, {"tokenizer", "/a/llama2-small/tokenizer.model"}}),
            "null-arc_easy-tokenizer=llama2-small");
  EXPECT_EQ(id({{"backend", "null"}, {"tokenizer", "/a/llama2-small/"}}), "null-arc_easy-tokenizer=llama2-small");
  EXPECT_EQ(id({{"backend", "null"}, {"tokenizer", "/a/words.gguf"}}), "null-arc_easy-tokenizer=words.gguf");
  EXPECT_EQ(id({{"backend", "null"}, {"tokenizer", "tokenizer.json"}}), "null-arc_easy-tokenizer=tokenizer.json");
  EXPECT_EQ(id({{"backend", "null"}, {"gen_kwargs", "temperature=-0.5"}}), "null-arc_easy-gen_kwargs=temperature=-0.5");
  EXPECT_EQ(id({{"backend", "null"}, {"task", "requests:/tmp/ids.jsonl"}}), "null-requests.ids");
  const std::string a = id({{"backend", "null"}, {"system_instruction", "Be / brief."}});
  EXPECT_EQ(a.find('/'), std::string::npos);
  EXPECT_NE(a, id({{"backend", "null"}, {"system_instruction", "Be ? brief."}}));
  EXPECT_LE(
      id({{"backend", "null"}, {"gen_kwargs", fmt::format("until={}", std::string(300, 'x'))}, {"limit", "7"}}).size(),
      96u);
}

TEST(PlanRun, OnlyWhatChangesAnswersEntersTheKeys) {
  const auto answers = [](const OptionMap& values) { return plan(values)->cells.at(0).answers; };
  const std::string base = answers({{"backend", "null"}});
  EXPECT_EQ(base, answers({{"backend", "null"}, {"batch", "8"}, {"threads", "1"}, {"limit", "3"}}));
  EXPECT_NE(base, answers({{"backend", "null"}, {"dtype", "f32"}}));
  EXPECT_NE(base, answers({{"backend", "null"}, {"max_length", "64"}}));
  const OptionMap loose = {{"backend", "null"}, {"deterministic", "false"}};
  OptionMap other = loose;
  other["batch"] = "8";
  EXPECT_NE(answers(loose), answers(other));  // without determinism the batch changes bits
}

TEST(PlanRun, SamplesChooseDocumentsPerTask) {
  const auto result = plan({{"backend", "null"}, {"samples", "{\"arc_easy\": [0, 7]}"}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->cells.at(0).task("arc_easy").samples, (std::vector<int>{0, 7}));
  EXPECT_TRUE(result->cells.at(0).task("gsm8k").samples.empty());
}

TEST(SelectTasks, GroupsTagsAndWildcardsExpand) {
  const auto mmlu = select_tasks("mmlu");
  ASSERT_TRUE(mmlu);
  EXPECT_EQ(mmlu->tasks.size(), 57u);
  EXPECT_EQ(mmlu->groups.size(), 5u);
  EXPECT_EQ(mmlu->depths.at(0), 0);
  EXPECT_EQ(mmlu->depths.at(1), 1);
  const auto tag = select_tasks("ai2_arc");
  ASSERT_TRUE(tag);
  EXPECT_EQ(tag->tasks, (std::vector<std::string>{"arc_challenge", "arc_easy"}));
  const auto wild = select_tasks("mmlu_*,arc_easy");
  ASSERT_TRUE(wild);
  EXPECT_EQ(wild->tasks.size(), 3 * 57u + 1);  // mmlu, mmlu_continuation, mmlu_generative
  const auto twice = select_tasks("arc_easy,arc_*");
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->tasks, (std::vector<std::string>{"arc_easy", "arc_challenge"}));
}

TEST(SelectTasks, Wildcards) {
  EXPECT_TRUE(matches_wildcard("mmlu_*", "mmlu_stem"));
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_TRUE(matches_wildcard("a?c*e", "abcdde"));
  EXPECT_FALSE(matches_wildcard("mmlu_*", "mmlu"));
  EXPECT_FALSE(matches_wildcard("a", "ab"));
}

TEST(KeyValues, CommasMayStandInValues) {
  EXPECT_EQ(*parse_key_values("a=1,b=x,y", "f"), (OptionMap{{"a", "1"}, {"b", "x,y"}}));
  EXPECT_EQ(*parse_key_values("{\"a\": 1, \"b\": [\"x\"]}", "f"), (OptionMap{{"a", "1"}, {"b", "[\"x\"]"}}));
  EXPECT_FALSE(parse_key_values("=1", "f"));
}

TEST(Numbers, ListsAndRanges) {
  EXPECT_EQ(*parse_numbers("-p", "512", 0, 9999), (std::vector<int>{512}));
  EXPECT_EQ(*parse_numbers("-p", "0,4096", 0, 9999), (std::vector<int>{0, 4096}));
  EXPECT_EQ(*parse_numbers("-p", "1-8*2", 0, 9999), (std::vector<int>{1, 2, 4, 8}));
  EXPECT_EQ(*parse_numbers("-p", "512-2048+512", 0, 9999), (std::vector<int>{512, 1024, 1536, 2048}));
  EXPECT_EQ(*parse_numbers("-p", "1-3", 0, 9999), (std::vector<int>{1, 2, 3}));
  for (const char* bad : {"", "x", "1-", "3-1", "1-8*1", "1-8+0", "0-8*2", "1,", "1-8*2x", "99999"})
    EXPECT_FALSE(parse_numbers("-p", bad, 0, 9999)) << bad;
}

TEST(BenchTests, NamesAreLlamaBenchs) {
  EXPECT_EQ((BenchTest{512, 0, 0, 1}).name(), "pp512");
  EXPECT_EQ((BenchTest{0, 128, 4096, 1}).name(), "tg128 @ d4096");
  EXPECT_EQ((BenchTest{512, 128, 0, 1}).name(), "pp512+tg128");
}

TEST(TableText, ColumnsAreAlignedInCodePoints) {
  Table table({{"a"}, {"value ±", Table::Align::kRight}});
  table.add({"long name", "1"});
  EXPECT_EQ(table.text(), "| a         | value ± |\n| --------- | ------: |\n| long name |       1 |\n");
  EXPECT_EQ(si(1.5e9, "B"), "1.5 GB");
  EXPECT_EQ(si(999.6, "B"), "1 kB");
  EXPECT_EQ(si(0, "B"), "0 B");
}

TEST(ProgressText, ShowsRateAndTimeLeft) {
  EXPECT_EQ(progress_line(50, 100, 10, 80), "[####################....................] 50/100  10/s  5 s left");
  EXPECT_EQ(progress_line(100, 100, 10, 80), "[########################################] 100/100  10/s");
  EXPECT_EQ(progress_line(50, 100, 10, 60), "[#################.................] 50/100  10/s  5 s left");
  EXPECT_EQ(progress_line(1, 100, 0, 0), "1/100");
  EXPECT_EQ(duration_text(59.2), "60 s");
  EXPECT_EQ(duration_text(150), "3 min");
  EXPECT_EQ(duration_text(7500), "2 h 5 min");
}

}  // namespace
}  // namespace pareto
