#include "tasks/long_context.h"

#include <algorithm>

#include "tasks/common.h"
#include "tasks/common_generation.h"
#include "tasks/prompt.h"
#include "tasks/python.h"

namespace pareto {
namespace {

constexpr int kLeastPrompt = 64;  // tokens: with fewer there is no question left
constexpr int kStepWords = 250;

std::vector<Token> tokens_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<Token> ids;
  if (tokenizer.info().add_bos && tokenizer.info().bos >= 0) ids.push_back(tokenizer.info().bos);
  tokenizer.encode(text, /*parse_special=*/true, &ids);
  return ids;
}

// Half a character becomes U+FFFD, as a decoder writes it.
std::string replace_stray(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, bytes] = python::decode(text, at);
    python::encode(c >= python::kStray ? U'\uFFFD' : c, &out);
    at += static_cast<std::size_t>(bytes);
  }
  return out;
}

std::string document_json(const Value& doc) {
  python::JsonStyle style;
  style.indent = 2;
  style.text = python::JsonStyle::Text::kRaw;
  return python::json_dumps(doc, style, SIZE_MAX).value_or("");  // it came from JSON
}

class LongTask final : public Task {
 public:
  explicit LongTask(LongSpec spec) : spec_(std::move(spec)) { spec_.info.output_type = "generate_until"; }

  const TaskInfo& info() const override { return spec_.info; }
  std::span<const Document> documents() const override { return documents_; }

  Status load(const TaskOptions& options) override {
    if (options.num_fewshot.value_or(0) > 0)
      spec_.info.warnings.push_back(
          fmt::format("--num_fewshot {} is ignored, the task has no examples", *options.num_fewshot));
    PARETO_TRY(generation_, make_generation(spec_.generation_kwargs, options.gen_kwargs));
    spec_.info.generation_kwargs = generation_.kwargs;
    for (const std::string& warning : generation_.warnings) spec_.info.warnings.push_back(warning);
    PARETO_TRY(most_, most_tokens(options));
    const std::string data_dir = resolve_data_dir(options.data_dir);
    if (spec_.prepare) PARETO_CHECK_OK(spec_.prepare(data_dir));
    PARETO_TRY(const std::vector<Row> rows, read_hub_rows(data_dir, spec_.documents));
    std::vector<LongItem> items;
    for (const Row& row : rows) {
      PARETO_TRY(std::vector<LongItem> of_row, spec_.items(row));
      std::move(of_row.begin(), of_row.end(), std::back_inserter(items));
    }
    spec_.info.documents_in_split = static_cast<int>(items.size());
    PARETO_TRY(const std::vector<int> chosen,
               choose_documents(spec_.info.name, spec_.info.documents_in_split, options));
    return build(options, &items, chosen);
  }

