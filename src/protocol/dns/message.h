// A DNS message (RFC 1035 4), read whole: a pure function of its bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace whodunit::protocol::dns {

enum Opcode : std::uint8_t { kQuery = 0, kNotify = 4, kUpdate = 5 };

/// RFC 1035 4.1.1.
struct Header {
  std::uint16_t id = 0;
  bool reply = false;  // QR
  std::uint8_t opcode = 0;
  bool authoritative = false, truncated = false, recursion_desired = false, recursion_available = false;
  std::uint8_t z = 0;
  std::uint8_t rcode = 0;
  std::uint16_t questions = 0, answers = 0, authorities = 0, additionals = 0;
};

/// A piece of Message::text.
struct Span {
  std::uint32_t offset = 0, size = 0;
};

/// A message's content. Meant to be used again and again: `parse` keeps the memory.
struct Message {
  Header header;
  bool header_ok = false;
  bool questions_ok = false;  ///< all questions announced were there
  bool answers_ok = false;    ///< and all answers
  std::size_t read = 0;       ///< bytes up to there, where they were

  bool has_question = false;  ///< of several, the last is kept
  Span question;
  std::uint16_t question_type = 0, question_class = 0;

  struct Answer {
    Span name;
    Span text;              ///< in Zeek's words; empty where Zeek writes none
    std::uint32_t ttl = 0;  ///< seconds
    std::uint16_t type = 0;
  };
  std::vector<Answer> answers;  ///< of types that Zeek's log summarises
  std::vector<Span> others;     ///< texts of answers of other types

  bool has_edns = false;
  std::uint16_t edns_size = 0;
  bool edns_do = false;
  std::vector<std::uint64_t> edns_options;
  Span client_subnet;

  std::string text;
  /// Anomalies, by Zeek's names; literals.
  std::vector<std::string_view> weirds;
  std::uint16_t unknown_type = 0;  ///< that of the last DNS_RR_unknown_type

  std::string_view view(Span s) const { return std::string_view(text).substr(s.offset, s.size); }
  void clear();
};

/// More questions than this are no DNS (Zeek's dns_max_queries).
inline constexpr std::uint16_t kMaxQuestions = 25;

/// Reads `data` into `message`. `netbios`: on the NetBIOS name service's port, where labels may be longer and type 33
/// means a node's status.
void parse(base::Bytes data, bool netbios, Message& message);

Header read_header(base::Bytes data);

/// Reads the name at `offset` of `all`, appends it to `out` in lower case with dots between labels and none at the end,
/// and moves `offset` behind it. False where it runs over the end or is no name. A pointer (RFC 1035 4.1.4) must lead
/// backwards, so there are no loops; a name is cut at 512 bytes.
bool read_name(base::Bytes all, std::size_t& offset, bool netbios, std::string& out,
               std::vector<std::string_view>* weirds = nullptr);

/// The first-level encoding of NetBIOS names undone (RFC 1001 14.1), without padding and suffix; empty where it is
/// none.
std::string decode_netbios_name(std::string_view encoded);

/// "A", "query-4711"; the latter in `scratch`.
std::string_view type_name(std::uint16_t type, std::string& scratch);
std::string_view class_name(std::uint16_t klass, std::string& scratch);
std::string_view rcode_name(std::uint8_t rcode);
std::string_view opcode_name(std::uint8_t opcode, bool netbios);
/// Types with a name.
bool is_known_type(std::uint16_t type);

}  // namespace whodunit::protocol::dns
