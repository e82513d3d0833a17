#include "hypervisor/firecracker_api.hpp"

#include "host/folder_watch.hpp"
#include "host/process.hpp"
#include "host/unix_socket.hpp"

#include <algorithm>
#include <curl/curl.h>
#include <dlfcn.h>
#include <memory>
#include <poll.h>

namespace banger::hypervisor {

namespace {

namespace firecracker = core::firecracker;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

/// libcurl, loaded when it is first needed: with the 31 libraries below it, it takes 20 ms, which
/// each start of the daemon would cost, also where no VM is in Firecracker.
struct curl_library {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_setopt) setopt = nullptr;
  decltype(&::curl_easy_perform) perform = nullptr;
  decltype(&::curl_easy_getinfo) getinfo = nullptr;
  decltype(&::curl_easy_strerror) describe = nullptr;
  decltype(&::curl_easy_cleanup) cleanup = nullptr;
  decltype(&::curl_slist_append) append = nullptr;
  decltype(&::curl_slist_free_all) free_all = nullptr;
  bool is_loaded = false;
};

template <class Function>
bool find(void* library, const char* name, Function& out) {
  out = reinterpret_cast<Function>(::dlsym(library, name));
  return out != nullptr;
}

curl_library load_curl() {
  curl_library x;
  auto* library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL); // for good
  if (library == nullptr)
    return x;
  const auto is_whole = find(library, "curl_global_init", x.global_init) &&
                        find(library, "curl_easy_init", x.easy_init) &&
                        find(library, "curl_easy_setopt", x.setopt) &&
                        find(library, "curl_easy_perform", x.perform) &&
                        find(library, "curl_easy_getinfo", x.getinfo) &&
                        find(library, "curl_easy_strerror", x.describe) &&
                        find(library, "curl_easy_cleanup", x.cleanup) &&
                        find(library, "curl_slist_append", x.append) &&
                        find(library, "curl_slist_free_all", x.free_all);
  x.is_loaded = is_whole && x.global_init(CURL_GLOBAL_NOTHING) == CURLE_OK; // no TLS
  return x;
}

/// Once for the process, whichever thread is first.
const curl_library& curl_functions() {
  static const auto loaded = load_curl();
  return loaded;
}

struct easy_deleter {
  void operator()(CURL* x) const { curl_functions().cleanup(x); }
};
struct list_deleter {
  void operator()(curl_slist* x) const { curl_functions().free_all(x); }
};
using easy_handle = std::unique_ptr<CURL, easy_deleter>;
using header_list = std::unique_ptr<curl_slist, list_deleter>;

/// libcurl's write callback. Less than it was given ends the transfer, with CURLE_WRITE_ERROR.
std::size_t take_body(const char* bytes, std::size_t, std::size_t size, void* reply) {
  auto& text = *static_cast<std::string*>(reply);
  if (text.size() + size > most_reply_bytes)
    return 0;
  text.append(bytes, size);
  return size;
}

/// What a transfer that failed means for the VM.
failure explain(CURLcode how, const firecracker::request& what, milliseconds limit) {
  failure x{ec::hypervisor_failed, "ask Firecracker: " + what.method + " " + what.path, {}, {}};
  switch (static_cast<int>(how)) { // of an enumeration of a hundred
    case CURLE_OPERATION_TIMEDOUT:
      x.code = ec::timed_out;
      x.why = limit.count() > 0
                  ? "it did not answer within " + std::to_string(limit.count()) + " ms"
                  : "it did not answer in time"; // which earlier requests had used up
      break;
    case CURLE_COULDNT_CONNECT: x.why = "nobody listens at its socket"; break;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: x.why = "it ended the connection half-way"; break;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: x.why = "what it answered is no HTTP"; break;
    case CURLE_WRITE_ERROR:
      x.why = "its answer is longer than " + std::to_string(most_reply_bytes >> 10U) + " KiB";
      break;
    default: x.why = curl_functions().describe(how); break;
  }
  return x;
}

/// The headers of every request. No "Expect": it would wait a second for an answer to that.
header_list make_headers() {
  header_list all;
  for (const char* line : {"Accept: application/json", "Content-Type: application/json", "Expect:"})
    all.reset(curl_functions().append(all.release(), line));
  return all;
}

