// The journal of a cell: one JSON line per finished request, so that a run that was killed goes on where it stopped.
//
//   {"key": "<32 hex digits>", "task": "arc_easy", "doc": 3, "part": 1, "loglikelihood": -12.5, "greedy": false,
//    "logprobs": [-3.25, -9.25], "text": "…", "tokens": [5, 2], "unnamed_tokens": 0, "prompt_tokens": 31,
//    "truncated_prompt_tokens": 0, "cached_prompt_tokens": 30, "finish": "stop", "due": 0, "start": 10, "first_token":
//    900, "end": 2000, "token_gaps": [0, 400], "work": [flops, bytes, selected, read, cached], "share": [flops, bytes]}
//
// Appended with one write(2) a line, so that kill -9 leaves whole lines and at most one torn one, which is dropped on
// reading and cut off before the next line is written. Times are nanoseconds since that run began to serve; token_gaps
// are the differences of Response::token_times, the first one to first_token. Failed requests are not written: they are
// asked again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/request.h"
#include "core/result.h"

namespace pareto {

// What decides a response: everything of the run that changes answers, and the request. 128 bits, as 32 hex digits.
std::string request_key(std::string_view run_identity, std::string_view task, const Request& request);

// Appends the line of one response, its newline included, to `line`. REQUIRES: its times count from when the run began
// to serve.
void append_journal_line(std::string* line, std::string_view key, std::string_view task, const Request& request,
                         const Response& response);

struct JournalContent {
  std::unordered_map<std::string, Response> responses;  // by key; of two lines with one key the first counts
  std::size_t whole_bytes = 0;                          // up to the last newline: what follows is torn
  int bad_lines = 0;                                    // whole lines that are no response: damaged, not torn
};
// Never fails: what cannot be read is asked again.
JournalContent parse_journal(std::string_view bytes);

// A journal that nobody writes. Errors: kInvalid when a run is writing it; kNotFound, kIo naming the path.
Result<JournalContent> read_journal(const std::string& path);

class Journal {
 public:
  enum class Mode { kResume, kRestart };
  // Opens or makes the file, locks it against a second run, reads it (kResume) or empties it (kRestart).
  // Errors: kIo naming the path; kInvalid when another process holds it.
  static Result<Journal> open(const std::string& path, Mode mode);
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&& other) noexcept;
  ~Journal();

  // The response to this key from an earlier run, or null.
  const Response* find(const std::string& key) const;
  std::size_t size() const { return content_.responses.size(); }
  int bad_lines() const { return content_.bad_lines; }
  // Writes whole lines. kIo: "…/journal.jsonl: No space left on device".
  Status append(std::string_view lines);
  // To the disk, its name too: until then lines survive the death of the program, not of the machine.
  Status sync();

 private:
  Journal() = default;
  std::string path_;
  int fd_ = -1;
  JournalContent content_;
};

}  // namespace pareto
