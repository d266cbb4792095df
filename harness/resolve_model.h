// From what a user calls a model to its files.
//
//   ./some/path                 a file or folder that exists
//   name                        beside the program: ../share/pareto/models (installed), ../../models (build tree);
//                               then every folder of $PARETO_MODELS (colon-separated)
//   org/name                    the Hugging Face cache: $HF_HOME/hub/models--org--name/snapshots/<refs/main>
#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace pareto {

struct ModelPlace {
  std::string name;  // what records call it: "org/name", or the file's name without its ending
  std::string path;
};

// kNotFound: one line that says where it was looked for and what is there.
Result<ModelPlace> resolve_model(const std::string& given);

// The models in one folder, or the model that `folder` itself is; sorted by name.
std::vector<ModelPlace> models_in(const std::string& folder);
// The Hugging Face cache: $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub.
std::string hugging_face_hub();
// Everything that can be named without a path.
std::vector<ModelPlace> known_models();

// The folders of data that come with the program, those that exist: share/pareto or the source tree.
std::vector<std::string> program_folders();
// ~/.cache/pareto/data, or where $XDG_CACHE_HOME says; $PARETO_DATA first.
std::string default_data_dir();

}  // namespace pareto
