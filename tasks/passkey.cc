// Passkey in several turns: five keys hidden in noise, asked one after another.
//
//   Five pass keys are hidden within the following text. … ⏎ noise ⏎ The pass key for the old lamp is 71432. Remember
//   it. … Question: What is the pass key for the old lamp? ⏎ Answer: 71432 ⏎ Question: … ⏎ Answer:
//
// Turn t is part t of its document: the conversation so far with the right answers in it, so that one wrong answer does
// not spoil the turns after it, and every turn continues the prompt of the turn before (the prefix is shared). Under a
// chat template the turns are turns. string_match: the share of keys; all_turns: 1 where all are right.
#include "tasks/common.h"
#include "tasks/common_generation.h"
#include "tasks/ruler_marks.h"
#include "tasks/ruler_own_fill.h"
#include "tasks/ruler_task.h"

namespace pareto::ruler {
namespace {

constexpr int kTurns = 5, kReserve = 16, kMostPasskeyDocuments = 100;
constexpr const char* kKwargs = R"({"until": ["\n"], "do_sample": false, "temperature": 0.0, "max_gen_toks": 16})";

// One document: the text with its keys, and what is asked about it.
struct PasskeyItem {
  std::string context;
  std::vector<std::string> names, keys;  // in the order of the questions
  int length = 0;
};

std::string question_text(const PasskeyItem& item, std::size_t turn) {
  return fmt::format("What is the pass key for the {}?", item.names[turn]);
}

// The prompt of turn `turn` without a chat template.
std::string plain_prompt(const PasskeyItem& item, std::size_t turn) {
  std::string text = item.context;
  for (std::size_t t = 0; t <= turn; ++t) {
    text += fmt::format("\n\nQuestion: {}\nAnswer:", question_text(item, t));
    if (t < turn) text += " " + item.keys[t];
  }
  return text;
}

class PasskeyTask final : public Task {
 public:
  PasskeyTask() {
    info_.name = "passkey";
    info_.version = "1.0";
    info_.summary = "five keys in noise, asked one after another";
    info_.tags = {"longcxt"};
    info_.output_type = "generate_until";
    info_.dataset = "generated";
    info_.metrics = {{.name = "string_match", .binary = false}, {.name = "all_turns"}};
  }

  const TaskInfo& info() const override { return info_; }
  std::span<const Document> documents() const override { return documents_; }

  Status load(const TaskOptions& options) override {
    PARETO_TRY(Setting setting, read_setting(info_.name, options, false));
    setting.reserve = kReserve;
    PARETO_TRY(generation_, make_generation(kKwargs, options.gen_kwargs));
    info_.generation_kwargs = generation_.kwargs;
    info_.warnings = generation_.warnings;
    if (options.num_fewshot.value_or(0) > 0) info_.warnings.emplace_back("--num_fewshot is ignored");
    info_.documents_in_split = kMostPasskeyDocuments;
    PARETO_TRY(const std::vector<int> chosen, choose_documents(info_.name, kMostPasskeyDocuments, options));
    const TokenCounter count(setting.tokenizer, true);
    const int noise = added_tokens(count, kNoise, "\n" + std::string(kNoise));
    if (noise < 1) return setting.no_tokens();
    for (const int index : chosen) {
      PARETO_TRY(const PasskeyItem item, make_item(setting, count, noise, index));
      PARETO_CHECK_OK(add(setting, options, index, item));
    }
    return {};
  }

  std::vector<Request> requests() const override {
    std::vector<Request> all;
    for (std::size_t i = 0; i < prompts_.size(); ++i) {
      Request& request = all.emplace_back();
      request.kind = Request::Kind::kGenerate;
      request.doc = documents_[i / kTurns].doc_id;
      request.part = static_cast<int>(i % kTurns);
      request.context = prompts_[i];
      request.until = generation_.until;
      request.max_tokens = generation_.max_tokens;
      request.sampling = generation_.sampling;
    }
    return all;
  }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    std::vector<std::string> texts;
    for (const Response* response : responses) texts.push_back(response->text);
    return {marked_by(keys_[static_cast<std::size_t>(index)], texts)};
  }

  // The reference: the keys in the order asked for; a response to each.
  Status prepare_mark(const std::string& /*data_dir*/) override { return {}; }
  Result<std::vector<Marked>> mark(const Reference& reference, std::span<const std::string> responses) const override {
    PARETO_CHECK_OK(reference.check_plain());
    if (responses.size() != reference.items.size())
      return fail(Code::kInvalid, "passkey needs a response to each key: the reference has {}, the response {}",
                  reference.items.size(), responses.size());
    return std::vector<Marked>{marked_by(reference.items, responses)};
  }

