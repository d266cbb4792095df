// Ctrl-C: the step in hand ends, everything is flushed, and the user reads how to go on. A second one ends at once.
#pragma once

namespace pareto {

// True once SIGINT or SIGTERM came while an InterruptScope stood.
bool interrupted();

// Catches both signals as long as it stands. One at a time.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
};

}  // namespace pareto
