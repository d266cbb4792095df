#include "tasks/jieba.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <mutex>

#include "core/files.h"
#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto {
namespace {

constexpr double kImpossible = -3.14e100;  // log probability of what never happens
constexpr std::string_view kStateLetters = "BEMS";

std::u32string code_points_of(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, bytes] = python::decode(text, at);
    out.push_back(c);
    at += static_cast<std::size_t>(bytes);
  }
  return out;
}

std::string utf8(std::u32string_view text) {
  std::string out;
  for (const char32_t c : text) python::encode(c, &out);
  return out;
}

bool is_letter_or_digit(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= U'0' && c <= U'9');
}
bool is_han(char32_t c) { return c >= 0x4E00 && c <= 0x9FD5; }
bool in_block(char32_t c) {
  return is_han(c) || is_letter_or_digit(c) || std::u32string_view(U"+#&._%-").find(c) != std::u32string_view::npos;
}

// How far from `at` on `is` holds.
template <class Is>
std::size_t run_end(std::u32string_view text, std::size_t at, Is is) {
  while (at < text.size() && is(text[at])) ++at;
  return at;
}

// "P={'B': -0.26, …}" of a Python file: a dict literal, which is JSON but for its quotes.
Result<Value> python_dict(const std::string& text, const std::string& name) {
  const std::size_t begin = text.find("P={");
  if (begin == std::string::npos || text.find('"') != std::string::npos)
    return fail(Code::kInvalid, "{}: no 'P={{…}}' as jieba 0.42.1 writes it", name);
  std::string json = text.substr(begin + 2);
  std::replace(json.begin(), json.end(), '\'', '"');
  auto value = value_from_json(json);
  if (!value) return fail(Code::kInvalid, "{}: {}", name, value.error().message);
  if (!value->is_dict()) return fail(Code::kInvalid, "{}: P is not a dict", name);
  return value;
}

Result<double> log_probability(const Value& value, const std::string& name) {
  if (!value.is(Value::Type::kFloat) && !value.is(Value::Type::kInt))
    return fail(Code::kInvalid, "{}: a probability is a {}", name, value.type_name());
  return value.as_double();
}

Result<std::string> read_jieba_file(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text && text.error().code == Code::kNotFound) {
    return fail(Code::kNotFound,
                "no file {}: Chinese words need jieba's dictionary; 'pareto data fetch jieba' brings it, 'pareto data "
                "import jieba FOLDER' takes it from the Python package",
                path);
  }
  return text;
}

// One outgoing row of a dict of dicts, or of P itself.
Status read_states(const Value& dict, std::array<double, 4>* out, const std::string& name) {
  out->fill(kImpossible);
  if (!dict.is_dict()) return fail(Code::kInvalid, "{}: a dict is missing", name);
  for (const auto& [key, value] : dict.entries()) {
    const std::size_t state = key.text().size() == 1 ? kStateLetters.find(key.text()) : std::string::npos;
    if (state == std::string::npos)
      return fail(Code::kInvalid, "{}: {} is none of B, E, M, S", name, python::text_repr(key.text()));
    PARETO_TRY((*out)[state], log_probability(value, name));
  }
  return {};
}

}  // namespace

Status Jieba::parse_dict(const std::string& text, const std::string& name) {
  double total = 0;
  int number = 0;
  frequency_.reserve(text.size() / 10);  // bytes of a line, or nearly
  for (const std::string_view raw : python::split(text, "\n")) {
    ++number;
    const std::string_view line = python::strip(raw);
    if (line.empty()) continue;
    const auto parts = python::split(line, " ");
    std::int64_t frequency = 0;
    const bool good = parts.size() >= 2 &&
                      std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), frequency).ptr ==
                          parts[1].data() + parts[1].size() &&
                      !parts[1].empty() && frequency >= 0;
    if (!good) return fail(Code::kInvalid, "{}:{}: a line is a word, its frequency and a tag", name, number);
    const std::u32string word = code_points_of(parts[0]);
    frequency_[word] = static_cast<double>(frequency);
    total += static_cast<double>(frequency);
    for (std::size_t n = 1; n < word.size(); ++n) frequency_.try_emplace(word.substr(0, n), 0);
  }
  if (!(total > 0)) return fail(Code::kInvalid, "{}: no words in it", name);
  log_total_ = std::log(total);
  return {};
}

