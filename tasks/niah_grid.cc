// The needle-in-a-haystack grid: one needle in prose, at every depth from 0 to 100 % in steps of 10, at every --length.
//
//   --length 4096,8192,16384   one cell each; document i is at depth 10 · (i % 11) %, five of each
//
// The question is RULER's niah_single_2 in our own profile. string_match_at_<depth> is the mean at one depth: the run's
// last table shows them as depth × length, and the same as an SVG beside the cells (harness/heat_map.h).
#include "tasks/ruler_own.h"
#include "tasks/ruler_task.h"

namespace pareto::ruler {
namespace {

constexpr int kDepths = 11, kRepeats = 5;
constexpr NiahSpec kGridSpec = {.haystack = Haystack::kEssay};

std::unique_ptr<Task> make_grid() {
  SizedSpec spec;
  spec.info.name = "niah_grid";
  spec.info.summary = "a number in prose, depth × length";
  spec.info.tags = {"longcxt"};
  spec.info.dataset = "generated";
  spec.task = "niah_grid";
  spec.reserve = 32;
  spec.examples = kDepths * kRepeats;
  spec.one_answer = true;
  spec.depths = kDepths;
  spec.own = [](const Setting& setting, Streams*) { return own_niah_grid(setting, kGridSpec, kDepths); };
  return make_sized_task(std::move(spec));
}

const RegisterTask kGrid({.name = "niah_grid",
                          .summary = "a number in prose, depth × length",
                          .tags = {"longcxt"},
                          .make = make_grid,
                          .sized = true});

}  // namespace
}  // namespace pareto::ruler
