#include "core/thread_pool.h"

#include "core/types.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pareto {
namespace {

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

constexpr int kSpins = 4000;            // a few tens of microseconds: the gap between two ops of one step
constexpr Nanos kYieldFor = 2'000'000;  // then give the core away for up to 2 ms, then sleep

}  // namespace

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    quit_.store(true);
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_on_all(Trampoline call, void* body) {
  call_ = call;
  body_ = body;
  pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  bool asleep = false;
  {
    const std::lock_guard lock(mutex_);
    generation_.fetch_add(1, std::memory_order_release);
    asleep = sleepers_ > 0;
  }
  if (asleep) wake_.notify_all();
  call(body, 0);
  for (int spins = 0; pending_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < kSpins)
      relax();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::work(int thread) {
  std::uint64_t seen = 0;
  while (true) {
    const auto changed = [&] { return generation_.load(std::memory_order_acquire) != seen; };
    int spins = 0;
    while (!changed() && spins++ < kSpins) relax();
    if (!changed()) {
      const Nanos until = now_ns() + kYieldFor;
      while (!changed() && now_ns() < until) std::this_thread::yield();
    }
    if (!changed()) {
      std::unique_lock lock(mutex_);
      ++sleepers_;
      wake_.wait(lock, changed);
      --sleepers_;
    }
    seen = generation_.load(std::memory_order_acquire);
    if (quit_.load()) return;
    call_(body_, thread);
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace pareto
