// Loading tasks over the hub rows of ../shared, or over rows that a test writes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/task.h"

namespace pareto::test {

inline std::string hub() { return std::string(PARETO_SHARED) + "/data/hub"; }
inline bool has_hub() { return std::filesystem::exists(hub() + "/openai__gsm8k/main/test.jsonl"); }
#define PARETO_NEEDS_HUB() \
  if (!::pareto::test::has_hub()) GTEST_SKIP() << "needs ../shared/data/hub"

// A folder of rows that disappears with the object.
class DataDir {
 public:
  DataDir() {
    std::string path = (std::filesystem::temp_directory_path() / "pareto-tasks-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  ~DataDir() { std::filesystem::remove_all(path_); }
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  const std::string& path() const { return path_; }
  // file: "openai__gsm8k/main/test.jsonl"
  std::string write(const std::string& file, std::string_view text) const {
    const std::filesystem::path full = std::filesystem::path(path_) / file;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << text;
    return full.string();
  }

 private:
  std::string path_;
};

inline std::unique_ptr<Task> make_task(std::string_view name) {
  const TaskEntry* entry = find_task(name);
  return entry == nullptr ? nullptr : entry->make();
}

// A loaded task; a failure of the test if it does not load.
inline std::unique_ptr<Task> load_task(std::string_view name, TaskOptions options = {}) {
  auto task = make_task(name);
  if (task == nullptr) {
    ADD_FAILURE() << "no task " << name;
    return nullptr;
  }
  if (options.data_dir.empty()) options.data_dir = hub();
  if (const Status loaded = task->load(options); !loaded) {
    ADD_FAILURE() << name << ": " << loaded.error().message;
    return nullptr;
  }
  return task;
}

// The message with which a task refuses to load, or "".
inline std::string load_error(std::string_view name, const TaskOptions& options) {
  const Status loaded = make_task(name)->load(options);
  return loaded ? "" : loaded.error().message;
}

// A chat template in the plainest form: "<|role|>content<|end|>" and a newline per turn.
inline Result<std::string> plain_chat(const std::vector<ChatMessage>& messages, const ChatRender& render) {
  std::string text;
  for (const ChatMessage& message : messages) text += "<|" + message.role + "|>" + message.content + "<|end|>\n";
  if (render.continue_final_message) text.resize(text.size() - std::string_view("<|end|>\n").size());
  if (render.add_generation_prompt) text += "<|assistant|>";
  return text;
}

inline std::vector<Marked> score_text(const Task& task, int index, const std::string& text) {
  Response response;
  response.text = text;
  const Response* const one[] = {&response};
  return task.score(index, one);
}

// The least processor time of three runs: other programs on the machine change it little.
template <class Body>
double least_cpu_seconds(Body&& body) {
  double least = 1e9;
  for (int run = 0; run < 3; ++run) {
    const std::clock_t begin = std::clock();
    body();
    least = std::min(least, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return least;
}

}  // namespace pareto::test
