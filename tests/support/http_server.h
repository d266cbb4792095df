// An HTTP server in the test's own process that answers as a test scripts it: whole, cut, late, wrong or not at all.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pareto::test {

struct HttpRequest {
  std::string target;                          // "/rows?offset=0"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  // Where a Range header begins; -1: none.
  long range_from() const {
    const std::string range = header("range");
    return range.starts_with("bytes=") ? std::atol(range.c_str() + 6) : -1;
  }
};

// The bytes of a reply; what follows "HTTP/1.1 ".
inline std::string reply(const std::string& status, const std::string& body, const std::string& headers = "") {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}", status, body.size(), headers,
                     body);
}
inline std::string ok(const std::string& body, const std::string& headers = "") {
  return reply("200 OK", body, headers);
}
// Only the first `keep` bytes of the body of a reply whose head promises all of it.
inline std::string cut(const std::string& whole, std::size_t keep) {
  return whole.substr(0, whole.find("\r\n\r\n") + 4 + keep);
}
// All of `content`, or from where the request's range begins.
inline std::string serve_file(const HttpRequest& request, const std::string& content, const std::string& headers = "") {
  const long from = request.range_from();
  if (from < 0) return ok(content, headers);
  if (from >= static_cast<long>(content.size())) return reply("416 Range Not Satisfiable", "");
  const std::string rest = content.substr(static_cast<std::size_t>(from));
  return reply("206 Partial Content", rest,
               fmt::format("{}Content-Range: bytes {}-{}/{}\r\n", headers, from, content.size() - 1, content.size()));
}

class HttpServer {
 public:
  // Gives the reply's bytes; none: the connection is closed without a word. One request at a time.
  using Handler = std::function<std::string(const HttpRequest&)>;
  // How a reply is sent: all at once, or so many bytes at a time with a pause after each.
  struct Pace {
    std::size_t bytes = SIZE_MAX;
    std::chrono::milliseconds pause{0};
  };

  explicit HttpServer(Handler handler) : HttpServer(std::move(handler), Pace()) {}
  HttpServer(Handler handler, Pace pace) : handler_(std::move(handler)), pace_(pace) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool open = listener_ >= 0 && ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                      ::listen(listener_, 64) == 0 &&
                      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (!open) std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& host = "127.0.0.1") const { return fmt::format("http://{}:{}", host, port_); }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (true) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      const HttpRequest request = read_request(client);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      std::string_view rest = request.target.empty() ? std::string_view() : (last_ = handler_(request));
      while (!rest.empty()) {
        const ssize_t n = ::send(client, rest.data(), std::min(rest.size(), pace_.bytes), MSG_NOSIGNAL);
        if (n <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(n));
        std::this_thread::sleep_for(pace_.pause);
      }
      ::close(client);
    }
  }

  static HttpRequest read_request(int client) {
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      const ssize_t n = ::recv(client, buffer, sizeof buffer, 0);
      if (n <= 0) return {};
      head.append(buffer, static_cast<std::size_t>(n));
    }
    HttpRequest request;
    const std::size_t first = head.find(' '), second = head.find(' ', first + 1);
    request.target = head.substr(first + 1, second - first - 1);
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
      const std::size_t end = head.find("\r\n", at), colon = head.find(": ", at);
      if (end == at || colon > end) break;
      std::string name = head.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      request.headers[name] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    return request;
  }

  Handler handler_;
  Pace pace_;
  int listener_ = -1;
  int port_ = 0;
  std::string last_;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

}  // namespace pareto::test
