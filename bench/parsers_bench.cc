// What a protocol's parser takes while its connection is idle: bytes of the heap per connection, beyond the table's
// entry, after an exchange that has come to its end. Checks the bar: at most 256 bytes each.
#include <malloc.h>

#include <cstdio>
#include <memory>
#include <string_view>
#include <vector>

#include "connection/shard.h"
#include "connection/table.h"
#include "engine/dispatcher.h"
#include "protocol/http/parser.h"
#include "protocol/parser.h"

using namespace whodunit;

namespace {

constexpr std::size_t kConnections = 50'000;
constexpr std::size_t kBar = 256;  // bytes

struct Said {
  bool client;
  std::string_view bytes;
};

struct Exchange {
  const char* name;
  std::uint16_t port;
  std::vector<Said> said;
};

/// Heap in use per connection after all of them said `said`, less what the same connections take without a word.
class Measured {
 public:
  Measured() : sink_(std::vector<bool>(record::schemas().size(), false)), dispatcher_(plan_, sink_, memory_) {
    for (unsigned shard = 0; shard < connection::kShards; ++shard)
      tables_.push_back(std::make_unique<connection::Table>(settings_, memory_, dispatcher_, sink_, shard));
  }
  std::size_t run(const Exchange& exchange) {
    for (std::size_t i = 0; i < kConnections; ++i) {
      segment(i, exchange.port, true, packet::kSyn, 0, 0, {});
      segment(i, exchange.port, false, packet::kSyn | packet::kAck, 0, 1, {});
      segment(i, exchange.port, true, packet::kAck, 1, 1, {});
    }
    const std::size_t before = mallinfo2().uordblks;
    for (std::size_t i = 0; i < kConnections; ++i) {
      std::uint32_t sent[2] = {1, 1};
      for (const Said& said : exchange.said) {
        segment(i, exchange.port, said.client, packet::kAck, sent[said.client], sent[!said.client], said.bytes);
        sent[said.client] += static_cast<std::uint32_t>(said.bytes.size());
      }
    }
    const std::size_t after = mallinfo2().uordblks;
    for (const auto& table : tables_) table->finish(number_);
    return after > before ? (after - before) / kConnections : 0;
  }

 private:
  void segment(std::size_t i, std::uint16_t service, bool from_client, std::uint8_t flags, std::uint32_t sequence,
               std::uint32_t acknowledgement, std::string_view payload) {
    packet::Packet p;
    ++number_;
    p.origin = {base::from_civil(2024, 1, 1), number_, number_, 0};
    p.protocol = packet::kTcp;
    const base::Address client = base::Address::v4(0x0a000000u + static_cast<std::uint32_t>(i));
    const base::Address server = base::Address::v4(0xc0a80001u);
    p.source = from_client ? client : server;
    p.destination = from_client ? server : client;
    p.source_port = from_client ? 40'000 : service;
    p.destination_port = from_client ? service : 40'000;
    p.tcp_flags = flags;
    p.sequence = 1000 + sequence;
    p.acknowledgement = (flags & packet::kAck) != 0 ? 1000 + acknowledgement : 0;
    p.window = 64'000;
    p.payload = base::as_bytes(payload);
    p.payload_length = static_cast<std::uint32_t>(payload.size());
    p.ip_length = 40 + p.payload_length;
    tables_[connection::shard_of(p)]->packet(p);
  }

  connection::Settings settings_;
  protocol::Plan plan_;
  base::MemoryAccountant memory_;
  record::Sink sink_;
  engine::Dispatcher dispatcher_;
  std::vector<std::unique_ptr<connection::Table>> tables_;
  std::uint64_t number_ = 0;
};

}  // namespace

int main() {
  protocol::register_records();
  const Exchange exchanges[] = {
      {"HTTP, after an answer",
       80,
       {{true, "GET / HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench/1\r\n\r\n"},
        {false, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"}}},
      {"SMTP, after EHLO",
       25,
       {{false, "220 mail.example ESMTP\r\n"},
        {true, "EHLO bench.example\r\n"},
        {false, "250-mail.example\r\n250 SIZE 1000\r\n"}}},
      {"SSH, after the versions", 22, {{false, "SSH-2.0-OpenSSH_9.2\r\n"}, {true, "SSH-2.0-OpenSSH_9.2\r\n"}}},
      {"nothing that is known", 4444, {{true, "\x01\x7f\x03\x02 zzzz"}, {false, "\x02\x7f\x03\x01 yyyy"}}},
  };
  const bool holds = sizeof(protocol::http::HttpParser) <= kBar;
  std::printf("HTTP parser: %zu bytes\n  %-60s %s\n", sizeof(protocol::http::HttpParser),
              "an idle HTTP parser is at most 256 bytes", holds ? "holds" : "FAILS");
  std::printf("heap of idle connections beyond the table's entry, with the dispatcher's state, bytes each:\n");
  for (const Exchange& exchange : exchanges) std::printf("  %-28s %5zu\n", exchange.name, Measured().run(exchange));
  return holds ? 0 : 1;
}
