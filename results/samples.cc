#include "results/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "core/hash.h"
#include "results/json_text.h"

namespace pareto {
namespace {

// The requests and responses of one document, all answered or some not.
struct Item {
  const Document* doc = nullptr;
  bool repeated = false;  // the requests are one, asked several times
  std::span<const Request> requests;
  std::span<const Response* const> responses;
};

const char* kind_name(Request::Kind kind) {
  switch (kind) {
    case Request::Kind::kGenerate:
      return "generate";
    case Request::Kind::kScore:
      return "score";
    case Request::Kind::kScoreRolling:
      return "score_rolling";
  }
  return "";
}

template <class... Args>
void append(std::string* out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(*out), format, std::forward<Args>(args)...);
}

// {"gen_args_0": {"arg_0": context, "arg_1": continuation or generation options}, …}
void append_arguments(std::string* out, std::span<const Request> requests, const std::string& generation_kwargs) {
  *out += "{";
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Request& request = requests[i];
    append(out, "{}\"gen_args_{}\": {{\"arg_0\": ", i == 0 ? "" : ", ", i);
    append_json(out, *request.context);
    if (request.kind == Request::Kind::kScore) {
      *out += ", \"arg_1\": ";
      append_json(out, request.continuation);
    } else if (request.kind == Request::Kind::kGenerate && !generation_kwargs.empty()) {
      *out += ", \"arg_1\": " + generation_kwargs;
    } else if (request.kind == Request::Kind::kGenerate) {
      const Sampling& sampling = request.sampling;
      *out += ", \"arg_1\": {\"until\": ";
      append_json_array(out, request.until);
      append(out, ", \"do_sample\": {}, \"temperature\": ", sampling.temperature > 0);
      append_json(out, sampling.temperature);
      if (sampling.top_p < 1) *out += ", \"top_p\": ", append_json(out, sampling.top_p);
      if (sampling.top_k > 0) append(out, ", \"top_k\": {}", sampling.top_k);
      append(out, ", \"max_gen_toks\": {}}}", request.max_tokens);
    }
    *out += "}";
  }
  *out += "}";
}

// What lm-eval keeps of one response, every part of it as Python's str() writes it: ["-12.5", "False"] or "text".
void append_response(std::string* out, const Request& request, const Response& response) {
  switch (request.kind) {
    case Request::Kind::kGenerate:
      append_json(out, response.text);
      break;
    case Request::Kind::kScore:
      append(out, "[\"{}\", \"{}\"]", python_float(response.loglikelihood), response.greedy ? "True" : "False");
      break;
    case Request::Kind::kScoreRolling:
      append_json(out, python_float(response.loglikelihood));
      break;
  }
}

void append_responses(std::string* out, const Item& item, const char* before, const char* after) {
  *out += "[";
  for (std::size_t i = 0; i < item.requests.size(); ++i) {
    if (i > 0) *out += ", ";
    *out += before;
    if (item.responses[i] != nullptr && !item.responses[i]->error) {
      append_response(out, item.requests[i], *item.responses[i]);
    } else {
      *out += "null";
    }
    *out += after;
  }
  *out += "]";
}

// Sums and extremes over the responses of one document.
struct Totals {
  std::int64_t prompt = 0, truncated = 0, cached = 0, output = 0;
  ItemWork work;
  double share_flops = 0, share_bytes = 0;
  Nanos due = 0, start = 0, first_token = 0, end = 0;
  Finish finish = Finish::kStop;
  const Error* error = nullptr;
  bool any = false;
};

// A failed response holds zeros that would read as certainty.
bool usable(const Response* response) { return response != nullptr && !response->error; }

