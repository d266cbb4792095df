#include "core/options.h"

#include <gtest/gtest.h>

namespace pareto {
namespace {

TEST(BackendSpecs, CommaStartsASpecUnlessItIsAnOption) {
  const auto specs = parse_backend_specs("magicpig:K=10,L=150,dense").value();
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(specs[0].text(), "magicpig:K=10,L=150");
  EXPECT_EQ(specs[1].text(), "dense");
}

TEST(BackendSpecs, SweepsExpandToTheirProduct) {
  const auto specs = parse_backend_specs("topk:budget=0.02|0.05,page=16|32").value();
  ASSERT_EQ(specs.size(), 4u);
  EXPECT_EQ(specs[0].text(), "topk:budget=0.02,page=16");
  EXPECT_EQ(specs[3].text(), "topk:budget=0.05,page=32");
}

TEST(BackendSpecs, RefusesWhatItCannotRead) {
  for (const char* text : {"", "a,,b", "K=3", "a:K", "a:=3", "a:K=1,K=2"}) {
    const auto specs = parse_backend_specs(text);
    ASSERT_FALSE(specs) << text;
    EXPECT_EQ(specs.error().code, Code::kUsage);
  }
}

TEST(CheckOptions, FillsDefaultsAndRefusesOutOfRange) {
  const std::vector<OptionSpec> specs = {{"K", OptionSpec::Type::kInt, "10", 1, 15, {}, ""},
                                         {"budget", OptionSpec::Type::kBudget, "0.02", 0, 0, {}, ""},
                                         {"mode", OptionSpec::Type::kString, "a", 0, 0, {"a", "b"}, ""}};
  EXPECT_EQ(check_options({{"K", "3"}}, specs, "m").value().at("budget"), "0.02");
  for (const OptionMap& bad : std::vector<OptionMap>{{{"K", "16"}},
                                                     {{"K", "x"}},
                                                     {{"K", "1.5"}},
                                                     {{"budget", "0"}},
                                                     {{"budget", "1.01"}},
                                                     {{"budget", "101%"}},
                                                     {{"mode", "c"}}})
    EXPECT_EQ(check_options(bad, specs, "m").error().code, Code::kUsage);
  EXPECT_TRUE(check_options({{"budget", "100%"}}, specs, "m"));
  EXPECT_NE(check_options({{"budgt", "1"}}, specs, "m").error().message.find("did you mean 'budget'"),
            std::string::npos);
}

TEST(NearestName, SuggestsOnlyWhatLooksLikeATypingError) {
  EXPECT_EQ(nearest_name("dens", {"dense", "null"}), "dense");
  EXPECT_EQ(nearest_name("arc_esy", {"arc_easy", "gsm8k"}), "arc_easy");
  EXPECT_EQ(nearest_name("xyzzy", {"dense", "null"}), "");
}

}  // namespace
}  // namespace pareto
