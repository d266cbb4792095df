// Fields of a task file as values of the right kind. Errors: kInvalid, "FILE:LINE: 'repeats' must be a whole number,
// not 'x'".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tasks/extract.h"
#include "tasks/yaml.h"

namespace pareto::declared {

// Checks the keys of a map against those known; `what` is what they are called ("field"). Errors: kInvalid with a hint;
// kUnsupported for those in `refused`.
Status check_yaml_keys(const Yaml& map, std::string_view what, const std::vector<std::string>& known,
                       const std::vector<std::string>& refused = {});
// The error of a value of the wrong kind.
tl::unexpected<Error> wrong_yaml(const Yaml& value, std::string_view key, std::string_view wanted);
// A text, or several: a list of them, or one alone. Nothing of null.
Result<std::vector<std::string>> yaml_texts(const Yaml& value, std::string_view key);

// The value of a key; null where it is missing or null. Those below have a default then.
const Yaml* field(const Yaml& map, std::string_view key);
Result<std::string> text_field(const Yaml& map, std::string_view key, std::string_view missing = "");
// From `least` to a million.
Result<std::optional<std::int64_t>> whole_field(const Yaml& map, std::string_view key, std::int64_t least);
Result<bool> bool_field(const Yaml& map, std::string_view key, bool missing);
// Errors also of what PythonRegex::compile refuses.
Result<std::vector<PythonRegex>> regexes_field(const Yaml& map, std::string_view key);
// A list of maps, at least one; `wanted` says of what.
Result<std::vector<Yaml>> list_field(const Yaml& map, std::string_view key, std::string_view wanted);

}  // namespace pareto::declared
