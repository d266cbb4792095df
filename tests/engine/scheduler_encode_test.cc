// Requests to ids: lm-evaluation-harness's rules, on a tokenizer of bytes with one merge.
#include <gtest/gtest.h>

#include "engine/encode.h"

namespace pareto {
namespace {

// Ids 0-255 are bytes, "ab" is 300, 256 BOS "<s>", 257 EOS "</s>".
class ByteTokenizer final : public Tokenizer {
 public:
  explicit ByteTokenizer(Info info) : info_(std::move(info)) {}
  void encode(std::string_view text, bool parse_special, std::vector<Token>* ids) const override {
    for (std::size_t i = 0; i < text.size();) {
      if (parse_special && text.substr(i).starts_with("<s>")) {
        ids->push_back(256), i += 3;
      } else if (parse_special && text.substr(i).starts_with("</s>")) {
        ids->push_back(257), i += 4;
      } else if (text.substr(i).starts_with("ab")) {
        ids->push_back(300), i += 2;
      } else {
        ids->push_back(static_cast<unsigned char>(text[i++]));
      }
    }
  }
  std::string_view piece(Token id) const override {
    static const std::string kBytes = [] {
      std::string bytes;
      for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
      return bytes;
    }();
    if (id == 300) return "ab";
    return id < 256 ? std::string_view(kBytes).substr(static_cast<std::size_t>(id), 1) : std::string_view();
  }
  std::string decode(const std::vector<Token>& ids) const override {
    std::string text;
    for (const Token id : ids) text += piece(id);
    return text;
  }
  const Info& info() const override { return info_; }

