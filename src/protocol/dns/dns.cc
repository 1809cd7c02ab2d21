#include "protocol/dns/dns.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "protocol/dns/message.h"

namespace whodunit::protocol::dns {
namespace {

using base::Time;
using record::Place;

constexpr std::uint16_t kNetbiosPort = 137;
constexpr std::uint16_t kPorts[] = {53, 5353, 5355, kNetbiosPort};

// Per connection. Reaching one writes what waits as it is: it will hardly find its counterpart any more.
constexpr std::size_t kMaxPending = 256;
constexpr std::size_t kMaxPendingReplyBytes = 64 << 10;

/// A query that waits for its reply, or (rarely) the other way round.
struct Transaction {
  Time ts;
  Time replied;
  Place place;
  std::string query;
  std::string client_subnet;
  std::string zone;  // of an update
  std::vector<std::uint64_t> edns_options;
  std::unique_ptr<Message> reply;  // where the reply came first
  std::uint32_t query_bytes = 0, reply_bytes = 0;
  std::uint16_t id = 0, type = 0, klass = 0, edns_size = 0;
  std::uint8_t opcode = 0, z = 0;
  bool has_query = false, has_question = false, has_edns = false, edns_do = false;
  bool recursion_desired = false, truncated = false;
};

// Messages are read one at a time; their memory is used again.
Message& scratch() {
  static thread_local Message message;
  return message;
}

bool tracked(const Header& header) {
  return header.opcode == kQuery || header.opcode == kUpdate || header.opcode == kNotify;
}

class DnsParser final : public FramedParser {
 public:
  DnsParser() : FramedParser(65537) {}
  ~DnsParser() override {
    if (memory_ != nullptr) memory_->give_back(base::MemoryUse::kParsers, counted_);
  }

  void datagram(Context& context, Direction, const packet::Packet& packet) override { take(context, packet.payload); }

  void closed(Context& context, End) override { write_all(context); }

 protected:
  // RFC 1035 4.2.2: two bytes of length before each message.
  std::size_t frame(Direction direction, Bytes so_far) override;
  void message(Context& context, Direction direction, Bytes message, bool) override {
    if (!searching_[connection::index(direction)]) take(context, message.subspan(2));
  }
  void lost(Context&, Direction direction, std::uint64_t) override { searching_[connection::index(direction)] = true; }

 private:
  static bool netbios(const Context& context) {
    const auto& id = context.connection().id;
    return context.connection().protocol == packet::kUdp &&
           (id.resp_p.value == kNetbiosPort || id.orig_p.value == kNetbiosPort);
  }

  void take(Context& context, Bytes data) {
    Message& m = scratch();
    parse(data, netbios(context), m);
    if (m.header_ok && !tracked(m.header)) context.weird("DNS_unknown_opcode", std::to_string(m.header.opcode));
    for (const std::string_view name : m.weirds)
      context.weird(name, name == "DNS_RR_unknown_type" ? std::to_string(m.unknown_type) : std::string());
    if (!m.header_ok) return;
    if (m.answers_ok) context.recognised = true;
    if (!tracked(m.header)) return;
    if (m.header.reply)
      take_reply(context, m, data.size());
    else
      take_query(context, m, data.size());
  }

  // The oldest one with this id that lacks what came now.
  std::size_t find(std::uint16_t id, bool has_query) const {
    for (std::size_t i = 0; i < pending_.size(); ++i)
      if (pending_[i]->id == id && pending_[i]->has_query == has_query) return i;
    return pending_.size();
  }

  void fill_query(const Context& context, Transaction& t, const Message& m, std::size_t size) {
    t.has_query = true;
    t.opcode = m.header.opcode;
    t.query_bytes = static_cast<std::uint32_t>(size);
    // The flags count where a question came with them.
    if (m.has_question && m.header.opcode == kUpdate && !netbios(context)) {
      t.zone = m.view(m.question);  // RFC 2136 2.3
    } else if (m.has_question) {
      t.has_question = true;
      t.recursion_desired = m.header.recursion_desired;
      t.truncated = m.header.truncated;
      t.z = m.header.z;
      t.type = m.question_type;
      t.klass = m.question_class;
      t.query = m.view(m.question);
      if (context.connection().protocol == packet::kUdp && context.connection().id.resp_p.value == kNetbiosPort) {
        std::string name = decode_netbios_name(t.query);
        if (!name.empty()) t.query = std::move(name);
      }
    }
    if (m.has_edns) {
      t.has_edns = true;
      t.edns_size = m.edns_size;
      t.edns_do = m.edns_do;
      t.edns_options = m.edns_options;
      t.client_subnet = m.view(m.client_subnet);
    }
  }

