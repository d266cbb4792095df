// Normalisation, splitting and added tokens by themselves.
#include <utf8proc.h>

#include <set>

#include "engine/pretokenizer.h"
#include "engine/pretokenizer_regex.h"
#include "engine/tokenizer_normalizer.h"
#include "engine/tokenizer_utf8.h"
#include "engine/tokenizer_words.h"
#include "tests/engine/tokenizer_test_support.h"

namespace pareto {
namespace {

using namespace testing_tokenizers;  // NOLINT

std::string utf8(std::uint32_t c) {
  std::string text;
  append_utf8(c, &text);
  return text;
}

std::string whole_nfc(const std::string& text) {
  utf8proc_uint8_t* mapped = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
  std::string out(reinterpret_cast<const char*>(mapped));
  std::free(mapped);
  return out;
}

std::string nfc(const std::string& text) {
  Normalizer normalizer;
  normalizer.add_form(Normalizer::Form::kNfc);
  std::string buffer;
  return std::string(normalizer.apply(text, &buffer));
}

// Every code point behind a letter, behind a mark, and in front of a mark: wherever parts may have been cut.
TEST(TokenizerNormalizer, NfcInPartsEqualsNfcOfTheWhole) {
  for (std::uint32_t c = 1; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    const std::string x = utf8(c);
    for (const std::string& text : {"a" + x +
                                        "\xCC\x81"
                                        "b",
                                    "e\xCC\x81" + x, "\xEA\xB0\x80" + x + "\xE1\x86\xA8"})
      ASSERT_EQ(nfc(text), whole_nfc(text)) << std::hex << c;
  }
}

TEST(TokenizerNormalizer, NfcOfRandomTextAndInvalidBytes) {
  RandomText random(21);
  for (int i = 0; i < 3000; ++i) {
    std::string text = random.next(30);
    text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
    ASSERT_EQ(nfc(text), whole_nfc(text));
  }
  EXPECT_EQ(nfc("\xFF"
                "e\xCC\x81\xC3"),
            "\xFF\xC3\xA9\xC3");
  EXPECT_EQ(nfc("\xCC\x81\xFF\xCC\x81"), "\xCC\x81\xFF\xCC\x81");
}

TEST(TokenizerUtf8, InvalidFormsAreOneByte) {
  for (const char* text :
       {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(decode_utf8(text, 0).valid) << text;
    EXPECT_EQ(decode_utf8(text, 0).bytes, 1);
  }
  for (const std::uint32_t c : {0x0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    const CodePoint decoded = decode_utf8(utf8(c), 0);
    EXPECT_TRUE(decoded.valid);
    EXPECT_EQ(decoded.value, c);
  }
}

std::vector<std::string> words(const Pretokenizer& steps, std::string_view text) {
  std::vector<std::string> out;
  auto sink = [&](std::string_view w) { out.emplace_back(w); };
  steps.split(text, TextPosition::kStart, sink);
  return out;
}

Pretokenizer by_regex(const char* regex) {
  Pretokenizer steps;
  const Status status = steps.add_regex(regex, Pretokenizer::Behaviour::kIsolated);
  EXPECT_TRUE(status) << status.error().message;
  return steps;
}

TEST(Pretokenizer, WhiteSpaceGivesItsLastCharacterToTheNextWord) {
  using Words = std::vector<std::string>;
  const Pretokenizer gpt2 = by_regex(kGpt2Split), llama3 = by_regex(kLlama3Split);
  EXPECT_EQ(words(gpt2, "a   b"), (Words{"a", "  ", " b"}));
  EXPECT_EQ(words(gpt2, "a   "), (Words{"a", "   "}));
  EXPECT_EQ(words(gpt2, "a\n\nb"), (Words{"a", "\n", "\n", "b"}));
  EXPECT_EQ(words(llama3, "a\n\nb"), (Words{"a", "\n\n", "b"}));
  EXPECT_EQ(words(llama3, "a\n\n  b"), (Words{"a", "\n\n", " ", " b"}));
  EXPECT_EQ(words(llama3,
                  "a \xE3\x80\x80\xE3\x80\x80"
                  "7"),
            (Words{"a", " \xE3\x80\x80", "\xE3\x80\x80", "7"}));
  EXPECT_EQ(words(llama3, "it'S 12345"), (Words{"it", "'S", " ", "123", "45"}));
  EXPECT_EQ(words(llama3, "it'\xC5\xBF!"), (Words{"it", "'\xC5\xBF", "!"}));
  EXPECT_EQ(words(by_regex(kQwen2Split), "12"), (Words{"1", "2"}));
}

// The path for plain words decides the same as the regex: a pattern that the path does not recognise, but that means
// the same, splits alike.
TEST(Pretokenizer, PlainWordsAreWhatTheRegexSays) {
  const std::pair<const char*, const char*> kSame[] = {
      {kGpt2Split, R"((?:'s|'t|'re|'ve|'m|'ll|'d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
      {kLlama3Split,
       R"((?i:'(?:s|t|re|ve|m|ll|d))|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
      {kQwen2Split,
       R"((?i:'(?:s|t|re|ve|m|ll|d))|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}};
  RandomText random(9, true);
  for (const auto& [fast, plain] : kSame) {
    const Pretokenizer a = by_regex(fast), b = by_regex(plain);
    for (int i = 0; i < 3000; ++i) {
      const std::string text = random.next(25);
      ASSERT_EQ(words(a, text), words(b, text)) << '[' << text << ']';
    }
  }
}

TEST(Pretokenizer, WordsMakeUpTheText) {
  RandomText random(13, true);
  for (const char* name : {"default", "gpt-2", "llama-bpe", "qwen2", "starcoder", "falcon", "deepseek-llm",
                           "deepseek-coder", "deepseek-v3", "tekken", "gpt-4o", "bloom", "viking"}) {
    Pretokenizer steps;
    const auto named = add_named_split(name, &steps);
    ASSERT_TRUE(named) << named.error().message;
    for (int i = 0; i < 300; ++i) {
      const std::string text = random.next(25);
      std::string joined;
      for (const std::string& word : words(steps, text)) {
        EXPECT_FALSE(word.empty());
        joined += word;
      }
      ASSERT_EQ(joined, text) << name;
    }
  }
  Pretokenizer steps;
  const auto unknown = add_named_split("nonsense", &steps);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("llama-bpe"), std::string::npos);
}

TEST(Pretokenizer, AlternativesAndFirstCharacters) {
  EXPECT_EQ(top_level_alternatives(R"(a|b(c|d)|[|]|\|)"),
            (std::vector<std::string_view>{"a", "b(c|d)", "[|]", R"(\|)"}));
  const auto starts = ascii_starts(R"(\s?[0-9]x|q)");
  EXPECT_TRUE(starts[' '] && starts['5'] && starts['q']);
  EXPECT_FALSE(starts['x'] || starts['a']);
  EXPECT_TRUE(ascii_starts("(ab)+").all());
}

TEST(Pretokenizer, ByteAlphabetIsReversible) {
  std::string all;
  std::set<std::string> characters;
  for (int byte = 0; byte < 256; ++byte) {
    all.push_back(static_cast<char>(byte));
    characters.insert(byte_characters(std::string(1, static_cast<char>(byte))));
  }
  EXPECT_EQ(characters.size(), 256u);
  EXPECT_EQ(byte_characters(" \n"), "ĠĊ");
  std::string back;
  ASSERT_TRUE(from_byte_characters(byte_characters(all), &back));
  EXPECT_EQ(back, all);
  EXPECT_FALSE(from_byte_characters(" ", &back));
}

TEST(TokenizerAdded, LeftmostThenLongest) {
  const AddedTokens added({{"<a>", 1}, {"<a>b", 2}, {"b", 3, false}, {"ab<", 4}});
  const auto find = [&](std::string_view text, bool special) {
    const auto match = added.find(text, 0, special);
    return match ? match->id : -1;
  };
  EXPECT_EQ(find("x<a>b", true), 2);
  EXPECT_EQ(find("x<a>b", false), 3);
  EXPECT_EQ(find("xab<a>", true), 4);
  EXPECT_EQ(find("x<a", true), -1);
  EXPECT_FALSE(AddedTokens({{"", 1}}).find("x", 0, true));
}

TEST(TokenizerWords, CutBeforeTheSpaceAfterAWord) {
  const auto cut = [](std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = word_end(text, at, kPlainSpace, kSpaceMark);
      out.emplace_back(text.substr(at, end - at));
      at = end;
    }
    return out;
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(cut("a b  c "), (Words{"a", " b", "  c", " "}));
  EXPECT_EQ(cut("  a"), (Words{"  a"}));
  EXPECT_EQ(cut("a\xE2\x96\x81 b"), (Words{"a\xE2\x96\x81 b"}));
  EXPECT_TRUE(reaches_over_words("a\xE2\x96\x81", kSpaceMark));
  EXPECT_FALSE(reaches_over_words("\xE2\x96\x81\xE2\x96\x81 a", kSpaceMark));
}

}  // namespace
}  // namespace pareto
