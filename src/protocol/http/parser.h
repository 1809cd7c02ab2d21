// The HTTP/1 parser of one connection.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/files/files.h"
#include "protocol/http/line.h"
#include "protocol/http/transaction.h"
#include "protocol/parser.h"

namespace whodunit::protocol::gssapi {
class Session;
}

namespace whodunit::protocol::http {

enum class Role : std::uint8_t { kRequest = 0, kReply = 1 };

class HttpParser final : public Parser {
 public:
  /// `shadow`: of a connection that is said to be another's (Definition::make_shadow).
  explicit HttpParser(bool shadow = false);
  ~HttpParser() override;
  void stream(Context& context, Direction direction, Bytes data) override;
  void gap(Context& context, Direction direction, std::uint64_t bytes) override;
  void end(Context& context, Direction direction, End why) override;
  void closed(Context& context, End why) override;

  // HTTP/2 (RFC 9113 8) has the same messages, taken apart already: a parser for each of its streams.
  struct Field {
    std::string_view name, value;
  };
  /// The stream is the connection's `ordinal`-th, from 1; `client` sends its requests.
  void begin_stream(std::uint32_t ordinal, Direction client);
  /// `ends`: no body follows.
  void stream_request(Context& context, std::string_view method, std::string_view authority, std::string_view path,
                      std::span<const Field> fields, bool ends);
  void stream_reply(Context& context, std::uint16_t code, std::span<const Field> fields, bool ends);
  void stream_body(Context& context, Direction direction, Bytes data);
  void stream_gap(Context& context, Direction direction, std::uint64_t bytes);
  void stream_ends(Context& context, Direction direction);

 private:
  struct Message;  // a request or a reply that is under way
  struct Body;     // takes a message's decoded bytes
  struct RangeFile {
    std::uint64_t key = 0;
    FileHandle file;
    bool type_noted = false;
  };
  // How far a login by NTLM or Negotiate is: nowhere, challenged by the server, answered by the client.
  enum class Login : std::uint8_t { kNone, kChallenged, kAnswered };
  /// What few connections have.
  struct Rare {
    std::vector<RangeFile> ranges;                    // files that come in ranges, over several replies
    std::unique_ptr<gssapi::Session> authentication;  // NTLM and Negotiate
    Login login = Login::kNone;
    std::unique_ptr<Parser> dns;  // messages of RFC 8484
  };
  enum class Wait : std::uint8_t { kStartLine, kMessage, kReply09, kNothing };
  struct Side {
    std::string partial;  // a line that is not complete
    Wait wait = Wait::kStartLine;
    bool after_cr = false;  // the last line ended with CR: a LF that follows belongs to it
    bool lone_cr = false;   // the last line ended with CR and nothing else
    bool ongoing = false;
    bool lost = false;  // nothing is waited for because of a hole: a message that begins a segment is taken up
  };

  Role role_of(Direction direction) const { return direction == client_ ? Role::kRequest : Role::kReply; }
  Direction direction_of(Role role) const { return role == Role::kRequest ? client_ : connection::opposite(client_); }
  Side& side(Role role) { return sides_[connection::index(direction_of(role))]; }
  std::unique_ptr<Message>& message(Role role) { return messages_[static_cast<std::size_t>(role)]; }

  void line(Context& context, Direction direction, std::string_view line, int next);
  void request_line(Context& context, std::string_view line);
  void reply_line(Context& context, std::string_view line);
  void begin_reply(Context& context, Version version, std::uint16_t code, std::string_view reason);
  void begin_message(Context& context, Role role, bool body_expected);
  void header_line(Context& context, Role role, std::string_view line, int next);
  void settle_header(Context& context, Role role);
  void header(Context& context, Role role, std::string_view line, bool folded);
  void request_header(Context& context, std::string_view name, std::string_view value);
  void reply_header(Context& context, std::string_view name, std::string_view value);
  void framing_header(Context& context, Role role, std::string_view name, std::string_view value);
  void headers_done(Context& context, Role role);
  std::size_t body(Context& context, Role role, Bytes data);
  void body_bytes(Context& context, Role role, Bytes data);
  void body_ends(Context& context, Role role);
  void finish(Context& context, Role role, bool interrupted);
  void resume(Context& context, Role role);
  void set_version(Version& held, Version seen);
  void hold_line(Context& context, Side& side, std::string_view text);
  std::string take_line(Side& side);
  void become(Context& context, Bytes rest);
  void authenticate(Context& context, Role role, std::string_view value);
  void tell(Context& context);
  void stream_body_begins(Context& context, Role role, bool ends);
  void dns_message(Context& context, Role role, std::string_view message);

  Transaction* transaction(Context& context, Role role);
  void emit(Context& context, const Transaction& transaction);
  void emit_websocket(Context& context, const Transaction& transaction);
  void emit_and_forget(Context& context, std::uint64_t index);

  void entity_data(Context& context, Role role, Bytes data);
  void entity_gap(Context& context, Role role, std::uint64_t bytes);
  void entity_end(Context& context, Role role);
  bool open_file(Context& context, Role role, Transaction& transaction);
  void note_type(Transaction& transaction, Role role, std::string_view mime_type);

  Side sides_[2];                                      // by direction
  base::MemoryAccountant* memory_ = nullptr;           // of the lines held
  std::unique_ptr<Message> messages_[2];               // by role
  std::vector<std::unique_ptr<Transaction>> pending_;  // by index, ascending
  std::unique_ptr<Rare> rare_;
  std::string unanswered_;          // one letter a request: 'H' for HEAD
  std::string_view next_protocol_;  // what the connection turns into
  Odds odds_;
  std::uint64_t told_ = 0;
  std::uint32_t current_request_ = 0, current_reply_ = 0, depth_ = 0;
  std::uint32_t requests_ = 0, replies_ = 0;
  std::uint32_t files_ = 0;
  Version request_version_, reply_version_;
  Direction client_ = Direction::kOriginator;
  bool keep_alive_ = false;
  bool connect_ = false;
  bool recognised_ = false;
  bool shadow_ = false;
};

}  // namespace whodunit::protocol::http
