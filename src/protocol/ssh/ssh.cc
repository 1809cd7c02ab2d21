#include "protocol/ssh/ssh.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"

namespace whodunit::protocol::ssh {
namespace {

using base::Cursor;

constexpr std::uint16_t kPorts[] = {22};
// RFC 4253 4.2 allows 255 bytes of identification; devices that pad it are seen, hence more.
constexpr std::size_t kMaxIdentification = 4096;
// RFC 4253 6.1 asks for packets of 35,000 bytes to be taken.
constexpr std::size_t kMaxPacket = 128 << 10;

enum MessageNumber : std::uint8_t { kKexInit = 20, kNewKeys = 21 };  // RFC 4250 4.1.2
enum MessageNumber1 : std::uint8_t { kPublicKey = 2, kSessionKey = 3 };

enum class Major : std::uint8_t { kUnknown, kOne, kOneNinetyNine, kTwo };

Major major_of(std::string_view identification) {
  if (identification.size() < 5) return Major::kUnknown;
  if (identification[4] == '2') return Major::kTwo;
  if (identification[4] != '1') return Major::kUnknown;
  // RFC 4253 5.1: 1.99 speaks both.
  return identification.substr(5, 3) == ".99" ? Major::kOneNinetyNine : Major::kOne;
}

/// What SSH_MSG_KEXINIT lists (RFC 4253 7.1).
struct Offer {
  std::string kex, host_key;
  std::array<std::string, 2> cipher, mac, compression;  // to the server, to the client
  bool seen = false;
};

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view item = list.substr(0, comma);
    if (!item.empty()) out.push_back(item);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return out;
}

// RFC 4253 7.1: the first of the client's that the server has.
std::string agree(std::string_view client, std::string_view server) {
  std::vector<std::string_view> known = split(server);
  std::sort(known.begin(), known.end());
  for (const std::string_view item : split(client))
    if (std::binary_search(known.begin(), known.end(), item)) return std::string(item);
  return "Algorithm negotiation failed";
}

std::string agree(const std::array<std::string, 2>& client, const std::array<std::string, 2>& server) {
  std::string up = agree(client[0], server[0]);
  const std::string down = agree(client[1], server[1]);
  return up == down ? up : "To server: " + up + ", to client: " + down;
}

bool has_prefix(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

class SshParser final : public Parser {
 public:
  ~SshParser() override { count(0); }

  void stream(Context& context, Direction direction, Bytes data) override {
    if (!facts_) {
      if (done_) return;
      begin(context);
    }
    memory_ = &context.memory();
    record::extend(facts_->place, context.place());
    Side& side = facts_->sides[connection::index(direction)];
    if (side.phase == Phase::kEncrypted) {
      encrypted(context, direction, data.size());
      return;
    }
    if (side.phase == Phase::kLost) return;
    if (side.buffer.empty()) {
      const std::size_t used = read(context, direction, data);
      if (side.phase != Phase::kLost) side.buffer.assign(data.begin() + static_cast<std::ptrdiff_t>(used), data.end());
    } else {
      side.buffer.insert(side.buffer.end(), data.begin(), data.end());
      read_held(context, direction);
    }
    settle(context, direction);
    if (!facts_ || context.failed) return;
    // The other direction may have waited to know which version is spoken.
    const Direction other = connection::opposite(direction);
    Side& waiting = facts_->sides[connection::index(other)];
    if (!waiting.buffer.empty() && waiting.phase == Phase::kPackets) {
      read_held(context, other);
      settle(context, other);
    }
    if (facts_) account(context);
  }

  void gap(Context& context, Direction direction, std::uint64_t) override {
    if (!facts_) return;
    // Sizes can be told from each other no longer, and lengths in the clear are lost.
    facts_->decided = true;
    Side& side = facts_->sides[connection::index(direction)];
    if (side.phase != Phase::kEncrypted) lose(side);
    account(context);
  }

  void closed(Context& context, End) override { write(context); }

 private:
  enum class Phase : std::uint8_t { kIdentification, kPackets, kEncrypted, kLost };

  struct Side {
    std::vector<std::uint8_t> buffer;
    std::string identification;
    Offer offer;
    Phase phase = Phase::kIdentification;
  };
  struct Facts {
    base::Time ts;
    record::Place place;
    std::array<Side, 2> sides;
    std::string kex, host_key_sha256, host_key_md5;
    // The inference of logins: as sizes in bytes of segments that the server sent.
    std::uint32_t service_accept = 0, failure = 0;
    std::uint32_t attempts = 0;
    Opt<bool> success;
    bool decided = false;       // nothing more is to be learned from sizes
    bool client_spoke = false;  // the client sent something encrypted
    bool banner_skipped = false;
    bool compressed = false;
    bool reversed = false;
  };

  void begin(Context& context) {
    facts_ = std::make_unique<Facts>();
    facts_->ts = context.now();
    facts_->place = context.place();
  }

  void count(std::size_t bytes) {
    if (memory_ == nullptr) return;
    if (counted_ > 0) memory_->give_back(base::MemoryUse::kParsers, counted_);
    counted_ = 0;
    if (bytes > 0 && memory_->take(base::MemoryUse::kParsers, bytes)) counted_ = static_cast<std::uint32_t>(bytes);
  }
  static std::size_t weight(const Offer& o) {
    return o.kex.size() + o.host_key.size() + o.cipher[0].size() + o.cipher[1].size() + o.mac[0].size() +
           o.mac[1].size() + o.compression[0].size() + o.compression[1].size();
  }
  void account(Context& context) {
    std::size_t bytes = sizeof(Facts);
    for (const Side& side : facts_->sides)
      bytes += side.buffer.capacity() + side.identification.size() + weight(side.offer);
    if (bytes == counted_) return;
    count(bytes);
    if (counted_ == 0) {  // refused: what is known stands, nothing more is held
      context.weird("ssh_buffer_limit");
      for (Side& side : facts_->sides) lose(side);
    }
  }
  static void lose(Side& side) {
    if (side.phase != Phase::kEncrypted) side.phase = Phase::kLost;
    std::vector<std::uint8_t>().swap(side.buffer);
  }

  // After reading: frees buffers that will not be needed, and counts bytes that came with the last message in the
  // clear.
  void settle(Context& context, Direction direction) {
    if (!facts_) return;
    Side& side = facts_->sides[connection::index(direction)];
    if (side.phase == Phase::kEncrypted && !side.buffer.empty()) {
      const std::size_t rest = side.buffer.size();
      std::vector<std::uint8_t>().swap(side.buffer);
      encrypted(context, direction, rest);
    } else if (side.buffer.empty()) {
      std::vector<std::uint8_t>().swap(side.buffer);
    }
  }

  void read_held(Context& context, Direction direction) {
    Side& side = facts_->sides[connection::index(direction)];
    std::vector<std::uint8_t> held;
    held.swap(side.buffer);
    const std::size_t used = read(context, direction, held);
    if (side.phase == Phase::kLost) return;
    held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(used));
    side.buffer.swap(held);
  }

  // Reads what is whole and gives how many bytes that was.
  std::size_t read(Context& context, Direction direction, Bytes data) {
    Side& side = facts_->sides[connection::index(direction)];
    std::size_t at = 0;
    while (at < data.size()) {
      const Bytes rest = data.subspan(at);
      std::size_t used = 0;
      if (side.phase == Phase::kIdentification)
        used = identification(context, direction, rest);
      else if (side.phase == Phase::kPackets)
        used = packet(context, direction, rest);
      else if (side.phase == Phase::kLost)
        return data.size();
      if (used == 0 || context.failed) break;
      at += used;
    }
    return at;
  }

  // RFC 4253 4.2: a line that begins with "SSH-"; the server may send others before it.
  std::size_t identification(Context& context, Direction direction, Bytes data) {
    Side& side = facts_->sides[connection::index(direction)];
    const std::string_view text = base::as_text(data);
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || end > kMaxIdentification) {
      if (data.size() > kMaxIdentification) {
        context.weird("malformed_ssh_identification");
        context.failed = true;
      }
      return 0;
    }
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!has_prefix(line, "SSH-")) {
      if (direction == Direction::kOriginator && facts_->sides[1].identification.empty() && !side.offer.seen) {
        context.weird("malformed_ssh_identification");
        context.failed = true;
      }
      return end + 1;
    }
    side.identification = line;
    side.phase = Phase::kPackets;
    if (!facts_->sides[0].identification.empty() && !facts_->sides[1].identification.empty()) context.recognised = true;
    return end + 1;
  }

  // Which version this direction's packets are of.
  Major spoken(Direction direction) const {
    const Major own = major_of(facts_->sides[connection::index(direction)].identification);
    if (own != Major::kOneNinetyNine) return own;
    const std::string& other = facts_->sides[connection::index(connection::opposite(direction))].identification;
    if (other.empty()) return Major::kUnknown;
    return major_of(other) == Major::kOne ? Major::kOne : Major::kTwo;
  }

  std::size_t packet(Context& context, Direction direction, Bytes data) {
    Side& side = facts_->sides[connection::index(direction)];
    const Major version = spoken(direction);
    if (version == Major::kUnknown) {
      if (data.size() > kMaxPacket || major_of(side.identification) == Major::kUnknown) lose(side);
      return side.phase == Phase::kLost ? data.size() : 0;
    }
    if (data.size() < 6) return 0;
    const std::size_t length = base::load_be32(data.data());
    if (version == Major::kOne) {
      // draft-ylonen-ssh-protocol-00: length, 1 to 8 bytes of padding, type, data, CRC.
      const std::size_t padding = 8 - length % 8;
      if (length < 5 || length > kMaxPacket) return bad(context, side, data);
      const std::size_t whole = 4 + padding + length;
      if (data.size() < whole) return 0;
      packet1(direction, data.subspan(4 + padding, length - 4));
      side.phase = Phase::kEncrypted;
      context.recognised = true;
      return whole;
    }
    // RFC 4253 6: length, length of padding, payload, padding.
    if (length < 2 || length > kMaxPacket) return bad(context, side, data);
    if (data.size() < 4 + length) return 0;
    const std::size_t padding = data[4];
    if (padding + 2 > length) return bad(context, side, data);
    packet2(context, direction, data.subspan(5, length - padding - 1));
    return 4 + length;
  }

  std::size_t bad(Context& context, Side& side, Bytes data) {
    context.weird("ssh_bad_packet_length");
    lose(side);
    facts_->decided = true;
    return data.size();
  }

  void packet1(Direction direction, Bytes payload) {
    if (direction != Direction::kResponder || payload.empty() || payload[0] != kPublicKey) return;
    Cursor c(payload.subspan(1));
    c.skip(8);  // cookie
    const auto number = [&c] { return c.bytes((std::size_t{c.be16()} + 7) / 8); };
    c.skip(4);
    number();
    number();
    c.skip(4);
    const Bytes exponent = number();
    const Bytes modulus = number();
    if (c.failed()) return;
    std::vector<std::uint8_t> key(modulus.begin(), modulus.end());
    key.insert(key.end(), exponent.begin(), exponent.end());
    host_key(key);
  }

  void packet2(Context& context, Direction direction, Bytes payload) {
    Side& side = facts_->sides[connection::index(direction)];
    if (payload.empty()) return;
    Cursor c(payload.subspan(1));
    const auto string = [&c] { return c.text(c.be32()); };
    const std::uint8_t number = payload[0];
    if (number == kNewKeys) {
      side.phase = Phase::kEncrypted;
      context.recognised = true;
    } else if (number == kKexInit && !side.offer.seen) {
      c.skip(16);  // cookie
      Offer& o = side.offer;
      o.kex = string();
      o.host_key = string();
      for (auto* list : {&o.cipher, &o.mac, &o.compression})
        for (std::string& names : *list) names = string();
      if (c.failed()) {
        context.weird("ssh_bad_kexinit");
        o = {};
        return;
      }
      o.seen = true;
      context.recognised = true;
      const Offer& client = facts_->sides[0].offer;
      const Offer& server = facts_->sides[1].offer;
      if (client.seen && server.seen) {
        facts_->kex = agree(client.kex, server.kex);
        const std::string compression = agree(client.compression, server.compression);
        facts_->compressed = compression == "zlib" || compression == "zlib@openssh.com";
      }
    } else if (number == host_key_message(facts_->kex)) {
      // The originator shows a host key where the two have changed roles: a reverse shell, or a tunnel from within.
      const std::string_view key = string();
      if (c.ok() && !key.empty() && facts_->host_key_sha256.empty()) {
        host_key(base::as_bytes(key));
        facts_->reversed = direction == Direction::kOriginator;
      }
    }
  }

  // The server's message that begins with its host key.
  static std::uint8_t host_key_message(std::string_view kex) {
    if (has_prefix(kex, "rsa")) return 30;                            // RFC 4432 4: SSH_MSG_KEXRSA_PUBKEY
    if (has_prefix(kex, "gss-")) return 33;                           // RFC 4462 2.1: SSH_MSG_KEXGSS_HOSTKEY
    if (has_prefix(kex, "diffie-hellman-group-exchange")) return 33;  // RFC 4419 5: SSH_MSG_KEX_DH_GEX_REPLY
    return 31;  // RFC 4253 8, RFC 5656 4, RFC 8731 3: SSH_MSG_KEXDH_REPLY, SSH_MSG_KEX_ECDH_REPLY
  }

  void host_key(Bytes key) {
    const auto digest = base::sha256(key);
    facts_->host_key_sha256 = "SHA256:" + base::to_base64(digest);
    while (facts_->host_key_sha256.back() == '=') facts_->host_key_sha256.pop_back();
    const std::string md5 = base::digest_hex(base::DigestKind::kMd5, key);
    for (std::size_t i = 0; i < md5.size(); i += 2) {
      if (i > 0) facts_->host_key_md5 += ':';
      facts_->host_key_md5 += md5.substr(i, 2);
    }
  }

  // How logins are inferred: the server's first packet after the client's first encrypted one is
  // SSH_MSG_SERVICE_ACCEPT, 24 bytes before encryption. SSH_MSG_USERAUTH_SUCCESS is 8, so 16 shorter under any cipher;
  // refusals list the methods and are all alike (RFC 4252 5.1).
  void encrypted(Context& context, Direction direction, std::size_t size) {
    Facts& f = *facts_;
    if (f.decided || spoken(direction) == Major::kOne) return;
    if (direction == Direction::kOriginator) {
      f.client_spoke = true;
      return;
    }
    if (!f.client_spoke) return;
    const auto length = static_cast<std::uint32_t>(size);
    if (f.service_accept == 0) {
      f.service_accept = length;
      return;
    }
    const bool success = length + 16 == f.service_accept;
    if (success) {
      attempt(true);
      f.decided = true;
      if (f.success.value_or(false)) write(context);
      return;
    }
    if (f.failure == 0) {
      // Much longer than a refusal: a banner (RFC 4252 5.4).
      if (!f.banner_skipped && length > f.service_accept + 256) {
        f.banner_skipped = true;
        return;
      }
      f.failure = length;
      return;
    }
    if (length == f.failure) attempt(false);
  }

  void attempt(bool success) {
    if (facts_->compressed) return;  // sizes tell nothing
    facts_->success = success;
    ++facts_->attempts;
  }

  void write(Context& context) {
    if (!facts_) return;
    const std::unique_ptr<Facts> f = std::move(facts_);
    done_ = true;
    count(0);
    const Side& client = f->sides[0];
    const Side& server = f->sides[1];
    if (client.identification.empty() && server.identification.empty()) return;
    Ssh row;
    row.head = context.head(f->ts, f->place);
    if (!client.identification.empty()) row.client = client.identification;
    if (!server.identification.empty()) row.server = server.identification;
    if (row.client.data() != nullptr && row.server.data() != nullptr) {
      const Major a = major_of(row.client), b = major_of(row.server);
      if (a != Major::kUnknown && b != Major::kUnknown) {
        const bool one = a == Major::kOne || b == Major::kOne;
        const bool two = a == Major::kTwo || b == Major::kTwo;
        row.version = one && two ? 0 : one ? 1 : 2;
      }
    }
    row.auth_success = f->success;
    if (f->success) row.auth_inferred = true;
    row.auth_attempts = f->attempts;
    const auto local = [](const base::Address& a) { return a.is_private() || a.is_loopback() || a.is_link_local(); };
    const bool from = local(context.connection().id.orig_h), to = local(context.connection().id.resp_h);
    if (from != to) row.direction = from ? "OUTBOUND" : "INBOUND";
    std::string cipher, mac, compression, host_key_alg, hassh, hassh_server, algorithms, server_algorithms;
    if (client.offer.seen && server.offer.seen) {
      cipher = agree(client.offer.cipher, server.offer.cipher);
      mac = agree(client.offer.mac, server.offer.mac);
      compression = agree(client.offer.compression, server.offer.compression);
      host_key_alg = agree(client.offer.host_key, server.offer.host_key);
      row.cipher_alg = cipher;
      row.mac_alg = mac;
      row.compression_alg = compression;
      row.kex_alg = f->kex;
      row.host_key_alg = host_key_alg;
    }
    if (!f->host_key_sha256.empty()) {
      row.host_key_sha256 = f->host_key_sha256;
      row.host_key_fingerprint = row.host_key_sha256.substr(0, 7 + 32);
      row.host_key_md5 = f->host_key_md5;
      row.reversed = f->reversed;
    }
    const auto join = [](const Offer& o, std::size_t way) {
      return o.kex + ";" + o.cipher[way] + ";" + o.mac[way] + ";" + o.compression[way];
    };
    if (client.offer.seen) {
      algorithms = join(client.offer, 0);
      hassh = base::digest_hex(base::DigestKind::kMd5, base::as_bytes(algorithms));
      row.hassh_algorithms = algorithms;
      row.hassh = hassh;
      row.cshka = client.offer.host_key;
    }
    if (server.offer.seen) {
      server_algorithms = join(server.offer, 1);
      hassh_server = base::digest_hex(base::DigestKind::kMd5, base::as_bytes(server_algorithms));
      row.hassh_server_algorithms = server_algorithms;
      row.hassh_server = hassh_server;
      row.sshka = server.offer.host_key;
    }
    context.emit(row);
  }

  std::unique_ptr<Facts> facts_;  // until the row is written
  base::MemoryAccountant* memory_ = nullptr;
  std::uint32_t counted_ = 0;
  bool done_ = false;
};
static_assert(sizeof(SshParser) <= 64);