Status Jieba::parse_model(const Files& files, const std::string& folder) {
  const std::string start = folder + "/finalseg/prob_start.py", trans = folder + "/finalseg/prob_trans.py",
                    emit = folder + "/finalseg/prob_emit.py";
  PARETO_TRY(const Value starts, python_dict(files.start, start));
  PARETO_CHECK_OK(read_states(starts, &start_, start));
  PARETO_TRY(const Value moves, python_dict(files.trans, trans));
  PARETO_TRY(const Value emissions, python_dict(files.emit, emit));
  for (std::size_t state = 0; state < kStateLetters.size(); ++state) {
    const std::string letter(1, kStateLetters[state]);
    const Value *to = moves.get(letter.c_str()), *of = emissions.get(letter.c_str());
    if (to == nullptr) return fail(Code::kInvalid, "{}: no state '{}'", trans, letter);
    PARETO_CHECK_OK(read_states(*to, &trans_[state], trans));
    if (of == nullptr || !of->is_dict()) return fail(Code::kInvalid, "{}: no state '{}'", emit, letter);
    for (const auto& [key, value] : of->entries()) {
      PARETO_TRY(const double p, log_probability(value, emit));
      const std::u32string character = code_points_of(key.text());
      if (character.size() == 1) emit_[state][character[0]] = p;
    }
  }
  return {};
}

Result<std::shared_ptr<const Jieba>> Jieba::parse(const Files& files, const std::string& folder) {
  const auto jieba = std::make_shared<Jieba>();
  PARETO_CHECK_OK(jieba->parse_dict(files.dict, folder + "/dict.txt"));
  PARETO_CHECK_OK(jieba->parse_model(files, folder));
  return jieba;
}

Result<std::shared_ptr<const Jieba>> Jieba::load(const std::string& data_dir) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Jieba>> loaded;
  const std::string folder = data_dir + "/jieba";
  const std::lock_guard lock(mutex);
  if (const auto found = loaded.find(folder); found != loaded.end()) return found->second;
  Files files;
  for (const auto& [name, text] : files.named()) {
    PARETO_TRY(*text, read_jieba_file(fmt::format("{}/{}", folder, name)));
  }
  PARETO_TRY(loaded[folder], parse(files, folder));
  return loaded[folder];
}

double Jieba::emission(State state, char32_t c) const {
  const auto found = emit_[state].find(c);
  return found == emit_[state].end() ? kImpossible : found->second;
}

// Viterbi. Of equal paths the one whose last state has the later letter wins, as Python's max over (p, state).
void Jieba::cut_states(Text run, std::vector<std::string>* words) const {
  constexpr std::array<std::array<State, 2>, 4> kBefore = {
      {{kEnd, kSingle}, {kBegin, kMiddle}, {kBegin, kMiddle}, {kEnd, kSingle}}};  // of B, E, M, S
  const std::size_t n = run.size();
  std::vector<std::array<double, 4>> best(n);
  std::vector<std::array<State, 4>> from(n);
  for (const State y : {kBegin, kEnd, kMiddle, kSingle}) best[0][y] = start_[y] + emission(y, run[0]);
  for (std::size_t t = 1; t < n; ++t)
    for (const State y : {kBegin, kEnd, kMiddle, kSingle}) {
      const double p = emission(y, run[t]);
      const State first = kBefore[y][0], second = kBefore[y][1];  // in the order of their letters
      const double a = best[t - 1][first] + trans_[first][y] + p, b = best[t - 1][second] + trans_[second][y] + p;
      from[t][y] = b >= a ? second : first;
      best[t][y] = std::max(a, b);
    }
  std::vector<State> path(n);
  path[n - 1] = best[n - 1][kSingle] >= best[n - 1][kEnd] ? kSingle : kEnd;
  for (std::size_t t = n - 1; t > 0; --t) path[t - 1] = from[t][path[t]];
  std::size_t begin = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (path[i] == kBegin || path[i] == kSingle) begin = i;
    if (path[i] == kEnd || path[i] == kSingle) words->push_back(utf8(run.substr(begin, i + 1 - begin)));
  }
}