 private:
  // REQUIRES: as many responses as keys.
  static Marked marked_by(const std::vector<std::string>& keys, std::span<const std::string> responses) {
    std::vector<std::string> texts;
    double found = 0;
    for (std::size_t turn = 0; turn < keys.size(); ++turn) {
      texts.push_back(clean_prediction(responses[turn]));
      found += string_match_all(texts.back(), std::span(&keys[turn], 1));
    }
    const auto turns = static_cast<double>(keys.size());
    Marked marked;
    marked.filtered = python::str(list_of(texts));
    marked.metrics["string_match"] = found / turns;
    marked.metrics["all_turns"] = found == turns ? 1 : 0;
    return marked;
  }

  // As many noises as fit beside the last turn's prompt, which is the longest.
  static Result<PasskeyItem> make_item(const Setting& setting, const TokenCounter& count, int noise, int index) {
    Draws draws(setting, index, "keys");
    PasskeyItem item;
    std::vector<double> places;
    while (std::ssize(item.names) < kTurns) {
      std::string name = draws.thing();
      std::string key = fmt::format("{}", 10000 + draws.below(90000));
      const auto known = [](const std::vector<std::string>& all, const std::string& one) {
        return std::find(all.begin(), all.end(), one) != all.end();
      };
      if (known(item.names, name) || known(item.keys, key)) continue;
      item.names.push_back(std::move(name));
      item.keys.push_back(std::move(key));
      places.push_back(draws.unit());
    }
    const auto compose = [&](int n) {
      item.context = context_of(item, places, n);
      Example example;
      example.input = plain_prompt(item, kTurns - 1);
      return example;
    };
    constexpr int kMostNoises = 1 << 26;
    PARETO_TRY(const Example last,
               fill(
                   setting, count, 1, kMostNoises, [&](int n) { return std::int64_t{n} * noise; }, compose));
    const std::size_t questions = last.input.find("\n\nQuestion: ");
    item.context = last.input.substr(0, questions);
    item.length = last.length;
    return item;
  }

  // Keys stand in the text in another order than they are asked in: the places are drawn apart.
  static std::string context_of(const PasskeyItem& item, const std::vector<double>& places, int noises) {
    std::vector<std::vector<std::size_t>> at(static_cast<std::size_t>(noises) + 1);
    for (std::size_t k = 0; k < places.size(); ++k) at[static_cast<std::size_t>(places[k] * (noises + 1))].push_back(k);
    std::string text =
        "Five pass keys are hidden within the following text. Find and memorize them. I will ask for them one after "
        "another.";
    for (std::size_t i = 0; i < at.size(); ++i) {
      for (const std::size_t k : at[i])
        text += fmt::format("\nThe pass key for the {} is {}. Remember it.", item.names[k], item.keys[k]);
      if (i + 1 < at.size()) text += fmt::format("\n{}", kNoise);
    }
    return text;
  }

  static Result<std::string> prompt_of(const TaskOptions& options, const PasskeyItem& item, std::size_t turn) {
    if (!options.chat_template) {
      const std::string& system = options.system_instruction;
      return system.empty() ? plain_prompt(item, turn) : system + "\n\n" + plain_prompt(item, turn);
    }
    std::vector<ChatMessage> turns;
    if (!options.system_instruction.empty()) turns.push_back({"system", options.system_instruction});
    for (std::size_t t = 0; t <= turn; ++t) {
      turns.push_back({"user", (t == 0 ? item.context + "\n\n" : "") + question_text(item, t)});
      if (t < turn) turns.push_back({"assistant", item.keys[t]});
    }
    return options.chat_template(turns, {});
  }

  Status add(const Setting& setting, const TaskOptions& options, int index, const PasskeyItem& item) {
    for (std::size_t turn = 0; turn < kTurns; ++turn) {
      PARETO_TRY(std::string prompt, prompt_of(options, item, turn));
      prompts_.push_back(make_text(std::move(prompt)));
    }
    Value json = Value::dict({});
    json.set("index", index);
    json.set("asked", list_of(item.names));
    json.set("outputs", list_of(item.keys));
    json.set("length", item.length);
    json.set("max_length", setting.length);
    const DocumentText content{index, json, python::str(list_of(item.keys))};
    PARETO_TRY(Document document, make_document(content, *prompts_[prompts_.size() - kTurns]));
    documents_.push_back(std::move(document));
    keys_.push_back(item.keys);
    return {};
  }

  TaskInfo info_;
  Generation generation_;
  std::vector<Document> documents_;
  std::vector<Text> prompts_;  // kTurns of each document
  std::vector<std::vector<std::string>> keys_;
};

const RegisterTask kPasskey({.name = "passkey",
                             .summary = "five keys in noise, asked one after another",
                             .tags = {"longcxt"},
                             .make = [] { return std::make_unique<PasskeyTask>(); },
                             .sized = true});

}  // namespace
}  // namespace pareto::ruler
