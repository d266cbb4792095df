// WikiText-2 as llama.cpp's perplexity tool scores it: the raw file in chunks of 512 tokens, the second half of each.
//
//   all pages, one after the other ── tokens ──> | BOS t₁ … t₅₁₁ | BOS t₅₁₃ … | …       what does not fill a chunk is
//   left
//                                      chunk:    | 257 are context | 255 are scored |    perplexity exp(−Σ log p / Σ
//                                      255)
//
// Definition: llama.cpp 050fc7f, tools/perplexity/perplexity.cpp, defaults: n_ctx 512; where the tokenizer adds a BOS
// the text begins with one, and it takes the place of every chunk's first token. Its figure and lm-eval's `wikitext`
// are two measures: never compare them. The data are the rows of EleutherAI/wikitext_document_level, whose pages in a
// row are the raw file (`wiki.test.raw`). --limit N is its --chunks N. Each document of this task is one chunk.
#include <algorithm>

#include "core/tokenizer.h"
#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

constexpr std::size_t kChunk = 512, kContext = kChunk / 2 + 1;

class LlamaPerplexityTask final : public Task {
 public:
  LlamaPerplexityTask() {
    info_.name = "wikitext_llamacpp";
    info_.version = "1.0";
    info_.summary = "WikiText-2 in chunks of 512 tokens: perplexity per token, as llama.cpp has it";
    info_.output_type = "loglikelihood";
    info_.dataset = "EleutherAI/wikitext_document_level wikitext-2-raw-v1";
    info_.metrics = {{.name = "perplexity",
                      .higher_is_better = false,
                      .binary = false,
                      .aggregation = Aggregation::kWeightedPerplexity}};
  }

  const TaskInfo& info() const override { return info_; }
  std::span<const Document> documents() const override { return documents_; }

  Status load(const TaskOptions& options) override {
    if (options.tokenizer == nullptr)
      return fail(Code::kUsage, "task '{}' needs a model or --tokenizer PATH", info_.name);
    if (options.num_fewshot.value_or(0) > 0) info_.warnings.emplace_back("--num_fewshot is ignored");
    PARETO_CHECK_OK(read_tokens(options));
    const std::size_t chunks = tokens_.size() / kChunk;
    if (chunks == 0)
      return fail(Code::kInvalid, "{}: {} tokens of text do not fill a chunk of {}", info_.name, tokens_.size(),
                  kChunk);
    info_.documents_in_split = static_cast<int>(chunks);
    PARETO_TRY(const std::vector<int> chosen, choose_documents(info_.name, info_.documents_in_split, options));
    for (const int chunk : chosen) add_document(chunk);
    return {};
  }

  std::vector<Request> requests() const override {
    std::vector<Request> all;
    for (const Document& document : documents_) {
      const std::vector<Token> ids = chunk_of(document.doc_id);
      Request& request = all.emplace_back();
      request.kind = Request::Kind::kScore;
      request.doc = document.doc_id;
      request.context_ids = std::vector<Token>(ids.begin(), ids.begin() + kContext);
      request.continuation_ids = std::vector<Token>(ids.begin() + kContext, ids.end());
    }
    return all;
  }

  std::vector<Marked> score(int /*index*/, std::span<const Response* const> responses) const override {
    const Response& response = *responses.front();
    Marked marked;
    marked.filtered = python::str(Value::tuple({response.loglikelihood, response.greedy}));
    marked.metrics["perplexity"] = response.loglikelihood;
    marked.weights["perplexity"] = static_cast<double>(kChunk - kContext);
    return {std::move(marked)};
  }

 private:
  Status read_tokens(const TaskOptions& options) {
    const HubSplit split = {"EleutherAI/wikitext_document_level", "wikitext-2-raw-v1", "test", "wikitext"};
    PARETO_TRY(const std::vector<Row> rows, read_hub_rows(resolve_data_dir(options.data_dir), split));
    std::string text;
    for (const Row& row : rows) {
      PARETO_TRY(const std::string_view page, row.text("page"));
      text += page;
    }
    const Tokenizer::Info& tokenizer = options.tokenizer->info();
    bos_ = tokenizer.add_bos ? tokenizer.bos : -1;
    if (bos_ >= 0) tokens_.push_back(bos_);
    options.tokenizer->encode(text, /*parse_special=*/false, &tokens_);
    return {};
  }

  std::vector<Token> chunk_of(int chunk) const {
    const auto begin = tokens_.begin() + static_cast<std::ptrdiff_t>(chunk) * static_cast<std::ptrdiff_t>(kChunk);
    std::vector<Token> ids(begin, begin + kChunk);
    if (bos_ >= 0) ids.front() = bos_;
    return ids;
  }

  void add_document(int chunk) {
    Document document;
    document.doc_id = chunk;
    document.doc = fmt::format("{{\n  \"chunk\": {}\n}}", chunk);
    fill_hashes(&document, fmt::format("[{}]", fmt::join(chunk_of(chunk), ", ")));
    documents_.push_back(std::move(document));
  }

  TaskInfo info_;
  Token bos_ = -1;
  std::vector<Token> tokens_;  // of the whole text
  std::vector<Document> documents_;
};

const RegisterTask kLlamaPerplexity({.name = "wikitext_llamacpp",
                                     .summary = LlamaPerplexityTask().info().summary,
                                     .tags = {},
                                     .make = [] { return std::make_unique<LlamaPerplexityTask>(); },
                                     .needs_tokenizer = true});

}  // namespace
}  // namespace pareto
