// SMB 2 and 3 ([MS-SMB2] 2.2).
#include "protocol/smb/session.h"
#include "protocol/utf16.h"

namespace whodunit::protocol::smb {
namespace {

enum Command : std::uint16_t {
  kNegotiate = 0,
  kSessionSetup = 1,
  kTreeConnect = 3,
  kTreeDisconnect = 4,
  kCreate = 5,
  kClose = 6,
  kRead = 8,
  kWrite = 9,
  kIoctl = 11,
  kSetInfo = 17
};
constexpr std::size_t kHeader = 64;
constexpr std::uint32_t kPipeTransceive = 0x0011c017;  // FSCTL_PIPE_TRANSCEIVE
constexpr std::uint32_t kPendingStatus = 0x00000103;
constexpr std::uint32_t kBufferOverflow = 0x80000005;  // of a pipe: more follows

std::uint16_t u16(Bytes b, std::size_t at) { return at + 2 <= b.size() ? base::load_le16(b.data() + at) : 0; }
std::uint32_t u32(Bytes b, std::size_t at) { return at + 4 <= b.size() ? base::load_le32(b.data() + at) : 0; }
std::uint64_t u64(Bytes b, std::size_t at) { return at + 8 <= b.size() ? base::load_le64(b.data() + at) : 0; }

// 2.2.14.1: two halves; together they name an open file on a connection.
std::uint64_t file_id(Bytes body, std::size_t at) { return u64(body, at) + u64(body, at + 8); }
constexpr std::uint64_t kRelated = UINT64_MAX + UINT64_MAX;  // both halves all ones: the last one of the compound

struct Head {
  std::uint32_t status = 0, flags = 0, tree = 0;
  std::uint16_t command = 0;
  std::uint64_t message = 0;
};

class Reader {
 public:
  Reader(Context& context, Session& session) : context_(context), session_(session) {}

  // One part of a compound.
  void run(const Head& h, Bytes packet) {
    packet_ = packet;
    const Bytes body = base::slice(packet, kHeader);
    if (h.flags & 1)
      response(h, body);
    else
      request(h, body);
  }

 private:
  // Offsets are from the header's beginning (2.2.13 and others).
  Bytes buffer(std::size_t offset, std::size_t size) const { return base::slice(packet_, offset, size); }
  std::string text(std::size_t offset, std::size_t size) const {
    return utf16le_text(buffer(offset, std::min<std::size_t>(size, 2048)));
  }
  std::uint64_t resolve(std::uint64_t id) const { return id == kRelated ? last_file_ : id; }
  std::uint64_t id_of(Bytes body, std::size_t at) const { return resolve(file_id(body, at)); }

  void request(const Head& h, Bytes body) {
    Pending p;
    p.message = h.message;
    p.tree = h.tree;
    p.command = h.command;
    switch (h.command) {
      case kSessionSetup:
        session_.authentication.token(context_, buffer(u16(body, 12), u16(body, 14)), "smb");
        break;
      case kTreeConnect:
        p.text = text(u16(body, 4), u16(body, 6));
        session_.pend(context_, std::move(p));
        break;
      case kTreeDisconnect:
        session_.drop_tree(h.tree);
        break;
      case kCreate:
        p.access = u32(body, 24);
        p.disposition = u32(body, 36);
        p.options = u32(body, 40);
        p.text = text(u16(body, 44), u16(body, 46));
        if (p.text.empty()) p.text = "<share_root>";
        session_.pend(context_, std::move(p));
        break;
      case kClose:
        if (file_id(body, 8) != kRelated) {
          session_.closed(context_, file_id(body, 8));
        } else {  // of a file whose id is told by the response to this compound
          p.file = kRelated;
          session_.pend(context_, std::move(p));
        }
        break;
      case kRead:
        p.offset = u64(body, 8);
        p.file = file_id(body, 16);
        session_.pend(context_, std::move(p));
        break;
      case kWrite:
        session_.content(context_, id_of(body, 16), Direction::kOriginator, u64(body, 8),
                         buffer(u16(body, 2), u32(body, 4)));
        break;
      case kIoctl:
        if (u32(body, 4) != kPipeTransceive) break;
        p.file = file_id(body, 8);
        session_.pipe(context_, resolve(p.file), Direction::kOriginator, buffer(u32(body, 24), u32(body, 28)));
        session_.pend(context_, std::move(p));
        break;
      case kSetInfo: {
        const Bytes info = buffer(u16(body, 8), u32(body, 4));
        const std::uint64_t id = id_of(body, 16);
        if (body.size() < 4 || body[2] != 1) break;  // SMB2_0_INFO_FILE
        if (body[3] == 10)                           // FileRenameInformation ([MS-FSCC] 2.4.37)
          session_.renamed(context_, id,
                           utf16le_text(base::slice(info, 20, std::min<std::uint32_t>(u32(info, 16), 2048))));
        if ((body[3] == 13 || body[3] == 64) && !info.empty() && (info[0] & 1) != 0)  // FileDispositionInformation, …Ex
          session_.deleted(context_, id);
        break;
      }
      default:
        break;
    }
  }