Totals totals_of(const Item& item) {
  Totals t;
  static const Error kUnanswered{Code::kInterrupted, "not answered"};
  for (const Response* response : item.responses) {
    if (!usable(response)) {
      t.finish = Finish::kError;
      if (t.error == nullptr) t.error = response == nullptr ? &kUnanswered : &*response->error;
      continue;
    }
    const Response& r = *response;
    t.prompt += r.prompt_tokens, t.truncated += r.truncated_prompt_tokens, t.cached += r.cached_prompt_tokens;
    t.output += r.output_tokens();
    t.work.flops += r.work.flops, t.work.bytes += r.work.bytes;
    t.work.selected_tokens += r.work.selected_tokens;
    t.work.read_tokens += r.work.read_tokens;
    t.work.cached_tokens += r.work.cached_tokens;
    t.share_flops += r.share_flops, t.share_bytes += r.share_bytes;
    t.due = t.any ? std::min(t.due, r.due) : r.due;
    t.start = t.any ? std::min(t.start, r.start) : r.start;
    t.first_token = t.any ? std::min(t.first_token, r.first_token) : r.first_token;
    t.end = t.any ? std::max(t.end, r.end) : r.end;
    if (r.finish == Finish::kLength && t.finish == Finish::kStop) t.finish = Finish::kLength;
    t.any = true;
  }
  return t;
}

const char* finish_name(Finish finish) {
  return finish == Finish::kStop ? "stop" : finish == Finish::kLength ? "length" : "error";
}

// One number per response, in order: "loglikelihoods" and "greedy" of the choices.
template <class Field>
void append_each(std::string* out, const Item& item, Field field) {
  *out += "[";
  for (std::size_t i = 0; i < item.responses.size(); ++i) {
    if (i > 0) *out += ", ";
    if (!usable(item.responses[i])) {
      *out += "null";
    } else {
      append_json(out, field(*item.responses[i]));
    }
  }
  *out += "]";
}

// All values of all responses in one list.
template <class Field>
void append_all(std::string* out, const Item& item, Field field) {
  *out += "[";
  const char* separator = "";
  for (const Response* response : item.responses) {
    if (!usable(response)) continue;
    for (const auto& value : field(*response)) {
      *out += separator;
      append_json(out, value);
      separator = ", ";
    }
  }
  *out += "]";
}

void append_pareto(std::string* out, const Item& item) {
  const Totals t = totals_of(item);
  const Request& first = item.requests.front();
  const bool generates = first.kind == Request::Kind::kGenerate;
  *out += "{\"id\": ";
  append_json(out, first.id.empty() ? fmt::format("{}", item.doc->doc_id) : first.id);
  append(out, ", \"kind\": \"{}\"", kind_name(first.kind));
  if (generates) {
    *out += ", \"text\": ";
    append_json(out, !usable(item.responses.front()) ? "" : std::string_view(item.responses.front()->text));
    if (item.repeated) {
      *out += ", \"texts\": ";
      append_each(out, item, [](const Response& r) { return std::string_view(r.text); });
    }
    *out += ", \"tokens\": ";
    append_all(
        out, item, [](const Response& r) -> const auto& { return r.tokens; });
  } else {
    *out += ", \"loglikelihoods\": ";
    append_each(out, item, [](const Response& r) { return r.loglikelihood; });
    *out += ", \"greedy\": ";
    append_each(out, item, [](const Response& r) { return r.greedy; });
    *out += ", \"tokens_per_choice\": ";
    append_each(out, item, [](const Response& r) { return r.logprobs.size(); });
  }
  *out += ", \"token_logprobs\": ";
  append_all(
      out, item, [](const Response& r) -> const auto& { return r.logprobs; });
  append(out,
         ", \"prompt_tokens\": {}, \"truncated_prompt_tokens\": {}, \"cached_prompt_tokens\": {}, \"output_tokens\": "
         "{}, \"finish\": \"{}\", ",
         t.prompt, t.truncated, t.cached, t.output, finish_name(t.finish));
  append(out,
         "\"work\": {{\"flops\": {}, \"bytes\": {}, \"selected_tokens\": {}, \"read_tokens\": {}, \"cached_tokens\": "
         "{}}}, \"work_share\": {{\"flops\": ",
         t.work.flops, t.work.bytes, t.work.selected_tokens, t.work.read_tokens, t.work.cached_tokens);
  append_json(out, t.share_flops);
  *out += ", \"bytes\": ";
  append_json(out, t.share_bytes);
  append(out, "}}, \"latency_ns\": {{\"due\": {}, \"start\": {}, \"first_token\": {}, \"end\": {}}}", t.due, t.start,
         t.first_token, t.end);
  if (t.error != nullptr) {
    append(out, ", \"error\": {{\"code\": \"{}\", \"message\": ", code_name(t.error->code));
    append_json(out, t.error->message);
    *out += "}";
  }
  *out += "}";
}

