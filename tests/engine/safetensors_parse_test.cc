// The safetensors parser: what it reads, and every way in which a file can be wrong.
#include <gtest/gtest.h>

#include "engine/safetensors.h"
#include "tests/engine/model_file_builder.h"

namespace pareto {
namespace {

using testing::as_bytes;
using testing::raw;
using testing::safetensors_bytes;

std::string error_of(const std::string& file) {
  const auto parsed = parse_safetensors(as_bytes(file), "f.safetensors");
  return parsed ? "no error" : parsed.error().message;
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirData) {
  const std::string file = safetensors_bytes(R"({"__metadata__":{"format":"pt"},)"
                                             R"("b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
                                             R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                                             R"("c":{"dtype":"I64","shape":[0],"data_offsets":[16,16]}}   )",
                                             16);
  const auto parsed = parse_safetensors(as_bytes(file), "f");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 3u);
  EXPECT_EQ((*parsed)[0].name, "a");
  EXPECT_EQ((*parsed)[0].dtype, DType::kF32);
  EXPECT_EQ((*parsed)[1].name, "b");
  EXPECT_EQ((*parsed)[1].dtype, DType::kBF16);
  EXPECT_EQ((*parsed)[1].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ((*parsed)[1].bytes.size(), 12u);
  EXPECT_EQ((*parsed)[2].dtype, std::nullopt);
  EXPECT_EQ((*parsed)[2].dtype_text, "I64");
}

TEST(Safetensors, RefusesLengthsThatDoNotFit) {
  EXPECT_EQ(error_of(""), "f.safetensors: 0 bytes; a safetensors file starts with 8 bytes of header length");
  EXPECT_EQ(error_of("1234567"), "f.safetensors: 7 bytes; a safetensors file starts with 8 bytes of header length");
  EXPECT_EQ(
      error_of(raw<std::uint64_t>(std::uint64_t{1} << 60) + "{}"),
      "f.safetensors: header of 1152921504606846976 bytes in a file of 10; the file is truncated or not safetensors");
  EXPECT_EQ(error_of(raw<std::uint64_t>(3) + "{}"),
            "f.safetensors: header of 3 bytes in a file of 10; the file is truncated or not safetensors");
}

struct BadHeader {
  const char* header;
  std::size_t data;
  const char* message;  // after "f.safetensors: "
};
const BadHeader kBadHeaders[] = {
    {"", 0, "the header is not a JSON object"},
    {"[]", 0, "the header is not a JSON object"},
    {"{", 0, "header: not JSON at byte 2"},
    {R"({"a":1})", 0, "header: a number where none belongs in 'a'"},
    {R"({"a":"x"})", 0, "header: a text where none belongs in 'a'"},
    {R"({"a":[1]})", 0, "header: a list where none belongs in 'a'"},
    {R"({"a":{"dtype":"F32","shape":[1]}})", 0, "header: 'a' lacks its data_offsets"},
    {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "header: 'a' lacks its shape"},
    {R"({"a":{"dtype":"F32","dtype":"F32"}})", 0, "header: 'a' has its dtype twice"},
    {R"({"a":{"dtype":"F32","size":1}})", 0, "header: 'a' has an unknown field 'size'"},
    {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "header: the negative number -1 in 'a'"},
    {R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, "header: the number 1.5 in 'a'"},
    {R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "header: a list where none belongs in 'a'"},
    {R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4,
     "header: more than 8 numbers in a list in 'a'"},
    {R"({"a":{"dtype":{},"shape":[1],"data_offsets":[0,4]}})", 4, "header: an object nested too deeply in 'a'"},
    {R"({"a\n":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
     "header: a name with control characters, or of more than 1000 bytes"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
     8, "header: 'a' is there twice"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "'a' has 1 data_offsets, wanted 2"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4,
     "'a' is at bytes [4, 0) of 4 bytes of data; the file is truncated or damaged"},
    {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4,
     "'a' is at bytes [0, 8) of 4 bytes of data; the file is truncated or damaged"},
    {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "'a' of F32 [2] has 4 bytes of data"},
    {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}})", 4,
     "'a' of F32 [4294967296, 4294967296, 4] has 4 bytes of data"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
     8, "the data of 'a' and 'b' overlap"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "4 bytes before 'a' belong to no tensor"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 9, "5 bytes at the end belong to no tensor"},
};

TEST(Safetensors, RefusesBadHeaders) {
  for (const BadHeader& bad : kBadHeaders) {
    EXPECT_EQ(error_of(safetensors_bytes(bad.header, bad.data)), std::string("f.safetensors: ") + bad.message)
        << bad.header;
  }
}

// Cut anywhere, a valid file is refused and nothing is read beyond its end (the sanitizers look).
TEST(Safetensors, RefusesEveryTruncation) {
  const std::string whole = safetensors_bytes(R"({"a":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}})", 8);
  ASSERT_EQ(error_of(whole), "no error");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(error_of(std::string(cut.data(), cut.size())), "no error") << size;
  }
}

}  // namespace
}  // namespace pareto
