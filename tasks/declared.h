// Tasks and groups that files declare: lm-evaluation-harness's YAML, so that a task needs no compiling.
//
//   DIR/**/*.yaml ── read, includes merged ──> task: a TaskSpec, checked field by field
//                                              group: its members, tags written out
//
// Fields and their meaning follow lm_eval 0.4.13 (config/task.py, api/task.py, tasks/_yaml_loader.py, _factory.py). Not
// supported, and refused by name: !function, process_results, images and audio, custom data sets, metrics and filters
// that we lack. One field is ours: `process_docs` as a map of new columns, each a template of the row.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "core/task.h"
#include "tasks/common.h"
#include "tasks/yaml.h"

namespace pareto {

struct DeclaredTasks {
  std::vector<TaskEntry> tasks;
  std::vector<GroupInfo> groups;
};

// Everything declared under `folder` (or by that one file), sorted by file. A task whose fields are wrong is listed all
// the same: it says what is wrong when it is loaded. Errors: kNotFound for no such folder, or none with a task in it;
// kInvalid ("FILE:LINE: …") for what is no YAML, has no name, or a name that another file has; a group's wrong fields.
Result<DeclaredTasks> declare_tasks(const std::string& folder);

// One file with its includes merged in: local fields win. Errors: kInvalid, kNotFound, naming file and line.
Result<Yaml> read_task_file(const std::string& path);

// A task's fields as a spec. Errors: kInvalid and kUnsupported, naming file, line, field and what is near.
Result<TaskSpec> declared_spec(const Yaml& fields);
// The task of such a spec, of the kind that its output_type names.
std::unique_ptr<Task> make_declared_task(TaskSpec spec);

}  // namespace pareto
