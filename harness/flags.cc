#include "harness/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

namespace pareto {
namespace {

// "-pg" is "--pg" to the parser, which knows only letters after one dash.
bool is_long_with_one_dash(const std::string& alias) { return alias.size() > 2 && alias[0] == '-' && alias[1] != '-'; }

std::string parser_names(const Flag& flag) {
  std::string names = "--" + flag.spec.name;
  for (const std::string& alias : flag.aliases) names += (is_long_with_one_dash(alias) ? ",-" : ",") + alias;
  return names;
}

std::string help_text(const Flag& flag) {
  std::string text = flag.spec.help;
  if (!flag.spec.choices.empty()) {
    text += " [";
    for (const std::string& choice : flag.spec.choices) text += (text.back() == '[' ? "" : " ") + choice;
    text += "]";
  }
  if (flag.sweep) text += "; a comma list is one cell each";
  if (!flag.spec.default_value.empty() && flag.arity != Arity::kSwitch) text += " (" + flag.spec.default_value + ")";
  if (flag.arity == Arity::kSwitch && flag.spec.default_value == "true") text += " (on)";
  return text;
}

// One flag bound to the place that the parser writes to.
struct Slot {
  const Flag* flag = nullptr;
  CLI::Option* option = nullptr;
  std::string text;
  std::vector<std::string> texts;
  bool on = false;
};

void bind(CLI::App* app, const Flag& flag, Slot* slot) {
  slot->flag = &flag;
  const std::string names = parser_names(flag);
  switch (flag.arity) {
    case Arity::kValue:
      slot->option = app->add_option(names, slot->text, help_text(flag));
      break;
    case Arity::kRepeat:
      slot->option = app->add_option(names, slot->texts, help_text(flag))->allow_extra_args(false);
      break;
    case Arity::kOptionalValue:
      slot->option = app->add_option(names, slot->text, help_text(flag))->expected(0, 1);
      break;
    case Arity::kSwitch:
      // Only what is on can be switched off.
      slot->option = app->add_flag(names + (flag.spec.default_value == "true" ? ",!--no-" + flag.spec.name : ""),
                                   slot->on, help_text(flag));
      break;
  }
  if (flag.arity != Arity::kSwitch) slot->option->type_name(flag.value.empty() ? "VALUE" : flag.value);
}

std::string value_of(const Slot& slot) {
  switch (slot.flag->arity) {
    case Arity::kSwitch:
      return slot.on ? "true" : "false";
    case Arity::kOptionalValue:
      return slot.text.empty() ? "true" : slot.text;
    case Arity::kValue:
      return slot.text;
    case Arity::kRepeat: {
      std::string joined;
      for (const std::string& text : slot.texts) joined += (joined.empty() ? "" : ",") + text;
      return joined;
    }
  }
  return "";
}

// Every spelling that a command knows, with its dashes: -npl is --npl too.
std::vector<std::string> spellings(const Command& command) {
  std::vector<std::string> names = {"--help", "-h"};
  for (const Flag& flag : command.flags) {
    names.push_back("--" + flag.spec.name);
    if (flag.arity == Arity::kSwitch && flag.spec.default_value == "true") names.push_back("--no-" + flag.spec.name);
    for (const std::string& alias : flag.aliases) {
      names.push_back(alias);
      if (is_long_with_one_dash(alias)) names.push_back("-" + alias);
    }
  }
  return names;
}

// The list is too long for a line, and 'pareto ls' has none of it: the command's help does.
Status unknown_option(const Command& command, const std::string& name, const std::vector<std::string>& known) {
  const std::string near = nearest_name(name, known);
  return fail(Code::kUsage, "{} has no option '{}'{} 'pareto {} --help' lists them", command.name, name,
              near.empty() ? ";" : fmt::format("; did you mean '{}'?", near), command.name);
}

// --num-fewshot is --num_fewshot, -pg is --pg, and what nobody knows gets a hint instead of the parser's complaint.
Status normalise(const Command& command, std::vector<std::string>* args) {
  const std::vector<std::string> known = spellings(command);
  const auto knows = [&](const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  for (std::string& arg : *args) {
    if (arg.size() < 2 || arg[0] != '-' || arg == "--") continue;
    const std::size_t equals = arg.find('=');
    std::string name = arg.substr(0, equals);
    const std::string rest = equals == std::string::npos ? "" : arg.substr(equals);
    if (is_long_with_one_dash(name)) {
      if (knows(name)) arg = "-" + arg;
      continue;
    }
    if (!name.starts_with("--") || knows(name)) continue;
    std::string underscored = name;
    std::replace(underscored.begin() + 2, underscored.end(), '-', '_');
    if (!knows(underscored)) return unknown_option(command, name, known);
    arg = underscored + rest;
  }
  return {};
}

// The parser shows what a negated flag sets: "--no-deterministic{false}".
std::string help_of(const CLI::App& app) {
  constexpr std::string_view kSets = "{false}";
  std::string text = app.help();
  for (std::size_t at; (at = text.find(kSets)) != std::string::npos;) text.erase(at, kSets.size());
  return text;
}

int run_parsed(const Command& command, std::vector<std::string> args) {
  if (const Status status = normalise(command, &args); !status) return report(status.error());
  CLI::App app(command.summary, "pareto " + command.name);
  app.footer("Example:\n  " + command.example);
  std::vector<std::unique_ptr<Slot>> slots;  // stable addresses: the parser writes into them
  for (const Flag& flag : command.flags) {
    slots.push_back(std::make_unique<Slot>());
    bind(&app, flag, slots.back().get());
  }
  Arguments arguments;
  if (!command.positional.empty()) app.add_option("what", arguments.positionals, command.positional);
  try {
    std::reverse(args.begin(), args.end());  // as the parser takes them
    app.parse(args);
  } catch (const CLI::CallForHelp&) {
    std::fputs(help_of(app).c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    return report(
        {Code::kUsage, fmt::format("{}: {}; see 'pareto {} --help'", command.name, error.what(), command.name)});
  }
  for (const auto& slot : slots)
    if (slot->option->count() > 0) arguments.values[slot->flag->spec.name] = value_of(*slot);
  return command.run(arguments);
}

void print_overview(std::span<const Command> commands) {
  fmt::print(
      "pareto: accuracy of LLM inference methods against the compute and memory traffic that it cost\n\nCommands:\n");
  for (const Command& command : commands) fmt::print("  {:<10} {}\n", command.name, command.summary);
  fmt::print("\n  pareto COMMAND --help   its options and an example\n  pareto --version        what was built\n");
}

}  // namespace

bool Arguments::on(const std::string& name) const {
  const auto found = values.find(name);
  return found != values.end() && found->second == "true";
}

const std::string& Arguments::text(const std::string& name) const {
  static const std::string kEmpty;
  const auto found = values.find(name);
  return found == values.end() ? kEmpty : found->second;
}

int report(const Error& error) {
  fmt::print(stderr, "pareto: {}\n", error.message);
  return exit_code(error.code);
}

int dispatch(std::span<const Command> commands, const std::string& version, int argc, const char* const* argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "--version" || first == "-V") {
    fmt::print("{}\n", version);
    return 0;
  }
  if (first.empty() || first == "--help" || first == "-h" || first == "help") {
    print_overview(commands);
    return first.empty() ? 2 : 0;
  }
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.name == first) return run_parsed(command, std::vector<std::string>(argv + 2, argv + argc));
    names.push_back(command.name);
  }
  return report(unknown_name("command", first, names));
}

}  // namespace pareto