 private:
  Info info_;
};

using Ids = std::vector<Token>;

struct Fixture {
  explicit Fixture(bool add_bos = true, int max_length = 100)
      : tokenizer({.kind = "bytes", .vocab = 301, .bos = 256, .eos = 257, .add_bos = add_bos, .bos_text = "<s>"}),
        options{.tokenizer = &tokenizer, .prefix = 256, .max_length = max_length, .vocab = 301} {}
  Result<EncodedRequest> score(const std::string& context, const std::string& continuation) {
    Request request;
    request.kind = Request::Kind::kScore;
    request.context = make_text(context);
    request.continuation = continuation;
    return Encoder(options).encode(request);
  }
  ByteTokenizer tokenizer;
  EncodeOptions options;
};

TEST(Encode, SpaceBelongsToTheContinuation) {
  const EncodedRequest e = Fixture().score("x ", "y").value();
  EXPECT_EQ(e.inputs[0].tokens, (Ids{256, 'x', ' '}));
  EXPECT_EQ(e.inputs[0].targets, (Ids{' ', 'y'}));
  EXPECT_EQ(e.inputs[0].first_row, 1);
  EXPECT_EQ(e.prompt_tokens, 2);
}

TEST(Encode, UnicodeSpaceMovesToo) {
  EXPECT_EQ(rstrip("a\xC2\xA0\xE2\x80\x89 \n\x1f"), "a");
  EXPECT_EQ(rstrip("a\xC2\xA1"), "a\xC2\xA1");
  EXPECT_EQ(rstrip(" \t"), "");
}

TEST(Encode, AMergeAcrossTheBoundaryStaysWithTheContextLength) {
  // enc("xabc") = BOS x ab c: what lies behind |enc("xa")| = 3 is c, and the model reads enc("xa") before it.
  const EncodedRequest e = Fixture().score("xa", "bc").value();
  EXPECT_EQ(e.inputs[0].tokens, (Ids{256, 'x', 'a'}));
  EXPECT_EQ(e.inputs[0].targets, (Ids{'c'}));
}

TEST(Encode, AnEmptyContextBecomesThePrefixToken) {
  EXPECT_EQ(Fixture().score("", "ab").value().inputs[0].tokens, (Ids{256}));
  const EncodedRequest peeled = Fixture().score("", "<s>ab").value();
  EXPECT_EQ(peeled.inputs[0].tokens, (Ids{256}));
  EXPECT_EQ(peeled.inputs[0].targets, (Ids{300}));
  Fixture none;
  none.options.prefix = -1;
  EXPECT_FALSE(none.score("", "ab"));
}

TEST(Encode, BosFollowsTheTokenizerAndIsNotDoubled) {
  EXPECT_EQ(Fixture(false).score("x", "y").value().inputs[0].tokens, (Ids{'x'}));
  EXPECT_EQ(Fixture(true).score("<s>x", "y").value().inputs[0].tokens, (Ids{256, 'x'}));
}

TEST(Encode, ScoresAreCutOnTheLeft) {
  // (ctx + cont)[-(max_length + 1):][:-1]
  const EncodedRequest e = Fixture(true, 4).score("uvwxyz", "12").value();  // 7 + 2 tokens
  EXPECT_EQ(e.inputs[0].tokens, (Ids{'x', 'y', 'z', '1'}));
  EXPECT_EQ(e.inputs[0].first_row, 2);
  EXPECT_EQ(e.truncated, 4);
  EXPECT_EQ(e.prompt_tokens, 3);
  const EncodedRequest all = Fixture(true, 2).score("uv", "12").value();  // the continuation alone fills it
  EXPECT_EQ(all.inputs[0].tokens, (Ids{'v', '1'}));
  EXPECT_EQ(all.inputs[0].first_row, 0);
  const auto too_long = Fixture(true, 2).score("uv", "123");
  ASSERT_FALSE(too_long);
  EXPECT_NE(too_long.error().message.find("3 tokens"), std::string::npos);
}

TEST(Encode, RollingWindowsAreDisjointAndComplete) {
  Request request;
  request.kind = Request::Kind::kScoreRolling;
  request.context_ids = Ids{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  Fixture f(true, 4);
  const EncodedRequest e = Encoder(f.options).encode(request).value();
  ASSERT_EQ(e.inputs.size(), 3u);
  EXPECT_EQ(e.inputs[0].tokens, (Ids{256, 1, 2, 3}));
  EXPECT_EQ(e.inputs[0].targets, (Ids{1, 2, 3, 4}));
  EXPECT_EQ(e.inputs[1].tokens, (Ids{4, 5, 6, 7}));
  EXPECT_EQ(e.inputs[1].targets, (Ids{5, 6, 7, 8}));
  EXPECT_EQ(e.inputs[2].tokens, (Ids{6, 7, 8, 9}));
  EXPECT_EQ(e.inputs[2].targets, (Ids{9, 10}));
  EXPECT_EQ(e.inputs[2].first_row, 2);
}

TEST(Encode, PromptsLeaveRoomForWhatIsGenerated) {
  Request request;
  request.context = make_text("uvwxyz");
  request.max_tokens = 6;
  request.until = {"</s>", "Q:"};
  Fixture f(true, 10);
  const EncodedRequest e = Encoder(f.options).encode(request).value();
  EXPECT_EQ(e.prompt, (Ids{'w', 'x', 'y', 'z'}));
  EXPECT_EQ(e.truncated, 3);
  EXPECT_EQ(e.stop_ids, (Ids{257}));
  request.context = make_text("");
  EXPECT_EQ(Encoder(f.options).encode(request).value().prompt, (Ids{256}));
}

TEST(Encode, IdsBypassTheTokenizer) {
  Request request;
  request.kind = Request::Kind::kScore;
  request.context_ids = Ids{5, 6};
  request.continuation_ids = Ids{7};
  Fixture f;
  f.options.tokenizer = nullptr;
  EXPECT_EQ(Encoder(f.options).encode(request).value().inputs[0].tokens, (Ids{5, 6}));
  request.continuation_ids = Ids{301};
  const auto outside = Encoder(f.options).encode(request);
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().message, "id 301 is outside the model's vocabulary of 301");
  request.continuation_ids.reset();
  EXPECT_FALSE(Encoder(f.options).encode(request));
}

}  // namespace
}  // namespace pareto
