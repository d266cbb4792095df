// Which ceiling a cell's FLOPs are held against.
#include "harness/measure.h"

#include <gtest/gtest.h>

namespace pareto {
namespace {

TEST(ProductsOf, FollowsTheWeightsUnlessReferenceNumericsAreAskedFor) {
  EXPECT_EQ(products_of("auto", "f32"), "f32");
  EXPECT_EQ(products_of("auto", "f16"), "bf16");
  EXPECT_EQ(products_of("auto", "bf16"), "bf16");
  EXPECT_EQ(products_of("auto", "q4_k"), "int8");
  EXPECT_EQ(products_of("f32", "q4_k"), "f32");
  EXPECT_EQ(products_of("f32", "bf16"), "f32");
  EXPECT_EQ(products_of("bf16", "f32"), "bf16");
  EXPECT_EQ(products_of("bf16", "q8_0"), "int8");  // quantised weights stay as they are
  EXPECT_EQ(products_of("auto", ""), "");          // a backend without a model
}

}  // namespace
}  // namespace pareto
