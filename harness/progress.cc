#include "harness/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace pareto {
namespace {

constexpr Nanos kRedraw = 100'000'000, kPlainLine = 10'000'000'000;

int terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string rate_text(double rate) {
  return rate >= 10 ? fmt::format("{:.0f}/s", rate) : fmt::format("{:.2g}/s", rate);
}

}  // namespace

std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::ceil(seconds));
  if (s < 100) return fmt::format("{} s", s);
  if (s < 100 * 60) return fmt::format("{} min", (s + 59) / 60);
  return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
}

std::string progress_line(std::int64_t done, std::int64_t total, double rate, int width) {
  std::string numbers = fmt::format(" {}/{}", done, total);
  if (rate > 0) {
    numbers += "  " + rate_text(rate);
    if (done < total) numbers += "  " + duration_text(static_cast<double>(total - done) / rate) + " left";
  }
  const int room = std::min(40, width - 1 - static_cast<int>(numbers.size()) - 2);
  if (room < 4) return numbers.substr(1);
  const int filled = total > 0 ? static_cast<int>(room * done / total) : 0;
  return fmt::format("[{:#<{}}{:.<{}}]{}", "", filled, "", room - filled, numbers);
}

Progress::Progress(std::string what, std::int64_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      begin_(now_ns()),
      shown_(begin_) {}

Progress::~Progress() {
  if (!terminal_ || done_ == 0) return;
  show(now_ns());
  std::fputc('\n', stderr);
}

void Progress::step() {
  ++done_;
  // Reading the clock costs more than a fast backend's answer; the first steps may all be slow.
  if (done_ > 64 && done_ % 16 != 0) return;
  const Nanos now = now_ns();
  if (now - shown_ < (terminal_ ? kRedraw : kPlainLine)) return;
  shown_ = now;
  show(now);
}

void Progress::show(Nanos now) {
  const double seconds = static_cast<double>(now - begin_) * 1e-9;
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  if (terminal_) {
    const int width = terminal_width();
    const std::string head = static_cast<int>(what_.size()) < width / 3 ? what_ + " " : "";
    fmt::print(stderr, "\r{}{}\x1b[K", head, progress_line(done_, total_, rate, width - static_cast<int>(head.size())));
    std::fflush(stderr);
  } else {
    fmt::print(stderr, "{}: {}\n", what_, progress_line(done_, total_, rate, 0));
  }
}

}  // namespace pareto