  void take_query(Context& context, const Message& m, std::size_t size) {
    const std::size_t i = find(m.header.id, false);
    if (i < pending_.size()) {  // its reply came before it
      const std::unique_ptr<Transaction> t = remove(i);
      fill_query(context, *t, m, size);
      record::extend(t->place, context.place());
      write(context, *t, t->reply.get());
      return;
    }
    auto t = begin(context, m.header.id);
    fill_query(context, *t, m, size);
    keep(context, std::move(t));
  }

  void take_reply(Context& context, const Message& m, std::size_t size) {
    const std::size_t i = find(m.header.id, true);
    if (i < pending_.size()) {
      const std::unique_ptr<Transaction> t = remove(i);
      t->replied = context.now();
      t->reply_bytes = static_cast<std::uint32_t>(size);
      record::extend(t->place, context.place());
      write(context, *t, &m);
      return;
    }
    auto t = begin(context, m.header.id);
    t->opcode = m.header.opcode;
    t->replied = context.now();
    t->reply_bytes = static_cast<std::uint32_t>(size);
    t->reply = std::make_unique<Message>(m);
    keep(context, std::move(t));
  }

  static std::unique_ptr<Transaction> begin(const Context& context, std::uint16_t id) {
    auto t = std::make_unique<Transaction>();
    t->ts = context.now();
    t->place = context.place();
    t->id = id;
    return t;
  }

  static std::size_t weight(const Transaction& t) {
    std::size_t bytes = sizeof(Transaction) + t.query.size();
    if (t.reply) bytes += sizeof(Message) + t.reply->text.size() + t.reply->answers.size() * sizeof(Message::Answer);
    return bytes;
  }

  void keep(Context& context, std::unique_ptr<Transaction> t) {
    const std::size_t bytes = weight(*t);
    if (t->reply) reply_bytes_ += bytes;
    if (pending_.size() >= kMaxPending || reply_bytes_ > kMaxPendingReplyBytes) {
      write_all(context);
      if (t->reply) reply_bytes_ = static_cast<std::uint32_t>(bytes);
    }
    if (!context.memory().take(base::MemoryUse::kParsers, bytes)) {
      context.weird("dns_pending_limit");
      write(context, *t, t->reply.get());
      return;
    }
    memory_ = &context.memory();
    counted_ += static_cast<std::uint32_t>(bytes);
    pending_.push_back(std::move(t));
  }

