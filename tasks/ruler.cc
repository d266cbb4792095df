// The thirteen tasks of RULER and their group.
#include "tasks/ruler_own.h"
#include "tasks/ruler_task.h"

namespace pareto::ruler {
namespace {

TaskEntry entry(SizedSpec spec) {
  spec.info.name = "ruler_" + spec.task;
  spec.info.summary.insert(0, "RULER: ");
  spec.info.tags = {"longcxt"};
  spec.info.dataset = "RULER, generated";
  return {.name = spec.info.name,
          .summary = spec.info.summary,
          .tags = spec.info.tags,
          .make = [spec] { return make_sized_task(spec); },
          .sized = true};
}

TaskEntry niah(std::string task, std::string summary, const NiahSpec& spec) {
  SizedSpec sized;
  sized.task = std::move(task);
  sized.info.summary = std::move(summary);
  sized.reserve = 128;
  sized.one_answer = spec.values * spec.queries == 1;
  sized.own = [spec](const Setting& setting, Streams*) { return own_niah(setting, spec); };
  sized.upstream = [spec](const Setting& setting, Streams* streams) { return upstream_niah(setting, spec, streams); };
  return entry(std::move(sized));
}

TaskEntry qa(std::string task, std::string summary, QaSet set) {
  SizedSpec sized;
  sized.task = std::move(task);
  sized.info.summary = std::move(summary);
  sized.reserve = 32;
  sized.any_answer = sized.one_answer = true;
  sized.own = [set](const Setting& setting, Streams*) { return own_qa(setting, set); };
  sized.upstream = [set](const Setting& setting, Streams* streams) { return upstream_qa(setting, set, streams); };
  return entry(std::move(sized));
}

template <class Own, class Upstream>
TaskEntry counted(std::string task, std::string summary, int reserve, Own own, Upstream upstream) {
  SizedSpec sized;
  sized.task = std::move(task);
  sized.info.summary = std::move(summary);
  sized.reserve = reserve;
  sized.own = [own](const Setting& setting, Streams*) { return own(setting); };
  sized.upstream = upstream;
  return entry(std::move(sized));
}

const RegisterTask kSingle1(niah("niah_single_1", "a number in repeated noise", {}));
const RegisterTask kSingle2(niah("niah_single_2", "a number in prose", {.haystack = Haystack::kEssay}));
const RegisterTask kSingle3(niah("niah_single_3", "a uuid in prose",
                                 {.haystack = Haystack::kEssay, .value = Magic::kUuids}));
const RegisterTask kMultikey1(niah("niah_multikey_1", "a number among four keys in prose",
                                   {.haystack = Haystack::kEssay, .keys = 4}));
const RegisterTask kMultikey2(niah("niah_multikey_2", "a number in a haystack of needles",
                                   {.haystack = Haystack::kNeedles}));
const RegisterTask kMultikey3(niah("niah_multikey_3", "a uuid for a uuid in a haystack of needles",
                                   {.haystack = Haystack::kNeedles, .key = Magic::kUuids, .value = Magic::kUuids}));
const RegisterTask kMultiquery(niah("niah_multiquery", "the numbers of four keys in prose",
                                    {.haystack = Haystack::kEssay, .keys = 4, .queries = 4}));
const RegisterTask kMultivalue(niah("niah_multivalue", "all four numbers of one key in prose",
                                    {.haystack = Haystack::kEssay, .values = 4}));
const RegisterTask kVt(counted("vt", "the five variables of a chain of assignments", 30, own_vt, upstream_vt));
const RegisterTask kCwe(counted("cwe", "the ten common words of a list", 120, own_cwe, upstream_cwe));
const RegisterTask kFwe(counted("fwe", "the three most frequent words of a coded text", 50, own_fwe, upstream_fwe));
const RegisterTask kQa1(qa("qa_1", "SQuAD questions among many paragraphs (read from DATA_DIR/ruler)", QaSet::kSquad));
const RegisterTask kQa2(qa("qa_2", "HotpotQA questions among many paragraphs (read from DATA_DIR/ruler)",
                           QaSet::kHotpot));

// In the order in which lm-eval loads them: its tasks draw from one stream.
const std::vector<std::string> kGenerated = {"ruler_niah_single_1",
                                             "ruler_niah_single_2",
                                             "ruler_niah_single_3",
                                             "ruler_niah_multikey_1",
                                             "ruler_niah_multikey_2",
                                             "ruler_niah_multikey_3",
                                             "ruler_niah_multiquery",
                                             "ruler_niah_multivalue",
                                             "ruler_vt",
                                             "ruler_cwe",
                                             "ruler_fwe"};

// The plain mean of the members, as upstream has it.
GroupInfo group(const std::string& name, std::vector<std::string> members) {
  GroupInfo info;
  info.name = name;
  info.version = "1";
  info.members = std::move(members);
  info.metrics = {{.metric = "", .weight_by_size = false}};
  return info;
}

std::vector<std::string> all_thirteen() {
  std::vector<std::string> members = kGenerated;
  members.insert(members.end(), {"ruler_qa_1", "ruler_qa_2"});
  return members;
}

const RegisterGroup kRuler(group("ruler", all_thirteen()));
const RegisterGroup kRulerGenerated(group("ruler_generated", kGenerated));

}  // namespace
}  // namespace pareto::ruler
