#include "protocol/rfb/rfb.h"

#include <memory>
#include <string>

namespace whodunit::protocol::rfb {
namespace {

constexpr std::uint16_t kPorts[] = {5900, 5901, 5902};

enum class Phase : std::uint8_t { kVersion, kSecurity, kChallenge, kResult, kInit, kDone };

std::string_view method_name(std::uint8_t type) {
  switch (type) {
    case 0:
      return "Invalid";
    case 1:
      return "None";
    case 2:
      return "VNC";
    case 16:
      return "Tight";
    case 17:
      return "Ultra";
    case 18:
      return "TLS";
    case 19:
      return "VeNCrypt";
    case 20:
      return "GTK-VNC SASL";
    case 21:
      return "MD5 hash authentication";
    case 22:
      return "Colin Dean xvp";
    case 30:
      return "Apple Remote Desktop";
    default:
      return "unknown";
  }
}

struct Facts {
  base::Time ts;
  record::Place place;
  std::string client, server, desktop;
  Opt<std::uint8_t> method;
  Opt<bool> success, shared;
  Opt<std::uint64_t> width, height;
};

class RfbParser final : public FramedParser {
 public:
  RfbParser() : FramedParser(4096) {}

  void closed(Context& context, End) override {
    if (!facts_) return;
    const Facts& f = *facts_;
    Rfb row;
    row.head = context.head(f.ts, f.place);
    if (!f.client.empty()) {
      row.client_major_version = std::string_view(f.client).substr(0, 3);
      row.client_minor_version = std::string_view(f.client).substr(4, 3);
    }
    if (!f.server.empty()) {
      row.server_major_version = std::string_view(f.server).substr(0, 3);
      row.server_minor_version = std::string_view(f.server).substr(4, 3);
    }
    if (f.method) row.authentication_method = method_name(*f.method);
    row.auth = f.success;
    row.share_flag = f.shared;
    if (!f.desktop.empty()) row.desktop_name = f.desktop;
    row.width = f.width;
    row.height = f.height;
    context.emit(row);
    facts_.reset();
  }

 protected:
  // Which message comes next depends on what both sides said so far.
  std::size_t frame(Direction direction, Bytes so_far) override {
    if (so_far.empty()) return kMore;
    const bool server = direction == Direction::kResponder;
    switch (phase_[connection::index(direction)]) {
      case Phase::kVersion:
        return 12;
      case Phase::kSecurity:
        if (!server) return 1;
        if (old_) return 4;
        return so_far[0] == 0 ? kBad : 1u + so_far[0];  // 7.1.2; 0 types: a reason follows, and the end
      case Phase::kChallenge:
        if (!apple_) return 16;
        // A generator of two bytes, the length of a prime, the prime and the server's key; then the client's key and
        // the credentials, enciphered, of 128 bytes.
        if (!server) return 128u + key_length_;
        return so_far.size() < 4 ? kMore : 4u + 2u * base::load_be16(so_far.data() + 2);
      case Phase::kResult:
        return 4;
      case Phase::kInit:
        if (!server) return 1;
        if (so_far.size() < 24) return kMore;
        return 24u + std::min<std::size_t>(base::load_be32(so_far.data() + 20), 1u << 20);
      case Phase::kDone:
        return so_far.size();
    }
    return kBad;
  }

  void message(Context& context, Direction direction, Bytes message, bool) override {
    const bool server = direction == Direction::kResponder;
    Phase& mine = phase_[connection::index(direction)];
    Phase& theirs = phase_[1 - connection::index(direction)];
    if (mine == Phase::kDone) return;
    if (!facts_) {
      facts_ = std::make_unique<Facts>();
      facts_->ts = context.now();
    }
    Facts& f = *facts_;
    record::extend(f.place, context.place());
    switch (mine) {
      case Phase::kVersion: {  // 7.1.1: RFB 003.008\n
        const std::string_view text = base::as_text(message);
        if (text.substr(0, 4) != "RFB " || text[7] != '.') {
          context.failed = true;
          return;
        }
        (server ? f.server : f.client) = text.substr(4, 7);
        if (!server) f.ts = context.now();  // the session begins where both have spoken, as in Zeek
        if (!server) old_ = text.substr(4, 7) <= "003.005";
        mine = server ? Phase::kSecurity : old_ ? Phase::kInit : Phase::kSecurity;
        if (!f.server.empty() && !f.client.empty()) context.recognised = true;
        break;
      }
      case Phase::kSecurity:
        if (server && old_) {
          choose(static_cast<std::uint8_t>(base::load_be32(message.data())), mine, theirs);
        } else if (server) {
          mine = Phase::kChallenge;  // what is chosen decides
        } else {
          choose(message[0], theirs, mine);
        }
        break;
      case Phase::kChallenge:
        if (server && apple_ && message.size() >= 4) key_length_ = base::load_be16(message.data() + 2);
        mine = server ? Phase::kResult : Phase::kInit;
        break;
      case Phase::kResult:
        f.success = base::load_be32(message.data()) == 0;
        mine = *f.success ? Phase::kInit : Phase::kDone;
        break;
      case Phase::kInit:
        if (!server) {
          f.shared = message[0] != 0;
        } else if (message.size() >= 24) {
          f.width = base::load_be16(message.data());
          f.height = base::load_be16(message.data() + 2);
          f.desktop = base::as_text(base::slice(message, 24, 256));
        }
        mine = Phase::kDone;
        break;
      case Phase::kDone:
        break;
    }
  }
  void lost(Context&, Direction direction, std::uint64_t) override {
    phase_[connection::index(direction)] = Phase::kDone;
  }

 private:
  void choose(std::uint8_t method, Phase& server, Phase& client) {
    facts_->method = method;
    apple_ = method == 30;
    if (method == 2 || apple_) {  // 7.2.2: 16 bytes either way; Apple's is no part of RFC 6143
      server = client = Phase::kChallenge;
    } else if (method == 1) {
      // 7.1.3: a result comes from version 3.8 on.
      server = facts_->client >= "003.008" ? Phase::kResult : Phase::kInit;
      client = Phase::kInit;
    } else {
      server = client = Phase::kDone;
    }
  }

  std::unique_ptr<Facts> facts_;
  Phase phase_[2] = {Phase::kVersion, Phase::kVersion};
  std::uint16_t key_length_ = 0;
  bool old_ = false, apple_ = false;
};

// "RFB ddd.ddd\n".
Match recognise(Bytes data, Direction, bool) {
  const std::string_view text = base::as_text(data);
  constexpr std::string_view kPattern = "RFB ddd.ddd\n";
  for (std::size_t i = 0; i < kPattern.size() && i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kPattern[i] == 'd' ? !digit : text[i] != kPattern[i]) return Match::kNo;
  }
  return text.size() < kPattern.size() ? Match::kNeedMore : Match::kYes;
}

std::unique_ptr<Parser> make() { return std::make_unique<RfbParser>(); }

record::Schema* const kSchemas[] = {&Rfb::schema};

}  // namespace

const Definition kDefinition = {
    .name = "rfb", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::rfb
