#include "tests/harness/program.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/model_writer.h"

namespace pareto {
namespace {

std::string quoted(const std::string& word) {
  std::string out("'");
  for (const char c : word) {
    if (c == '\'') {
      out.append("'\\''");
    } else {
      out.push_back(c);
    }
  }
  return out.append("'");
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& input,
                          const std::string& prefix, const std::string& program) {
  const TemporaryFolder folder;
  write_text(folder.path("in"), input);
  std::string command = fmt::format("{} exec {}", prefix, quoted(program));
  for (const std::string& argument : arguments) command.append(" ").append(quoted(argument));
  command +=
      fmt::format(" <{} >{} 2>{}", quoted(folder.path("in")), quoted(folder.path("out")), quoted(folder.path("err")));
  const int status = std::system(command.c_str());
  ProgramResult result;
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read_text(folder.path("out"));
  result.err = read_text(folder.path("err"));
  return result;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "pareto_test_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> files_below(const std::string& folder, const std::string& prefix) {
  std::vector<std::string> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored))
    if (entry.is_regular_file() && entry.path().filename().string().starts_with(prefix))
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

TEST(Program, SaysWhatItIs) {
  const ProgramResult version = run_program({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out.rfind("pareto ", 0), 0u);
  EXPECT_NE(version.out.find("compiler"), std::string::npos);
  EXPECT_NE(version.out.find("isa"), std::string::npos);
}

TEST(Program, EveryCommandHasHelpWithAnExample) {
  for (const char* command : {"run", "ls", "bench", "tokenize"}) {
    const ProgramResult help = run_program({command, "--help"});
    EXPECT_EQ(help.code, 0) << command;
    const std::size_t example = help.out.find("Example:\n");
    ASSERT_NE(example, std::string::npos) << help.out;
    EXPECT_NE(help.out.find(fmt::format("pareto {}", command), example), std::string::npos) << help.out;
  }
}

TEST(Program, HelpOfRunIsReadable) {
  const std::string help = run_program({"run", "--help"}).out;
  EXPECT_NE(help.find("--deterministic,--no-deterministic\n"), std::string::npos) << help;
  EXPECT_NE(help.find("where the model runs [cpu cuda] (cpu)"), std::string::npos) << help;
}

TEST(Program, UnknownCommandAndOptionGetAHint) {
  const ProgramResult command = run_program({"rum"});
  EXPECT_EQ(command.code, 2);
  EXPECT_NE(command.err.find("did you mean 'run'?"), std::string::npos) << command.err;
  const ProgramResult option = run_program({"run", "--modle", "x"});
  EXPECT_EQ(option.code, 2);
  EXPECT_EQ(option.err,
            "pareto: run has no option '--modle'; did you mean '--model'? 'pareto run --help' lists them\n");
  const ProgramResult strange = run_program({"bench", "--zzzzzzzz=3"});
  EXPECT_EQ(strange.code, 2);
  EXPECT_EQ(strange.err, "pareto: bench has no option '--zzzzzzzz'; 'pareto bench --help' lists them\n");
}

TEST(Program, ListsAreJson) {
  for (const char* what : {"tasks", "backends", "ops", "profilers", "models"}) {
    const ProgramResult list = run_program({"ls", what, "--json"});
    EXPECT_EQ(list.code, 0) << what << list.err;
    EXPECT_EQ(list.out.substr(0, 1), "[") << what;
  }
  EXPECT_NE(run_program({"ls", "backends", "--json"}).out.find("\"name\": \"null\""), std::string::npos);
  EXPECT_EQ(run_program({"ls", "nothing"}).code, 2);
  EXPECT_EQ(run_program({"ls", "models", "/nowhere/at/all"}).code, 1);
}

// The installed program finds what came with it, wherever it stands.
TEST(Program, InstalledProgramFindsItsFolder) {
  const TemporaryFolder prefix;
  const std::string install =
      fmt::format("cmake --install '{}' --prefix '{}' >'{}' 2>&1", PARETO_BUILD, prefix.path(), prefix.path("log"));
  ASSERT_EQ(std::system(install.c_str()), 0) << read_text(prefix.path("log"));
  ASSERT_TRUE(std::filesystem::is_directory(prefix.path("share/pareto/models")));
  const std::string program = prefix.path("bin/pareto"), elsewhere = "cd / &&";
  const ProgramResult backends = run_program({"ls", "backends", "--json"}, "", elsewhere, program);
  EXPECT_EQ(backends.code, 0) << backends.err;
  EXPECT_NE(backends.out.find("\"dense\""), std::string::npos);
  // A model put into share/pareto/models can be named; this one is only a folder with a config that says too little.
  std::filesystem::create_directories(prefix.path("share/pareto/models/tiny"));
  write_text(prefix.path("share/pareto/models/tiny/config.json"), "{}");
  const ProgramResult models = run_program({"ls", "models", "--json"}, "", elsewhere, program);
  EXPECT_EQ(models.code, 0) << models.err;
  EXPECT_NE(models.out.find("\"name\": \"tiny\""), std::string::npos) << models.out;
}

TEST(Program, ModelsAreFoundInTheHuggingFaceCacheAndParetoModels) {
  const TemporaryFolder folder;
  const std::string repository = folder.path("hub/models--org--small");
  std::filesystem::create_directories(repository + "/refs");
  std::filesystem::create_directories(repository + "/snapshots/abc123");
  write_text(repository + "/refs/main", "abc123\n");
  write_text(repository + "/snapshots/abc123/config.json", "{}");
  const std::string environment =
      fmt::format("unset HF_HUB_CACHE; export HF_HOME='{}' PARETO_MODELS='{}/snapshots';", folder.path(), repository);
  const ProgramResult list = run_program({"ls", "models", "--json"}, "", environment);
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_NE(list.out.find("\"name\": \"org/small\""), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("\"name\": \"abc123\""), std::string::npos) << list.out;
  const std::string data = PARETO_GOLDEN "/data";
  const ProgramResult missing = run_program(
      {"run", "--model", "org/smal", "--task", "arc_easy", "--output", folder.path("o"), "--data_dir", data}, "",
      environment);
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.err.find("no model 'org/smal'"), std::string::npos) << missing.err;
  EXPECT_NE(missing.err.find("did you mean 'org/small'?"), std::string::npos) << missing.err;
}

TEST(Program, BenchRefusesBadNumbersBeforeAnyFile) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"bench", "-m", "nowhere", "-pg", "3"},
                                             {"bench", "-m", "nowhere", "-p", "1-2x"},
                                             {"bench", "-m", "nowhere", "-p", "0", "-n", "0"},
                                             {"bench", "-m", "nowhere", "-o", "xml"},
                                             {"bench", "-m", "nowhere", "-npl", "0"},
                                             {"bench"}}) {
    EXPECT_EQ(run_program(arguments).code, 2) << arguments.back();
  }
  EXPECT_EQ(run_program({"bench", "-m", "nowhere"}).code, 1);
}