void describe_request(CURL* curl, const firecracker::request& what, const curl_slist* headers) {
  const auto set = curl_functions().setopt;
  const auto url = "http://localhost" + what.path; // copied by libcurl
  set(curl, CURLOPT_URL, url.c_str());
  set(curl, CURLOPT_HTTPHEADER, headers);
  set(curl, CURLOPT_CUSTOMREQUEST, what.method.c_str());
  if (what.body.empty())
    return;
  set(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(what.body.size()));
  set(curl, CURLOPT_POSTFIELDS, what.body.c_str());
}

/// Bounds what the other end may do to us: how long, where to, and in which tongue.
void bound(CURL* curl, const std::string& socket, milliseconds limit) {
  const auto set = curl_functions().setopt;
  set(curl, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  set(curl, CURLOPT_TIMEOUT_MS,
      static_cast<long>(std::max<std::int64_t>(limit.count(), 1))); // 0 would be for ever
  set(curl, CURLOPT_NOSIGNAL, 1L); // no SIGALRM in a program with threads
  set(curl, CURLOPT_PROXY, "");    // whatever http_proxy says
  set(curl, CURLOPT_PROTOCOLS_STR, "http");
  set(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(curl, CURLOPT_FORBID_REUSE, 1L);
}

int left_ms(clock::time_point end) {
  auto left = std::chrono::duration_cast<milliseconds>(end - clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

} // namespace

result<std::string> call_firecracker_blocking(const std::string& socket,
                                              const firecracker::request& what,
                                              milliseconds limit) {
  const auto& library = curl_functions();
  easy_handle curl{library.is_loaded ? library.easy_init() : nullptr};
  if (!curl)
    return fail(ec::missing_program, "load libcurl.so.4", "without it Firecracker cannot be used",
                "apt-get install libcurl4");
  const auto headers = make_headers();
  std::string reply;
  describe_request(curl.get(), what, headers.get());
  bound(curl.get(), socket, limit);
  library.setopt(curl.get(), CURLOPT_WRITEFUNCTION, &take_body);
  library.setopt(curl.get(), CURLOPT_WRITEDATA, &reply);
  if (auto how = library.perform(curl.get()); how != CURLE_OK)
    return tl::make_unexpected(explain(how, what, limit));
  long status = 0;
  library.getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return firecracker::read_reply(what, static_cast<int>(status), reply);
}

result<void> call_firecracker_blocking(const std::string& socket,
                                       const std::vector<firecracker::request>& all,
                                       milliseconds limit) {
  const auto end = clock::now() + limit;
  for (const auto& what : all) {
    auto reply = call_firecracker_blocking(socket, what, milliseconds{left_ms(end)});
    if (!reply)
      return tl::make_unexpected(reply.error());
  }
  return {};
}

result<void> await_firecracker_blocking(const std::string& socket, const host::unique_fd& process,
                                        milliseconds limit) {
  constexpr int moment_ms = 2; // between bind(2), which makes the file, and listen(2)
  constexpr auto what = "start Firecracker";
  const auto end = clock::now() + limit;
  const auto slash = socket.rfind('/');
  auto changes = host::folder_watch::open(socket.substr(0, slash));
  if (!changes)
    return tl::make_unexpected(changes.error());
  for (;;) {
    auto connection = host::connect_unix(socket);
    if (connection)
      return {};
    if (host::has_ended(process))
      return fail(ec::hypervisor_failed, what, "it ended before it took requests");
    const auto left = left_ms(end);
    if (left == 0)
      return fail(ec::timed_out, what,
                  "it did not listen within " + std::to_string(limit.count()) + " ms");
    const auto is_there = connection.error().code != ec::not_found;
    pollfd waiting[] = {{changes->fd(), POLLIN, 0}, {process.get(), POLLIN, 0}};
    (void)::poll(waiting, 2, is_there ? std::min(moment_ms, left) : left);
    (void)changes->take({});
  }
}

result<firecracker::instance_info> greet_firecracker_blocking(const std::string& socket,
                                                              milliseconds limit) {
  auto reply = call_firecracker_blocking(
      socket, firecracker::to_request(firecracker::get_instance_info{}), limit);
  if (!reply)
    return tl::make_unexpected(reply.error());
  auto info = firecracker::parse_instance_info(*reply);
  if (!info)
    return info;
  auto version = firecracker::parse_version(info->version);
  if (!version)
    return tl::make_unexpected(version.error());
  if (*version < firecracker::oldest_version)
    return fail(ec::hypervisor_failed, "use Firecracker " + info->version,
                "1.8.0 is the oldest that can boot our images",
                "install a newer one: https://github.com/firecracker-microvm/firecracker/releases");
  return info;
}

} // namespace banger::hypervisor
