#include "core/rng.h"

#include <gtest/gtest.h>

namespace pareto {
namespace {

// The known answers that Random123 publishes for philox4x32 with 10 rounds (tests/kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32({f, f, f, f}, {f, f}), (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(CounterRng, IsAFunctionOfItsCoordinates) {
  CounterRng forward(7, 0x1234567890abcdefu, 42);
  CounterRng backward(7, 0x1234567890abcdefu, 42);
  std::vector<std::uint32_t> words;
  for (std::uint32_t i = 0; i < 16; ++i) words.push_back(forward.word(i));
  for (std::uint32_t i = 16; i-- > 0;) EXPECT_EQ(backward.word(i), words[i]);
  const PhiloxCounter second = philox4x32({1, 42, 0x90abcdef, 0x12345678}, {7, 0});
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(words[4 + i], second[i]);
  EXPECT_NE(CounterRng(8, 0x1234567890abcdefu, 42).word(0), words[0]);
  EXPECT_NE(CounterRng(7, 0x1234567890abcdeeu, 42).word(0), words[0]);
  EXPECT_NE(CounterRng(7, 0x1234567890abcdefu, 43).word(0), words[0]);
}

TEST(Uniform, StaysInTheOpenInterval) {
  EXPECT_GT(uniform(0), 0.0);
  EXPECT_LT(uniform(0xffffffff), 1.0);
}

}  // namespace
}  // namespace pareto