TEST(Program, LongFlagsTakeOneDashOrTwo) {
  for (const char* flag : {"-npl", "--npl", "--n_parallel", "--n-parallel"}) {
    const ProgramResult r = run_program({"bench", "-m", "nowhere", flag, "0"});
    EXPECT_NE(r.err.find("out of range"), std::string::npos) << r.err;
  }
}

TEST(Program, BenchRowsAddUp) {
  const TemporaryFolder folder;
  const std::string model = folder.path("m.gguf");
  ASSERT_TRUE(write_gguf(*random_source(*model_shape("tiny"), 1), {.path = model, .dtype = DType::kF32}));
  const ProgramResult r =
      run_program({"bench", "-m", model, "-p", "8", "-n", "4", "--npl", "1,2", "-r", "2", "--ops", "-o", "json"});
  ASSERT_EQ(r.code, 0) << r.err;
  const auto rows = nlohmann::json::parse(r.out);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0]["test"], "pp8");
  EXPECT_EQ(rows[1]["test"], "tg4");
  EXPECT_EQ(rows[2]["test"], "tg4 x2");
  for (const auto& row : rows) {
    EXPECT_EQ(row["samples_ns"].size(), 2u);
    EXPECT_GT(row["fraction_of_ceiling"].get<double>(), 0);
    std::int64_t bytes = 0, flops = 0;
    double ns = 0;
    for (const auto& op : row["ops"]) {
      bytes += op["bytes"].get<std::int64_t>();
      flops += op["flops"].get<std::int64_t>();
      ns += op["ns"].get<double>();
    }
    EXPECT_EQ(bytes, row["bytes"]);
    EXPECT_EQ(flops, row["flops"]);
    EXPECT_GT(ns, 0);
    EXPECT_LE(ns, row["avg_ns"].get<double>());  // the ops are inside the repetitions
  }
  const std::string decode = run_program({"bench", "-m", model, "-p", "0", "-n", "1", "-r", "1"}).out;
  EXPECT_NE(decode.find("ceilings of this run: read "), std::string::npos) << decode;
  EXPECT_EQ(decode.find("FLOP/s;"), std::string::npos)
      << decode;  // one sequence's decode: not measured, not shown as 0
  EXPECT_EQ(decode.find("% of time"), std::string::npos) << decode;
}

}  // namespace pareto
