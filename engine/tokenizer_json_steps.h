// The normalizer and pre_tokenizer sections of a tokenizer.json.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/result.h"
#include "engine/pretokenizer.h"
#include "engine/tokenizer_normalizer.h"

namespace pareto {

// `section` is the section's value (null: nothing to do). kUnsupported names a type that we do not do, kInvalid a field
// that is missing or malformed.
Status read_normalizer(const nlohmann::json& section, const std::string& path, Normalizer* normalizer);

// As above. `*byte_level` tells whether some step is ByteLevel.
Status read_pretokenizer(const nlohmann::json& section, const std::string& path, Pretokenizer* pretokenizer,
                         bool* byte_level);

// Fields of an object, with Hugging Face's habit that null means absent.
std::string type_of(const nlohmann::json& section);  // its "type", "" if there is none
bool flag_of(const nlohmann::json& section, const char* key, bool absent);
std::string text_of(const nlohmann::json& section, const char* key, const char* absent);

}  // namespace pareto
