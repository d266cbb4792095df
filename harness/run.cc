#include "harness/run.h"

#include <algorithm>
#include <any>
#include <cstdio>
#include <map>
#include <memory>

#include "core/hash.h"
#include "harness/build_info.h"
#include "harness/cell_files.h"
#include "harness/chat.h"
#include "harness/interrupt.h"
#include "harness/measure.h"
#include "harness/progress.h"
#include "harness/resolve_model.h"
#include "harness/serve.h"
#include "results/journal.h"

namespace pareto {
namespace {

// What a cell asks: its loaded tasks and all their requests in one row.
struct Questions {
  std::vector<std::unique_ptr<Task>> tasks;
  std::vector<std::string> names;  // by Request::task, as records call them
  std::vector<Request> requests;
  std::vector<std::size_t> begin;  // of each task's requests; one more for the end
};

Result<Questions> load_questions(const CellOptions& cell, const RunPlan& plan, const ModelPlace& model,
                                 const ChatTemplate& chat) {
  Questions questions;
  PARETO_TRY(const std::unique_ptr<Tokenizer> counter, load_counter(cell, model, plan.tasks.tasks));
  int window = 0;
  if (counter != nullptr) {
    PARETO_TRY(window, window_of(cell, model));
  }
  std::any handed_on;
  for (const std::string& name : plan.tasks.tasks) {
    const bool file = name.starts_with("requests:");
    const TaskEntry* entry = find_task(file ? "requests" : name);
    if (entry == nullptr) return fail(Code::kUnsupported, "this build has no task '{}'", name);
    std::unique_ptr<Task> task = entry->make();
    TaskOptions options = cell.task(name);
    options.chat_template = chat;
    options.tokenizer = counter.get();
    options.max_length = window;
    options.handed_on = &handed_on;
    PARETO_CHECK_OK(task->load(options));
    for (const std::string& warning : task->info().warnings) fmt::print(stderr, "pareto: {}: {}\n", name, warning);
    questions.begin.push_back(questions.requests.size());
    for (Request& request : task->requests()) {
      request.task = static_cast<int>(questions.tasks.size());
      if (!file) request.sampling.seed = cell.sampling_seed();
      questions.requests.push_back(std::move(request));
    }
    questions.names.push_back(task->info().name);
    questions.tasks.push_back(std::move(task));
  }
  questions.begin.push_back(questions.requests.size());
  if (questions.requests.empty()) return fail(Code::kInvalid, "the tasks hold no request");
  return questions;
}

struct OpenBackend {
  std::unique_ptr<Backend> backend;
  double open_s = 0;
};

Result<OpenBackend> open_backend(const CellOptions& cell, const ModelPlace& model) {
  BackendOptions options = cell.backend();
  options.model = model.path;
  OpenBackend open{find_backend(cell.spec.name)->make(), 0};
  const Nanos begin = now_ns();
  PARETO_CHECK_OK(open.backend->open(options));
  open.open_s = static_cast<double>(now_ns() - begin) * 1e-9;
  return open;
}

// Everything that decides answers and is not in the request itself.
std::string run_identity(const CellOptions& cell, const Description& description) {
  std::string identity = cell.answers + "\n" + build_info().numeric_version + "\n" + description.isa + "\n" +
                         description.model.tokenizer_hash;
  for (const auto& [path, hash] : description.model.file_hashes) identity += "\n" + path + " " + hash;
  return identity;
}

std::vector<std::string> keys_of(const Questions& questions, const std::string& identity) {
  std::vector<std::string> keys;
  keys.reserve(questions.requests.size());
  for (const Request& request : questions.requests)
    keys.push_back(request_key(identity, questions.names[static_cast<std::size_t>(request.task)], request));
  return keys;
}

std::string hash_of(const std::vector<std::string>& keys) {
  Sha256 hash;
  for (const std::string& key : keys) hash.update(key);
  return hash.hex();
}

Answers answers_from(const Journal& journal, const std::vector<std::string>& keys) {
  Answers answers;
  answers.responses.resize(keys.size());
  answers.answered.resize(keys.size(), 0);
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (const Response* response = journal.find(keys[i])) {
      answers.responses[i] = *response;
      answers.answered[i] = 1;
      ++answers.resumed;
    }
  return answers;
}

// What this model's other cells answered before they were stopped: the same command with another batch size or number
// of threads is another cell, with the same answers. They are copied into this cell's journal.
Status adopt_unfinished(const CellFiles& files, const Questions& questions, const std::vector<std::string>& keys,
                        Journal* journal, Answers* answers) {
  for (const std::string& path : files.unfinished_journals()) {
    if (answers->missing() == 0) return {};
    const Result<JournalContent> other = read_journal(path);
    if (!other) continue;  // a run is at it, or it cannot be read: then it is asked again
    std::string lines;
    std::size_t adopted = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto found = other->responses.find(keys[i]);
      if (answers->answered[i] != 0 || found == other->responses.end()) continue;
      const Request& request = questions.requests[i];
      append_journal_line(&lines, keys[i], questions.names[static_cast<std::size_t>(request.task)], request,
                          found->second);
      answers->responses[i] = found->second;
      answers->answered[i] = 1;
      ++adopted;
    }
    PARETO_CHECK_OK(journal->append(lines));
    answers->resumed += adopted;
    if (adopted > 0) fmt::print(stderr, "pareto: {} requests were answered in {}, which was stopped\n", adopted, path);
  }
  return {};
}

struct Served {
  double seconds = 0, offered_rate = 0;
};

// The only timed region.
Result<Served> serve_missing(Backend* backend, const Scenario& scenario, const Questions& questions,
                             const std::vector<std::string>& keys, Journal* journal, Answers* answers) {
  std::vector<const Request*> missing;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (answers->answered[i] == 0) missing.push_back(&questions.requests[i]);
  if (missing.empty()) return Served{};
  Progress progress(questions.names.size() == 1 ? questions.names[0] : fmt::format("{} tasks", questions.names.size()),
                    static_cast<std::int64_t>(missing.size()));
  Arrivals arrivals(std::move(missing), scenario);
  const Nanos begin = now_ns();
  arrivals.start(begin);
  JournalingSink sink({questions.requests, keys, questions.names}, &arrivals, begin, journal, answers, &progress);
  const Status status = backend->serve(arrivals, sink);
  const Nanos end = now_ns();
  if (sink.error()) return tl::unexpected(*sink.error());
  if (!status) return tl::unexpected(status.error());
  PARETO_CHECK_OK(journal->sync());
  const std::size_t left = answers->missing();
  if (left > 0 && interrupted())
    return fail(Code::kInterrupted, "{} of {} requests are answered and kept; the same command goes on from there",
                keys.size() - left, keys.size());
  if (left > 0) return fail(Code::kInvalid, "the backend left {} of {} requests unanswered", left, keys.size());
  return Served{static_cast<double>(end - begin) * 1e-9, arrivals.offered_rate()};
}

std::vector<Marked> mark(const TaskOutcome& outcome, const Task& task, std::size_t document) {
  if (!outcome.answered(document)) return {};
  const std::size_t begin = outcome.first_request[document];
  return task.score(static_cast<int>(document),
                    std::span(outcome.responses).subspan(begin, outcome.first_request[document + 1] - begin));
}

std::vector<TaskOutcome> mark_all(const Questions& questions, const Answers& answers, bool predict_only) {
  std::vector<TaskOutcome> outcomes;
  for (std::size_t t = 0; t < questions.tasks.size(); ++t) {
    const Task& task = *questions.tasks[t];
    TaskOutcome outcome;
    outcome.info = task.info();
    outcome.documents = task.documents();
    const std::size_t begin = questions.begin[t], count = questions.begin[t + 1] - begin;
    outcome.requests = std::span(questions.requests).subspan(begin, count);
    for (std::size_t i = begin; i < begin + count; ++i)
      outcome.responses.push_back(answers.answered[i] != 0 ? &answers.responses[i] : nullptr);
    index_requests(&outcome);
    outcome.marked.resize(outcome.documents.size());
    if (!predict_only)
      for (std::size_t d = 0; d < outcome.documents.size(); ++d) outcome.marked[d] = mark(outcome, task, d);
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

std::optional<Error> first_failure(const Answers& answers) {
  std::size_t failed = 0;
  const Error* first = nullptr;
  for (const Response& response : answers.responses)
    if (response.error) {
      if (first == nullptr) first = &*response.error;
      ++failed;
    }
  if (first == nullptr) return std::nullopt;
  return Error{first->code, fmt::format("{} of {} requests failed; the first: {}", failed, answers.responses.size(),
                                        first->message)};
}

CellRecord empty_record(const CellOptions& cell, const ModelPlace& model) {
  CellRecord record;
  record.id = cell.id;
  record.model_name = model.name;
  record.options = cell.recorded();
  record.config = cell.config();
  record.build = build_info();
  record.machine = read_machine();
  record.start = record.end = read_machine_state();
  return record;
}

Throughput throughput_of(const Questions& questions, const Answers& answers, const std::vector<char>& resumed) {
  Throughput t;
  for (std::size_t i = 0; i < questions.requests.size(); ++i) {
    const Response& r = answers.responses[i];
    if (resumed[i] != 0) {
      ++t.resumed;
      t.resumed_flops += r.share_flops;
      t.resumed_bytes += r.share_bytes;
      continue;
    }
    ++t.requests;
    t.prompt_tokens += r.prompt_tokens;
    t.cached_prompt_tokens += r.cached_prompt_tokens;
    t.output_tokens += r.output_tokens();
  }
  return t;
}

void fill_scores(CellRecord* record, const std::vector<TaskOutcome>& outcomes, const TaskSelection& selection) {
  for (const TaskOutcome& outcome : outcomes) {
    record->tasks.push_back(summarise(outcome));
    record->infos.push_back(outcome.info);
  }
  for (std::size_t g = 0; g < selection.groups.size(); ++g) {
    GroupSummary group = summarise_group(selection.groups[g], task_groups(), record->tasks);
    group.depth = selection.depths[g];
    record->groups.push_back(std::move(group));
  }
}

// Ends the backend: its memory is not there twice when the ceilings are measured.
void fill_costs(CellRecord* record, const CellOptions& cell, OpenBackend open, double serve_s) {
  record->backend = open.backend->describe();
  record->peak_memory_bytes = peak_memory_bytes();
  open.backend.reset();
  Throughput& t = record->throughput;
  t.warmup_s = static_cast<double>(record->backend.warmup_ns) * 1e-9;
  t.load_s =
      record->backend.load_ns > 0 ? static_cast<double>(record->backend.load_ns) * 1e-9 : open.open_s - t.warmup_s;
  t.serve_s = serve_s;
  if (serve_s <= 0 || record->backend.work.total().calls == 0) return;
  record->ceilings = measure_run_ceilings(cell.backend());
  record->ceilings.products = products_of(cell.values.at("dtype"), record->backend.model.dtype);
}

// The whole path of one cell.
Status run_cell(const RunPlan& plan, const CellOptions& cell, const ModelPlace& model, CellReport* report) {
  const Nanos begin = now_ns();
  CellRecord record = empty_record(cell, model);
  const CellFiles files(plan.output, model.name, cell.id);

  PARETO_TRY(const ChatTemplate chat, load_chat_template(cell, model, &record.config.chat_template));
  PARETO_TRY(const Questions questions, load_questions(cell, plan, model, chat));
  PARETO_TRY(OpenBackend open, open_backend(cell, model));

  const std::vector<std::string> keys = keys_of(questions, run_identity(cell, open.backend->describe()));
  record.requests_hash = hash_of(keys);
  PARETO_CHECK_OK(files.make_folder());
  PARETO_TRY(Journal journal,
             Journal::open(files.journal(), plan.restart ? Journal::Mode::kRestart : Journal::Mode::kResume));
  if (journal.bad_lines() > 0)
    fmt::print(stderr, "pareto: {}: {} damaged lines, their requests are asked again\n", files.journal(),
               journal.bad_lines());
  Answers answers = answers_from(journal, keys);
  if (answers.missing() == 0 && files.finished(record.requests_hash)) {
    report->already_finished = true;
    report->record_path = files.results();
    return {};
  }
  if (!plan.restart) PARETO_CHECK_OK(adopt_unfinished(files, questions, keys, &journal, &answers));
  if (answers.resumed > 0)
    fmt::print(stderr, "pareto: {}: {} of {} requests answered by {}\n", cell.id, answers.resumed, keys.size(),
               files.journal());

  const std::vector<char> resumed = answers.answered;  // before serving
  PARETO_TRY(const Served served,
             serve_missing(open.backend.get(), cell.scenario(), questions, keys, &journal, &answers));

  const std::vector<TaskOutcome> outcomes = mark_all(questions, answers, plan.predict_only);
  record.end = read_machine_state();
  record.throughput = throughput_of(questions, answers, resumed);
  record.throughput.offered_requests_per_s = served.offered_rate;
  fill_costs(&record, cell, std::move(open), served.seconds);
  fill_scores(&record, outcomes, plan.tasks);
  std::vector<const Response*> responses;
  for (const Response& response : answers.responses) responses.push_back(&response);
  record.latency = latency_of(questions.requests, responses, resumed);
  if (const GoodputTargets targets = cell.goodput(); targets.any())
    record.goodput = goodput_of(targets, questions.requests, responses, resumed, served.seconds);
  record.error = report->error = first_failure(answers);
  record.total_seconds = static_cast<double>(now_ns() - begin) * 1e-9;

  PARETO_TRY(report->record_path, files.write(&record, outcomes));
  report->record = std::move(record);
  return {};
}

// What a cell without a model, or with one that cannot be found, is called.
std::string fallback_name(const CellOptions& cell) {
  if (const auto model = cell.spec.options.find("model"); model != cell.spec.options.end()) return model->second;
  if (cell.model.empty()) return cell.spec.name;
  const std::size_t end = cell.model.find_last_not_of('/');
  const std::string trimmed = cell.model.substr(0, end + 1);
  return trimmed.substr(trimmed.rfind('/') + 1);
}

Result<ModelPlace> place_of(const CellOptions& cell) {
  if (cell.model.empty()) return ModelPlace{fallback_name(cell), ""};
  return resolve_model(cell.model);
}

void record_failure(const RunPlan& plan, const CellOptions& cell, const ModelPlace& model, CellReport* report) {
  CellRecord record = empty_record(cell, model);
  record.error = report->error;
  const CellFiles files(plan.output, model.name, cell.id);
  if (auto path = files.write_failure(record)) report->record_path = *path;  // a disk that is full stays full
}

}  // namespace

RunReport run_plan(const RunPlan& plan) {
  const InterruptScope scope;
  RunReport run;
  std::map<std::string, std::string> paths;  // by the name that records use
  for (std::size_t i = 0; i < plan.cells.size() && !run.interrupted; ++i) {
    const CellOptions& cell = plan.cells[i];
    if (plan.cells.size() > 1) fmt::print(stderr, "pareto: cell {} of {}: {}\n", i + 1, plan.cells.size(), cell.id);
    run.cells.emplace_back();
    CellReport& report = run.cells.back();
    report.id = cell.id;
    Result<ModelPlace> place = place_of(cell);
    ModelPlace model = place.value_or(ModelPlace{fallback_name(cell), ""});
    // Two models of one name in one run: the second is told apart by its path.
    if (const auto [known, fresh] = paths.emplace(model.name, model.path); !fresh && known->second != model.path)
      model.name += fmt::format(".{}", hex64(xxh3(model.path)).substr(0, 6));
    report.model = model.name;
    const Status status = place ? run_cell(plan, cell, model, &report) : tl::unexpected(place.error());
    if (!status) report.error = status.error();
    if (!report.error) continue;
    fmt::print(stderr, "pareto: {}\n", report.error->message);
    run.interrupted = report.error->code == Code::kInterrupted;
    if (!status && !run.interrupted) record_failure(plan, cell, model, &report);
  }
  return run;
}

int exit_code_of(const RunReport& report) {
  if (report.interrupted) return exit_code(Code::kInterrupted);
  int code = 0;
  for (const CellReport& cell : report.cells)
    if (cell.error && code != 1) code = exit_code(cell.error->code);
  return code;
}

}  // namespace pareto
