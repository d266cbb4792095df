// LongBench v1: 21 sets of long inputs, 13 of them also with uniform lengths (LongBench-E, "_e").
//
//   Answer the question based on the given passages. … The following are given passages.⏎
//   {context}⏎⏎Answer the question … Question: {input}⏎Answer:        greedy, at most N tokens, no stop string
//
// Xnhyacinth/LongBench (the rows of THUDM/LongBench without its loading script), split test: {"input", "context",
// "answers": [text], "length", "dataset", "language", "all_classes": [text] or null, "_id"}.
// Definition: THUDM/LongBench 2e00731, LongBench/{pred,eval,metrics}.py and config/: prompts, lengths, marks, the cut
// in the middle of a prompt that is too long, the first-line rule of trec, triviaqa, samsum and lsht, and no chat
// template on those four and on lcc and repobench-p. The score is the best over the answers, in [0, 1]; upstream prints
// ×100. Other than there, samsum does not end at a newline: its first line is marked, so only the cost differs (and,
// where the very first token is a newline, which upstream suppresses, the answer).
#include <array>

#include "tasks/jieba.h"
#include "tasks/long_context.h"
#include "tasks/longbench_metrics.h"
#include "tasks/python.h"

namespace pareto {
namespace {

// What upstream keeps of 4096 tokens beside the 3500 of a prompt.
constexpr int kKeptFree = 596;

enum class Metric { kF1, kF1Zh, kRouge, kRougeZh, kClass, kCount, kRetrieval, kRetrievalZh, kCode };

struct LongBenchSet {
  const char* name;
  const char* summary;
  Metric metric;
  int max_tokens;
  const char* group;
  bool has_e;
  const char* prompt;  // {context}, {input}
};

constexpr const char* kPassages =
    "Answer the question based on the given passages. Only give me the answer and do not output any other "
    "words.\n\nThe "
    "following are given passages.\n{context}\n\nAnswer the question based on the given passages. Only give me the "
    "answer "
    "and do not output any other words.\n\nQuestion: {input}\nAnswer:";

constexpr std::array<LongBenchSet, 21> kLongBenchSets = {{
    {"narrativeqa", "questions about a book or film script", Metric::kF1, 128, "single", false,
     // "asconcisely" is upstream's.
     "You are given a story, which can be either a novel or a movie script, and a question. Answer the question "
     "asconcisely as you can, using a single phrase if possible. Do not provide any explanation.\n\nStory: "
     "{context}\n\nNow, answer the question based on the story asconcisely as you can, using a single phrase if "
     "possible. Do not provide any explanation.\n\nQuestion: {input}\n\nAnswer:"},
    {"qasper", "questions about a scientific article", Metric::kF1, 128, "single", true,
     "You are given a scientific article and a question. Answer the question as concisely as you can, using a single "
     "phrase or sentence if possible. If the question cannot be answered based on the information in the article, "
     "write "
     "\"unanswerable\". If the question is a yes/no question, answer \"yes\", \"no\", or \"unanswerable\". Do not "
     "provide "
     "any explanation.\n\nArticle: {context}\n\n Answer the question based on the above article as concisely as you "
     "can, "
     "using a single phrase or sentence if possible. If the question cannot be answered based on the information in "
     "the "
     "article, write \"unanswerable\". If the question is a yes/no question, answer \"yes\", \"no\", or "
     "\"unanswerable\". Do not provide any explanation.\n\nQuestion: {input}\n\nAnswer:"},
    {"multifieldqa_en", "questions about one document", Metric::kF1, 64, "single", true,
     "Read the following text and answer briefly.\n\n{context}\n\nNow, answer the following question based on the "
     "above "
     "text, only give me the answer and do not output any other words.\n\nQuestion: {input}\nAnswer:"},
    {"multifieldqa_zh", "Chinese questions about one document", Metric::kF1Zh, 64, "single", false,
     "阅读以下文字并用中文简短回答：\n\n{context}"
     "\n\n现在请基于上面的文章回答下面的问题，只告诉我答案，不要输出任何其他字词。\n\n问题："
     "{input}\n回答："},
    {"hotpotqa", "questions over several passages", Metric::kF1, 32, "multi", true, kPassages},
    {"2wikimqa", "questions over several passages", Metric::kF1, 32, "multi", true, kPassages},
    {"musique", "questions over several passages", Metric::kF1, 32, "multi", false, kPassages},
    {"dureader", "Chinese questions over several passages", Metric::kRougeZh, 128, "multi", false,
     "请基于给定的文章回答下述问题。\n\n文章：{context}\n\n请基于上述文章回答下面的问题。\n\n问题：{input}\n回答："},
    {"gov_report", "summary of a government report", Metric::kRouge, 512, "summarization", true,
     "You are given a report by a government agency. Write a one-page summary of the "
     "report.\n\nReport:\n{context}\n\nNow, "
     "write a one-page summary of the report.\n\nSummary:"},
    {"qmsum", "questions about a meeting's transcript", Metric::kRouge, 512, "summarization", false,
     "You are given a meeting transcript and a query containing a question or instruction. Answer the query in one or "
     "more sentences.\n\nTranscript:\n{context}\n\nNow, answer the query based on the above meeting transcript in one "
     "or "
     "more sentences.\n\nQuery: {input}\nAnswer:"},
    {"multi_news", "summary of several news articles", Metric::kRouge, 512, "summarization", true,
     "You are given several news passages. Write a one-page summary of all news. \n\nNews:\n{context}\n\nNow, write a "
     "one-page summary of all the news.\n\nSummary:"},
    {"vcsum", "Chinese summary of a meeting", Metric::kRougeZh, 512, "summarization", false,
     "下面有一段会议记录，请你阅读后，写一段总结，总结会议的内容。\n会议记录：\n{context}\n\n会议总结："},
    {"trec", "the class of a question, by examples", Metric::kClass, 64, "fewshot", true,
     "Please determine the type of the question below. Here are some examples of questions.\n\n{context}\n{input}"},
    {"triviaqa", "questions about a passage, by examples", Metric::kF1, 32, "fewshot", true,
     "Answer the question based on the given passage. Only give me the answer and do not output any other words. The "
     "following are some examples.\n\n{context}\n\n{input}"},
    {"samsum", "summary of a dialogue, by examples", Metric::kRouge, 128, "fewshot", true,
     "Summarize the dialogue into a few short sentences. The following are some examples.\n\n{context}\n\n{input}"},
    {"lsht", "the class of a Chinese news text, by examples", Metric::kClass, 64, "fewshot", false,
     "请判断给定新闻的类别，下面是一些例子。\n\n{context}\n{input}"},
    {"passage_count", "how many different paragraphs there are", Metric::kCount, 32, "synthetic", true,
     "There are some paragraphs below sourced from Wikipedia. Some of them may be duplicates. Please carefully read "
     "these "
     "paragraphs and determine how many unique paragraphs there are after removing duplicates. In other words, how "
     "many "
     "non-repeating paragraphs are there in total?\n\n{context}\n\nPlease enter the final count of unique paragraphs "
     "after "
     "removing duplicates. The output format should only contain the number, such as 1, 2, 3, and so on.\n\nThe final "
     "answer is: "},
    {"passage_retrieval_en", "which of 30 paragraphs an abstract is of", Metric::kRetrieval, 32, "synthetic", true,
     "Here are 30 paragraphs from Wikipedia, along with an abstract. Please determine which paragraph the abstract is "
     "from.\n\n{context}\n\nThe following is an abstract.\n\n{input}\n\nPlease enter the number of the paragraph that "
     "the "
     "abstract is from. The answer format must be like \"Paragraph 1\", \"Paragraph 2\", etc.\n\nThe answer is: "},
    {"passage_retrieval_zh", "which of several Chinese paragraphs an abstract is of", Metric::kRetrievalZh, 32,
     "synthetic", false,
     "以下是若干段落文字，以及其中一个段落的摘要。请确定给定的摘要出自哪一段。\n\n{context}\n\n下面是一个摘要\n\n{"
     "input}\n\n请输入摘要"
     "所属段落的编号。答案格式必须是\"段落1\"，\"段落2\"等格式\n\n答案是："},
    {"lcc", "the next line of code", Metric::kCode, 64, "code", true,
     "Please complete the code given below. \n{context}Next line of code:\n"},
    {"repobench-p", "the next line of code, with other files of the repository", Metric::kCode, 64, "code", true,
     "Please complete the code given below. \n{context}{input}Next line of code:\n"},
}};

bool marks_first_line(std::string_view name) {
  return name == "trec" || name == "triviaqa" || name == "samsum" || name == "lsht";
}
bool has_chat(std::string_view name) { return !marks_first_line(name) && name != "lcc" && name != "repobench-p"; }
bool is_chinese_words(Metric metric) { return metric == Metric::kF1Zh || metric == Metric::kRougeZh; }

const char* number_word(Metric metric) { return metric == Metric::kRetrievalZh ? "段落" : "Paragraph "; }

std::vector<std::string> texts_in(const Value& doc, const char* column) {
  std::vector<std::string> texts;
  const Value* list = doc.get(column);
  if (list != nullptr && list->is_sequence())
    for (const Value& item : list->list()) texts.push_back(item.text());
  return texts;
}

Status check_numbers(const std::string& where, const LongBenchSet& set, const std::vector<std::string>& answers) {
  if (set.metric != Metric::kRetrieval && set.metric != Metric::kRetrievalZh) return {};
  for (const std::string& answer : answers)
    if (!longbench::has_number(answer, number_word(set.metric)))
      return fail(Code::kInvalid, "{}: answer {} names no '{}N'", where, python::text_repr(answer),
                  number_word(set.metric));
  return {};
}

// What marking reads of a row.
Status check_columns(const Row& row, const LongBenchSet& set) {
  PARETO_TRY(const std::vector<std::string> answers, row.strings("answers"));
  if (answers.empty()) return fail(Code::kInvalid, "{}: column 'answers' is empty", row.where());
  if (set.metric == Metric::kClass) PARETO_CHECK_OK(row.strings("all_classes").map([](auto&&) {}));
  return check_numbers(row.where(), set, answers);
}

Result<std::vector<LongItem>> longbench_items(const Row& row, const LongBenchSet& set) {
  PARETO_TRY(const std::string_view input, row.text("input"));
  PARETO_TRY(const std::string_view context, row.text("context"));
  PARETO_CHECK_OK(row.integer("length").map([](auto) {}));
  PARETO_CHECK_OK(check_columns(row, set));
  LongItem item;
  const auto parts = python::split(set.prompt, "{context}");
  item.before = parts[0];
  item.document = context;
  item.after = python::replace(parts[1], "{input}", input);
  item.target = python::str(*row.at("answers"));
  item.doc = row.value();
  return std::vector<LongItem>{std::move(item)};
}

// A text or a list of texts: the answers. An object: {"answers": […], "all_classes": […], "length": N}; the classes are
// needed where a set has them, the length for LongBench-E's buckets.
Result<LongItem> longbench_reference(const Reference& reference, const LongBenchSet& set) {
  LongItem item;
  if (reference.columns.empty()) {
    if (set.metric == Metric::kClass)
      return fail(Code::kInvalid, "longbench_{} marks against all its classes: the reference must be {}", set.name,
                  R"({"answers": [text], "all_classes": [text]})");
    PARETO_CHECK_OK(check_numbers("reference", set, reference.items));
    item.doc = Value::dict({{Value("answers"), Value::list({reference.items.begin(), reference.items.end()})}});
    return item;
  }
  PARETO_TRY(const Row row, reference_row(reference, "reference"));
  if (row.has("length")) PARETO_CHECK_OK(row.integer("length").map([](auto) {}));
  PARETO_CHECK_OK(check_columns(row, set));
  item.doc = row.value();
  return item;
}

double mark_answer(const LongBenchSet& set, const Jieba* jieba, std::string_view reply, const std::string& answer,
                   const Value& doc) {
  switch (set.metric) {
    case Metric::kF1:
      return longbench::qa_f1(reply, answer);
    case Metric::kF1Zh:
      return longbench::qa_f1_zh(jieba->cut(reply), jieba->cut(answer));
    case Metric::kRouge:
      return longbench::rouge_l(reply, answer);
    case Metric::kRougeZh:
      return longbench::rouge_l_zh(jieba->cut(reply), jieba->cut(answer));
    case Metric::kClass:
      return longbench::classification(reply, answer, texts_in(doc, "all_classes"));
    case Metric::kCount:
      return longbench::count(reply, answer);
    case Metric::kRetrieval:
    case Metric::kRetrievalZh:
      return longbench::retrieval(reply, answer, number_word(set.metric));
    case Metric::kCode:
      return longbench::code_similarity(reply, answer);
  }
  return 0;
}

// LongBench-E's buckets by the row's own length, in words.
const char* bucket_of(std::int64_t length) {
  if (length < 4000) return "score_0-4k";
  return length < 8000 ? "score_4-8k" : "score_8k+";
}

LongSpec longbench_spec(const LongBenchSet& set, bool e) {
  LongSpec spec;
  spec.info.name = fmt::format("longbench_{}{}", set.name, e ? "_e" : "");
  spec.info.version = "1.0";
  spec.info.summary = fmt::format("LongBench{}: {}", e ? "-E" : "", set.summary);
  spec.info.tags = {e ? "longbench_e_tasks" : "longbench_tasks"};
  spec.documents = {"Xnhyacinth/LongBench", fmt::format("{}{}", set.name, e ? "_e" : ""), "test", "longbench"};
  spec.info.dataset = fmt::format("{} {}", spec.documents.dataset, spec.documents.config);
  spec.info.metrics = {{"score", true, false}};
  if (e)
    for (const char* bucket : {"score_0-4k", "score_4-8k", "score_8k+"})
      spec.info.metrics.push_back({bucket, true, false});
  spec.kept_free = kKeptFree;
  spec.chat = has_chat(set.name);
  spec.generation_kwargs =
      fmt::format(R"({{"until": [], "do_sample": false, "temperature": 0.0, "max_gen_toks": {}}})", set.max_tokens);
  spec.items = [&set](const Row& row) { return longbench_items(row, set); };
  const auto jieba = std::make_shared<std::shared_ptr<const Jieba>>();
  if (is_chinese_words(set.metric))
    spec.prepare = [jieba](const std::string& data_dir) -> Status {
      PARETO_TRY(*jieba, Jieba::load(data_dir));
      return {};
    };
  spec.reference = [&set](const Reference& reference) { return longbench_reference(reference, set); };
  spec.mark = [&set, e, jieba](const std::string& response, const LongItem& item) {
    const std::string_view reply = marks_first_line(set.name) ? longbench::first_line(response) : response;
    double best = 0;
    for (const std::string& answer : texts_in(item.doc, "answers"))
      best = std::max(best, mark_answer(set, jieba->get(), reply, answer, item.doc));
    std::map<std::string, double> metrics = {{"score", best}};
    if (const Value* length = item.doc.get("length"); e && length != nullptr)
      metrics[bucket_of(length->integer())] = best;
    return metrics;
  };
  return spec;
}

TaskEntry longbench_entry(const LongBenchSet& set, bool e) {
  const LongSpec spec = longbench_spec(set, e);
  return {.name = spec.info.name,
          .summary = spec.info.summary,
          .tags = spec.info.tags,
          .make = [&set, e] { return make_long_task(longbench_spec(set, e)); },
          .cuts_prompts = true};
}

struct RegisterLongBench {
  RegisterLongBench() {
    GroupInfo all = group("longbench"), uniform = group("longbench_e");
    std::map<std::string, GroupInfo> groups;
    for (const LongBenchSet& set : kLongBenchSets) {
      const std::string name = fmt::format("longbench_{}", set.group);
      if (groups.count(name) == 0) {
        groups[name] = group(name);
        all.members.push_back(name);
      }
      groups[name].members.push_back(fmt::format("longbench_{}", set.name));
      RegisterTask{longbench_entry(set, false)};
      if (!set.has_e) continue;
      uniform.members.push_back(fmt::format("longbench_{}_e", set.name));
      RegisterTask{longbench_entry(set, true)};
    }
    for (auto& [name, info] : groups) RegisterGroup{std::move(info)};
    RegisterGroup{std::move(all)};
    RegisterGroup{std::move(uniform)};
  }
  static GroupInfo group(const std::string& name) {
    return {.name = name,
            .alias = name,
            .version = "1.0",
            .members = {},
            .metrics = {{.metric = "score", .weight_by_size = false}}};
  }
};
const RegisterLongBench kLongBench;

}  // namespace
}  // namespace pareto