  void response(const Head& h, Bytes body) {
    if (h.status == kPendingStatus) return;  // 2.2.1.1: the real one follows
    if (h.command == kSessionSetup && h.status != 0xc0000016)
      session_.authentication.status(context_, status_name(h.status));
    Pending p;
    const bool asked = session_.take(h.message, p) && p.command == h.command;
    if (h.status != 0 && h.status != kBufferOverflow && h.command != kSessionSetup) return;
    switch (h.command) {
      case kNegotiate:
        session_.authentication.token(context_, buffer(u16(body, 56), u16(body, 58)), "smb");
        break;
      case kSessionSetup:
        if (u16(body, 0) == 9 && (h.status == 0 || h.status == 0xc0000016))
          session_.authentication.token(context_, buffer(u16(body, 4), u16(body, 6)), "smb");
        break;
      case kTreeConnect: {
        if (body.size() < 16) break;
        Tree& tree = session_.tree(h.tree);
        tree = {};
        tree.known = true;
        if (asked) tree.path = p.text;
        tree.share_type = body[2] == 2 ? "PIPE" : body[2] == 3 ? "PRINT" : "DISK";
        session_.mapped(context_, tree, asked ? &p : nullptr);
        break;
      }
      case kCreate: {
        if (body.size() < 80 || !asked) break;
        Times times;
        times.created = file_time(u64(body, 8));
        times.accessed = file_time(u64(body, 16));
        times.modified = file_time(u64(body, 24));
        times.changed = file_time(u64(body, 32));
        last_file_ = file_id(body, 64);
        session_.opened(context_, last_file_, p, session_.find_tree(p.tree), u64(body, 48), times, false);
        break;
      }
      case kRead:
        if (asked && body.size() >= 16)
          session_.content(context_, resolve(p.file), Direction::kResponder, p.offset, buffer(body[2], u32(body, 4)));
        break;
      case kIoctl:
        // Some servers give only half of the file's id back; the request had it whole.
        if (asked)
          session_.pipe(context_, resolve(p.file), Direction::kResponder, buffer(u32(body, 32), u32(body, 36)));
        break;
      case kClose:
        if (asked) session_.closed(context_, resolve(p.file));
        break;
      default:
        break;
    }
  }

  Context& context_;
  Session& session_;
  Bytes packet_;
  std::uint64_t last_file_ = 0;
};

}  // namespace

bool message2(Context& context, Session& session, Direction, Bytes message) {
  // 2.2.1: one header, or several whose NextCommand leads from one to the next (3.2.4.1.4).
  Reader reader(context, session);
  for (int i = 0; i < 64 && !message.empty(); ++i) {
    if (message.size() < kHeader || base::load_be32(message.data()) != 0xfe534d42u || u16(message, 4) != kHeader)
      return false;
    Head h;
    h.status = u32(message, 8);
    h.command = u16(message, 12);
    h.flags = u32(message, 16);
    h.message = u64(message, 24);
    h.tree = (h.flags & 2) != 0 ? 0 : u32(message, 36);
    const std::uint32_t next = u32(message, 20);
    const Bytes packet = next >= kHeader ? base::slice(message, 0, next) : message;
    reader.run(h, packet);
    if (next < kHeader || next >= message.size()) break;
    message = message.subspan(next);
  }
  return true;
}

}  // namespace whodunit::protocol::smb
