// pareto mark and --include_path, as a user runs them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/harness/program.h"

namespace pareto {
namespace {

using nlohmann::json;

const std::string kDeclared = std::string(PARETO_GOLDEN) + "/declared";
const std::string kData = std::string(PARETO_GOLDEN) + "/data";

TEST(Mark, LinesComeBackWithMarks) {
  const ProgramResult result = run_program({"mark", "--task", "gsm8k", "--json"},
                                           R"({"id": 7, "response": "so 3.\n#### 4", "reference": "x\n#### 4"})"
                                           "\n\n"
                                           R"({"response": "é 5", "reference": 5})"
                                           "\n");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const std::size_t end = result.out.find('\n');
  const json first = json::parse(result.out.substr(0, end)), second = json::parse(result.out.substr(end + 1));
  EXPECT_TRUE(result.out.starts_with(R"({"id":7,"response":)")) << "the line's own keys come first";
  EXPECT_EQ(first["marks"]["strict-match"], (json{{"extracted", "4"}, {"exact_match", 1.0}}));
  EXPECT_EQ(first["marks"]["flexible-extract"]["extracted"], "4");
  EXPECT_EQ(second["response"], "é 5");
  EXPECT_EQ(second["marks"]["flexible-extract"]["exact_match"], 1.0);
  EXPECT_EQ(second["marks"]["strict-match"]["extracted"], "[invalid]");
}

TEST(Mark, SeveralResponsesAreRepeats) {
  const ProgramResult result =
      run_program({"mark", "--task", "aime24"}, R"({"response": ["$1$", "\\boxed{2}"], "reference": "2"})");
  ASSERT_EQ(result.code, 0) << result.err;
  const json marks = json::parse(result.out)["marks"]["none"];
  EXPECT_EQ(marks["avg@2"], 0.5);
  EXPECT_EQ(marks["pass@2"], 1.0);
  EXPECT_EQ(marks["extracted"], "1");
}

TEST(Mark, BadInputIsOneLine) {
  const auto error = [](const std::vector<std::string>& arguments, const std::string& input, int code) {
    const ProgramResult result = run_program(arguments, input);
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  };
  const std::vector<std::string> mark = {"mark", "--task", "gsm8k"};
  EXPECT_EQ(
      error(mark, "{\"response\": \"a\", \"reference\": \"b\"}\nnot json\n", 1).find("pareto: standard input:2: "), 0u);
  EXPECT_EQ(error(mark, R"({"response": "a"})", 1),
            "pareto: standard input:1: no column 'reference'; it has: response\n");
  EXPECT_EQ(error(mark, R"({"response": 3, "reference": "b"})", 1),
            "pareto: standard input:1: column 'response' must be a string, not int 3\n");
  EXPECT_EQ(error(mark, R"({"response": [], "reference": "b"})", 1),
            "pareto: standard input:1: column 'response' is an empty list\n");
  EXPECT_NE(error({"mark"}, "", 2).find("mark needs --task NAME"), std::string::npos);
  EXPECT_NE(error({"mark", "--task", "gsm9k"}, "", 2).find("did you mean 'gsm8k'?"), std::string::npos);
  EXPECT_NE(error({"mark", "--task", "arc_easy"}, "", 2).find("marks log-likelihoods"), std::string::npos);
  EXPECT_EQ(error({"mark", "--task", "leval"}, "", 2),
            "pareto: mark takes one task, and 'leval' is a group of: leval_coursera leval_gsm100 leval_quality "
            "leval_sci_fi leval_tpo\n");
}

TEST(IncludePath, TasksAreListedRunAndMarked) {
  const ProgramResult list = run_program({"ls", "tasks", "--include_path", kDeclared, "--json"});
  ASSERT_EQ(list.code, 0) << list.err;
  EXPECT_NE(list.err.find("take the place of built-in tasks: arc_easy gsm8k"), std::string::npos) << list.err;
  bool found = false;
  for (const json& row : json::parse(list.out)) found |= row["name"] == "two_of_mmlu" && row["kind"] == "group";
  EXPECT_TRUE(found);

  const TemporaryFolder folder;
  std::vector<std::string> arguments = {"run",
                                        "--backend",
                                        "null",
                                        "--task",
                                        "arc_easy,gsm8k",
                                        "--data_dir",
                                        kData,
                                        "--output",
                                        folder.path("built_in"),
                                        "--num_fewshot",
                                        "2"};
  ASSERT_EQ(run_program(arguments).code, 0);
  arguments[8] = folder.path("declared");
  arguments.insert(arguments.end(), {"--include_path", kDeclared});
  const ProgramResult declared = run_program(arguments);
  ASSERT_EQ(declared.code, 0) << declared.err;
  const auto record = [&](const char* name) {
    return json::parse(read_text(files_below(folder.path(name), "results_").at(0)));
  };
  const json ours = record("built_in"), theirs = record("declared");
  EXPECT_EQ(ours["task_hashes"], theirs["task_hashes"]);
  EXPECT_EQ(ours["results"], theirs["results"]);
  EXPECT_EQ(ours["versions"], theirs["versions"]);
  EXPECT_EQ(theirs["pareto"]["cell"]["include_path"], kDeclared);

  const ProgramResult marked = run_program({"mark", "--task", "gsm8k", "--include_path", kDeclared},
                                           R"({"response": "#### 4", "reference": "#### 4"})");
  EXPECT_EQ(json::parse(marked.out)["marks"]["strict-match"]["exact_match"], 1.0);
}

TEST(IncludePath, WhatIsWrongIsNamedWithFileAndLine) {
  const TemporaryFolder folder;
  write_text(folder.path("t.yaml"), "task: mine\ndataset_path: a/b\ntest_split: test\ndoc_to_txt: q\n");
  const ProgramResult run = run_program(
      {"run", "--backend", "null", "--task", "mine", "--include_path", folder.path(), "--output", folder.path("out")});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.err, "pareto: " + folder.path("t.yaml") + ":4: no field 'doc_to_txt'; did you mean 'doc_to_text'?\n");
  const ProgramResult none = run_program({"ls", "tasks", "--include_path", folder.path("nothing")});
  EXPECT_EQ(none.code, 1);
  EXPECT_EQ(none.err, "pareto: --include_path " + folder.path("nothing") + ": no such folder\n");
}

// A reference that is a list: all of it is asked for, or any of it where one answer is enough.
TEST(Mark, ListsOfAnswers) {
  const auto mark = [](const std::string& task, const std::string& line) {
    const ProgramResult result = run_program({"mark", "--task", task}, line);
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out)["marks"]["none"]["string_match"].get<double>();
  };
  EXPECT_EQ(mark("ruler_niah_multiquery", R"({"response": "They are 12 and 34.", "reference": ["12", "56"]})"), 0.5);
  EXPECT_EQ(mark("ruler_qa_1", R"({"response": "in Paris", "reference": ["London", "paris"]})"), 1);
  EXPECT_EQ(mark("niah_grid", R"({"response": "12", "reference": "12"})"), 1);
  const ProgramResult empty = run_program({"mark", "--task", "ruler_vt"}, R"({"response": "x", "reference": []})");
  EXPECT_EQ(empty.code, 1);
  EXPECT_NE(empty.err.find("is an empty list"), std::string::npos);
}

TEST(Mark, TurnsAreAListOfResponses) {
  const auto mark = [](const std::string& line) { return run_program({"mark", "--task", "passkey"}, line); };
  const ProgramResult two = mark(R"({"response": ["71432.", "no"], "reference": ["71432", "12345"]})");
  ASSERT_EQ(two.code, 0) << two.err;
  const json marks = json::parse(two.out)["marks"]["none"];
  EXPECT_EQ(marks["string_match"], 0.5);
  EXPECT_EQ(marks["all_turns"], 0);
  const ProgramResult one = mark(R"({"response": "71432", "reference": ["71432", "12345"]})");
  EXPECT_EQ(one.code, 1);
  EXPECT_EQ(one.err,
            "pareto: standard input:1: passkey needs a response to each key: the reference has 2, the response 1\n");
}

// LongBench's references are all answers of a row, and where classes or lengths are needed, these columns too.
TEST(Mark, LongBenchAndLEval) {
  const auto mark = [](const std::string& task, const std::string& line) {
    const ProgramResult result = run_program({"mark", "--task", task}, line);
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out)["marks"]["none"];
  };
  EXPECT_EQ(mark("longbench_hotpotqa", R"({"response": "the blue door", "reference": ["red", "Blue door"]})")["score"],
            1);
  EXPECT_EQ(mark("longbench_passage_count", R"({"response": "7 or 8", "reference": "7"})")["score"], 0.5);
  const json classes = mark(
      "longbench_trec",
      R"({"response": "Colour\nand more", "reference": {"answers": ["Colour"], "all_classes": ["Colour", "Size"]}})");
  EXPECT_EQ(classes["score"], 1);
  const json uniform =
      mark("longbench_qasper_e", R"({"response": "yes", "reference": {"answers": ["yes"], "length": 5000}})");
  EXPECT_EQ(uniform["score"], 1);
  EXPECT_EQ(uniform["score_4-8k"], 1);
  EXPECT_EQ(mark("leval_quality", R"({"response": "B. because", "reference": "B"})")["exact_match"], 1);
  EXPECT_EQ(mark("leval_sci_fi", R"({"response": "It is False.", "reference": "false"})")["exact_match"], 1);

