#include "harness/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace pareto {
namespace {

volatile std::sig_atomic_t signalled = 0;
struct sigaction previous_int, previous_term;

void on_signal(int) {
  if (signalled != 0) ::_exit(130);
  signalled = 1;
}

}  // namespace

bool interrupted() { return signalled != 0; }

InterruptScope::InterruptScope() {
  signalled = 0;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &previous_int);
  ::sigaction(SIGTERM, &action, &previous_term);
}

InterruptScope::~InterruptScope() {
  ::sigaction(SIGINT, &previous_int, nullptr);
  ::sigaction(SIGTERM, &previous_term, nullptr);
}

}  // namespace pareto
