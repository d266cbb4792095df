#include "data/catalog.h"

#include <algorithm>
#include <array>

#include "core/options.h"
#include "tasks/python.h"

namespace pareto {
namespace {

struct Subject {
  const char* name;
  std::int64_t test;  // rows
};

// Each has five rows in dev.
constexpr std::array<Subject, 57> kMmlu = {{{"abstract_algebra", 100},
                                            {"anatomy", 135},
                                            {"astronomy", 152},
                                            {"business_ethics", 100},
                                            {"clinical_knowledge", 265},
                                            {"college_biology", 144},
                                            {"college_chemistry", 100},
                                            {"college_computer_science", 100},
                                            {"college_mathematics", 100},
                                            {"college_medicine", 173},
                                            {"college_physics", 102},
                                            {"computer_security", 100},
                                            {"conceptual_physics", 235},
                                            {"econometrics", 114},
                                            {"electrical_engineering", 145},
                                            {"elementary_mathematics", 378},
                                            {"formal_logic", 126},
                                            {"global_facts", 100},
                                            {"high_school_biology", 310},
                                            {"high_school_chemistry", 203},
                                            {"high_school_computer_science", 100},
                                            {"high_school_european_history", 165},
                                            {"high_school_geography", 198},
                                            {"high_school_government_and_politics", 193},
                                            {"high_school_macroeconomics", 390},
                                            {"high_school_mathematics", 270},
                                            {"high_school_microeconomics", 238},
                                            {"high_school_physics", 151},
                                            {"high_school_psychology", 545},
                                            {"high_school_statistics", 216},
                                            {"high_school_us_history", 204},
                                            {"high_school_world_history", 237},
                                            {"human_aging", 223},
                                            {"human_sexuality", 131},
                                            {"international_law", 121},
                                            {"jurisprudence", 108},
                                            {"logical_fallacies", 163},
                                            {"machine_learning", 112},
                                            {"management", 103},
                                            {"marketing", 234},
                                            {"medical_genetics", 100},
                                            {"miscellaneous", 783},
                                            {"moral_disputes", 346},
                                            {"moral_scenarios", 895},
                                            {"nutrition", 306},
                                            {"philosophy", 311},
                                            {"prehistory", 324},
                                            {"professional_accounting", 282},
                                            {"professional_law", 1534},
                                            {"professional_medicine", 272},
                                            {"professional_psychology", 612},
                                            {"public_relations", 110},
                                            {"security_studies", 245},
                                            {"sociology", 201},
                                            {"us_foreign_policy", 100},
                                            {"virology", 166},
                                            {"world_religions", 171}}};

constexpr const char* kLEvalCommit = "cd34b050269148aed75acbbe4a599873ad0f37e9";

DataSet hub_set(std::string name, std::string title, std::string licence, std::vector<HubPart> parts) {
  DataSet set;
  set.name = std::move(name);
  set.title = std::move(title);
  set.licence = std::move(licence);
  set.source = "https://huggingface.co/datasets/" + parts.front().split.dataset;
  set.parts = std::move(parts);
  return set;
}

HubPart part(std::string dataset, std::string config, std::string split, std::int64_t rows = 0) {
  return {{std::move(dataset), std::move(config), std::move(split), ""}, rows};
}

DataSet mmlu() {
  std::vector<HubPart> parts;
  for (const Subject& subject : kMmlu) {
    parts.push_back(part("cais/mmlu", subject.name, "test", subject.test));
    parts.push_back(part("cais/mmlu", subject.name, "dev", 5));
  }
  return hub_set("mmlu", "57 subjects, four choices", "MIT", std::move(parts));
}

DataSet longbench() {
  std::vector<HubPart> parts;
  for (const auto* sets : {&longbench_sets(), &longbench_e_sets()})
    for (const std::string& name : *sets) parts.push_back(part(std::string(kLongBenchData), name, "test"));
  DataSet set = hub_set("longbench", "LongBench v1: 21 sets of long inputs, and the 13 of LongBench-E",
                        "MIT; the texts keep their own terms", std::move(parts));
  set.import_help = "SET.jsonl (and SET_e.jsonl), or a folder of them: what LongBench's data.zip holds";
  return set;
}

DataSet leval() {
  constexpr std::array<const char*, 5> kHashes = {"03ef77fcbd191545ee9f750487d1e6b209352e6440cadc6671f0c9f4fcb753a5",
                                                  "768d7b1d52be9406994b098fdfb9c2fd055bf2eb3d79748b42a9e55ddcc81f2a",
                                                  "e12593a3da249dc1f769d10e07da896a524917f278900a6f6ef42e7fd4daa67b",
                                                  "eb704ffaacb8c84df4b9d70a8557066de25798b9af1332fd1f2dee77a8112d06",
                                                  "7596d085ddc8e11418d53e956b492f9cba7087c2fc1b516508a26257eed1a57e"};
  DataSet set;
  set.name = "leval";
  set.title = "L-Eval, closed-ended: coursera, gsm100, quality, sci_fi, tpo";
  set.licence = "GPL-3.0; the texts keep their own terms";
  set.source = "https://github.com/OpenLMLab/LEval";
  set.import_help = "SET.jsonl, or a folder of them: LEval-data/Closed-ended-tasks";
  for (std::size_t i = 0; i < kHashes.size(); ++i) {
    const std::string& name = leval_sets()[i];
    set.originals.push_back(
        {hub_path("", {std::string(kLEvalData), name, "test", ""}).substr(1),
         fmt::format("{{github}}/OpenLMLab/LEval/{}/LEval-data/Closed-ended-tasks/{}.jsonl", kLEvalCommit, name),
         kHashes[i], true});
  }
  return set;
}

DataSet jieba() {
  constexpr std::array<std::pair<const char*, const char*>, 4> kFiles = {
      {{"dict.txt", "7197c3211ddd98962b036cdf40324d1ea2bfaa12bd028e68faa70111a88e12a8"},
       {"finalseg/prob_start.py", "14c5706ced5cd3b42eb4873d4b88f7f52a7bdf80fbd767bc4423d361e20c5330"},
       {"finalseg/prob_trans.py", "54dfbc252ed71480d4f0cdfdf516ecfbe44efd0f6c3c64b158e7039f2906c91b"},
       {"finalseg/prob_emit.py", "27d46b1c9efe4dd148fde8be042a21be40e3562d0c7f1273f9de7abae12ebb8d"}}};
  DataSet set;
  set.name = "jieba";
  set.title = "dictionary and model of the Chinese word splitter jieba 0.42.1, for LongBench's Chinese sets";
  set.licence = "MIT";
  set.source = "https://github.com/fxsjy/jieba";
  set.import_help = "the folder of the Python package jieba 0.42.1: dict.txt and finalseg/prob_*.py";
  for (const auto& [path, sha256] : kFiles)
    set.originals.push_back(
        {fmt::format("jieba/{}", path), fmt::format("{{github}}/fxsjy/jieba/v0.42.1/jieba/{}", path), sha256, false});
  return set;
}

std::vector<DataSet> all_sets() {
  const std::string arc = "allenai/ai2_arc", winogrande = "allenai/winogrande";
  DataSet wikitext = hub_set("wikitext", "WikiText-2, 62 articles of the test split", "CC BY-SA 3.0, GFDL",
                             {part("EleutherAI/wikitext_document_level", "wikitext-2-raw-v1", "test", 62)});
  wikitext.import_help = "wiki.test.raw (valid, train), or a folder of them";
  std::vector<DataSet> sets = {
      hub_set("ai2_arc", "ARC-Easy and ARC-Challenge: grade-school science", "CC BY-SA 4.0",
              {part(arc, "ARC-Easy", "test", 2376), part(arc, "ARC-Easy", "train", 2251),
               part(arc, "ARC-Easy", "validation", 570), part(arc, "ARC-Challenge", "test", 1172),
               part(arc, "ARC-Challenge", "train", 1119), part(arc, "ARC-Challenge", "validation", 299)}),
      hub_set("aime24", "AIME 2024: 30 competition problems", "problems by the MAA, no open licence stated",
              {part("Maxwell-Jia/AIME_2024", "default", "train", 30)}),
      hub_set("aime25", "AIME 2025: 30 competition problems", "problems by the MAA, no open licence stated",
              {part("math-ai/aime25", "default", "test", 30)}),
      hub_set("commonsense_qa", "CommonsenseQA: five choices", "MIT",
              {part("tau/commonsense_qa", "default", "validation", 1221),
               part("tau/commonsense_qa", "default", "train", 9741)}),
      hub_set("gsm8k", "grade-school mathematics, free answers", "MIT",
              {part("openai/gsm8k", "main", "test", 1319), part("openai/gsm8k", "main", "train", 7473)}),
      hub_set("hellaswag", "sentence endings, four choices", "MIT",
              {part("Rowan/hellaswag", "default", "validation", 10042),
               part("Rowan/hellaswag", "default", "train", 39905)}),
      jieba(),
      hub_set("lambada_openai", "the last word of a passage", "MIT",
              {part("EleutherAI/lambada_openai", "default", "test", 5153)}),
      leval(),
      longbench(),
      hub_set("math500", "500 competition problems with LaTeX answers", "MIT",
              {part("HuggingFaceH4/MATH-500", "default", "test", 500)}),
      mmlu(),
      hub_set("openbookqa", "elementary science, four choices", "Apache-2.0",
              {part("allenai/openbookqa", "main", "test", 500), part("allenai/openbookqa", "main", "train", 4957)}),
      hub_set("piqa", "everyday physics, two choices", "no licence stated; AFL-3.0 by some copies",
              {part("baber/piqa", "default", "validation", 1838), part("baber/piqa", "default", "train")}),
      std::move(wikitext),
      hub_set(
          "winogrande", "which of two a pronoun means", "CC BY",
          {part(winogrande, "winogrande_xl", "validation", 1267), part(winogrande, "winogrande_xl", "train", 40398)}),
  };
  std::sort(sets.begin(), sets.end(), [](const DataSet& a, const DataSet& b) { return a.name < b.name; });
  return sets;
}

// Becomes a folder or a file of that name.
bool is_plain(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of("/\\") == std::string_view::npos;
}

Result<DataSet> any_split(const std::string& name) {
  const auto words = python::split(std::string_view(name).substr(std::string_view("rows:").size()), ":");
  const auto dataset = words.empty() ? std::vector<std::string_view>() : python::split(words[0], "/");
  const bool good = words.size() == 3 && dataset.size() == 2 && is_plain(dataset[0]) && is_plain(dataset[1]) &&
                    is_plain(words[1]) && is_plain(words[2]);
  if (!good) return fail(Code::kUsage, "'{}': write rows:ORG/NAME:CONFIG:SPLIT, as rows:openai/gsm8k:main:test", name);
  return hub_set(name, "a split of the hub", "see its page",
                 {part(std::string(words[0]), std::string(words[1]), std::string(words[2]))});
}

}  // namespace

const std::vector<std::string>& longbench_sets() {
  static const std::vector<std::string> kSets = {"narrativeqa",
                                                 "qasper",
                                                 "multifieldqa_en",
                                                 "multifieldqa_zh",
                                                 "hotpotqa",
                                                 "2wikimqa",
                                                 "musique",
                                                 "dureader",
                                                 "gov_report",
                                                 "qmsum",
                                                 "multi_news",
                                                 "vcsum",
                                                 "trec",
                                                 "triviaqa",
                                                 "samsum",
                                                 "lsht",
                                                 "passage_count",
                                                 "passage_retrieval_en",
                                                 "passage_retrieval_zh",
                                                 "lcc",
                                                 "repobench-p"};
  return kSets;
}

const std::vector<std::string>& longbench_e_sets() {
  static const std::vector<std::string> kSets = {
      "qasper_e",     "multifieldqa_en_e", "hotpotqa_e", "2wikimqa_e",      "gov_report_e",           "multi_news_e",
      "trec_e",       "triviaqa_e",        "samsum_e",   "passage_count_e", "passage_retrieval_en_e", "lcc_e",
      "repobench-p_e"};
  return kSets;
}

const std::vector<std::string>& leval_sets() {
  static const std::vector<std::string> kSets = {"coursera", "gsm100", "quality", "sci_fi", "tpo"};
  return kSets;
}

const std::vector<DataSet>& data_sets() {
  static const std::vector<DataSet> kSets = all_sets();
  return kSets;
}

Result<DataSet> resolve_data_set(const std::string& name) {
  if (name.starts_with("rows:")) return any_split(name);
  std::vector<std::string> names;
  for (const DataSet& set : data_sets()) {
    if (set.name == name) return set;
    names.push_back(set.name);
  }
  return tl::unexpected(unknown_name("data set", name, names));
}

std::vector<std::string> files_of(const DataSet& set) {
  std::vector<std::string> files;
  for (const HubPart& p : set.parts) files.push_back(hub_path("", p.split).substr(1));
  for (const OriginalFile& original : set.originals) files.push_back(original.path);
  return files;
}

}  // namespace pareto