  std::unique_ptr<Transaction> remove(std::size_t i) {
    std::unique_ptr<Transaction> t = std::move(pending_[i]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    const auto bytes = static_cast<std::uint32_t>(weight(*t));
    memory_->give_back(base::MemoryUse::kParsers, bytes);
    counted_ -= bytes;
    if (t->reply) reply_bytes_ -= bytes;
    return t;
  }

  void write_all(Context& context) {
    for (const auto& t : pending_) write(context, *t, t->reply.get());
    pending_.clear();
    if (memory_ != nullptr) memory_->give_back(base::MemoryUse::kParsers, counted_);
    counted_ = 0;
    reply_bytes_ = 0;
  }

  void write(Context& context, const Transaction& t, const Message* reply) {
    if (!context.sink().wants(Dns::schema)) return;
    const bool is_netbios = netbios(context);
    std::string type_scratch, class_scratch;
    std::vector<Text> answers, others;
    std::vector<Duration> ttls;
    Dns row;
    row.head = context.head(t.ts, t.place);
    row.proto = context.connection().protocol == packet::kTcp ? "tcp" : "udp";
    row.trans_id = t.id;
    row.opcode = t.opcode;
    row.opcode_name = opcode_name(t.opcode, is_netbios);
    if (t.has_query) row.query_bytes = t.query_bytes;
    if (t.has_question) {
      row.query = t.query;
      row.qclass = t.klass;
      row.qclass_name = class_name(t.klass, class_scratch);
      row.qtype = t.type;
      row.qtype_name = type_name(t.type, type_scratch);
      // Type 33 is SRV, but on the NetBIOS name service a node's status (RFC 1002 4.2.17).
      if (t.type == 33 && context.connection().id.resp_p.value == kNetbiosPort) row.qtype_name = "NBSTAT";
      row.RD = t.recursion_desired;
      row.TC = t.truncated;
      row.Z = t.z;
    }
    if (t.has_edns) {
      row.edns_size = t.edns_size;
      row.edns_do = t.edns_do;
      row.edns_options = t.edns_options;
      if (!t.client_subnet.empty()) row.client_subnet = t.client_subnet;
    }
    if (reply != nullptr) {
      const Header& h = reply->header;
      row.rcode = h.rcode;
      row.rcode_name = rcode_name(h.rcode);
      row.reply_bytes = t.reply_bytes;
      row.answer_count = h.answers;
      row.authority_count = h.authorities;
      row.additional_count = h.additionals;
      row.reply_truncated = h.truncated;
      if (t.has_query && t.replied > t.ts) row.reply_delay = t.replied - t.ts;
      row.rejected = (h.rcode != 0 && h.questions == 0) ||
                     (reply->has_question && h.answers == 0 && h.authorities == 0 && h.additionals == 0);
      for (const Message::Answer& answer : reply->answers) {
        if (row.query.data() == nullptr) row.query = reply->view(answer.name);
        row.AA = h.authoritative;
        row.RA = h.recursion_available;
        if (t.replied > t.ts) row.rtt = t.replied - t.ts;
        if (answer.text.size == 0) continue;
        answers.push_back(reply->view(answer.text));
        ttls.push_back(base::seconds(answer.ttl));
      }
      for (const Span& other : reply->others) others.push_back(reply->view(other));
      if (!answers.empty()) {
        row.answers = answers;
        row.TTLs = ttls;
      }
      if (!others.empty()) row.other_answers = others;
    }
    std::string question;
    if (!t.zone.empty()) {
      if (row.query.data() == nullptr)
        row.query = t.zone;
      else if (row.query != t.zone)
        row.question = t.zone;
    } else if (!t.has_query && reply != nullptr && reply->has_question) {
      question = reply->view(reply->question);
      if (is_netbios)
        if (std::string name = decode_netbios_name(question); !name.empty()) question = std::move(name);
      row.question = question;
    }
    context.emit(row);
  }

  std::vector<std::unique_ptr<Transaction>> pending_;  // oldest first
  base::MemoryAccountant* memory_ = nullptr;
  std::uint32_t counted_ = 0;           // bytes taken of the accountant
  std::uint32_t reply_bytes_ = 0;       // of them, for replies whose query was not seen
  bool searching_[2] = {false, false};  // a hole was met: where messages begin is not known
};
static_assert(sizeof(DnsParser) <= 128);

// A message that could hardly be anything else: a known opcode, counts that suit it, questions of known type and class
// with printable names, all records whole, and nothing left over.
bool certain(Bytes data, bool netbios) {
  if (data.size() < 17) return false;
  const Header h = read_header(data);
  if (!tracked(h) || h.questions > 4 || h.answers > 512 || h.authorities > 512 || h.additionals > 512) return false;
  if (h.reply ? h.questions + h.answers == 0 : h.questions == 0 || h.answers != 0 || h.rcode != 0) return false;
  Message& m = scratch();
  parse(data, netbios, m);
  if (!m.answers_ok || !m.weirds.empty()) return false;
  if (m.has_question) {
    const std::uint16_t klass = m.question_class & 0x7fff;  // mDNS: the top bit asks for unicast (RFC 6762 5.4)
    if (klass != 1 && klass != 3 && klass != 4 && klass != 254 && klass != 255) return false;
    if (!is_known_type(m.question_type)) return false;
    const std::string_view name = m.view(m.question);
    if (name.empty() && !netbios) return h.additionals + h.authorities + h.answers > 0 || m.read == data.size();
    for (const char c : name)
      if (c < 0x20 || c > 0x7e) return false;
  } else if (m.answers.empty()) {
    return false;
  }
  return h.authorities + h.additionals > 0 || m.read == data.size();
}

std::size_t DnsParser::frame(Direction direction, Bytes so_far) {
  if (so_far.size() < 2) return kMore;
  const std::size_t length = 2u + base::load_be16(so_far.data());
  bool& searching = searching_[connection::index(direction)];
  if (searching) {  // until a segment begins with what can only be a message
    if (length > so_far.size() || !certain(so_far.subspan(2, length - 2), false)) return so_far.size();
    searching = false;
  }
  return length;
}

Match recognise_datagram(Bytes data, Direction, bool port_hint) {
  if (certain(data, port_hint)) return Match::kYes;
  return port_hint ? Match::kMaybe : Match::kNo;
}

Match recognise_stream(Bytes data, Direction, bool port_hint) {
  if (data.size() < 14) return data.size() >= 2 && base::load_be16(data.data()) < 12 ? Match::kNo : Match::kNeedMore;
  const std::size_t length = base::load_be16(data.data());
  if (length < 12) return Match::kNo;
  const Header h = read_header(data.subspan(2));
  if (h.questions > kMaxQuestions || h.opcode > 6 || (h.questions | h.answers | h.authorities | h.additionals) == 0)
    return Match::kNo;
  if (length + 2 <= data.size() && certain(data.subspan(2, length), false)) return Match::kYes;
  if (port_hint) return Match::kMaybe;
  // The first message of a stream is a query, and queries are short.
  return length + 2 > data.size() && length <= 512 && !h.reply && h.questions == 1 && h.answers == 0 ? Match::kNeedMore
                                                                                                     : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<DnsParser>(); }

record::Schema* const kSchemas[] = {&Dns::schema};

}  // namespace

const Definition kOverUdp = {.name = "dns",
                             .datagram = true,
                             .recognise = recognise_datagram,
                             .ports = kPorts,
                             .make = make,
                             .schemas = kSchemas};
const Definition kOverTcp = {
    .name = "dns", .stream = true, .recognise = recognise_stream, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::dns
