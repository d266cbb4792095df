// Declared tasks: lm-eval's own definitions give the built-in tasks' hashes; what each field does; what is refused,
// where.
#include "tasks/declared.h"

#include <gtest/gtest.h>

#include "tasks/python_literal.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

std::string declared_folder() { return std::string(PARETO_GOLDEN) + "/declared"; }

std::unique_ptr<Task> declared_task(const std::string& folder, const std::string& name) {
  const auto declared = declare_tasks(folder);
  if (!declared) {
    ADD_FAILURE() << declared.error().message;
    return nullptr;
  }
  for (const TaskEntry& entry : declared->tasks)
    if (entry.name == name) return entry.make();
  ADD_FAILURE() << "no " << name;
  return nullptr;
}

// The folder may not stay built-in: nothing here registers it.
void expect_same(const std::string& name, TaskOptions options) {
  options.data_dir = options.data_dir.empty() ? test::hub() : options.data_dir;
  const auto built_in = test::load_task(name, options);
  const auto declared = declared_task(declared_folder(), name);
  ASSERT_TRUE(built_in && declared);
  const Status loaded = declared->load(options);
  ASSERT_TRUE(loaded) << loaded.error().message;
  ASSERT_EQ(declared->documents().size(), built_in->documents().size());
  EXPECT_EQ(task_hash(declared->documents(), 1), task_hash(built_in->documents(), 1));
  EXPECT_EQ(declared->info().version, built_in->info().version);
  EXPECT_EQ(declared->info().tags, built_in->info().tags);
  EXPECT_EQ(declared->info().num_fewshot, built_in->info().num_fewshot);
  EXPECT_EQ(declared->info().filters, built_in->info().filters);
  const auto ours = built_in->requests(), theirs = declared->requests();
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ASSERT_EQ(*ours[i].context, *theirs[i].context) << name << " " << i;
    ASSERT_EQ(ours[i].continuation, theirs[i].continuation) << name << " " << i;
    ASSERT_EQ(ours[i].until, theirs[i].until);
    ASSERT_EQ(ours[i].max_tokens, theirs[i].max_tokens);
  }
}

TEST(Declared, HashesOfTheBuiltInTasks) {
  PARETO_NEEDS_HUB();
  TaskOptions options;
  expect_same("gsm8k", options);
  expect_same("hellaswag", options);
  for (const std::optional<int> shots : {std::optional<int>(), std::optional<int>(5)}) {
    options.num_fewshot = shots;
    expect_same("arc_easy", options);
    expect_same("mmlu_astronomy", options);
    expect_same("mmlu_world_religions", options);
  }
}

// The same on the rows of our own, so that it is checked where the real data are not.
TEST(Declared, HashesOverTheGoldenRows) {
  TaskOptions options;
  options.data_dir = std::string(PARETO_GOLDEN) + "/data";
  options.num_fewshot = 3;
  for (const char* name : {"arc_easy", "gsm8k", "mmlu_astronomy"}) expect_same(name, options);
}

TEST(Declared, GroupsWithTagsWrittenOut) {
  const auto declared = declare_tasks(declared_folder());
  ASSERT_TRUE(declared) << declared.error().message;
  ASSERT_EQ(declared->groups.size(), 2u);
  const GroupInfo& inner = declared->groups[0];
  EXPECT_EQ(inner.name, "two_of_mmlu::by tag");
  EXPECT_EQ(inner.members.size(), 13u);  // the built-in ones that carry the tag, and the declared one in its place
  EXPECT_FALSE(inner.metrics.at(0).weight_by_size);
  EXPECT_EQ(inner.metrics.at(0).filters, std::vector<std::string>{"none"});
  const GroupInfo& outer = declared->groups[1];
  EXPECT_EQ(outer.alias, "two subjects");
  EXPECT_EQ(outer.version, "2");
  EXPECT_EQ(outer.members, (std::vector<std::string>{"mmlu_astronomy", "two_of_mmlu::by tag"}));
}

