// Colours: prompt "Thing: {thing}\nColour:", one request per choice.
// Columns: thing, colours [text], right (index from 0). Definition: our own.
#include "tasks/common.h"

namespace pareto {
namespace {

Result<Question> ask_colour(const Row& row) {
  Question out;
  PARETO_TRY(const std::string_view thing, row.text("thing"));
  PARETO_TRY(out.choices, row.strings("colours"));
  PARETO_TRY(const std::int64_t right, row.integer("right"));
  if (right < 0 || right >= std::ssize(out.choices))
    return fail(Code::kInvalid, "{}: 'right' is {}; there are {} colours", row.where(), right, out.choices.size());
  out.gold = static_cast<int>(right);
  out.text = "Thing: " + std::string(thing) + "\nColour:";
  out.target = std::to_string(right);
  return out;
}

TaskSpec colour_spec() {
  TaskSpec spec;
  spec.info.name = "colours";
  spec.info.version = "1.0";
  spec.info.summary = "the colour of a thing";
  spec.info.dataset = "own/colours main";
  spec.info.metrics = {{.name = "acc"}, {.name = "acc_norm"}};
  spec.documents = {.dataset = "own/colours", .config = "main", .split = "test"};
  spec.ask = ask_colour;
  return spec;
}

const RegisterTask kColours(task_entry(colour_spec(), make_choice_task));

}  // namespace
}  // namespace pareto
