#include "tasks/ruler_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/files.h"
#include "tasks/value.h"

namespace pareto::ruler {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWayOut = "put it there, or use --ruler_profile pareto, which needs no files";

Result<std::string> read_whole(const std::string& path, std::string_view what) {
  Result<std::string> text = read_file(path);
  if (!text && text.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "{}: no such file ({}); {}", path, what, kWayOut);
  return text;
}

Result<Value> read_json(const std::string& path, std::string_view what) {
  PARETO_TRY(const std::string text, read_whole(path, what));
  auto value = value_from_json(text);
  if (!value) return fail(Code::kInvalid, "{}: {}", path, value.error().message);
  return value;
}

// "3.0.1" → {3, 0, 1}
std::vector<int> version_numbers(std::string_view version) {
  std::vector<int> numbers;
  for (const std::string_view part : python::split(version, ".")) {
    int number = 0;
    std::from_chars(part.data(), part.data() + part.size(), number);
    numbers.push_back(number);
  }
  return numbers;
}

Result<std::string> newest_version(const std::string& folder) {
  constexpr std::string_view kName = "wonderwords-";
  std::string newest;
  std::error_code ignored;
  for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kName) || !entry->is_directory(ignored)) continue;
    const std::string version = name.substr(kName.size());
    if (newest.empty() || version_numbers(newest) < version_numbers(version)) newest = version;
  }
  if (newest.empty()) {
    return fail(Code::kNotFound, "{}/wonderwords-3.0.1: no such folder (the word lists of the wonderwords package); {}",
                folder, kWayOut);
  }
  return newest;
}

Result<std::vector<std::string>> read_words(const std::string& path) {
  PARETO_TRY(const std::string text, read_whole(path, "a word list of the wonderwords package"));
  std::vector<std::string> words;
  for (const std::string_view line : python::split_lines(text)) {
    const std::string_view word = python::strip(line);
    if (!word.empty()) words.emplace_back(word);
  }
  if (words.empty()) return fail(Code::kInvalid, "{}: no word in it", path);
  return words;
}

void sort_unique(std::vector<std::string>* words) {
  std::sort(words->begin(), words->end());
  words->erase(std::unique(words->begin(), words->end()), words->end());
}

// re.sub(r"\s+", " ", text)
std::string collapse_space(std::string_view text) {
  std::string out;
  bool space = false;
  for (std::size_t at = 0; at < text.size();) {
    const python::CodePoint c = python::decode(text, at);
    const bool is_space = python::is_space(c.value);
    if (!is_space) out.append(text.substr(at, static_cast<std::size_t>(c.bytes)));
    if (is_space && !space) out += ' ';
    space = is_space;
    at += static_cast<std::size_t>(c.bytes);
  }
  return out;
}

}  // namespace

Result<WordLists> WordLists::read(const std::string& folder) {
  WordLists lists;
  PARETO_TRY(lists.version, newest_version(folder));
  const std::string in = folder + "/wonderwords-" + lists.version + "/";
  PARETO_TRY(lists.nouns, read_words(in + "nounlist.txt"));
  PARETO_TRY(lists.adjectives, read_words(in + "adjectivelist.txt"));
  PARETO_TRY(lists.verbs, read_words(in + "verblist.txt"));
  return lists;
}

std::vector<std::string> WordLists::all() const {
  std::vector<std::string> words = nouns;
  words.insert(words.end(), adjectives.begin(), adjectives.end());
  words.insert(words.end(), verbs.begin(), verbs.end());
  sort_unique(&words);
  return words;
}

NeedleWords::NeedleWords(const WordLists& lists) : nouns_(lists.nouns) {
  sort_unique(&nouns_);
  std::vector<std::string> prefixes;
  prefixes.reserve(lists.adjectives.size());
  for (const std::string& adjective : lists.adjectives) prefixes.push_back(adjective + "-");
  sort_unique(&prefixes);
  for (std::size_t i = 0; i < prefixes.size();) {
    Block block{size_, prefixes[i], {}};
    std::size_t end = i + 1;
    while (end < prefixes.size() && prefixes[end].starts_with(prefixes[i])) ++end;
    for (std::size_t j = i; end - i > 1 && j < end; ++j)
      for (const std::string& noun : nouns_) block.words.push_back(prefixes[j] + noun);
    sort_unique(&block.words);
    size_ += static_cast<std::int64_t>(block.words.empty() ? nouns_.size() : block.words.size());
    blocks_.push_back(std::move(block));
    i = end;
  }
}

std::string NeedleWords::at(std::int64_t index) const {
  const auto after = std::upper_bound(blocks_.begin(), blocks_.end(), index,
                                      [](std::int64_t i, const Block& block) { return i < block.begin; });
  const Block& block = *std::prev(after);
  const auto i = static_cast<std::size_t>(index - block.begin);
  return block.words.empty() ? block.prefix + nouns_[i] : block.words[i];
}

Result<Essays> Essays::read(const std::string& folder) {
  Essays essays;
  const std::string path = folder + "/PaulGrahamEssays.json";
  PARETO_TRY(const Value json, read_json(path, "RULER's essays"));
  const Value* text = json.is_dict() ? json.get("text") : nullptr;
  if (text == nullptr || !text->is_string()) return fail(Code::kInvalid, "{}: no text 'text' in it", path);
  essays.text_ = std::make_shared<const std::string>(collapse_space(text->text()));
  essays.words_ = python::split(*essays.text_, " ");
  PARETO_TRY(essays.punkt_, PunktTables::read(folder + "/punkt_english"));
  return essays;
}

const std::vector<std::string_view>& Essays::sentences(int n, bool repeat) {
  auto& start = starts_[n];
  if (start) return start->sentences;
  start = std::make_unique<Start>();
  const std::size_t wanted = static_cast<std::size_t>(n);
  const std::size_t count = repeat ? wanted : std::min(wanted, words_.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) start->text += ' ';
    start->text += words_[i % words_.size()];
  }
  start->text = std::string(python::strip(start->text));
  start->sentences = split_sentences(punkt_, start->text);
  return start->sentences;
}

Result<std::vector<std::string>> read_english_words(const std::string& folder) {
  const std::string path = folder + "/english_words.json";
  PARETO_TRY(const Value json, read_json(path,
                                         "RULER's longer word list: this length needs more words than "
                                         "wonderwords has"));
  if (!json.is_dict()) return fail(Code::kInvalid, "{}: not an object of words", path);
  std::vector<std::string> words;
  for (const auto& [key, value] : json.entries()) {
    if (!value.is_string()) return fail(Code::kInvalid, "{}: '{}' is not a word", path, key.text());
    words.push_back(value.text());
  }
  return words;
}

}  // namespace pareto::ruler