// A folder with one task over a file of its own.
class Written : public ::testing::Test {
 protected:
  std::unique_ptr<Task> task(const std::string& fields, const std::string& rows, TaskOptions options = {}) {
    dir_.write("rows.jsonl", rows);
    path_ = dir_.write(
        "mine.yaml",
        "task: mine\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n" +
            fields);
    auto task = declared_task(dir_.path(), "mine");
    if (task == nullptr) return nullptr;
    const Status loaded = task->load(options);
    error_ = loaded ? "" : loaded.error().message;
    return task;
  }
  test::DataDir dir_;
  std::string path_, error_;
};

TEST_F(Written, EveryOutputType) {
  auto choice =
      task("output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: ['no', 'yes']\ndoc_to_target: gold\n",
           R"({"q": "Sure?", "gold": "yes"})");
  ASSERT_EQ(error_, "");
  EXPECT_EQ(choice->documents()[0].gold, 1);
  EXPECT_EQ(choice->documents()[0].target, "yes");
  EXPECT_EQ(choice->requests()[1].continuation, " yes");
  auto several =
      task("output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: '{{c}}'\ndoc_to_target: '{{gold}}'\n",
           R"({"q": "Which?", "c": ["a", "it's", "c"], "gold": [2, 1]})");
  ASSERT_EQ(error_, "");
  EXPECT_EQ(several->documents()[0].golds, (std::vector<int>{2, 1}));
  EXPECT_EQ(several->documents()[0].target, "[2, 1]");
  auto inputs =
      task("output_type: multiple_choice\ndoc_to_text: '{{i}}'\ndoc_to_choice: '{{[a, b]}}'\ndoc_to_target: end\n",
           R"({"a": "He", "b": "She", "i": 1, "end": "came."})");
  ASSERT_EQ(error_, "");
  EXPECT_EQ(*inputs->requests()[1].context, "She");
  EXPECT_EQ(inputs->requests()[1].continuation, " came.");
  EXPECT_EQ(inputs->documents()[0].gold, 1);
  auto word =
      task("output_type: loglikelihood\ndoc_to_text: q\ndoc_to_target: '{{\" \" ~ a}}'\n", R"({"q": "1+1=", "a": 2})");
  ASSERT_EQ(error_, "");
  EXPECT_EQ(word->requests()[0].continuation, " 2");
  EXPECT_EQ(word->info().metrics[0].aggregation, Aggregation::kPerplexity);
  auto rolling = task("output_type: loglikelihood_rolling\ndoc_to_target: text\n", R"({"text": "a page"})");
  ASSERT_EQ(error_, "");
  EXPECT_EQ(rolling->requests()[0].kind, Request::Kind::kScoreRolling);
  auto generated = task("doc_to_text: q\ndoc_to_target: a\nrepeats: 2\n", R"({"q": "?", "a": "x"})");
  ASSERT_EQ(error_, "");
  EXPECT_EQ(generated->requests().size(), 2u);
  EXPECT_EQ(generated->requests()[0].until, std::vector<std::string>{"\n\n"});
  EXPECT_EQ(generated->info().generation_kwargs, R"({"do_sample": false, "until": ["\n\n"], "temperature": 0.0})");
}

TEST_F(Written, SeveralAnswersAreRight) {
  auto mine = task(
      "doc_to_text: q\ndoc_to_target: answers\nmetric_list: [{metric: exact_match, ignore_case: true, "
      "ignore_punctuation: true}]\n"
      "filter_list:\n- name: last\n  filter: [{function: regex, regex_pattern: '(\\w+)', group_select: -1}, {function: "
      "take_first}]\n",
      R"({"q": "?", "answers": ["two", "2"]})");
  ASSERT_EQ(error_, "");
  EXPECT_EQ(mine->documents()[0].target, "['two', '2']");
  EXPECT_EQ(test::score_text(*mine, 0, "It is TWO!")[0].metrics.at("exact_match"), 1);
  EXPECT_EQ(test::score_text(*mine, 0, "It is 2")[0].metrics.at("exact_match"), 1);
  EXPECT_EQ(test::score_text(*mine, 0, "two or 3")[0].metrics.at("exact_match"), 0);
}

TEST_F(Written, ShotsThatAreWrittenOut) {
  TaskOptions options;
  options.num_fewshot = 1;
  auto mine = task(
      "doc_to_text: 'Q: {{q}}'\ndoc_to_target: a\nfewshot_delimiter: \"\\n\"\ntarget_delimiter: ' = '\ndescription: "
      "\"Add.\\n\"\n"
      "fewshot_config:\n  sampler: first_n\n  samples: [{q: 1+1, a: '2'}]\n",
      R"({"q": "2+2", "a": "4"})", options);
  ASSERT_EQ(error_, "");
  EXPECT_EQ(*mine->requests()[0].context, "Add.\nQ: 1+1 = 2\nQ: 2+2");
}

// The message without the path of the file.
TEST_F(Written, WrongFieldsAreNamedWithTheirLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"doc_to_txt: q\n", ":5: no field 'doc_to_txt'; did you mean 'doc_to_text'?"},
      {"process_results: !function utils.f\n",
       ":5: 'process_results: !function utils.f': Python cannot be run here; write it as a template"},
      {"process_results: f\n", ":5: field 'process_results' is not supported"},
      {"doc_to_text: q\n", ":1: task 'mine' needs 'doc_to_target'"},
      {"output_type: multiple_chioce\n",
       ":5: no output_type 'multiple_chioce'; there is: multiple_choice generate_until loglikelihood "
       "loglikelihood_rolling; did you mean 'multiple_choice'?"},
      {"doc_to_text: q\ndoc_to_target: a\nrepeats: many\n",
       ":7: 'repeats' must be a whole number, at least 1, not 'many'"},
      {"doc_to_text: '{{ q'\ndoc_to_target: a\n", ":5: 'doc_to_text': line 1"},
      {"doc_to_text: q\ndoc_to_target: a\nfilter_list:\n- name: x\n  filter:\n  - function: regx\n",
       ":10: no filter 'regx'; there is: lowercase majority_vote multi_choice_regex regex remove_whitespace take_first "
       "take_first_k uppercase; did you mean 'regex'?"},
      {"doc_to_text: q\ndoc_to_target: a\nfilter_list:\n- name: x\n  filter:\n  - function: regex\n    regex_pattern: "
       "'(?<=a)b'\n",
       ":11: regular expression '(?<=a)b'"},
      {"doc_to_text: q\ndoc_to_target: a\nmetric_list:\n- metric: bleu\n",
       ":8: no metric 'bleu' of this output_type; there is: exact_match"},
      {"doc_to_text: q\ndoc_to_target: a\nmetric_list:\n- metric: exact_match\n  ignore_cas: true\n",
       ":9: no field of metric_list 'ignore_cas'; did you mean 'ignore_case'?"},
      {"doc_to_text: q\ndoc_to_target: a\ngeneration_kwargs:\n  untill: x\n",
       "generation_kwargs: no generation argument 'untill'"},
      {"doc_to_text: q\ndoc_to_target: a\nfewshot_config: {sampler: balanced}\n",
       ":7: no sampler 'balanced'; there is: default first_n"},
      {"doc_to_text: q\ndoc_to_target: a\ndescription: '{{q}}'\n", ":7: a template as 'description' is not supported"},
  };
  for (const auto& [fields, want] : cases) {
    task(fields, R"({"q": "?", "a": "x"})");
    EXPECT_TRUE(error_.starts_with(path_ + ":")) << error_;
    EXPECT_NE(error_.find(want), std::string::npos) << error_ << "\n  not " << want;
    EXPECT_EQ(error_.find('\n'), std::string::npos);
  }
}