// The part of a line that is the same under every filter.
std::string common_part(const Item& item, const std::string& generation_kwargs) {
  std::string out;
  append(&out, "{{\"doc_id\": {}, \"doc\": ", item.doc->doc_id);
  out += json_on_one_line(item.doc->doc);
  out += ", \"target\": ";
  append_json(&out, item.doc->target);
  out += ", \"arguments\": ";
  append_arguments(&out, item.repeated ? item.requests.first(1) : item.requests, generation_kwargs);
  out += ", \"resps\": ";
  if (item.repeated) {  // all answers to the one request
    out += "[";
    append_responses(&out, item, "", "");
    out += "]";
  } else {
    append_responses(&out, item, "[", "]");
  }
  return out;
}

void append_line(std::string* out, const Item& item, const Marked* mark, const std::string& filter,
                 const std::string& generation_kwargs) {
  *out += common_part(item, generation_kwargs);
  *out += ", \"filtered_resps\": ";
  if (mark != nullptr && item.requests.front().kind == Request::Kind::kGenerate) {
    *out += "[";
    append_json(out, mark->filtered);
    *out += "]";
  } else {
    append_responses(out, item, "", "");
  }
  *out += ", \"filter\": ";
  append_json(out, filter);
  *out += ", \"metrics\": [";
  const char* separator = "";
  if (mark != nullptr)
    for (const auto& [name, value] : mark->metrics) {
      *out += separator;
      append_json(out, name);
      separator = ", ";
    }
  append(out, "], \"doc_hash\": \"{}\", \"prompt_hash\": \"{}\", \"target_hash\": \"{}\"", item.doc->doc_hash,
         item.doc->prompt_hash, item.doc->target_hash);
  if (mark != nullptr)
    for (const auto& [name, value] : mark->metrics) {
      *out += ", ";
      append_json(out, name);
      *out += ": ";
      if (const auto weight = mark->weights.find(name); weight != mark->weights.end()) {
        append_json_array(out, std::array{value, weight->second});
      } else {
        append_json(out, value);
      }
    }
  *out += ", \"pareto\": ";
  append_pareto(out, item);
  *out += "}\n";
}

}  // namespace

Result<std::string> write_samples(const TaskOutcome& task, WholeFile* file) {
  std::vector<Item> items;
  for (std::size_t d = 0; d < task.documents.size(); ++d) {
    const std::size_t begin = task.first_request[d], count = task.first_request[d + 1] - begin;
    items.push_back({&task.documents[d], task.info.repeats > 1, task.requests.subspan(begin, count),
                     std::span(task.responses).subspan(begin, count)});
  }

  const std::string generation_kwargs = json_on_one_line(task.info.generation_kwargs);
  Sha256 all;
  std::string line;
  // A document without marks (it failed, or marking was not asked for) gets one line, under the first filter.
  for (std::size_t f = 0; f < task.info.filters.size(); ++f) {
    for (std::size_t d = 0; d < items.size(); ++d) {
      if (items[d].requests.empty()) continue;
      const std::string& filter = task.info.filters[f];
      const auto& marks = task.marked[d];
      const auto mark = std::find_if(marks.begin(), marks.end(), [&](const Marked& m) { return m.filter == filter; });
      if (mark == marks.end() && (f > 0 || !marks.empty())) continue;
      line.clear();
      append_line(&line, items[d], mark == marks.end() ? nullptr : &*mark, filter, generation_kwargs);
      PARETO_CHECK_OK(file->write(line));
      const Document& document = *items[d].doc;
      all.update(document.doc_hash + document.prompt_hash + document.target_hash);
    }
  }
  return all.hex();
}

}  // namespace pareto
