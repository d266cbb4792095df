// A fixed team of threads for the kernels: static split, no stealing, so that who computes what is reproducible.
//
// Idle workers spin briefly, then yield, then sleep: on a shared machine a spinning worker would steal the core that
// the others wait for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pareto {

class ThreadPool {
 public:
  // `threads` counts the caller, which works too. REQUIRES: threads ≥ 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Runs body(thread) once on every thread, thread in [0, size()), and returns when all are done. Not reentrant.
  template <class Body>
  void run(Body&& body) {
    if (workers_.empty()) {
      body(0);
      return;
    }
    run_on_all([](void* b, int thread) { (*static_cast<std::remove_reference_t<Body>*>(b))(thread); }, &body);
  }

  // Splits [0, n) into size() contiguous parts whose bounds are multiples of `grain`, and runs
  // body(begin, end, thread).
  template <class Body>
  void split(std::int64_t n, std::int64_t grain, Body&& body) {
    if (n <= 0) return;
    const std::int64_t blocks = (n + grain - 1) / grain;
    if (workers_.empty() || blocks == 1) {
      body(std::int64_t{0}, n, 0);
      return;
    }
    run([&](int thread) {
      const std::int64_t begin = blocks * thread / size() * grain;
      std::int64_t end = blocks * (thread + 1) / size() * grain;
      if (end > n) end = n;
      if (begin < end) body(begin, end, thread);
    });
  }

 private:
  using Trampoline = void (*)(void*, int);
  void run_on_all(Trampoline call, void* body);
  void work(int thread);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> generation_{0};  // raised for every job
  std::atomic<int> pending_{0};               // workers that have not finished the job in hand
  std::atomic<bool> quit_{false};
  int sleepers_ = 0;  // guarded by mutex_
  Trampoline call_ = nullptr;
  void* body_ = nullptr;
};

}  // namespace pareto
