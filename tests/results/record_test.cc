// Numbers of the record that are made from several others.
#include "results/record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pareto {
namespace {

using nlohmann::json;

// Two seconds that moved 10 GB and did 100 GFLOP.
CellRecord record_of(const std::string& products) {
  CellRecord record;
  record.backend.work.add(Phase::kScore, OpClass::kQkv, 0,
                          {.calls = 1, .flops = 100'000'000'000, .bytes = {.weights = 10'000'000'000}});
  record.throughput.serve_s = 2;
  record.ceilings = {.read_bytes_per_s = 20e9,
                     .flops_per_s = {{"f32", 100e9}, {"bf16", 1000e9}, {"int8", 2000e9}},
                     .products = products};
  return record;
}

json ceilings_of(const CellRecord& record) { return json::parse(results_json(record))["pareto"]["ceilings"]; }

TEST(Record, FlopShareIsOfTheWeightsOwnKind) {
  for (const auto& [kind, share] : {std::pair{"f32", .5}, {"bf16", .05}, {"int8", .025}}) {
    const json ceilings = ceilings_of(record_of(kind));
    EXPECT_EQ(ceilings["products"], kind);
    EXPECT_DOUBLE_EQ(ceilings["fraction_of_ceiling"]["all"]["read"].get<double>(), .25);
    EXPECT_DOUBLE_EQ(ceilings["fraction_of_ceiling"]["all"]["flops"].get<double>(), share) << kind;
    EXPECT_EQ(ceilings["fraction_of_ceiling"]["score"], ceilings["fraction_of_ceiling"]["all"]);  // the only phase
  }
}

TEST(Record, NoShareWithoutItsCeiling) {
  const json ceilings = ceilings_of(record_of("int4"));
  EXPECT_FALSE(ceilings["fraction_of_ceiling"]["all"].contains("flops"));
  CellRecord unmeasured = record_of("f32");
  unmeasured.ceilings = {};
  EXPECT_TRUE(ceilings_of(unmeasured).is_null());
}

TEST(Record, APhaseHasAShareOfItsOwnOnlyAlone) {
  CellRecord record = record_of("f32");
  record.backend.work.add(Phase::kDecode, OpClass::kQkv, 0, {.calls = 1, .flops = 1, .bytes = {.weights = 1}});
  const json fraction = ceilings_of(record)["fraction_of_ceiling"];
  EXPECT_EQ(fraction.size(), 1u);
  EXPECT_TRUE(fraction.contains("all"));
}

}  // namespace
}  // namespace pareto
