// requests:FILE.jsonl — a user's own prompts, one JSON object a line; no marks, only what became of each.
//
//   {"id": "a1", "kind": "generate", "context": "Once upon", "max_tokens": 32, "until": ["\n"], "temperature": 0.7,
//   "seed": 1}
//   {"id": "a2", "kind": "score", "context_ids": [1, 5], "continuation_ids": [7]}
//   {"kind": "score_rolling", "context": "A whole text."}
//   {"kind": "generate", "messages": [{"role": "user", "content": "Hi"}]}        needs a chat template
//
//   key               default       of kind
//   id                ""            all: a text or an integer
//   kind              "generate"    generate | score | score_rolling
//   context           —             all; or context_ids (bypass the tokenizer: no BOS), or messages
//   continuation      —             score; continuation_ids where there are context_ids
//   until             []            generate: texts that end it, a list or one
//   max_tokens        256           generate
//   temperature       0             generate; 0 is greedy. top_p 1, top_k 0 (all), seed 0, ignore_eos false
//
// --gen_kwargs override what the lines say.
#include <algorithm>
#include <limits>

#include "core/options.h"
#include "tasks/common.h"
#include "tasks/common_generation.h"
#include "tasks/python.h"

namespace pareto {
namespace {

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> kKeys = {
      "context",    "context_ids", "continuation", "continuation_ids", "id",    "ignore_eos", "kind",
      "max_tokens", "messages",    "seed",         "temperature",      "top_k", "top_p",      "until"};
  return kKeys;
}

// One line on its way to a Request: every message begins with file and line.
class Line {
 public:
  Line(const Row& row, const TaskOptions& options) : row_(row), options_(options) {}

  Result<Request> request() {
    PARETO_CHECK_OK(check_keys());
    PARETO_CHECK_OK(read_id());
    PARETO_CHECK_OK(read_kind());
    PARETO_CHECK_OK(read_context());
    PARETO_CHECK_OK(read_continuation());
    if (request_.kind == Request::Kind::kGenerate) {
      PARETO_CHECK_OK(read_generation());
    } else {
      for (const char* key : {"until", "max_tokens", "temperature", "top_p", "top_k", "seed", "ignore_eos"}) {
        if (row_.has(key)) return bad("'{}' is for kind generate", key);
      }
    }
    return std::move(request_);
  }

 private:
  template <class... Args>
  tl::unexpected<Error> bad(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(Code::kInvalid, "{}: {}", row_.where(), fmt::format(format, std::forward<Args>(args)...));
  }

