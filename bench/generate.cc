// Writes a capture with many connections live at once, some of their segments lost, sent again or out of order, and
// says what an analyser must find in it.
//
//   generate OUT.pcap [CONNECTIONS]     (default 1,000,000)
//
// All connections are opened before any is closed. Every second one carries an HTTP transaction and stays open after
// it, so that its parser is idle while all are live; these are closed at the end, the others stay open. Of the answers,
// one in 64 misses a segment (the capture lost it: it was acknowledged), one in 64 repeats one, one in 32 has two in
// the wrong order. Prints the expected counts as `key value` lines.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint8_t kFin = 1, kSyn = 2, kPush = 8, kAck = 16;
constexpr std::uint32_t kClientStart = 1000, kServerStart = 500'000;
constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 300\r\n\r\n";

void put16(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
void put32(std::uint8_t* p, std::uint32_t v) {
  put16(p, v >> 16);
  put16(p + 2, v & 0xffff);
}

std::uint16_t checksum(const std::uint8_t* p, std::size_t n, std::uint32_t sum) {
  for (std::size_t i = 0; i + 1 < n; i += 2) sum += static_cast<std::uint32_t>(p[i]) << 8 | p[i + 1];
  if (n % 2 != 0) sum += static_cast<std::uint32_t>(p[n - 1]) << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

class Writer {
 public:
  explicit Writer(const char* path) : file_(std::fopen(path, "wb")) {
    if (file_ == nullptr) {
      std::perror(path);
      std::exit(1);
    }
    std::setvbuf(file_, nullptr, _IOFBF, 1u << 20);
    const std::uint32_t header[] = {0xa1b23c4d, 4u << 16 | 2u, 0, 0, 65535, 1};  // nanoseconds, version 2.4, Ethernet
    std::fwrite(header, sizeof header, 1, file_);
  }
  ~Writer() {
    if (std::fclose(file_) != 0) std::perror("generate");
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// One segment of connection `i`. Sequence numbers count from each side's start.
  void segment(std::uint64_t i, bool from_client, std::uint8_t flags, std::uint32_t sequence,
               std::uint32_t acknowledgement, std::string_view payload) {
    now_ += 20'000;  // ns
    std::array<std::uint8_t, 1514> frame{};
    const std::size_t ip_length = 40 + payload.size();
    const std::uint32_t record[] = {
        static_cast<std::uint32_t>(now_ / 1'000'000'000), static_cast<std::uint32_t>(now_ % 1'000'000'000),
        static_cast<std::uint32_t>(14 + ip_length), static_cast<std::uint32_t>(14 + ip_length)};
    // 16,384 clients, 509 servers; no two connections share both hosts and the client's port.
    const auto client = 0x0a000000u + static_cast<std::uint32_t>(i % 16'384);
    const auto server = 0xc0a80000u + static_cast<std::uint32_t>(i * 7 % 509);
    const auto port = static_cast<std::uint32_t>(1024 + i / 16'384);
    std::uint8_t* ethernet = frame.data();
    ethernet[0] = ethernet[6] = 2;
    ethernet[from_client ? 5 : 11] = 1;
    put16(ethernet + 12, 0x0800);
    std::uint8_t* ip = ethernet + 14;
    ip[0] = 0x45;
    put16(ip + 2, static_cast<std::uint32_t>(ip_length));
    put16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, from_client ? client : server);
    put32(ip + 16, from_client ? server : client);
    put16(ip + 10, checksum(ip, 20, 0));
    std::uint8_t* tcp = ip + 20;
    put16(tcp, from_client ? port : 80);
    put16(tcp + 2, from_client ? 80 : port);
    put32(tcp + 4, (from_client ? kClientStart : kServerStart) + sequence);
    if ((flags & kAck) != 0) put32(tcp + 8, (from_client ? kServerStart : kClientStart) + acknowledgement);
    tcp[12] = 0x50;
    tcp[13] = flags;
    put16(tcp + 14, 64'000);
    std::memcpy(tcp + 20, payload.data(), payload.size());
    const std::uint32_t pseudo = (client >> 16) + (client & 0xffff) + (server >> 16) + (server & 0xffff) + 6 + 20 +
                                 static_cast<std::uint32_t>(payload.size());
    put16(tcp + 16, checksum(tcp, 20 + payload.size(), pseudo));
    std::fwrite(record, sizeof record, 1, file_);
    if (std::fwrite(frame.data(), 14 + ip_length, 1, file_) != 1) {
      std::perror("generate");
      std::exit(1);
    }
    ++packets_;
  }
  std::uint64_t packets() const { return packets_; }

 private:
  std::FILE* file_;
  std::uint64_t now_ = 1'700'000'000'000'000'000;
  std::uint64_t packets_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t n = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  if (argc < 2 || argc > 3 || n == 0 || n > 100'000'000) {
    std::fprintf(stderr, "usage: generate OUT.pcap [CONNECTIONS]\n");
    return 2;
  }
  Writer out(argv[1]);
  // A stride, so that neighbours in time are no neighbours in a table.
  const auto scattered = [n](std::uint64_t k) { return k * 610'639 % n; };
  std::uint64_t step = n;
  for (std::uint64_t a = 610'639; step != 0;) {
    const std::uint64_t rest = a % step;
    a = step;
    step = rest;
    if (step == 0 && a != 1) {
      std::fprintf(stderr, "generate: choose a number of connections that is no multiple of 610,639\n");
      return 2;
    }
  }
  const std::string body(300, 'x');
  const std::string answer = std::string(kHead) + body;
  const std::size_t cut1 = kHead.size() + 20, cut2 = kHead.size() + 160;
  const std::string_view parts[] = {std::string_view(answer).substr(0, cut1),
                                    std::string_view(answer).substr(cut1, cut2 - cut1),
                                    std::string_view(answer).substr(cut2)};
  const auto length = static_cast<std::uint32_t>(answer.size());

  for (std::uint64_t k = 0; k < n; ++k) {
    const std::uint64_t i = scattered(k);
    out.segment(i, true, kSyn, 0, 0, {});
    out.segment(i, false, kSyn | kAck, 0, 1, {});
    out.segment(i, true, kAck, 1, 1, {});
  }
  const auto request = [](std::uint64_t i) {
    return "GET /item/" + std::to_string(i % 1000) + " HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench/1\r\n\r\n";
  };
  std::uint64_t transactions = 0, lost = 0, repeated = 0, request_bytes = 0;
  for (std::uint64_t k = 0; k < n; ++k) {
    const std::uint64_t i = scattered(k);
    if (i % 2 != 0) continue;
    const std::string asked = request(i);
    const auto acknowledged = static_cast<std::uint32_t>(1 + asked.size());
    out.segment(i, true, kPush | kAck, 1, 1, asked);
    const auto part = [&](std::size_t p) {
      const auto at = static_cast<std::uint32_t>(1 + (p == 0 ? 0 : p == 1 ? cut1 : cut2));
      out.segment(i, false, p == 2 ? kPush | kAck : kAck, at, acknowledged, parts[p]);
    };
    const std::uint64_t kind = transactions % 64;
    part(0);
    if (kind == 1) {
      lost += parts[1].size();
      part(2);
    } else if (kind == 2 || kind == 34) {
      part(2);
      part(1);
    } else {
      part(1);
      part(2);
      if (kind == 3) {
        part(2);
        ++repeated;
      }
    }
    out.segment(i, true, kAck, acknowledged, 1 + length, {});
    ++transactions;
    request_bytes += asked.size();
  }
  // All are live here. Those that were used are closed.
  for (std::uint64_t k = 0; k < n; ++k) {
    const std::uint64_t i = scattered(k);
    if (i % 2 != 0) continue;
    const auto acknowledged = static_cast<std::uint32_t>(1 + request(i).size());
    out.segment(i, true, kFin | kAck, acknowledged, 1 + length, {});
    out.segment(i, false, kFin | kAck, 1 + length, acknowledged + 1, {});
    out.segment(i, true, kAck, acknowledged + 1, 2 + length, {});
  }
  std::printf(
      "packets %llu\nconnections %llu\ntransactions %llu\norig_bytes %llu\nresp_bytes %llu\nmissed_bytes %llu\n",
      static_cast<unsigned long long>(out.packets()), static_cast<unsigned long long>(n),
      static_cast<unsigned long long>(transactions), static_cast<unsigned long long>(request_bytes),
      static_cast<unsigned long long>(transactions * length), static_cast<unsigned long long>(lost));
  std::printf("repeated %llu\n", static_cast<unsigned long long>(repeated));
  return 0;
}