TEST_F(Written, RowsThatDoNotFitAreNamed) {
  task("output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: [x, y]\ndoc_to_target: gold\n",
       R"({"q": "?", "gold": 2})");
  EXPECT_EQ(error_, dir_.path() + "/rows.jsonl:1: 'doc_to_target' (" + path_ +
                        ":8) must make one of the 2 choices, or its number from 0, not 2");
  task("doc_to_text: '{{ nothing }}'\ndoc_to_target: q\n", R"({"q": "?"})");
  EXPECT_NE(error_.find("'nothing' is undefined"), std::string::npos) << error_;
  task("output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: '{{q}}'\ndoc_to_target: q\n", R"({"q": "?"})");
  EXPECT_NE(error_.find("no Python literal"), std::string::npos) << error_;
}

std::string refused(const test::DataDir& dir) {
  const auto declared = declare_tasks(dir.path());
  return declared ? "" : declared.error().message;
}

TEST(DeclaredFolder, WhatCannotBeRead) {
  EXPECT_EQ(declare_tasks("/nowhere").error().message, "--include_path /nowhere: no such folder");
  {
    const test::DataDir dir;
    EXPECT_EQ(refused(dir), "--include_path " + dir.path() + ": no *.yaml in it declares a task or a group");
  }
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"task: [unclosed\n", ":2: "},
      {"tsk: mine\n", ":1: no field 'tsk'; did you mean 'task'?"},
      {"- a list\n", ": a task file holds fields"},
      {"task: a\ntask: b\n", ":2: 'task' stands here twice"},
      {"include: missing\n", ":1: include: no file "},
      {"include: mine.yaml\ntask: a\n", ": includes itself"},
      {"task: !!python/name:os.system a\n", ":1: the tag '"},
      {"task: t\n\"a\\nb\": 1\n\"a\\nb\": 2\n", ":3: 'a\\nb' stands here twice"},
      {"group: g\ntask: [\"no\\nbody\"]\n", ":2: no task, group or tag 'no\\nbody'"},
      {"group: g\ntask: [nobody]\n", ":2: no task, group or tag 'nobody'"},
      {"group: g\ntask: [arc_easy]\naggregate_metrics: []\n", ":3: no field of a group 'aggregate_metrics'"},
  };
  for (const auto& [text, want] : cases) {
    const test::DataDir dir;
    const std::string path = dir.write("mine.yaml", text);
    const std::string error = refused(dir);
    EXPECT_TRUE(error.starts_with(path)) << error;
    EXPECT_NE(error.find(want), std::string::npos) << error << "\n  not " << want;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
  const test::DataDir dir;
  const std::string first = dir.write("a.yaml", "task: same\n");
  const std::string second = dir.write("b/b.yaml", "task: same\n");
  EXPECT_EQ(refused(dir), second + ":1: 'same' is the name of the one in " + first + ":1 too");
}

