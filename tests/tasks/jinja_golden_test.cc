// Templates and snippets of our own against Python's Jinja2 3.1.6, byte for byte (ci/peers/jinja_goldens.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/hash.h"
#include "tasks/jinja.h"
#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto::jinja {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = fs::path(PARETO_GOLDEN) / "jinja";

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

const Value& goldens() {
  static const Value all = value_from_json(read(kRoot / "goldens.json")).value();
  return all;
}

const Value& context(std::string_view name) {
  static const Value all = value_from_json(read(kRoot / "contexts.json")).value();
  const Value* found = all.get(name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

Value copy(const Value& value) { return value_from_json(python::json_dumps(value).value()).value(); }

Options options(std::string_view environment) {
  Options made = environment == "chat" ? chat_options() : task_options();
  std::tm now{};
  now.tm_year = 124;  // 2024-07-04 15:06:07, a Thursday
  now.tm_mon = 6;
  now.tm_mday = 4;
  now.tm_hour = 15;
  now.tm_min = 6;
  now.tm_sec = 7;
  now.tm_wday = 4;
  now.tm_yday = 185;
  made.now = now;
  return made;
}

Result<std::string> render(std::string_view environment, std::string_view text, const Value& variables) {
  PARETO_TRY(const Template parsed, Template::parse(text, options(environment)));
  return parsed.render(copy(variables));
}

// Errors whose text a user's code relies on: ours holds Python's.
bool message_counts(const std::string& error) {
  return error == "UndefinedError" || error == "TemplateError" || error == "SecurityError";
}

void expect_same(const Result<std::string>& got, const Value& want, const std::string& what) {
  if (const Value* text = want.get("text")) {
    ASSERT_TRUE(got) << what << "\nfailed: " << got.error().message << "\nwanted: " << text->text();
    EXPECT_EQ(*got, text->text()) << what;
    return;
  }
  const std::string& error = want.get("error")->text();
  const std::string& message = want.get("message")->text();
  ASSERT_FALSE(got) << what << "\ngave: " << *got << "\nwanted " << error << ": " << message;
  EXPECT_EQ(got.error().code, Code::kInvalid) << what << "\n" << got.error().message << "\nwanted " << message;
  EXPECT_TRUE(got.error().message.starts_with("line ")) << got.error().message;
  EXPECT_EQ(got.error().message.find('\n'), std::string::npos) << got.error().message;
  if (message_counts(error)) {
    // Where Jinja shows a position of its own, or transformers' text is not repeated, the beginning is enough.
    const std::string head = message.substr(0, message.find_first_of("\"<("));
    EXPECT_NE(got.error().message.find(head), std::string::npos) << what << "\n"
                                                                 << got.error().message << "\nwanted " << message;
  }
}

TEST(JinjaGolden, Templates) {
  int renders = 0;
  for (const auto& [key, want] : goldens().get("templates")->entries()) {
    const auto parts = python::split(key.text(), "/");  // environment, file, context
    const std::string text = read(kRoot / "templates" / parts[1]);
    expect_same(render(parts[0], text, context(parts[2])), want, key.text());
    ++renders;
  }
  EXPECT_GE(renders, 230);  // at least 30 templates in 8 contexts each
}

struct Snippet {
  std::vector<std::string> environments;
  std::string context, text;
  bool unsupported = false;
};

std::vector<Snippet> snippets() {
  std::vector<Snippet> all;
  const std::string file = "\n" + read(kRoot / "snippets.txt");
  const auto blocks = python::split(file, "\n=== ");
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    const auto newline = blocks[i].find('\n');
    const auto head = python::split_space(blocks[i].substr(0, newline));
    Snippet snippet;
    snippet.environments = {std::string(head[0])};
    if (head[0] == "both") snippet.environments = {"chat", "task"};
    snippet.context = head[1];
    snippet.unsupported = head.size() > 2;
    std::string_view body = blocks[i].substr(newline + 1);
    if (i + 1 == blocks.size()) body.remove_suffix(1);
    snippet.text = python::replace(body, "%CR%", "\r");
    all.push_back(std::move(snippet));
  }
  return all;
}

TEST(JinjaGolden, Snippets) {
  const auto& wanted = goldens().get("snippets")->list();
  std::size_t at = 0;
  for (const Snippet& snippet : snippets()) {
    for (const std::string& environment : snippet.environments) {
      ASSERT_LT(at, wanted.size());
      const Value& want = wanted[at++];
      const std::string what = environment + ": " + snippet.text;
      const auto got = render(environment, snippet.text, context(snippet.context));
      if (!snippet.unsupported) {
        expect_same(got, want, what);
        continue;
      }
      ASSERT_FALSE(got) << what << "\ngave: " << *got;
      EXPECT_EQ(got.error().code, Code::kUnsupported) << what << "\n" << got.error().message;
      EXPECT_NE(got.error().message.find("not supported: "), std::string::npos) << got.error().message;
    }
  }
  EXPECT_EQ(at, wanted.size());
}

// Every template at hand that has goldens: (folder, text).
std::vector<std::pair<std::string, std::string>> real_templates() {
  std::vector<std::pair<std::string, std::string>> all;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(fs::path(PARETO_SHARED) / "models", none)) {
    const fs::path path = entry.path() / "tokenizer_config.json";
    if (!fs::exists(path)) continue;
    const Value config = value_from_json(read(path)).value();
    if (const Value* text = config.get("chat_template"); text != nullptr && text->is_string())
      all.emplace_back(entry.path().filename().string(), text->text());
  }
  return all;
}

TEST(JinjaGolden, TemplatesOfRealModels) {
  const auto templates = real_templates();
  if (templates.empty()) GTEST_SKIP() << "needs a tokenizer_config.json with a chat template in ../shared/models";
  for (const auto& [folder, text] : templates) {
    const Value* want = goldens().get("real")->get(std::string_view(sha256_hex(text)));
    ASSERT_NE(want, nullptr) << folder << ": no goldens of its template; ci/peers/jinja_goldens.py --real makes them";
    for (const auto& [name, hash] : want->entries()) {
      const auto got = render("chat", text, context(name.text()));
      EXPECT_EQ(got ? sha256_hex(*got) : "failed", hash.text().size() == 64 ? hash.text() : "failed")
          << folder << " " << name.text();
    }
  }
}

}  // namespace
}  // namespace pareto::jinja
