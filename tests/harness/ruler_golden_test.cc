// NVIDIA/RULER's and lm-evaluation-harness's own examples, hash for hash, at 1024, 4096 and 16384 tokens of three
// tokenizers. Skips where ../shared is not there.
#include <gtest/gtest.h>
#include <time.h>

#include <any>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/task.h"
#include "engine/tokenizer.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kShared = PARETO_SHARED;

// One run of upstream's: rows that came out of the same process.
struct Group {
  std::string profile, tokenizer, wonderwords;
  int length = 0;
  std::vector<std::string> tasks;
  auto operator<=>(const Group&) const = default;
};

std::string our_name(const std::string& task) { return task.starts_with("ruler_") ? task : "ruler_" + task; }

std::map<Group, std::vector<json>> read_goldens(const std::string& path) {
  std::map<Group, std::vector<json>> groups;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    json row = json::parse(line);
    Group group{row["profile"], row["tokenizer"], row["wonderwords"], row["length"], {}};
    if (row.contains("run_tasks")) {
      for (const json& task : row["run_tasks"]) group.tasks.push_back(our_name(task));
    } else {
      group.tasks = {our_name(row["task"])};
    }
    groups[group].push_back(std::move(row));
  }
  return groups;
}

std::vector<std::string> ruler_members() {
  for (const GroupInfo& group : task_groups())
    if (group.name == "ruler") return group.members;
  return {};
}

const Tokenizer* tokenizer_named(const std::string& name) {
  static std::map<std::string, std::unique_ptr<Tokenizer>> known;
  const std::map<std::string, std::string> paths = {{"llama2", "llama2-tokenizer/tokenizer.model"},
                                                    {"qwen2.5", "qwen2.5-tokenizer/tokenizer.json"},
                                                    {"gpt2", "gpt2-tokenizer"}};
  const std::string path = kShared + "/models/" + paths.at(name);
  if (!fs::exists(path)) return nullptr;
  auto& tokenizer = known[name];
  if (!tokenizer) tokenizer = load_tokenizer(path).value();
  return tokenizer.get();
}

// A data folder with one version of the word lists.
class OneVersion {
 public:
  explicit OneVersion(const std::string& version) {
    std::string path = (fs::temp_directory_path() / "pareto-ruler-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
    fs::create_directory(path_ + "/ruler");
    for (const std::string& name :
         {std::string("PaulGrahamEssays.json"), std::string("punkt_english"), "wonderwords-" + version})
      fs::create_symlink(kShared + "/data/hub/ruler/" + name, path_ + "/ruler/" + name);
  }
  ~OneVersion() { fs::remove_all(path_); }
  OneVersion(const OneVersion&) = delete;
  OneVersion& operator=(const OneVersion&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

int compare(const Group& group, const std::vector<json>& rows, const std::string& data_dir) {
  std::any handed_on;
  TaskOptions options;
  options.data_dir = data_dir;
  options.length = group.length;
  options.tokenizer = tokenizer_named(group.tokenizer);
  options.ruler_profile = group.profile;
  options.limit = 5;
  options.handed_on = &handed_on;
  if (options.tokenizer == nullptr) return 0;
  int compared = 0;
  for (const std::string& name : group.tasks) {
    const auto task = find_task(name)->make();
    const Status loaded = task->load(options);
    if (!loaded) {
      ADD_FAILURE() << name << ": " << loaded.error().message;
      return compared;
    }
    for (const json& row : rows) {
      if (our_name(row["task"]) != name) continue;
      const Document& document = task->documents()[row["sample"].get<std::size_t>()];
      const std::string where = group.profile + " " + name + " " + std::to_string(group.length) + " " +
                                group.tokenizer + " " + row["sample"].dump();
      EXPECT_EQ(document.prompt_hash, row["sha256"].get<std::string>()) << where;
      if (row.contains("doc_hash")) {
        EXPECT_EQ(document.doc_hash, row["doc_hash"].get<std::string>()) << where;
        EXPECT_EQ(document.target_hash, row["target_hash"].get<std::string>()) << where;
      }
      ++compared;
    }
  }
  return compared;
}

void compare_profile(const std::string& profile) {
  const std::string path = kShared + "/accept/data/ruler_goldens.jsonl";
  if (!fs::exists(path)) GTEST_SKIP() << "needs ../shared/accept/data/ruler_goldens.jsonl";
  int compared = 0;
  for (const auto& [group, rows] : read_goldens(path)) {
#ifdef PARETO_SANITIZED
    if (group.length > 1024) continue;
#endif
    if (group.profile != profile) continue;
    const OneVersion data(group.wonderwords);
    compared += compare(group, rows, data.path());
  }
  std::printf("%s: %d examples equal upstream's or are named above\n", profile.c_str(), compared);
  EXPECT_GT(compared, 0);
}

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Our own profile at 32768 tokens, in processor time of one thread. 100 examples of each task take ten times what this
// prints; fails where a text is counted over and over.
TEST(RulerSpeed, ElevenTasksAt32768) {
  const Tokenizer* tokenizer = tokenizer_named("llama2");
  if (tokenizer == nullptr) GTEST_SKIP() << "needs ../shared/models/llama2-tokenizer";
  TaskOptions options;
  options.length = 32768;
  options.limit = 10;
  options.tokenizer = tokenizer;
  std::size_t tasks = 0, examples = 0;
  const double start = thread_seconds();
  for (const std::string& name : ruler_members()) {
    if (name.starts_with("ruler_qa_")) continue;
    const auto task = find_task(name)->make();
    ASSERT_TRUE(task->load(options));
    ++tasks;
    examples += task->documents().size();
  }
  const double seconds = thread_seconds() - start;
  std::printf("speed  %zu RULER tasks at 32768 tokens: %zu examples in %.2f s, %.1f M tokens/s\n", tasks, examples,
              seconds, static_cast<double>(examples) * 32768e-6 / seconds);
  EXPECT_EQ(tasks, 11u);
#if defined(NDEBUG) && !defined(PARETO_SANITIZED)
  EXPECT_LT(seconds, 20);
#endif
}

TEST(RulerGoldens, Nvidia) { compare_profile("nvidia"); }
TEST(RulerGoldens, LmEval) { compare_profile("lm-eval"); }

}  // namespace
}  // namespace pareto
