// SMB 1 ([MS-CIFS] 2.2.3, [MS-SMB] 2.2.4).
#include "protocol/smb/session.h"
#include "protocol/utf16.h"

namespace whodunit::protocol::smb {
namespace {

enum Command : std::uint8_t {
  kClose = 0x04,
  kTransaction = 0x25,
  kTransactionSecondary = 0x26,
  kReadAndx = 0x2e,
  kWriteAndx = 0x2f,
  kTransaction2 = 0x32,
  kTransaction2Secondary = 0x33,
  kNegotiate = 0x72,
  kSessionSetup = 0x73,
  kTreeConnect = 0x75,
  kNtTransact = 0xa0,
  kNtTransactSecondary = 0xa1,
  kNtCreate = 0xa2,
  kNoMore = 0xff
};
constexpr std::size_t kHeader = 32;

std::uint16_t u16(Bytes b, std::size_t at) { return at + 2 <= b.size() ? base::load_le16(b.data() + at) : 0; }
std::uint32_t u32(Bytes b, std::size_t at) { return at + 4 <= b.size() ? base::load_le32(b.data() + at) : 0; }
std::uint64_t u64(Bytes b, std::size_t at) { return at + 8 <= b.size() ? base::load_le64(b.data() + at) : 0; }

/// One command of a message: its words, and its bytes with their offset from the message's beginning.
struct Block {
  Bytes message, words, bytes;
  std::size_t bytes_at = 0;
  bool unicode = false;