  Status check_keys() const {
    for (const auto& [key, value] : row_.value().entries()) {
      const auto& known = known_keys();
      if (std::find(known.begin(), known.end(), key.text()) != known.end()) continue;
      const std::string nearest = nearest_name(key.text(), known);
      return bad("unknown key {}; known: {}{}", shown(key), fmt::join(known, " "),
                 nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
    }
    return {};
  }

  Status read_id() {
    if (!row_.has("id")) return {};
    PARETO_TRY(const Value id, row_.at("id"));
    if (!id.is_string() && !id.is(Value::Type::kInt)) return bad("'id' must be a text or an integer");
    request_.id = python::str(id);
    return {};
  }

  Status read_kind() {
    if (!row_.has("kind")) return {};
    PARETO_TRY(const std::string_view kind, row_.text("kind"));
    if (kind == "generate")
      request_.kind = Request::Kind::kGenerate;
    else if (kind == "score")
      request_.kind = Request::Kind::kScore;
    else if (kind == "score_rolling")
      request_.kind = Request::Kind::kScoreRolling;
    else
      return bad("kind {} is none of generate, score, score_rolling", shown(kind));
    return {};
  }

  Result<std::vector<Token>> read_ids(const char* key) const {
    PARETO_TRY(const std::vector<std::int64_t> ids, row_.integers(key));
    std::vector<Token> tokens;
    tokens.reserve(ids.size());
    for (const std::int64_t id : ids) {
      if (id < 0 || id > std::numeric_limits<Token>::max()) return bad("'{}' has {}, which is no token id", key, id);
      tokens.push_back(static_cast<Token>(id));
    }
    return tokens;
  }

  Status read_context() {
    const int given = row_.has("context") + row_.has("context_ids") + row_.has("messages");
    if (given != 1) return bad("give one of context, context_ids, messages; this line has {}", given);
    if (row_.has("context")) {
      PARETO_TRY(const std::string_view context, row_.text("context"));
      request_.context = make_text(std::string(context));
    } else if (row_.has("context_ids")) {
      PARETO_TRY(request_.context_ids, read_ids("context_ids"));
    } else {
      PARETO_CHECK_OK(read_messages());
    }
    return {};
  }

  Status read_messages() {
    if (!options_.chat_template) return bad("'messages' need a chat template; add --apply_chat_template");
    PARETO_TRY(const Value messages, row_.at("messages"));
    if (!messages.is(Value::Type::kList) || messages.list().empty()) return bad("'messages' must be a list of turns");
    std::vector<ChatMessage> turns;
    for (const Value& message : messages.list()) {
      const Value* role = message.is_dict() ? message.get("role") : nullptr;
      const Value* content = message.is_dict() ? message.get("content") : nullptr;
      if (role == nullptr || content == nullptr || !role->is_string() || !content->is_string()) {
        return bad(R"(every message is {{"role": "…", "content": "…"}})");
      }
      turns.push_back({role->text(), content->text()});
    }
    if (!options_.system_instruction.empty() && turns.front().role != "system") {
      turns.insert(turns.begin(), {"system", options_.system_instruction});
    }
    const bool open = turns.back().role == "assistant";  // the model goes on with that turn
    auto text = options_.chat_template(turns, {.add_generation_prompt = !open, .continue_final_message = open});
    if (!text) return bad("{}", text.error().message);
    request_.context = make_text(*std::move(text));
    return {};
  }

  Status read_continuation() {
    const bool text = row_.has("continuation"), ids = row_.has("continuation_ids");
    if (request_.kind != Request::Kind::kScore) {
      if (text || ids) return bad("a continuation is for kind score");
      return {};
    }
    if (text == ids) return bad("kind score needs one of continuation, continuation_ids");
    if (ids != request_.context_ids.has_value())
      return bad("give context and continuation both as text or both as ids");
    if (text) {
      PARETO_TRY(const std::string_view continuation, row_.text("continuation"));
      if (continuation.empty()) return bad("'continuation' is empty: there is nothing to score");
      request_.continuation = std::string(continuation);
      return {};
    }
    PARETO_TRY(request_.continuation_ids, read_ids("continuation_ids"));
    if (request_.continuation_ids->empty()) return bad("'continuation_ids' is empty: there is nothing to score");
    return {};
  }

  // The line's own values as generation_kwargs, so that the checks and the merging are those of every task.
  Status read_generation() {
    Value kwargs = Value::dict({});
    for (const char* key : {"until", "max_tokens", "temperature", "top_p", "top_k"}) {
      if (!row_.has(key)) continue;
      PARETO_TRY(Value value, row_.at(key));
      kwargs.set(key, std::move(value));
    }
    PARETO_TRY(const std::string own, python::json_dumps(kwargs));
    auto generation = make_generation(own, options_.gen_kwargs);
    if (!generation) return bad("{}", python::replace(generation.error().message, "--gen_kwargs ", ""));
    request_.until = std::move(generation->until);
    request_.max_tokens = generation->max_tokens;
    request_.sampling = generation->sampling;
    if (row_.has("seed")) {
      PARETO_TRY(const std::int64_t seed, row_.integer("seed"));
      if (seed < 0) return bad("'seed' is {}; it must be 0 or more", seed);
      request_.sampling.seed = static_cast<std::uint64_t>(seed);
    }
    if (row_.has("ignore_eos")) {
      PARETO_TRY(const Value ignore, row_.at("ignore_eos"));
      if (!ignore.is(Value::Type::kBool)) return bad("'ignore_eos' must be true or false");
      request_.ignore_eos = ignore.boolean();
    }
    return {};
  }

  const Row& row_;
  const TaskOptions& options_;
  Request request_;
};

const char* output_type(Request::Kind kind) {
  switch (kind) {
    case Request::Kind::kGenerate:
      return "generate_until";
    case Request::Kind::kScore:
      return "loglikelihood";
    case Request::Kind::kScoreRolling:
      return "loglikelihood_rolling";
  }
  return "";
}

// What prompt_hash is over: the text, or the ids as Python prints a list.
std::string prompt_text(const Request& request) {
  if (!request.context_ids) return *request.context;
  return fmt::format("[{}]", fmt::join(*request.context_ids, ", "));
}

std::string target_text(const Request& request) {
  if (!request.continuation_ids) return request.continuation;
  return fmt::format("[{}]", fmt::join(*request.continuation_ids, ", "));
}

class RequestsTask final : public Task {
 public:
  const TaskInfo& info() const override { return info_; }
  std::span<const Document> documents() const override { return documents_; }

  Status load(const TaskOptions& options) override {
    if (options.file.empty()) return fail(Code::kUsage, "task requests needs a file: requests:FILE.jsonl");
    if (options.num_fewshot.value_or(0) > 0) info_.warnings.emplace_back("--num_fewshot is ignored");
    info_.dataset = options.file;
    PARETO_TRY(const std::vector<Row> rows, read_jsonl(options.file));
    info_.documents_in_split = static_cast<int>(rows.size());
    PARETO_TRY(const std::vector<int> chosen, choose_documents(options.file, info_.documents_in_split, options));
    for (const int index : chosen) {
      const Row& row = rows[static_cast<std::size_t>(index)];
      PARETO_TRY(Request request, Line(row, options).request());
      request.doc = index;
      Document document{.doc_id = index, .doc = row.json(), .target = target_text(request), .choices = {}};
      fill_hashes(&document, prompt_text(request));
      documents_.push_back(std::move(document));
      requests_.push_back(std::move(request));
    }
    info_.output_type = output_type(requests_.front().kind);
    return {};
  }

  std::vector<Request> requests() const override { return requests_; }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    const Response& response = *responses[0];
    Marked marked;
    switch (requests_[static_cast<std::size_t>(index)].kind) {
      case Request::Kind::kGenerate:
        marked.filtered = response.text;
        break;
      case Request::Kind::kScore:
        marked.filtered = python::str(Value::tuple({response.loglikelihood, response.greedy}));
        break;
      case Request::Kind::kScoreRolling:
        marked.filtered = python::repr(response.loglikelihood);
        break;
    }
    return {std::move(marked)};
  }

 private:
  TaskInfo info_{.name = "requests",
                 .version = "1",
                 .summary = "your own prompts: requests:FILE.jsonl",
                 .output_type = "generate_until"};
  std::vector<Document> documents_;
  std::vector<Request> requests_;
};

const RegisterTask kRequests({.name = "requests",
                              .summary = "your own prompts: requests:FILE.jsonl",
                              .tags = {},
                              .make = [] { return std::make_unique<RequestsTask>(); }});

}  // namespace
}  // namespace pareto
