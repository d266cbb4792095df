// How far a cell is: a bar with the time left on a terminal, a plain line now and then when piped.
//
//   [#########·················] 1200/9501  413/s  20 s left
#pragma once

#include <cstdint>
#include <string>

#include "core/types.h"

namespace pareto {

// Pure: what the bar shows. `rate` in items per second, 0: not known yet. Fits `width` columns.
std::string progress_line(std::int64_t done, std::int64_t total, double rate, int width);
// "20 s", "3 min", "1 h 5 min".
std::string duration_text(double seconds);

class Progress {
 public:
  // Writes to standard error: redrawn in place at most ten times a second on a terminal, else a line every ten seconds.
  Progress(std::string what, std::int64_t total);
  ~Progress();  // leaves the last line standing on a terminal
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step();  // one more is done

 private:
  void show(Nanos now);
  std::string what_;
  std::int64_t total_, done_ = 0;
  bool terminal_;
  Nanos begin_, shown_;
};

}  // namespace pareto