  // A text at `at` of the bytes, up to its NUL; `at` moves behind it. UTF-16 begins at an even offset of the message.
  std::string text(std::size_t& at, bool in_unicode) const {
    if (!in_unicode) {
      const Bytes rest = base::slice(bytes, at);
      const std::string_view all = base::as_text(rest);
      const std::size_t end = all.find('\0');
      const std::string_view found = all.substr(0, end);
      at += found.size() + 1;
      return std::string(found.substr(0, 1024));
    }
    if ((bytes_at + at) % 2 != 0) ++at;
    const Bytes rest = base::slice(bytes, at);
    std::size_t size = 0;
    while (size + 1 < rest.size() && (rest[size] != 0 || rest[size + 1] != 0)) size += 2;
    at += size + 2;
    return utf16le_text(base::slice(rest, 0, std::min<std::size_t>(size, 2048)));
  }
  Bytes data(std::size_t offset, std::size_t count) const { return base::slice(message, offset, count); }
};

struct Head {
  std::uint8_t command = 0;
  std::uint32_t status = 0;
  bool reply = false;
  std::uint16_t flags2 = 0, tree = 0, process = 0, user = 0, multiplex = 0;
};

std::uint64_t key_of(const Head& h, std::uint8_t command) {
  return std::uint64_t{h.process} << 32 | std::uint64_t{h.multiplex} << 16 | command;
}

void request(Context& context, Session& session, const Head& h, std::uint8_t command, const Block& b) {
  Pending p;
  p.message = key_of(h, command);
  p.tree = h.tree;
  p.command = command;
  std::size_t at = 0;
  switch (command) {
    case kSessionSetup:
      if (b.words.size() == 24) session.authentication.token(context, base::slice(b.bytes, 0, u16(b.words, 14)), "smb");
      break;
    case kTreeConnect: {
      at = u16(b.words, 6);
      p.text = b.text(at, b.unicode);
      p.text2 = b.text(at, false);
      session.pend(context, std::move(p));
      break;
    }
    case kNtCreate:
      p.text = b.text(at, b.unicode);
      p.access = u32(b.words, 15);
      p.disposition = u32(b.words, 35);
      p.options = u32(b.words, 39);
      session.pend(context, std::move(p));
      break;
    case kReadAndx:
      p.file = u16(b.words, 4);
      p.offset = u32(b.words, 6) | std::uint64_t{b.words.size() >= 24 ? u32(b.words, 20) : 0} << 32;
      session.pend(context, std::move(p));
      break;
    case kWriteAndx: {
      const std::uint64_t offset = u32(b.words, 6) | std::uint64_t{b.words.size() >= 28 ? u32(b.words, 24) : 0} << 32;
      const std::size_t count = u16(b.words, 20) | std::size_t{u16(b.words, 18)} << 16;
      session.content(context, u16(b.words, 4), Direction::kOriginator, offset, b.data(u16(b.words, 22), count));
      break;
    }
    case kClose:
      session.closed(context, u16(b.words, 0));
      break;
    case kTransaction:
      if (b.words.size() >= 32 && b.words[26] >= 2 && u16(b.words, 28) == 0x26) {  // TRANS_TRANSACT_NMPIPE
        p.file = u16(b.words, 30);
        session.pipe(context, p.file, Direction::kOriginator, b.data(u16(b.words, 24), u16(b.words, 22)));
        session.pend(context, std::move(p));
      }
      break;
    default:
      break;
  }
}

void response(Context& context, Session& session, const Head& h, std::uint8_t command, const Block& b) {
  Pending p;
  const bool asked = session.take(key_of(h, command), p);
  std::size_t at = 0;
  switch (command) {
    case kNegotiate:
      if (b.words.size() == 34 && b.bytes.size() > 16 && (u32(b.words, 19) & 0x80000000u) != 0)
        session.authentication.token(context, base::slice(b.bytes, 16), "smb");
      break;
    case kSessionSetup:
      if (h.status != 0xc0000016) session.authentication.status(context, status_name(h.status));
      if (b.words.size() == 8) session.authentication.token(context, base::slice(b.bytes, 0, u16(b.words, 6)), "smb");
      break;
    case kTreeConnect: {
      if (h.status != 0 || b.words.empty()) break;
      Tree& tree = session.tree(h.tree);
      tree = {};
      tree.known = true;
      if (asked) tree.path = p.text;
      tree.service = b.text(at, false);
      if (at < b.bytes.size()) tree.file_system = b.text(at, b.unicode);
      if (tree.service == "IPC") tree.share_type = "PIPE";
      session.mapped(context, tree, asked ? &p : nullptr);
      break;
    }
    case kNtCreate: {
      if (h.status != 0 || b.words.size() < 68 || !asked) break;
      Times times;
      times.created = file_time(u64(b.words, 11));
      times.accessed = file_time(u64(b.words, 19));
      times.modified = file_time(u64(b.words, 27));
      times.changed = file_time(u64(b.words, 35));
      session.opened(context, u16(b.words, 5), p, session.find_tree(h.tree), u64(b.words, 55), times, true);
      break;
    }
    case kReadAndx:
      if (!asked || b.words.size() < 24) break;
      session.content(context, p.file, Direction::kResponder, p.offset,
                      b.data(u16(b.words, 12), u16(b.words, 10) | std::size_t{u32(b.words, 14)} << 16));
      break;
    case kTransaction:
      if (asked && b.words.size() >= 20)
        session.pipe(context, p.file, Direction::kResponder, b.data(u16(b.words, 14), u16(b.words, 12)));
      break;
    default:
      break;
  }
}

std::uint32_t exchange_of(const Order1::Ids& ids) { return std::uint32_t{ids.process} << 16 | ids.multiplex; }

/// The command that a transaction's further parts belong to; 0 where this is none.
std::uint8_t first_of(std::uint8_t secondary) {
  return secondary == kTransactionSecondary    ? kTransaction
         : secondary == kTransaction2Secondary ? kTransaction2
         : secondary == kNtTransactSecondary   ? kNtTransact
                                               : 0;
}

std::string_view transaction_name(std::uint8_t command) {
  return command == kTransaction ? "TRANSACTION" : command == kTransaction2 ? "TRANSACTION2" : "NT_TRANSACT";
}

}  // namespace

void Order1::request(Context& context, std::uint8_t command, const Ids& ids, Bytes words) {
  if (asked_.size() < kMaxAsked)
    asked_.insert(exchange_of(ids));
  else if (asked_.count(exchange_of(ids)) == 0)
    all_asked_ = false;
  const auto open = open_.find(ids);
  if (const std::uint8_t first = first_of(command); first != 0) {
    if (open != open_.end() && open->second != first)
      context.weird("smb1_transactions_mixed", std::string(transaction_name(open->second)) + " continued as " +
                                                   std::string(transaction_name(first)));
    return;
  }
  if (command == kWriteAndx && open != open_.end())
    context.weird("smb1_write_in_transaction", std::string(transaction_name(open->second)));
  if (command != kTransaction && command != kTransaction2 && command != kNtTransact) return;
  // 2.2.6 and 2.2.7.5: subcommands that clients should not send, since no server has them.
  if (command == kTransaction2 && words.size() >= 30 && u16(words, 28) == 0x0e)
    context.weird("smb1_reserved_subcommand", "TRANS2_SESSION_SETUP");
  if (command == kNtTransact && words.size() >= 38 && u16(words, 36) == 0x05)
    context.weird("smb1_reserved_subcommand", "NT_TRANSACT_RENAME");
  // 2.2.5.5: TRANS_PEEK_NMPIPE of a pipe that was never opened; 0 is nobody's number.
  if (command == kTransaction && words.size() >= 32 && u16(words, 28) == 0x23 && u16(words, 30) == 0 &&
      peeks_.size() < kMaxOpen)
    peeks_.insert(exchange_of(ids));
  if (open_.size() < kMaxOpen || open != open_.end()) open_[ids] = command;
}

void Order1::response(Context& context, std::uint8_t command, const Ids& ids, std::uint32_t status, Bytes words) {
  // 0xffff: what the server says of itself, the breaking of an opportunistic lock (2.2.4.32).
  const bool own = command == 0x24 && ids.multiplex == 0xffff;
  if (!own && all_asked_ && !asked_.empty() && asked_.count(exchange_of(ids)) == 0)
    context.weird("smb1_response_to_no_request",
                  "command " + std::to_string(command) + ", multiplex id " + std::to_string(ids.multiplex));
  if (command == kTransaction && peeks_.erase(exchange_of(ids)) != 0)
    context.weird("smb1_peek_of_no_pipe", status == 0xc0000205   ? "STATUS_INSUFF_SERVER_RESOURCES"
                                          : status == 0xc0000008 ? "STATUS_INVALID_HANDLE"
                                          : status == 0xc0000022 ? "STATUS_ACCESS_DENIED"
                                                                 : "other status");
  // An interim response has no words and asks for the rest (2.2.4.33.2): the transaction stays open.
  if (status == 0 && words.empty()) return;
  for (auto at = open_.begin(); at != open_.end();)
    at = at->first.process == ids.process && at->first.multiplex == ids.multiplex && at->second == command
             ? open_.erase(at)
             : std::next(at);
}

bool message1(Context& context, Session& session, Direction direction, Bytes message) {
  if (message.size() < kHeader + 3) return false;
  Head h;
  h.command = message[4];
  h.status = base::load_le32(message.data() + 5);
  h.reply = (message[9] & 0x80) != 0;
  h.flags2 = base::load_le16(message.data() + 10);
  h.tree = base::load_le16(message.data() + 24);
  h.process = base::load_le16(message.data() + 26);
  h.user = base::load_le16(message.data() + 28);
  h.multiplex = base::load_le16(message.data() + 30);
  (void)direction;
  std::uint8_t command = h.command;
  std::size_t at = kHeader;
  // [MS-CIFS] 2.2.3.4: some commands lead on to another one in the same message, always further on.
  for (int i = 0; i < 8 && command != kNoMore; ++i) {
    if (at >= message.size()) return false;
    const std::size_t words = std::size_t{message[at]} * 2;
    Block b;
    b.message = message;
    b.unicode = (h.flags2 & 0x8000) != 0;
    b.words = base::slice(message, at + 1, words);
    if (b.words.size() != words) return false;
    const std::size_t count_at = at + 1 + words;
    if (count_at + 2 > message.size()) return false;
    b.bytes_at = count_at + 2;
    b.bytes = base::slice(message, b.bytes_at, base::load_le16(message.data() + count_at));
    if (!session.order1) session.order1 = std::make_unique<Order1>();
    const Order1::Ids ids{h.process, h.multiplex, h.tree, h.user};
    if (h.reply) {
      session.order1->response(context, command, ids, h.status, b.words);
      response(context, session, h, command, b);
    } else {
      session.order1->request(context, command, ids, b.words);
      request(context, session, h, command, b);
    }
    const bool andx = command == kReadAndx || command == kWriteAndx || command == kSessionSetup ||
                      command == kTreeConnect || command == kNtCreate || command == 0x2d || command == 0x74 ||
                      command == 0x24;
    if (!andx || words < 4) break;
    command = b.words[0];
    const std::size_t next = base::load_le16(b.words.data() + 2);
    if (next <= at) break;
    at = next;
  }
  return true;
}

}  // namespace whodunit::protocol::smb
