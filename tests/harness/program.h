// Runs the program of this build as a user does: arguments in; exit code, standard output and standard error out.
#pragma once

#include <string>
#include <vector>

namespace pareto {

struct ProgramResult {
  int code = -1;  // exit code; 128 + signal where it was killed
  std::string out, err;
};

// `prefix`: a shell command line in front ("ulimit -f 10;"). `input`: its standard input.
ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& input = "",
                          const std::string& prefix = "", const std::string& program = PARETO_PROGRAM);

// A folder of its own for the running test, removed with its content at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path(const std::string& name = "") const { return name.empty() ? path_ : path_ + "/" + name; }

 private:
  std::string path_;
};

// Files below `folder` whose names begin with `prefix`, sorted.
std::vector<std::string> files_below(const std::string& folder, const std::string& prefix);
std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text);

}  // namespace pareto
