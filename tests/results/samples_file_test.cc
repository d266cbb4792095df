// The samples reader on lines of other programs: order of keys, values that are no scores, long lines, bad ones.
#include "results/samples_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace pareto {
namespace {

TEST(SamplesFile, MetricsAreTheNumbersThatAreNotOurs) {
  const auto filters = parse_samples(
      R"({"acc": 1.0, "doc_id": 3, "doc": {"acc": 9}, "filter": "f", "doc_hash": "aa", "bleu": ["x", "y"], "f1": [1, 0]})"
      "\n\n"
      R"({"doc_id": 4, "filter": "f", "doc_hash": "bb", "em": true, "acc": null, "nan": NaN, "bits_per_byte": [-7, 5]})",
      "x");
  ASSERT_TRUE(filters.has_value()) << filters.error().message;
  ASSERT_EQ(filters->size(), 1u);
  const SampleItems& items = filters->front();
  EXPECT_EQ(items.filter, "f");
  EXPECT_EQ(items.doc_ids, (std::vector<std::int64_t>{3, 4}));
  EXPECT_NE(items.documents[0], items.documents[1]);
  EXPECT_EQ(items.metric("acc")->values[0], 1);
  EXPECT_TRUE(std::isnan(items.metric("acc")->values[1]));
  EXPECT_TRUE(std::isnan(items.metric("em")->values[0]));
  EXPECT_EQ(items.metric("em")->values[1], 1);
  EXPECT_EQ(items.metric("f1"), nullptr) << "gold and prediction, no score";
  EXPECT_EQ(items.metric("bleu"), nullptr);
  EXPECT_EQ(items.metric("bits_per_byte")->weights[1], 5);
  EXPECT_TRUE(std::isnan(items.costs.share_bytes[0]));
}

TEST(SamplesFile, CostsStandUnderPareto) {
  const auto filters =
      parse_samples(R"({"doc_hash": "a", "pareto": {"prompt_tokens": 3, "output_tokens": 4, "error": {"flops": 9},)"
                    R"( "work": {"flops": 5, "bytes": 6}, "work_share": {"bytes": 2.5, "flops": 1.5}}})",
                    "x");
  ASSERT_TRUE(filters.has_value()) << filters.error().message;
  const SampleCosts& costs = filters->front().costs;
  EXPECT_EQ(costs.prompt_tokens[0], 3);
  EXPECT_EQ(costs.output_tokens[0], 4);
  EXPECT_EQ(costs.work_flops[0], 5);
  EXPECT_EQ(costs.work_bytes[0], 6);
  EXPECT_EQ(costs.share_flops[0], 1.5);
  EXPECT_EQ(costs.share_bytes[0], 2.5);
}

TEST(SamplesFile, BadLinesAreNamed) {
  for (const char* bad : {"{\"doc_id\": 1", "[1]", "x", "{} {}", "{\"a\" 1}"}) {
    const auto filters = parse_samples(std::string("{\"acc\": 1}\n") + bad + "\n", "some.jsonl");
    ASSERT_FALSE(filters.has_value()) << bad;
    EXPECT_EQ(filters.error().message.find("some.jsonl:2: no JSON object: "), 0u) << filters.error().message;
    EXPECT_EQ(filters.error().message.find('\n'), std::string::npos);
  }
}

// Lines longer than a block of the reader, and lines across its border.
TEST(SamplesFile, LongLines) {
  const std::string path = (std::filesystem::temp_directory_path() / "pareto_long_lines.jsonl").string();
  std::ofstream file(path);
  for (int i = 0; i < 40; ++i)
    file << "{\"doc_id\": " << i << ", \"doc\": \"" << std::string(i == 7 ? 9'000'000 : 333'333, 'x')
         << "\", \"acc\": " << i << "}\n";
  file.close();
  const auto filters = read_samples(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(filters.has_value()) << filters.error().message;
  ASSERT_EQ(filters->front().size(), 40u);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(filters->front().metric("acc")->values[static_cast<std::size_t>(i)], i);
  EXPECT_FALSE(read_samples(path).has_value());
}

}  // namespace
}  // namespace pareto