  const auto error = [](const std::string& task, const std::string& line) {
    const ProgramResult result = run_program({"mark", "--task", task}, line);
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_EQ(error("longbench_trec", R"({"response": "x", "reference": "x"})"),
            "pareto: standard input:1: longbench_trec marks against all its classes: the reference must be "
            "{\"answers\": [text], \"all_classes\": [text]}\n");
  EXPECT_EQ(error("longbench_trec", R"({"response": "x", "reference": {"answers": ["x"]}})"),
            "pareto: standard input:1: reference:1: no column 'all_classes'; it has: answers\n");
  EXPECT_EQ(error("longbench_passage_retrieval_en", R"({"response": "x", "reference": "third"})"),
            "pareto: standard input:1: reference: answer 'third' names no 'Paragraph N'\n");
  EXPECT_EQ(error("leval_tpo", R"({"response": "x", "reference": {"output": "A"}})"),
            "pareto: standard input:1: the reference must be a text, a number or a list of texts, not an object\n");
}

// The steps of docs/adding.md, with the file that it shows.
TEST(IncludePath, ThePageOnAddingATaskHolds) {
  const std::string page = read_text(std::string(PARETO_GOLDEN) + "/../../docs/adding.md");
  const std::size_t section = page.find("## A task without compiling");
  const std::size_t begin = page.find("   ```\n", section) + 7, end = page.find("   ```\n", begin);
  const std::size_t row = page.find("`{\"question\"", section) + 1;
  ASSERT_TRUE(section != std::string::npos && end != std::string::npos && row > section);
  const TemporaryFolder folder;
  write_text(folder.path("questions.jsonl"), page.substr(row, page.find('`', row) - row));
  std::string yaml, line;
  for (std::istringstream lines(page.substr(begin, end - begin)); std::getline(lines, line);)
    yaml += line.substr(std::min<std::size_t>(3, line.size())) + "\n";
  write_text(folder.path("mine.yaml"), yaml);
  const ProgramResult list = run_program({"ls", "tasks", "--include_path", folder.path()});
  EXPECT_NE(list.out.find("declared in " + folder.path("mine.yaml")), std::string::npos) << list.out << list.err;
  const ProgramResult run = run_program(
      {"run", "--backend", "null", "--task", "mine", "--include_path", folder.path(), "--output", folder.path("out")});
  ASSERT_EQ(run.code, 0) << run.err;
  const json sample = json::parse(read_text(files_below(folder.path("out"), "samples_mine").at(0)));
  EXPECT_EQ(sample["arguments"]["gen_args_1"], (json{{"arg_0", "Question: 2+2?\nAnswer:"}, {"arg_1", " 4"}}));
  EXPECT_EQ(sample["target"], "1");
}

// llama.cpp's tool prints "perplexity over 655 chunks" for this file and this tokenizer at n_ctx 512.
TEST(WikitextLlamaCpp, AsManyChunksAsLlamaCpp) {
  const std::string shared = PARETO_SHARED, tokenizer = shared + "/models/llama2-tokenizer/tokenizer.model";
  const std::string raw = read_text(shared + "/data/wikitext2/wiki.test.raw");
  if (raw.empty() || !std::filesystem::exists(tokenizer))
    GTEST_SKIP() << "needs ../shared/data/wikitext2 and llama2-tokenizer";
  const TemporaryFolder folder;
  const std::string rows = folder.path("EleutherAI__wikitext_document_level/wikitext-2-raw-v1");
  std::filesystem::create_directories(rows);
  write_text(rows + "/test.jsonl", json{{"page", raw}}.dump() + "\n");
  const ProgramResult run = run_program({"run", "--backend", "null", "--task", "wikitext_llamacpp", "--tokenizer",
                                         tokenizer, "--data_dir", folder.path(), "--output", folder.path("out")});
  ASSERT_EQ(run.code, 0) << run.err;
  const json record = json::parse(read_text(files_below(folder.path("out"), "results_").at(0)));
  EXPECT_EQ(record["n-samples"]["wikitext_llamacpp"]["effective"], 655);
  EXPECT_EQ(record["results"]["wikitext_llamacpp"]["perplexity_stderr,none"], "N/A");
}

TEST(Repeats, AreInTheRecordAsOneRequest) {
  const TemporaryFolder folder;
  const ProgramResult run =
      run_program({"run", "--backend", "null", "--task", "gsm8k", "--data_dir", kData, "--limit", "2", "--repeats", "3",
                   "--gen_kwargs", "do_sample=true,temperature=0.5", "--output", folder.path()});
  ASSERT_EQ(run.code, 0) << run.err;
  const json record = json::parse(read_text(files_below(folder.path(), "results_").at(0)));
  EXPECT_EQ(record["configs"]["gsm8k"]["repeats"], 3);
  EXPECT_EQ(record["results"]["gsm8k"]["pass@3,strict-match"], 0.0);
  EXPECT_TRUE(record["results"]["gsm8k"].contains("maj@3_stderr,flexible-extract"));
  std::istringstream lines(read_text(files_below(folder.path(), "samples_").at(0)));
  std::string line;
  std::getline(lines, line);
  const json sample = json::parse(line);
  EXPECT_EQ(sample["resps"], json::parse(R"([["", "", ""]])"));
  EXPECT_EQ(sample["arguments"].size(), 1u);
  EXPECT_EQ(sample["pareto"]["texts"].size(), 3u);
}

}  // namespace
}  // namespace pareto
