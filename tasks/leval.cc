// L-Eval, the closed-ended sets: long documents, several questions on each, marked by exact match.
//
//   coursera, quality, tpo   {system}⏎⏎Document is as follows. {document} ⏎Question: {question}.  Please directly give
//                            answer without any additonal output or explanation ⏎Answer:
//   gsm100                   {system}⏎⏎{document}⏎⏎{question}              the document: 16 solved problems
//   sci_fi                   as the first, once by the document, and once by the world as it is: {question}⏎Answer:
//
// L4NLP/LEval, split test (OpenLMLab/LEval's files): {"input": document, "instructions": [question], "outputs":
// [reference], "source", "evaluation"}; each question is a document here, of sci_fi two.
// Definition: OpenLMLab/LEval cd34b05, Baselines/LEval_config.py and llama2-chat-test.py (prompts; the words between
// the tags of Llama-2's template, which is --apply_chat_template's business here), Evaluation/ (marks:
// leval_marking.h). Replies are stripped, as in its GPT baselines. A document that is too long loses its end.
#include <array>

#include "tasks/leval_marking.h"
#include "tasks/long_context.h"
#include "tasks/python.h"

namespace pareto {
namespace {

constexpr int kLEvalKeptFree = 608;  // of 4096, as "4k" less 512 tokens of answer in upstream

enum class LEvalKind { kOptions, kSeveralOptions, kNumber, kJudgement };

struct LEvalSet {
  const char* name;
  const char* summary;
  LEvalKind kind;
  const char* system;
};

constexpr const char* kOneOption =
    "Now you are given a very long document. Please follow the instruction based on this document. For multi-choice "
    "questions, there is only a sinlge correct option. Please only provide the letter corresponding to the answer "
    "(like A or B) when answering. For other questions, please directly give the concise and accurate answer. ";

constexpr std::array<LEvalSet, 5> kLEvalSets = {{
    {"coursera", "questions on lectures, several options may be right", LEvalKind::kSeveralOptions,
     "Now you are given a very long document. Please follow the instruction based on this document. For multi-choice "
     "questions, there could be a sinlge correct option or multiple correct options. Please only provide the letter "
     "corresponding to the answer (like A or AB) when answering. "},
    {"gsm100", "100 of GSM8K's problems after 16 solved ones", LEvalKind::kNumber,
     "Given several question answer pairs, you need to follow a similar format to answer the last question. Make sure "
     "the response is end with The answer is _ . "},
    {"quality", "questions on stories, four options", LEvalKind::kOptions, kOneOption},
    {"sci_fi", "true by a story, and true in the world", LEvalKind::kJudgement,
     "Now you are given a scientific fiction. I will ask you some questions and the answer should be \"True\" or "
     "\"False\". Notice that you should answer the question based on the evidence in the document instead of your "
     "background knowledge."},
    {"tpo", "questions on TOEFL lectures, options", LEvalKind::kOptions, kOneOption},
}};

// What the record shows of one question.
Value question_doc(const Row& row, const std::string& document, const std::string& question,
                   const std::string& reference) {
  Value doc = Value::dict({{Value("input"), Value(document)},
                           {Value("instruction"), Value(question)},
                           {Value("output"), Value(reference)}});
  if (const auto source = row.at("source")) doc.set(Value("source"), *source);
  return doc;
}

LongItem document_question(const LEvalSet& set, const std::string& document, const std::string& question) {
  LongItem item;
  item.description = fmt::format("{}\n\n", set.system);
  item.document = document;
  if (set.kind == LEvalKind::kNumber) {
    item.after = fmt::format("\n\n{}", question);
    return item;
  }
  item.before = "Document is as follows. ";
  item.after = fmt::format(
      " \nQuestion: {}.  Please directly give answer without any additonal output or explanation \nAnswer:", question);
  return item;
}

LongItem world_question(const std::string& question) {
  LongItem item;
  item.before = python::replace(question, "based on the world described in the document.",
                                "based on the real-world knowledge and facts up until your last training") +
                "\nAnswer:";
  return item;
}

// sci_fi: the same question twice, of `doc["judged"]` loyalty and fact.
Status add_judgements(const Row& row, LongItem by_document, const std::string& question, const std::string& reference,
                      std::vector<LongItem>* items) {
  const leval::Judgements gold = leval::reference_judgements(reference);
  if (gold.loyalty.empty() || gold.fact.empty())
    return fail(Code::kInvalid, "{}: output {} is not of the form 'True [fact: False]'", row.where(),
                python::text_repr(reference));
  LongItem by_world = world_question(question);
  by_world.doc = Value::dict(by_document.doc.entries());
  by_document.doc.set(Value("judged"), Value("loyalty"));
  by_world.doc.set(Value("judged"), Value("fact"));
  by_document.target = gold.loyalty;
  by_world.target = gold.fact;
  items->push_back(std::move(by_document));
  items->push_back(std::move(by_world));
  return {};
}

Result<std::vector<LongItem>> leval_items(const Row& row, const LEvalSet& set) {
  PARETO_TRY(const std::string_view document, row.text("input"));
  PARETO_TRY(const std::vector<std::string> questions, row.strings("instructions"));
  PARETO_TRY(const std::vector<std::string> references, row.strings("outputs"));
  if (questions.size() != references.size())
    return fail(Code::kInvalid, "{}: {} instructions and {} outputs", row.where(), questions.size(), references.size());
  std::vector<LongItem> items;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    LongItem item = document_question(set, std::string(document), questions[i]);
    item.doc = question_doc(row, item.document, questions[i], references[i]);
    item.target = references[i];
    if (set.kind == LEvalKind::kJudgement) {
      PARETO_CHECK_OK(add_judgements(row, std::move(item), questions[i], references[i], &items));
    } else {
      items.push_back(std::move(item));
    }
  }
  return items;
}

// The text that the record calls the target.
Result<LongItem> leval_reference(const Reference& reference) {
  PARETO_CHECK_OK(reference.check_plain());
  LongItem item;
  item.target = reference.text;
  item.doc = Value::dict({});
  return item;
}

double leval_mark(const LEvalSet& set, std::string_view response, const LongItem& item) {
  const std::string_view reply = python::strip(response);
  switch (set.kind) {
    case LEvalKind::kOptions:
    case LEvalKind::kSeveralOptions:
      return leval::mark_letters(leval::letters(reply, set.kind == LEvalKind::kSeveralOptions),
                                 leval::reference_letters(item.target));
    case LEvalKind::kNumber:
      return leval::mark_number(leval::number(reply), leval::number(item.target));
    case LEvalKind::kJudgement:
      return leval::judgement(reply) == item.target ? 1 : 0;
  }
  return 0;
}

LongSpec leval_spec(const LEvalSet& set) {
  LongSpec spec;
  spec.info.name = fmt::format("leval_{}", set.name);
  spec.info.version = "1.0";
  spec.info.summary = fmt::format("L-Eval: {}", set.summary);
  spec.info.tags = {"leval_tasks"};
  spec.documents = {"L4NLP/LEval", set.name, "test", "leval"};
  spec.info.dataset = fmt::format("{} {}", spec.documents.dataset, set.name);
  spec.info.metrics = {{"exact_match", true, set.kind != LEvalKind::kSeveralOptions}};
  if (set.kind == LEvalKind::kJudgement)
    for (const char* half : {"loyalty", "fact"}) spec.info.metrics.push_back({half});
  spec.cut = LongSpec::Cut::kDocumentEnd;
  spec.kept_free = kLEvalKeptFree;
  spec.generation_kwargs = R"({"until": [], "do_sample": false, "temperature": 0.0, "max_gen_toks": 512})";
  spec.items = [&set](const Row& row) { return leval_items(row, set); };
  spec.reference = leval_reference;
  spec.mark = [&set](const std::string& response, const LongItem& item) {
    const double mark = leval_mark(set, response, item);
    std::map<std::string, double> metrics = {{"exact_match", mark}};
    if (const Value* judged = item.doc.get("judged"); judged != nullptr) metrics[judged->text()] = mark;
    return metrics;
  };
  return spec;
}

struct RegisterLEval {
  RegisterLEval() {
    GroupInfo all{.name = "leval",
                  .alias = "leval",
                  .version = "1.0",
                  .members = {},
                  .metrics = {{.metric = "exact_match", .weight_by_size = false}}};
    for (const LEvalSet& set : kLEvalSets) {
      const LongSpec spec = leval_spec(set);
      all.members.push_back(spec.info.name);
      RegisterTask({.name = spec.info.name,
                    .summary = spec.info.summary,
                    .tags = spec.info.tags,
                    .make = [&set] { return make_long_task(leval_spec(set)); },
                    .cuts_prompts = true});
    }
    RegisterGroup{std::move(all)};
  }
};
const RegisterLEval kLEval;

}  // namespace
}  // namespace pareto
