#include "tasks/ruler_qa_files.h"

#include <algorithm>

#include "core/files.h"
#include "tasks/value.h"

namespace pareto::ruler {
namespace {

// Walks one file; every error names it and the place.
class QaReader {
 public:
  explicit QaReader(const std::string& name) : name_(name) {}

  Result<QaFile> squad(const Value& root) {
    PARETO_TRY(const auto* articles, list(root, "data"));
    for (const Value& article : *articles) PARETO_CHECK_OK(squad_article(article));
    return finish();
  }

  Result<QaFile> hotpot(const Value& root) {
    if (!root.is_sequence()) return bad("a list of questions is wanted");
    for (const Value& item : root.list()) {
      Raw raw;
      PARETO_TRY(raw.question.text, text(item, "question"));
      PARETO_TRY(std::string answer, text(item, "answer"));
      if (answer.empty()) return bad("'{}' has an empty answer", raw.question.text);
      raw.question.answers = {std::move(answer)};
      PARETO_TRY(const auto* paragraphs, list(item, "context"));
      for (const Value& paragraph : *paragraphs) {
        PARETO_TRY(std::string document, hotpot_document(paragraph));
        raw.documents.push_back(std::move(document));
      }
      raw_.push_back(std::move(raw));
    }
    return finish();
  }

 private:
  // A question whose documents are still texts.
  struct Raw {
    QaQuestion question;
    std::vector<std::string> documents, related;
  };

  template <class... Args>
  tl::unexpected<Error> bad(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(Code::kInvalid, "{}: {}", name_, fmt::format(format, std::forward<Args>(args)...));
  }

  Result<std::string> text(const Value& from, const char* key) const {
    const Value* value = from.is_dict() ? from.get(key) : nullptr;
    if (value == nullptr || !value->is_string()) return bad("a text '{}' is missing", key);
    return value->text();
  }

  Result<const std::vector<Value>*> list(const Value& from, const char* key) const {
    const Value* value = from.is_dict() ? from.get(key) : nullptr;
    if (value == nullptr || !value->is_sequence()) return bad("a list '{}' is missing", key);
    return &value->list();
  }

  Status squad_article(const Value& article) {
    PARETO_TRY(const auto* paragraphs, list(article, "paragraphs"));
    std::vector<std::string> contexts;
    for (const Value& paragraph : *paragraphs) {
      PARETO_TRY(std::string context, text(paragraph, "context"));
      contexts.push_back(std::move(context));
    }
    documents_.insert(documents_.end(), contexts.begin(), contexts.end());
    for (std::size_t i = 0; i < contexts.size(); ++i) {
      PARETO_TRY(const auto* questions, list((*paragraphs)[i], "qas"));
      for (const Value& question : *questions) PARETO_CHECK_OK(squad_question(question, contexts, contexts[i]));
    }
    return {};
  }

  Status squad_question(const Value& question, const std::vector<std::string>& contexts, const std::string& own) {
    const Value* impossible = question.is_dict() ? question.get("is_impossible") : nullptr;
    if (impossible == nullptr) return bad("'is_impossible' is missing (SQuAD 2.0 has it)");
    if (impossible->truthy()) return {};
    Raw raw;
    PARETO_TRY(raw.question.text, text(question, "question"));
    PARETO_TRY(const auto* answers, list(question, "answers"));
    for (const Value& answer : *answers) {
      PARETO_TRY(std::string one, text(answer, "text"));
      if (one.empty()) return bad("'{}' has an empty answer", raw.question.text);  // every reply would hold it
      raw.question.answers.push_back(std::move(one));
    }
    if (raw.question.answers.empty()) return bad("'{}' has no answer", raw.question.text);
    raw.documents = {own};
    for (const std::string& context : contexts)
      if (context != own) raw.related.push_back(context);
    raw_.push_back(std::move(raw));
    return {};
  }

  Result<std::string> hotpot_document(const Value& paragraph) {
    const bool pair = paragraph.is_sequence() && paragraph.list().size() == 2;
    if (!pair || !paragraph.list()[0].is_string() || !paragraph.list()[1].is_sequence()) {
      return bad("every entry of 'context' is [title, [sentences]]");
    }
    std::string document = paragraph.list()[0].text() + "\n";
    for (const Value& sentence : paragraph.list()[1].list()) {
      if (!sentence.is_string()) return bad("every entry of 'context' is [title, [sentences]]");
      document += sentence.text();
    }
    documents_.push_back(document);
    return document;
  }

  Result<QaFile> finish() {
    std::sort(documents_.begin(), documents_.end());
    documents_.erase(std::unique(documents_.begin(), documents_.end()), documents_.end());
    QaFile file;
    const auto place = [&](const std::string& document) {
      return static_cast<int>(std::lower_bound(documents_.begin(), documents_.end(), document) - documents_.begin());
    };
    for (Raw& raw : raw_) {
      for (const std::string& document : raw.documents) raw.question.documents.push_back(place(document));
      for (const std::string& document : raw.related) raw.question.related.push_back(place(document));
      file.questions.push_back(std::move(raw.question));
    }
    file.documents = std::move(documents_);
    if (file.questions.empty()) return bad("no question that has an answer");
    return file;
  }

  const std::string& name_;
  std::vector<std::string> documents_;
  std::vector<Raw> raw_;
};

}  // namespace

Result<QaFile> parse_qa(std::string_view text, const std::string& name, QaSet set) {
  auto json = value_from_json(text);
  if (!json) return fail(Code::kInvalid, "{}: {}", name, json.error().message);
  QaReader reader(name);
  return set == QaSet::kSquad ? reader.squad(*json) : reader.hotpot(*json);
}

Result<QaFile> read_qa(const std::string& folder, QaSet set) {
  const bool squad = set == QaSet::kSquad;
  const std::string path = folder + (squad ? "/dev-v2.0.json" : "/hotpot_dev_distractor_v1.json");
  const Result<std::string> text = read_file(path);
  if (!text && text.error().code == Code::kNotFound) {
    return fail(Code::kNotFound, "{}: no such file; put {} there, or run group ruler_generated", path,
                squad ? "SQuAD 2.0's development set (dev-v2.0.json)"
                      : "HotpotQA's development set with distractors (hotpot_dev_distractor_v1.json)");
  }
  if (!text) return tl::unexpected(text.error());
  return parse_qa(*text, path, set);
}

}  // namespace pareto::ruler
