#include "protocol/smb/smb.h"

#include <algorithm>

#include "protocol/smb/session.h"

namespace whodunit::protocol::smb {
namespace {

constexpr std::uint16_t kPorts[] = {139, 445};
// The largest transfers in use are 8 MiB; of longer messages than this the rest is not looked at.
constexpr std::size_t kMaxMessage = (1 << 20) + 4096;

enum SessionType : std::uint8_t {
  kMessage = 0,
  kRequest = 0x81,
  kPositive = 0x82,
  kNegative = 0x83,
  kRetarget = 0x84,
  kKeepAlive = 0x85
};

constexpr std::uint32_t kSmb1 = 0xff534d42, kSmb2 = 0xfe534d42, kEncrypted = 0xfd534d42, kCompressed = 0xfc534d42;

bool known_magic(std::uint32_t magic) {
  return magic == kSmb1 || magic == kSmb2 || magic == kEncrypted || magic == kCompressed;
}

// RFC 1002 4.3.1; over port 445 the length has 24 bits ([MS-SMB2] 2.1).
bool begins_message(Bytes data) {
  if (data.size() < 4) return false;
  if (data[0] >= kRequest && data[0] <= kKeepAlive) return (data[1] & 0xfe) == 0;
  // A message too short for a magic number has none, whatever comes behind it.
  return data[0] == kMessage && (data.size() < 8 || (base::load_be32(data.data()) & 0xffffff) < 4 ||
                                 known_magic(base::load_be32(data.data() + 4)));
}

class SmbParser final : public FramedParser {
 public:
  SmbParser() : FramedParser(kMaxMessage) {}
  void closed(Context& context, End) override {
    if (!session_) return;
    session_->finish(context);
    session_.reset();
  }

 protected:
  std::size_t frame(Direction direction, Bytes so_far) override {
    if (so_far.size() < 4) return kMore;
    if (so_far[0] == kMessage && so_far.size() < 8 && base::load_be32(so_far.data()) >= 4) return kMore;
    if (begins_message(so_far)) return 4u + (base::load_be32(so_far.data()) & 0xffffff);
    if (!searching_[connection::index(direction)]) return kBad;
    // After a hole: up to where a message seems to begin.
    for (std::size_t at = 1; at + 8 <= so_far.size(); ++at)
      if (so_far[at] == kMessage && known_magic(base::load_be32(so_far.data() + at + 4))) return at;
    return so_far.size() > 7 ? so_far.size() - 7 : kMore;
  }

  void message(Context& context, Direction direction, Bytes message, bool) override {
    if (message.size() < 8 || message[0] != kMessage) return;
    const std::uint32_t magic = base::load_be32(message.data() + 4);
    if (!known_magic(magic)) return;
    searching_[connection::index(direction)] = false;
    if (!session_) session_ = std::make_unique<Session>();
    const Bytes body = message.subspan(4);
    bool good = true;
    if (magic == kSmb1)
      good = message1(context, *session_, direction, body);
    else if (magic == kSmb2)
      good = message2(context, *session_, direction, body);
    if (good)
      context.recognised = true;
    else
      context.weird("smb_malformed");
  }

  void lost(Context&, Direction direction, std::uint64_t) override {
    searching_[connection::index(direction)] = true;
    if (session_ && session_->order1) session_->order1->missed();
  }

 private:
  std::unique_ptr<Session> session_;
  bool searching_[2] = {false, false};
};
static_assert(sizeof(SmbParser) <= 96);

Match recognise(Bytes data, Direction direction, bool port_hint) {
  if (data.empty()) return Match::kNeedMore;
  if (data[0] != kMessage) {
    // A session request comes before the first message on port 139 (RFC 1002 4.3.2): two names of 34 bytes.
    if (!port_hint || data[0] < kRequest || data[0] > kRetarget) return Match::kNo;
    if (data.size() < 4) return Match::kNeedMore;
    if (direction == Direction::kOriginator)
      return data[0] == kRequest && base::load_be16(data.data() + 2) == 68 ? Match::kYes : Match::kNo;
    return data[0] != kRequest && base::load_be16(data.data() + 2) <= 6 ? Match::kMaybe : Match::kNo;
  }
  if (data.size() < 8) return Match::kNeedMore;
  return known_magic(base::load_be32(data.data() + 4)) ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<SmbParser>(); }

record::Schema* const kSchemas[] = {&SmbFiles::schema, &SmbMapping::schema};

}  // namespace

const Definition kDefinition = {
    .name = "smb", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::smb