TEST(DeclaredFolder, WhatWouldNotEnd) {
  const test::DataDir dir;
  const std::string path = dir.write("t.yaml", "include: /dev/zero\ntask: t\n");
  EXPECT_EQ(refused(dir), "/dev/zero: cannot be read");
  for (int i = 0; i < 40; ++i)  // 2^40 reads
    dir.write(fmt::format("f{}", i), fmt::format("include: [f{}, f{}]\n", i + 1, i + 1));
  dir.write("f40", "num_fewshot: 1\n");
  dir.write("t.yaml", "include: f0\ntask: t\n");
  EXPECT_EQ(refused(dir), path + ": its includes read more than 1000 files");
  for (int i = 0; i < 60; ++i) dir.write(fmt::format("f{}", i), fmt::format("include: f{}\n", i + 1));
  EXPECT_EQ(refused(dir), dir.path() + "/f50: includes inside one another more than 50 deep");
}

TEST(DeclaredFolder, LinksThatLeadNowhereAreNoFiles) {
  const test::DataDir dir;
  dir.write("t.yaml", "task: t\n");
  std::filesystem::create_symlink("loop.yaml", dir.path() + "/loop.yaml");
  const auto declared = declare_tasks(dir.path());
  ASSERT_TRUE(declared) << declared.error().message;
  EXPECT_EQ(declared->tasks.size(), 1);
}

