// Runs that die: killed at any moment, with another batch size or number of threads after it, on a full disk. What they
// end with must be what an undisturbed run ends with, byte for byte, and nothing may be computed twice.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "tests/harness/program.h"

namespace pareto {
namespace {

using nlohmann::json;

// A seeded random model of the engine's, scoring and generating.
class Resume : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    model_ = folder_->path("tiny");
    const ProgramResult made =
        run_program({"--shape", "tiny", "--dtype", "bf16", "--seed", "1", "--format", "hf", "--output", model_}, "", "",
                    PARETO_BUILD "/make_model");
    ASSERT_EQ(made.code, 0) << made.err;
    const ProgramResult whole = run_program(command(folder_->path("whole")));
    ASSERT_EQ(whole.code, 0) << whole.err;
    want_ = outcome(folder_->path("whole"));
    journal_bytes_ = read_text(files_below(folder_->path("whole"), "journal").at(0)).size();
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::vector<std::string> command(const std::string& output, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"run",
                                      "--model",
                                      model_,
                                      "--task",
                                      "arc_easy,gsm8k",
                                      "--num_fewshot",
                                      "0",
                                      "--gen_kwargs",
                                      "max_gen_toks=24",
                                      "--output",
                                      output,
                                      "--data_dir",
                                      std::string(PARETO_GOLDEN) + "/data"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  // Scores, hashes and every sample as text, without what depends on when and beside whom a request was served.
  static std::string outcome(const std::string& output) {
    std::string text;
    for (const std::string& file : files_below(output, "results_")) {
      const json record = json::parse(read_text(file));
      text += record["results"].dump() + record["task_hashes"].dump() + "\n";
    }
    for (const char* task : {"samples_arc_easy", "samples_gsm8k"})
      for (const std::string& file : files_below(output, task)) {
        std::istringstream in(read_text(file));
        for (std::string line; std::getline(in, line);) {
          json sample = json::parse(line);
          for (const char* name : {"latency_ns", "cached_prompt_tokens", "work_share"}) sample["pareto"].erase(name);
          text += sample.dump() + "\n";
        }
      }
    return text;
  }

  // Starts the program and kills it once the journal under `output` has `bytes`. True: it died of that.
  static bool run_and_kill(const std::vector<std::string>& words, const std::string& output, std::size_t bytes) {
    const pid_t child = ::fork();
    if (child == 0) {
      const int nothing = ::open("/dev/null", O_WRONLY);
      ::dup2(nothing, STDOUT_FILENO);
      ::dup2(nothing, STDERR_FILENO);
      std::vector<char*> arguments = {const_cast<char*>(PARETO_PROGRAM)};
      for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      ::execv(PARETO_PROGRAM, arguments.data());
      ::_exit(127);
    }
    int status = 0;
    std::string journal;
    while (::waitpid(child, &status, WNOHANG) == 0) {
      if (journal.empty())
        for (const std::string& file : files_below(output, "journal")) journal = file;
      std::error_code ignored;
      if (!journal.empty() && std::filesystem::file_size(journal, ignored) >= bytes) ::kill(child, SIGKILL);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  static void expect_each_key_once(const std::string& output) {
    std::set<std::string> keys;
    std::size_t lines = 0;
    std::istringstream in(read_text(files_below(output, "journal").at(0)));
    for (std::string line; std::getline(in, line); ++lines) keys.insert(json::parse(line)["key"].get<std::string>());
    EXPECT_EQ(lines, 12u * 4 + 8);
    EXPECT_EQ(keys.size(), lines);
  }

  static TemporaryFolder* folder_;
  static std::string model_, want_;
  static std::size_t journal_bytes_;
};
TemporaryFolder* Resume::folder_ = nullptr;
std::string Resume::model_, Resume::want_;
std::size_t Resume::journal_bytes_ = 0;

TEST_F(Resume, FiftyKillsAtRandomMoments) {
  std::mt19937 random(7);
  int killed = 0;
  for (int i = 0; i < 50; ++i) {
    const TemporaryFolder out;
    killed += run_and_kill(command(out.path()), out.path(), random() % journal_bytes_) ? 1 : 0;
    const ProgramResult resumed = run_program(command(out.path()));
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    ASSERT_EQ(outcome(out.path()), want_) << "kill " << i;
    expect_each_key_once(out.path());
  }
  EXPECT_GE(killed, 40) << "the others ended before they could be killed";
}

TEST_F(Resume, KilledAgainAndAgain) {
  const TemporaryFolder out;
  int killed = 0;
  for (std::size_t part = 1; part < 8; ++part)
    killed += run_and_kill(command(out.path()), out.path(), part * journal_bytes_ / 8) ? 1 : 0;
  EXPECT_GE(killed, 4);
  const ProgramResult resumed = run_program(command(out.path()));
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(outcome(out.path()), want_);
  expect_each_key_once(out.path());
}

// Another batch size is another cell: what the one that was stopped had answered is taken over.
TEST_F(Resume, WithAnotherBatchSizeAndThreadCount) {
  const TemporaryFolder out;
  ASSERT_TRUE(run_and_kill(command(out.path(), {"--batch", "8", "--threads", "2"}), out.path(), journal_bytes_ / 2));
  const ProgramResult resumed = run_program(command(out.path(), {"--batch", "3", "--threads", "1"}));
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("which was stopped"), std::string::npos) << resumed.err;
  EXPECT_EQ(outcome(out.path()), want_);
  std::map<std::string, std::size_t> counts;
  for (const std::string& file : files_below(out.path(), "journal")) {
    const std::string text = read_text(file);
    counts[file] = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  ASSERT_EQ(counts.size(), 2u);
  const json record = json::parse(read_text(files_below(out.path(), "results_").at(0)));
  const std::int64_t computed = record["pareto"]["throughput"]["requests"];
  const std::int64_t taken = record["pareto"]["throughput"]["resumed"];
  EXPECT_GT(taken, 0);
  EXPECT_EQ(computed + taken, 12 * 4 + 8) << "nothing is computed twice";
}

// A finished cell lends nothing: a run that measures another batch size computes everything itself.
TEST_F(Resume, AFinishedCellIsNotTakenOver) {
  const TemporaryFolder out;
  ASSERT_EQ(run_program(command(out.path(), {"--batch", "8"})).code, 0);
  const ProgramResult other = run_program(command(out.path(), {"--batch", "3"}));
  ASSERT_EQ(other.code, 0) << other.err;
  EXPECT_EQ(other.err.find("which was stopped"), std::string::npos) << other.err;
}

TEST_F(Resume, AfterAFullDisk) {
  const TemporaryFolder out;
  const ProgramResult full = run_program(command(out.path()), "", "trap '' XFSZ; ulimit -f 16;");  // 8 KiB
  EXPECT_EQ(full.code, 1);
  EXPECT_NE(full.err.find("journal.jsonl: File too large"), std::string::npos) << full.err;
  const ProgramResult resumed = run_program(command(out.path()));
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(outcome(out.path()), want_);
  expect_each_key_once(out.path());
}

// Weights of another model in the same place: its answers are not taken for the first one's.
TEST_F(Resume, AJournalOfAnotherModelAnswersNothing) {
  const TemporaryFolder out;
  const std::string place = out.path("tiny");
  std::filesystem::copy(model_, place, std::filesystem::copy_options::recursive);
  auto words = command(out.path("o"));
  words[2] = place;
  ASSERT_EQ(run_program(words).code, 0);
  const std::string first = outcome(out.path("o"));
  std::filesystem::remove_all(place);
  ASSERT_EQ(run_program({"--shape", "tiny", "--dtype", "bf16", "--seed", "2", "--format", "hf", "--output", place}, "",
                        "", PARETO_BUILD "/make_model")
                .code,
            0);
  const ProgramResult second = run_program(words);
  ASSERT_EQ(second.code, 0) << second.err;
  const json record = json::parse(read_text(files_below(out.path("o"), "results_").at(0)));
  EXPECT_EQ(record["pareto"]["throughput"]["resumed"], 0);
  EXPECT_NE(outcome(out.path("o")), first);
}

}  // namespace
}  // namespace pareto