  std::vector<Request> requests() const override {
    std::vector<Request> all(documents_.size());
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      all[i].kind = Request::Kind::kGenerate;
      all[i].doc = documents_[i].doc_id;
      all[i].context = contexts_[i];
      all[i].cut_tokens = cut_tokens_[i];
      all[i].until = generation_.until;
      all[i].max_tokens = generation_.max_tokens;
      all[i].sampling = generation_.sampling;
    }
    return all;
  }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    return {marked_by(items_[static_cast<std::size_t>(index)], responses[0]->text)};
  }

  Status prepare_mark(const std::string& data_dir) override {
    return spec_.prepare ? spec_.prepare(resolve_data_dir(data_dir)) : Status{};
  }
  Result<std::vector<Marked>> mark(const Reference& reference, std::span<const std::string> responses) const override {
    if (responses.size() != 1)
      return fail(Code::kInvalid, "{} marks one response at a time, not {}", spec_.info.name, responses.size());
    PARETO_TRY(const LongItem item, spec_.reference(reference));
    return std::vector<Marked>{marked_by(item, responses[0])};
  }

 private:
  Marked marked_by(const LongItem& item, const std::string& response) const {
    Marked marked;
    marked.filtered = response;
    marked.metrics = spec_.mark(response, item);
    return marked;
  }

  // How long a prompt may be; 0: nothing is cut.
  Result<int> most_tokens(const TaskOptions& options) const {
    if (options.tokenizer == nullptr) return 0;
    const int most = options.prompt_length > 0 ? options.prompt_length
                                               : (options.max_length > 0 ? options.max_length - spec_.kept_free : 0);
    if (most == 0 || most >= kLeastPrompt) return most;
    return fail(Code::kInvalid,
                "{}: a window of {} tokens less {} for the answer leaves {} for the prompt; set --prompt_length to at "
                "least {}",
                spec_.info.name, options.max_length, spec_.kept_free, std::max(most, 0), kLeastPrompt);
  }

  Status build(const TaskOptions& options, std::vector<LongItem>* items, const std::vector<int>& chosen) {
    TaskOptions rendering = options;
    if (!spec_.chat) {
      rendering.chat_template = nullptr;
      rendering.fewshot_as_multiturn.reset();
    }
    for (const int index : chosen) {
      LongItem& item = (*items)[static_cast<std::size_t>(index)];
      int cut = 0;
      const std::string question = fitted(options.tokenizer, item, &cut);
      PromptStyle style;
      style.description = item.description;
      PARETO_TRY(const PromptBuilder prompts, PromptBuilder::make(style, rendering));
      PARETO_TRY(std::string context, prompts.build({}, question));
      Document& document = documents_.emplace_back();
      document.doc_id = index;
      document.doc = document_json(item.doc);
      document.target = item.target;
      fill_hashes(&document, context);
      contexts_.push_back(make_text(std::move(context)));
      cut_tokens_.push_back(cut);
      items_.push_back(std::move(item));
    }
    return {};
  }

  std::string fitted(const Tokenizer* tokenizer, const LongItem& item, int* cut) {
    if (most_ > 0 && spec_.cut == LongSpec::Cut::kDocumentEnd) {
      if (item.document != last_document_) {  // the questions of a row share theirs
        last_document_ = last_cut_ = item.document;
        last_tokens_ = cut_document_end(*tokenizer, most_, &last_cut_);
      }
      *cut = last_tokens_;
      return item.before + last_cut_ + item.after;
    }
    std::string prompt = item.before + item.document + item.after;
    if (most_ > 0) *cut = cut_middle(*tokenizer, most_, &prompt);
    return prompt;
  }

  LongSpec spec_;
  Generation generation_;
  int most_ = 0;
  std::vector<LongItem> items_;  // parallel to documents_, as the two below
  std::vector<Document> documents_;
  std::vector<Text> contexts_;
  std::vector<int> cut_tokens_;
  std::string last_document_, last_cut_;
  int last_tokens_ = 0;
};

}  // namespace

std::unique_ptr<Task> make_long_task(LongSpec spec) { return std::make_unique<LongTask>(std::move(spec)); }

Result<Row> reference_row(const Reference& reference, std::string what) {
  PARETO_TRY(std::vector<Row> rows, parse_jsonl(reference.columns, std::move(what)));
  return std::move(rows.front());  // one object in one line
}

int cut_middle(const Tokenizer& tokenizer, int most, std::string* prompt) {
  const std::vector<Token> ids = tokens_of(tokenizer, *prompt);
  if (std::ssize(ids) <= most) return 0;
  const int half = most / 2;
  const std::string head = tokenizer.decode({ids.begin(), ids.begin() + half});
  const std::string tail = tokenizer.decode({ids.end() - half, ids.end()});
  *prompt = replace_stray(head) + replace_stray(tail);
  return static_cast<int>(ids.size()) - 2 * half;
}

int cut_document_end(const Tokenizer& tokenizer, int most, std::string* document) {
  const auto before = std::ssize(tokens_of(tokenizer, *document));
  auto tokens = before;
  for (int words = most; tokens > most && words > 0; words -= kStepWords) {
    const auto all = python::split(*document, " ", words);
    if (std::ssize(all) > words) document->resize(static_cast<std::size_t>(all.back().data() - document->data()) - 1);
    tokens = std::ssize(tokens_of(tokenizer, *document));
  }
  return static_cast<int>(before - tokens);
}

}  // namespace pareto
