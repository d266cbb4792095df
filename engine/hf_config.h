// Hugging Face's config.json and generation_config.json, in the spellings of transformers 4 and 5.
//
//   transformers 4: "rope_theta": 1e4, "rope_scaling": {"rope_type": "llama3", "factor": 8, …} | null
//   transformers 5: "rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8, …}
// (older still: "type" for "rope_type"). Absent fields have the defaults of transformers' classes.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "engine/model_config.h"

namespace pareto {

// `name` and `generation_name` are what messages call the two files; `generation` may be empty (there is no such file).
// kUnsupported: an architecture or feature that the engine lacks; kInvalid: not JSON, a wrong type, a number that makes
// no sense. The result passed check_config().
Result<ModelConfig> parse_hf_config(std::string_view config, std::string_view name, std::string_view generation = "",
                                    std::string_view generation_name = "");

// What config.json of such a model says, in transformers 4's spelling; parse_hf_config() gives the same ModelConfig
// back. `dtype`: "float32", "float16" or "bfloat16". kUnsupported: something that config.json cannot say (rope
// factors).
Result<std::string> write_hf_config(const ModelConfig& config, std::string_view dtype);

}  // namespace pareto