// finalseg.cut: Han goes through the model; of the rest, [a-zA-Z0-9]+(\.\d+)?%? stays together.
void Jieba::cut_unknown(Text run, std::vector<std::string>* words) const {
  for (std::size_t at = 0; at < run.size();) {
    if (is_han(run[at])) {
      const std::size_t end = run_end(run, at, is_han);
      cut_states(run.substr(at, end - at), words);
      at = end;
      continue;
    }
    const std::size_t block = run_end(run, at, [](char32_t c) { return !is_han(c); });
    std::size_t skipped = at;  // what is no such token stands together too
    while (at < block) {
      if (!is_letter_or_digit(run[at])) {
        ++at;
        continue;
      }
      if (skipped < at) words->push_back(utf8(run.substr(skipped, at - skipped)));
      const Text rest = run.substr(0, block);
      std::size_t end = run_end(rest, at, is_letter_or_digit);
      if (end < block && run[end] == U'.') {
        const std::size_t digits = run_end(rest, end + 1, python::is_digit);
        if (digits > end + 1) end = digits;
      }
      if (end < block && run[end] == U'%') ++end;
      words->push_back(utf8(run.substr(at, end - at)));
      skipped = at = end;
    }
    if (skipped < block) words->push_back(utf8(run.substr(skipped, block - skipped)));
  }
}

void Jieba::cut_words(Text block, std::vector<std::string>* words) const {
  const std::size_t n = block.size();
  // route[i]: the best score of block[i…] and where its first word ends.
  std::vector<std::pair<double, std::size_t>> route(n + 1, {0, 0});
  std::u32string fragment;
  for (std::size_t k = n; k-- > 0;) {
    std::pair<double, std::size_t> best{0, 0};
    bool any = false;
    const auto consider = [&](std::size_t last, double frequency) {
      const std::pair<double, std::size_t> candidate{std::log(frequency) - log_total_ + route[last + 1].first, last};
      if (!any || candidate > best) best = candidate;
      any = true;
    };
    fragment.clear();
    for (std::size_t i = k; i < n; ++i) {
      fragment.push_back(block[i]);
      const auto found = frequency_.find(fragment);
      if (found == frequency_.end()) break;
      if (found->second > 0) consider(i, found->second);
    }
    if (!any) consider(k, 1);
    route[k] = best;
  }
  std::size_t unknown = 0;  // where the single characters in a row begin
  const auto flush = [&](std::size_t end) {
    const Text run = block.substr(unknown, end - unknown);
    const auto found = frequency_.find(std::u32string(run));
    if (run.size() > 1 && (found == frequency_.end() || found->second == 0)) {
      cut_unknown(run, words);
    } else {
      for (const char32_t c : run) words->push_back(utf8(Text(&c, 1)));
    }
  };
  for (std::size_t x = 0; x < n;) {
    const std::size_t end = route[x].second + 1;
    if (end - x > 1) {
      flush(x);
      words->push_back(utf8(block.substr(x, end - x)));
      unknown = end;
    }
    x = end;
  }
  flush(n);
}

std::vector<std::string> Jieba::cut(std::string_view text) const {
  const std::u32string points = code_points_of(text);
  const Text all = points;
  std::vector<std::string> words;
  for (std::size_t at = 0; at < all.size();) {
    if (in_block(all[at])) {
      const std::size_t end = run_end(all, at, in_block);
      cut_words(all.substr(at, end - at), &words);
      at = end;
      continue;
    }
    const std::size_t length = all.substr(at).starts_with(U"\r\n") ? 2 : 1;
    words.push_back(utf8(all.substr(at, length)));
    at += length;
  }
  return words;
}

}  // namespace pareto
