#include "protocol/syslog/syslog.h"

#include <memory>
#include <string>

namespace whodunit::protocol::syslog {
namespace {

constexpr std::uint16_t kPorts[] = {514};
constexpr std::size_t kMaxMessage = 8192;  // bytes; RFC 5426 3.2 asks for 2048 at least

// RFC 5424 6.2.1, by the names in use.
constexpr std::string_view kFacilities[] = {"KERN",   "USER",   "MAIL",   "DAEMON", "AUTH",     "SYSLOG",
                                            "LPR",    "NEWS",   "UUCP",   "CRON",   "AUTHPRIV", "FTP",
                                            "NTP",    "AUDIT",  "ALERT",  "CLOCK",  "LOCAL0",   "LOCAL1",
                                            "LOCAL2", "LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6",   "LOCAL7"};
constexpr std::string_view kSeverities[] = {"EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"};

struct Priority {
  unsigned value = 0;
  std::size_t size = 0;  // bytes with the brackets; 0: there is none
};

// RFC 5424 6.2.1: one to three digits in angle brackets. Larger numbers than 191 stand for nothing, but are read.
Priority read_priority(std::string_view text) {
  Priority p;
  if (text.empty() || text.front() != '<') return p;
  std::size_t i = 1;
  while (i < text.size() && i <= 3 && text[i] >= '0' && text[i] <= '9')
    p.value = p.value * 10 + static_cast<unsigned>(text[i++] - '0');
  if (i > 1 && i < text.size() && text[i] == '>') p.size = i + 1;
  return p;
}

class SyslogParser final : public Parser {
 public:
  void datagram(Context& context, Direction, const packet::Packet& packet) override {
    std::string_view text = base::as_text(packet.payload);
    const Priority priority = read_priority(text);
    Syslog row;
    row.head = context.head(context.now(), context.place());
    row.proto = "udp";
    row.facility = row.severity = "UNSPECIFIED";
    std::string unknown;
    if (priority.size != 0) {
      context.recognised = true;
      const unsigned facility = priority.value >> 3;
      unknown = "?-" + std::to_string(facility);
      row.facility = facility < std::size(kFacilities) ? kFacilities[facility] : std::string_view(unknown);
      row.severity = kSeverities[priority.value & 7];
      text.remove_prefix(priority.size);
    }
    row.message = text.substr(0, kMaxMessage);
    context.emit(row);
  }
};

// A priority that stands for something, and a text; at its port whatever comes (RFC 3164 4.3.3).
Match recognise(Bytes data, Direction, bool port_hint) {
  const std::string_view text = base::as_text(data);
  const Priority priority = read_priority(text);
  if (priority.size == 0 || priority.value > 191) return port_hint ? Match::kMaybe : Match::kNo;
  if (port_hint) return Match::kYes;
  const std::string_view rest = text.substr(priority.size, 32);
  if (rest.size() < 16) return Match::kNo;
  for (const char c : rest)
    if (c < 0x20 || c > 0x7e) return Match::kNo;
  return Match::kYes;
}

std::unique_ptr<Parser> make() { return std::make_unique<SyslogParser>(); }

record::Schema* const kSchemas[] = {&Syslog::schema};

}  // namespace

const Definition kDefinition = {
    .name = "syslog", .datagram = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::syslog
