// Commands and their flags, each declared once: spelling, type, range, default, help, and what it does to an answer.
// From that come parsing, --help, did-you-mean, sweeps, the cell's name and the record's fields.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/result.h"

namespace pareto {

enum class Arity {
  kValue,          // --limit 10
  kRepeat,         // --backend a --backend b: joined by commas
  kSwitch,         // --restart, --no-restart
  kOptionalValue,  // --apply_chat_template [NAME]: "true" without a value
};

enum class Effect {
  kAnswers,  // changes what a model answers: enters the cell's name and the journal's keys
  kSpeed,    // changes only how fast: enters the cell's name
  kPlace,    // where things are: recorded only
  kNone,     // how this program talks: not recorded
};

struct Flag {
  OptionSpec spec;                   // spec.name without dashes; an empty default_value means "not set"
  std::vector<std::string> aliases;  // as typed: "--batch_size", "-b", "-pg"
  std::string value;                 // what stands for the value in --help: "N"
  Arity arity = Arity::kValue;
  Effect effect = Effect::kNone;
  bool sweep = false;  // a comma list is one cell each
};

// What a command line said. Flags that were not given are absent.
struct Arguments {
  OptionMap values;
  std::vector<std::string> positionals;
  bool has(const std::string& name) const { return values.count(name) > 0; }
  bool on(const std::string& name) const;  // a switch that was given and is true
  // The given value, else "".
  const std::string& text(const std::string& name) const;
};

struct Command {
  std::string name, summary;
  std::string example;  // shown under --help
  std::vector<Flag> flags;
  std::string positional;                    // "WHAT [DIR]": its help; empty: none taken
  std::function<int(const Arguments&)> run;  // returns the exit code
};

// Parses argv, prints help and version, runs the command. Returns the exit code: 2 when the command line is wrong.
int dispatch(std::span<const Command> commands, const std::string& version, int argc, const char* const* argv);

// "pareto: message" to standard error; returns exit_code(error.code).
int report(const Error& error);

}  // namespace pareto
