// An OpenAI-compatible server in the test's own process that answers as a test scripts it: a thread for each
// connection, one request on each, so that a test's hundred streams do not wait for each other.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace pareto::test {

struct OpenAiRequest {
  std::string head, body;  // head: request line and headers
  int number = 0;          // in order of arrival, from 0
};

// What is sent: bytes, each after a pause; then the connection is closed, or held until the test ends.
struct Script {
  struct Step {
    std::chrono::microseconds pause{0};
    std::string bytes;
  };
  std::vector<Step> steps;
  enum class Then { kClose, kHang } then = Then::kClose;
};

inline Script say(const std::string& status, const std::string& body, const std::string& headers = "") {
  return {{{std::chrono::microseconds(0),
            fmt::format(
                "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}",
                status, body.size(), headers, body)}}};
}
// The head of a stream; then `events`, a pause before each.
inline Script stream(const std::vector<std::string>& events, std::chrono::microseconds pause = {}) {
  Script script{{{std::chrono::microseconds(0),
                  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"}}};
  for (const std::string& event : events) script.steps.push_back({pause, "data: " + event + "\n\n"});
  return script;
}

class OpenAiServer {
 public:
  using Handler = std::function<Script(const OpenAiRequest&)>;
  explicit OpenAiServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool open =
        listener_ >= 0 && ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        ::listen(listener_, 512) == 0 &&  // a short backlog makes streams wait a second: it invents latency
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (!open) std::abort();
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~OpenAiServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  OpenAiServer(const OpenAiServer&) = delete;
  OpenAiServer& operator=(const OpenAiServer&) = delete;

  std::string url() const { return fmt::format("http://127.0.0.1:{}/v1", port_); }
  std::vector<OpenAiRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void accept_all() {
    for (int client; (client = ::accept(listener_, nullptr, nullptr)) >= 0;)
      threads_.emplace_back([this, client] {
        answer(client);
        ::close(client);
      });
  }

  void answer(int client) {
    OpenAiRequest request;
    if (!read_request(client, &request)) return;
    Script script;
    {
      const std::lock_guard lock(mutex_);
      request.number = static_cast<int>(requests_.size());
      requests_.push_back(request);
      script = handler_(request);
    }
    auto at = std::chrono::steady_clock::now();
    for (const Script::Step& step : script.steps) {
      std::this_thread::sleep_until(at += step.pause);
      for (std::string_view rest = step.bytes; !rest.empty();) {
        const ssize_t n = ::send(client, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(n));
      }
      if (stopping_) return;
    }
    if (script.then == Script::Then::kHang) {
      pollfd closed{client, POLLIN, 0};
      while (!stopping_ && ::poll(&closed, 1, 20) == 0) {
      }
    }
  }

  static bool read_request(int client, OpenAiRequest* request) {
    std::string bytes;
    char buffer[16384];
    std::size_t end = 0, want = 0;
    while (end == 0 || bytes.size() < want) {
      const ssize_t n = ::recv(client, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      bytes.append(buffer, static_cast<std::size_t>(n));
      if (end != 0 || bytes.find("\r\n\r\n") == std::string::npos) continue;
      end = bytes.find("\r\n\r\n") + 4;
      const std::size_t length = bytes.find("Content-Length: ");
      want = end + (length < end ? std::strtoul(bytes.c_str() + length + 16, nullptr, 10) : 0);
    }
    request->head = bytes.substr(0, end);
    request->body = bytes.substr(end);
    return true;
  }

  Handler handler_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<OpenAiRequest> requests_;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
};

}  // namespace pareto::test
