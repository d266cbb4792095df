// pareto tokenize: the ids of standard input, byte for byte as it comes.
#include <fmt/format.h>

#include <string>

#include "engine/tokenizer.h"
#include "harness/commands.h"
#include "harness/read_input.h"
#include "harness/resolve_model.h"
#include "results/json_text.h"

namespace pareto {
namespace {

Result<std::string> tokenized(const Arguments& arguments) {
  if (!arguments.has("tokenizer")) return fail(Code::kUsage, "tokenize needs --tokenizer PATH");
  std::string path = arguments.text("tokenizer");
  if (const auto place = resolve_model(path)) path = place->path;  // a path, or a model's name
  PARETO_TRY(const std::unique_ptr<Tokenizer> tokenizer, load_tokenizer(path));
  PARETO_TRY(const std::string text, read_standard_input());
  std::vector<Token> ids;
  if (arguments.on("add_bos")) {
    if (tokenizer->info().bos < 0)
      return fail(Code::kInvalid, "{}: this tokenizer has no BOS; leave out --add_bos", path);
    ids.push_back(tokenizer->info().bos);
  }
  tokenizer->encode(text, arguments.on("parse_special"), &ids);

  std::string out;
  if (!arguments.on("json")) {
    for (const Token id : ids) out += (out.empty() ? "" : " ") + std::to_string(id);
    return out;
  }
  out = "{\"ids\": ";
  append_json_array(&out, ids);
  std::vector<std::string_view> pieces;
  for (const Token id : ids) pieces.push_back(tokenizer->piece(id));
  out += ", \"pieces\": ";
  append_json_array(&out, pieces);
  return out + "}";
}

int run(const Arguments& arguments) {
  const Result<std::string> out = tokenized(arguments);
  if (!out) return report(out.error());
  fmt::print("{}\n", *out);
  return 0;
}

Flag on_off(const char* name, const char* help) {
  Flag flag;
  flag.spec.name = name;
  flag.spec.type = OptionSpec::Type::kBool;
  flag.spec.default_value = "false";
  flag.spec.help = help;
  flag.arity = Arity::kSwitch;
  return flag;
}

}  // namespace

Command tokenize_command() {
  Flag tokenizer;
  tokenizer.spec.name = "tokenizer";
  tokenizer.spec.type = OptionSpec::Type::kString;
  tokenizer.spec.help = "file or folder, or the name of a model";
  tokenizer.value = "PATH";
  tokenizer.aliases = {"-m", "--model"};
  Command command;
  command.name = "tokenize";
  command.summary = "the token ids of standard input";
  command.example = "printf 'Hello world' | pareto tokenize --tokenizer tokenizer.json --json";
  command.flags = {tokenizer, on_off("add_bos", "put the tokenizer's BOS in front"),
                   on_off("parse_special", "the strings of special tokens become their ids"),
                   on_off("json", "{\"ids\": […], \"pieces\": […]}")};
  command.run = run;
  return command;
}

}  // namespace pareto
