// make_model: writes a random model of a named shape, or converts a model to another format or dtype.
//
//   make_model --shape qwen2.5-0.5b --dtype q8_0 --seed 1 --format gguf --output random.gguf
//   make_model --from MODEL --dtype q4_k --format gguf --output model-q4_k.gguf
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

#include "core/options.h"
#include "engine/model_file.h"
#include "engine/model_writer.h"
#include "models/byte_tokenizer.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string shape, from, dtype = "bf16", format = "hf", output, vocabulary;
  std::uint64_t seed = 1;
  int threads = 0;
};

Result<DType> dtype_of(const std::string& name) {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(DType::kQ6_K); ++i) {
    names.push_back(dtype_name(static_cast<DType>(i)));
    if (names.back() == name) return static_cast<DType>(i);
  }
  return tl::unexpected<Error>(unknown_name("dtype", name, names));
}

// What a converted model takes along: its own tokenizer, where the new format holds the same kind.
void keep_tokenizer(const ModelFile& file, WriteOptions& options) {
  const fs::path tokenizer = file.tokenizer_path();
  if (tokenizer.extension() == ".gguf" && options.vocabulary.empty()) options.vocabulary = tokenizer.string();
  std::error_code ignored;
  if (fs::is_directory(tokenizer, ignored)) options.tokenizer_from = tokenizer.string();
}

Status write(const TensorSource& source, const Arguments& arguments, const WriteOptions& options) {
  if (arguments.format == "hf") return write_hugging_face(source, options);
  return write_gguf(source, options);
}

Status make(const Arguments& arguments) {
  if (arguments.format != "hf" && arguments.format != "gguf") {
    return tl::unexpected<Error>(unknown_name("format", arguments.format, {"hf", "gguf"}));
  }
  if (arguments.shape.empty() == arguments.from.empty()) {
    return fail(Code::kUsage, "name either --shape or --from; shapes: {}", fmt::join(model_shape_names(), " "));
  }
  WriteOptions options{.path = arguments.output, .vocabulary = arguments.vocabulary};
  PARETO_TRY(options.dtype, dtype_of(arguments.dtype));
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  options.threads = std::max(1, arguments.threads > 0 ? arguments.threads : cores);
  if (!arguments.from.empty()) {
    PARETO_TRY(const std::unique_ptr<ModelFile> file, ModelFile::open(arguments.from));
    keep_tokenizer(*file, options);
    return write(*file_source(*file), arguments, options);
  }
  PARETO_TRY(const ModelConfig config, model_shape(arguments.shape));
  if (arguments.format == "hf" && config.vocab == kByteTokens) {
    PARETO_CHECK_OK(write_byte_tokenizer(arguments.output));
  }
  return write(*random_source(config, arguments.seed), arguments, options);
}

Result<std::string> describe(const std::string& path) {
  PARETO_TRY(const std::unique_ptr<ModelFile> file, ModelFile::open(path));
  const ModelFile::Summary summary = file->summary();
  return fmt::format("{}: {}, {}, {} parameters, {} bytes of weights, mostly {}", path, file->config().architecture,
                     summary.format, summary.parameters, summary.bytes, dtype_name(summary.dtypes.front().first));
}

int run(int argc, char** argv) {
  CLI::App app{"Writes a random model of a named shape, or converts a model."};
  app.footer("Example: make_model --shape tiny --dtype q8_0 --format gguf --output tiny.gguf");
  Arguments arguments;
  app.add_option("--shape", arguments.shape, fmt::format("random model: {}", fmt::join(model_shape_names(), " ")));
  app.add_option("--from", arguments.from, "convert this model: a Hugging Face folder, .gguf or llama2.c .bin");
  app.add_option("--dtype", arguments.dtype, "f32 f16 bf16; GGUF also q8_0 q4_0 q4_1 q4_k q5_k q6_k")
      ->capture_default_str();
  app.add_option("--format", arguments.format, "hf: a folder; gguf: a file")->capture_default_str();
  app.add_option("--seed", arguments.seed, "of the random weights")->capture_default_str();
  app.add_option("--vocab", arguments.vocabulary, "a .gguf whose tokenizer goes into the new .gguf");
  app.add_option("--threads", arguments.threads, "0: all cores")->capture_default_str();
  app.add_option("--output", arguments.output, "the folder or file to write")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  Result<std::string> text = make(arguments).and_then([&] { return describe(arguments.output); });
  if (!text) {
    fmt::print(stderr, "make_model: {}\n", text.error().message);
    return exit_code(text.error().code);
  }
  fmt::print("{}\n", *text);
  return 0;
}

}  // namespace
}  // namespace pareto

int main(int argc, char** argv) { return pareto::run(argc, argv); }