TEST(DeclaredFolder, IncludesMergeAndLocalFieldsWin) {
  const test::DataDir dir;
  dir.write("base", "dataset_path: a/b\nnum_fewshot: 2\nmetadata: {version: 1}\n");
  const std::string path = dir.write("t.yaml", "include: [base]\ntask: t\nnum_fewshot: 3\n");
  const auto fields = read_task_file(path);
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ(fields->get("num_fewshot")->value.integer(), 3);
  EXPECT_EQ(fields->get("dataset_path")->where(), dir.path() + "/base:1");
  EXPECT_EQ(fields->get("include"), nullptr);
}

TEST(Yaml, AnchorsInsideOneAnotherCount) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += fmt::format("&a{} [", i);
  for (int i = 0; i < 5000; ++i) text += "1,";
  text += std::string(50, ']');
  const auto tree = parse_yaml(text, "t.yaml");
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().message, "t.yaml:1: more than 100000 values");
}

TEST(Yaml, ScalarsAsPyYaml) {
  const auto tree = parse_yaml(
      "a: yes\nb: 'yes'\nc: 010\nd: 1e5\ne: 1.5e+3\nf: ~\ng: 1_000\nh: -.inf\ni: 0x1F\nj: 12ab\nk: 3.0\nl: &x [1, "
      "2]\nm: *x\n",
      "f");
  ASSERT_TRUE(tree) << tree.error().message;
  const auto value = [&](const char* key) { return tree->get(key)->value; };
  EXPECT_TRUE(value("a").boolean());
  EXPECT_EQ(value("b").text(), "yes");
  EXPECT_EQ(value("c").integer(), 8);
  EXPECT_EQ(value("d").text(), "1e5");  // no point: text in YAML 1.1
  EXPECT_EQ(value("e").real(), 1500);
  EXPECT_TRUE(value("f").is_none());
  EXPECT_EQ(value("g").integer(), 1000);
  EXPECT_LT(value("h").real(), 0);
  EXPECT_EQ(value("i").integer(), 31);
  EXPECT_EQ(value("j").text(), "12ab");
  EXPECT_EQ(tree->get("k")->text, "3.0");
  EXPECT_EQ(tree->get("m")->items.size(), 2u);
}

TEST(Yaml, LimitsOfAliases) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += fmt::format("a{0}: &a{0} [{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}]\n", i, below);
  }
  const auto tree = parse_yaml(bomb, "bomb");
  ASSERT_FALSE(tree);
  EXPECT_NE(tree.error().message.find("more than 100000 values"), std::string::npos) << tree.error().message;
}

TEST(PythonLiteral, WhatPythonPrints) {
  const auto read = [](std::string_view text) { return python::literal_eval(text); };
  EXPECT_EQ(read(R"(['a', "it's", '\'"', '\n\x41\u00e9\\'])")->list()[3].text(), "\nA\u00e9\\");
  EXPECT_EQ(read(R"(['a', "it's", '\'"'])")->list()[2].text(), "'\"");
  EXPECT_EQ(read("[1, -2, 3.5, True, None]")->list()[1].integer(), -2);
  EXPECT_EQ(read("{'a': (1, 2)}")->get("a")->list().size(), 2u);
  for (const char* bad :
       {"", "[", "['a'", "['a' 'b']", "[1,,2]", "name", "['a'] x", "{1}", "{[1]: 2}", "'\\x4'", "1 + 1"}) {
    EXPECT_FALSE(read(bad)) << bad;
  }
  EXPECT_FALSE(read(std::string(5000, '[')));
}

}  // namespace
}  // namespace pareto
