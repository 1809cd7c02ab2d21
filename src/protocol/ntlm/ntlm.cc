#include "protocol/ntlm/ntlm.h"

#include "protocol/utf16.h"

namespace whodunit::protocol::ntlm {
namespace {

using base::Cursor;

constexpr std::string_view kSignature{"NTLMSSP\0", 8};
constexpr std::uint32_t kUnicode = 1;            // [MS-NLMP] 2.2.2.5, A
constexpr std::uint32_t kHasVersion = 1u << 25;  // T
constexpr std::size_t kMaxText = 1024;           // bytes of a name

record::Schema* const kSchemas[] = {&Ntlm::schema};

// 2.2.1: a length, its maximum, and an offset from the message's beginning.
Bytes field(Bytes message, std::size_t at) {
  Cursor c(message);
  c.seek(at);
  const std::size_t length = c.le16();
  c.skip(2);
  const std::size_t offset = c.le32();
  if (c.failed()) return {};
  return base::slice(message, offset, std::min(length, kMaxText));
}

std::string text(Bytes data, bool unicode) { return unicode ? utf16le_text(data) : std::string(base::as_text(data)); }

// 2.2.2.10.
std::string version(Bytes message, std::size_t at, std::uint32_t flags) {
  if ((flags & kHasVersion) == 0) return {};
  Cursor c(message);
  c.seek(at);
  const unsigned major = c.u8(), minor = c.u8(), build = c.le16();
  if (c.failed() || (major == 0 && build == 0)) return {};
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(build);
}

}  // namespace

const Definition kDefinition = {.name = "ntlm", .schemas = kSchemas};

struct Session::Facts {
  base::Time ts;
  record::Place place;
  std::string username, hostname, domainname;
  std::string server_nb, server_dns, server_tree, server_domain;
  std::string client_version, server_version;
  std::string_view status, carrier;
  Opt<bool> success;
  Opt<std::uint64_t> response_version;
  bool written = false;
};

Session::Session() = default;
Session::~Session() = default;

bool Session::token(Context& context, Bytes token, std::string_view carrier) {
  if (token.size() < 12 || base::as_text(token.subspan(0, 8)) != kSignature) return false;
  const std::uint32_t type = base::load_le32(token.data() + 8);
  if (type < 1 || type > 3) return false;
  // A new negotiation, or one that begins again after a refusal, is another login.
  if (facts_ && type == 1 && (!facts_->username.empty() || facts_->written)) {
    finish(context);
    facts_.reset();
  }
  if (!facts_) {
    facts_ = std::make_unique<Facts>();
    facts_->ts = context.now();
    facts_->place = context.place();
    facts_->carrier = carrier;
  }
  Facts& f = *facts_;
  record::extend(f.place, context.place());
  Cursor c(token);
  if (type == 1) {  // 2.2.1.1
    c.seek(12);
    f.client_version = version(token, 32, c.le32());
  } else if (type == 2) {  // 2.2.1.2
    c.seek(20);
    const std::uint32_t flags = c.le32();
    f.server_version = version(token, 48, flags);
    Cursor pairs(field(token, 40));
    for (int i = 0; i < 32 && pairs.left() >= 4; ++i) {
      const std::uint16_t id = pairs.le16();
      const Bytes value = pairs.bytes(pairs.le16());
      if (pairs.failed() || id == 0) break;
      switch (id) {
        case 1:
          f.server_nb = utf16le_text(value);
          break;
        case 2:
          f.server_domain = utf16le_text(value);
          break;
        case 3:
          f.server_dns = utf16le_text(value);
          break;
        case 5:
          f.server_tree = utf16le_text(value);
          break;
        default:
          break;
      }
    }
  } else {  // 2.2.1.3
    c.seek(60);
    const std::uint32_t flags = c.le32();
    const bool unicode = (flags & kUnicode) != 0 || c.failed();
    f.domainname = text(field(token, 28), unicode);
    f.username = text(field(token, 36), unicode);
    f.hostname = text(field(token, 44), unicode);
    const std::size_t response = base::load_le16(token.size() >= 22 ? token.data() + 20 : token.data());
    if (token.size() >= 22) f.response_version = response > 24 ? 2 : 1;
    if (f.client_version.empty()) f.client_version = version(token, 64, flags);
  }
  return true;
}

void Session::result(Context& context, bool success) {
  if (!facts_ || facts_->written) return;
  facts_->success = success;
  record::extend(facts_->place, context.place());
  write(context);
}

void Session::status(Context& context, std::string_view status) {
  if (!facts_ || facts_->written || facts_->username.empty()) return;
  facts_->status = status;
  record::extend(facts_->place, context.place());
}

void Session::finish(Context& context) {
  if (facts_ && !facts_->written) write(context);
}

void Session::write(Context& context) {
  Facts& f = *facts_;
  f.written = true;
  const auto set = [](Text& out, const std::string& in) {
    if (!in.empty()) out = in;
  };
  Ntlm row;
  row.head = context.head(f.ts, f.place);
  set(row.username, f.username);
  set(row.hostname, f.hostname);
  set(row.domainname, f.domainname);
  set(row.server_nb_computer_name, f.server_nb);
  set(row.server_dns_computer_name, f.server_dns);
  set(row.server_tree_name, f.server_tree);
  set(row.server_nb_domain_name, f.server_domain);
  set(row.client_version, f.client_version);
  set(row.server_version, f.server_version);
  row.success = f.success;
  if (!f.status.empty()) row.status = f.status;
  row.response_version = f.response_version;
  row.carrier = f.carrier;
  context.emit(row);
}

}  // namespace whodunit::protocol::ntlm