// "SSH-", a major version, a dot, digits and a dash.
Match recognise_at(std::string_view text) {
  constexpr std::string_view kPrefix = "SSH-";
  if (text.size() < kPrefix.size()) return has_prefix(kPrefix, text) ? Match::kNeedMore : Match::kNo;
  if (!has_prefix(text, kPrefix)) return Match::kNo;
  if (text.size() < 8) return Match::kNeedMore;
  if ((text[4] != '1' && text[4] != '2') || text[5] != '.') return Match::kNo;
  const std::size_t dash = text.find_first_not_of("0123456789", 6);
  if (dash == std::string_view::npos) return text.size() < 16 ? Match::kNeedMore : Match::kNo;
  return dash > 6 && text[dash] == '-' ? Match::kYes : Match::kNo;
}

Match recognise(Bytes data, Direction direction, bool port_hint) {
  const std::string_view text = base::as_text(data);
  const Match match = recognise_at(text);
  if (match != Match::kNo || !port_hint || direction != Direction::kResponder) return match;
  // The server may say something first (RFC 4253 4.2), in lines of text.
  std::size_t lines = 0;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos && ++lines < 32; at = text.find('\n', at + 1)) {
    const Match later = recognise_at(text.substr(at + 1));
    if (later == Match::kYes) return later;
  }
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\r' && c != '\n' && c != '\t') return Match::kNo;
  return lines < 32 && text.size() < 2048 ? Match::kNeedMore : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<SshParser>(); }

record::Schema* const kSchemas[] = {&Ssh::schema};

}  // namespace

const Definition kDefinition = {
    .name = "ssh", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::ssh
