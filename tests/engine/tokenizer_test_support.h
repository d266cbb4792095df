// Helpers of the tokenizer tests: the ggml vocabulary cases, random text, temporary folders.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "engine/tokenizer.h"

namespace pareto::testing_tokenizers {

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  for (std::size_t end; (end = text.find(separator, at)) != std::string::npos; at = end + separator.size())
    parts.push_back(text.substr(at, end - at));
  parts.push_back(text.substr(at));
  return parts;
}

inline std::filesystem::path models() { return std::filesystem::path(PARETO_SHARED) / "models"; }

inline std::vector<Token> encode(const Tokenizer& tokenizer, std::string_view text, bool parse_special = true) {
  std::vector<Token> ids;
  tokenizer.encode(text, parse_special, &ids);
  return ids;
}

// A folder that is gone when the test ends.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pareto_tokenizer_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

// Text of pieces that make tokenizers disagree: runs of spaces and line ends, marks, digits, quotes, several scripts,
// bytes that are no UTF-8 (only if `invalid`).
class RandomText {
 public:
  explicit RandomText(unsigned seed, bool invalid = false) : random_(seed), invalid_(invalid) {}
  std::string next(int pieces) {
    static const std::vector<std::string> kPieces = {" ",
                                                     "  ",
                                                     "   ",
                                                     "\n",
                                                     "\n\n",
                                                     "\r\n",
                                                     "\t",
                                                     "\xC2\xA0",
                                                     "\xE3\x80\x80",
                                                     "\xC2\x85",
                                                     "the",
                                                     "The",
                                                     "hello",
                                                     "World",
                                                     "a",
                                                     "I",
                                                     "'s",
                                                     "'S",
                                                     "'ll",
                                                     "'\xC5\xBF",
                                                     "don't",
                                                     "1",
                                                     "23",
                                                     "4567",
                                                     "3.14",
                                                     ".",
                                                     ",",
                                                     "...",
                                                     "!?",
                                                     "\"",
                                                     "(",
                                                     ")",
                                                     "<s>",
                                                     "</s>",
                                                     "<",
                                                     ">",
                                                     "\xE2\x96\x81",
                                                     "\xE2\x96\x81x",
                                                     "\xC3\xA9",
                                                     "e\xCC\x81",
                                                     "na\xC3\xAFve",
                                                     "\xD0\x9F\xD1\x80\xD0\xB8",
                                                     "\xE4\xBD\xA0\xE5\xA5\xBD",
                                                     "\xE3\x81\x82",
                                                     "\xED\x95\x9C",
                                                     "\xF0\x9F\x98\x80",
                                                     "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9",
                                                     "\xE0\xB8\xAA\xE0\xB8\xA7",
                                                     "\xD9\x85\xD8\xB1",
                                                     "\xE1\x9E\x80\xE1\x9E\xB6",
                                                     "\xC2\xB2",
                                                     "\xC2\xBD",
                                                     "\xE2\x85\xA7",
                                                     "\xE2\x82\xAC",
                                                     "$",
                                                     "_",
                                                     "#",
                                                     "//",
                                                     "\xCE\xB1\xCE\xB2",
                                                     "\xEF\xAC\x81",
                                                     "\x01",
                                                     "\x7F",
                                                     "\xE2\x80\xA8",
                                                     "\xE2\x80\x8B",
                                                     "\xE1\x9A\x80",
                                                     "=",
                                                     "==",
                                                     "x1",
                                                     "A1b2",
                                                     "supercalifragilistic"};
    static const std::vector<std::string> kInvalid = {"\xFF", "\xC3",         "\xE2\x96",
                                                      "\x80", "\xED\xA0\x80", std::string(1, '\0')};
    std::string text;
    for (int i = 0; i < pieces; ++i) {
      if (invalid_ && random_() % 8 == 0) {
        text += kInvalid[random_() % kInvalid.size()];
      } else if (random_() % 3 == 0) {
        text += ' ';
      } else {
        text += kPieces[random_() % kPieces.size()];
      }
    }
    return text;
  }
  unsigned number(unsigned below) { return random_() % below; }

 private:
  std::mt19937 random_;
  bool invalid_;
};

// Compares encode() with all texts of ggml-vocabs' NAME.gguf.inp/.out. Skips where ../shared is absent.
inline void expect_ggml_cases(const std::string& name, const std::filesystem::path& vocabulary) {
  const auto base = models() / "ggml-vocabs" / ("ggml-vocab-" + name + ".gguf");
  if (!std::filesystem::exists(base.string() + ".inp") || !std::filesystem::exists(vocabulary))
    GTEST_SKIP() << "needs ../shared/models/ggml-vocabs";
  const auto tokenizer = load_tokenizer(vocabulary.string());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto texts = split(slurp(base.string() + ".inp"), "\n__ggml_vocab_test__\n");
  const auto lines = split(slurp(base.string() + ".out"), "\n");
  ASSERT_GE(texts.size(), 46u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::stringstream line(i < lines.size() ? lines[i] : "");
    std::vector<Token> want;
    for (Token id; line >> id;) want.push_back(id);
    EXPECT_EQ(encode(**tokenizer, texts[i], false), want) << "case " << i << ": " << texts[i];
  }
}

}  // namespace pareto::testing_tokenizers
