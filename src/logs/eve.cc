// Suricata's EVE (docs.suricata.io, "EVE JSON Format"): an event a line. A flow becomes a conn, a transaction the
// record of its protocol, an alert an alert.
//
// What EVE does not say is not made up, but for two estimates, both marked in docs/logs.md: payload bytes (EVE counts
// whole frames) and a connection's history (EVE has only which TCP flags were seen from each side, not their order).
#include <simdjson.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "base/text.h"
#include "logs/line.h"
#include "record/uid.h"

namespace whodunit::logs {
namespace {

using simdjson::SUCCESS;
using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using simdjson::dom::array;

// Queries that wait for their answer, flows whose originator is known: beyond these the oldest go.
constexpr std::size_t kMostQueries = 16384;
constexpr std::size_t kMostFlows = 65536;
// EVE counts the frame; without its link header it is what Zeek calls ip_bytes. Ethernet's, as nearly everywhere.
constexpr std::uint64_t kLinkHeader = 14;

std::string_view text(const Object& o, std::string_view key) {
  std::string_view v;
  return o[key].get(v) == SUCCESS ? v : std::string_view();
}
std::optional<std::uint64_t> number(const Object& o, std::string_view key) {
  std::uint64_t v = 0;
  return o[key].get(v) == SUCCESS ? std::optional(v) : std::nullopt;
}
bool truth(const Object& o, std::string_view key) {
  bool v = false;
  return o[key].get(v) == SUCCESS && v;
}
std::optional<Object> object(const Object& o, std::string_view key) {
  Object v;
  return o[key].get(v) == SUCCESS ? std::optional(v) : std::nullopt;
}

struct Named {
  std::string_view name;
  std::uint64_t value;
};
// IANA, "Domain Name System (DNS) Parameters".
constexpr Named kTypes[] = {{"A", 1},       {"NS", 2},     {"CNAME", 5}, {"SOA", 6},    {"NULL", 10},  {"PTR", 12},
                            {"HINFO", 13},  {"MX", 15},    {"TXT", 16},  {"AAAA", 28},  {"SRV", 33},   {"NAPTR", 35},
                            {"DNAME", 39},  {"OPT", 41},   {"DS", 43},   {"SSHFP", 44}, {"RRSIG", 46}, {"NSEC", 47},
                            {"DNSKEY", 48}, {"NSEC3", 50}, {"TLSA", 52}, {"SVCB", 64},  {"HTTPS", 65}, {"SPF", 99},
                            {"IXFR", 251},  {"AXFR", 252}, {"ANY", 255}, {"URI", 256},  {"CAA", 257}};
constexpr Named kCodes[] = {{"NOERROR", 0}, {"FORMERR", 1}, {"SERVFAIL", 2}, {"NXDOMAIN", 3},
                            {"NOTIMP", 4},  {"REFUSED", 5}, {"YXDOMAIN", 6}, {"YXRRSET", 7},
                            {"NXRRSET", 8}, {"NOTAUTH", 9}, {"NOTZONE", 10}};
template <std::size_t N>
std::optional<std::uint64_t> value_of(const Named (&table)[N], std::string_view name) {
  for (const Named& n : table)
    if (n.name == name) return n.value;
  return std::nullopt;
}

class Eve final : public LineReader {
 public:
  Line line(std::string_view line_text, std::uint64_t line_number, RowTaker& taker, std::string& why) override {
    if (line_text.find_first_not_of(" \t") == std::string_view::npos) return Line::kNothing;
    Element root;
    Object event;
    if (const auto error = parser_.parse(line_text.data(), line_text.size(), true).get(root); error != SUCCESS) {
      why = simdjson::error_message(error);
      return Line::kMalformed;
    }
    if (root.get(event) != SUCCESS) {
      why = "no JSON object";
      return Line::kMalformed;
    }
    const std::string_view type = text(event, "event_type");
    if (type.empty()) {
      why = "an event without event_type";
      return Line::kMalformed;
    }
    Common common;
    common.line = line_number;
    if (type == "stats" || type == "engine" || type == "drop") return pass(type);
    if (!read_common(event, common, why)) return Line::kMalformed;
    const std::size_t before = given_;
    const bool known = dispatch(type, event, common, taker);
    if (!known) return pass(type);
    return given_ != before || kept_ ? Line::kRows : Line::kNothing;
  }

  void finish(RowTaker& taker) override {
    while (!order_.empty()) leave_oldest(taker);
  }

  const std::map<std::string, std::uint64_t>& passed_over() const override { return passed_over_; }

 private:
  struct Common {
    base::Time time;
    std::uint64_t line = 0;
    std::uint64_t flow = 0;
    record::Uid uid;
    record::Endpoints id;
    std::string proto;
  };

  struct Query {
    Common common;
    std::uint64_t transaction = 0;
    std::string name, type;
    std::uint64_t opcode = 0;
    bool recursion = false;
  };

  Line pass(std::string_view type) {
    // Names come from the file: not without bound.
    const std::string name(type.substr(0, 40));
    if (passed_over_.size() < 64 || passed_over_.count(name) != 0) ++passed_over_[name];
    return Line::kPassedOver;
  }

  bool read_common(const Object& event, Common& out, std::string& why) {
    const auto time = parse_row_time(text(event, "timestamp"));
    if (!time) {
      why = "an event without its time";
      return false;
    }
    out.time = *time;
    if (const auto flow = number(event, "flow_id")) {
      out.flow = *flow;
      out.uid = record::uid_of_text("suricata flow " + std::to_string(*flow));
    }
    // Our own EVE has our own id too.
    if (const std::string_view uid = text(event, "uid"); uid.size() == record::Uid{}.to_string().size())
      out.uid = record::uid_of_text(uid);
    const auto address = [&](std::string_view key, base::Address& to) {
      const std::string_view v = text(event, key);
      if (v.empty()) return true;
      const auto a = base::Address::parse(std::string(v));
      if (a) to = *a;
      return a.has_value();
    };
    if (!address("src_ip", out.id.orig_h) || !address("dest_ip", out.id.resp_h)) {
      why = "src_ip or dest_ip is no address";
      return false;
    }
    for (const auto& [key, port] : {std::pair{"src_port", &out.id.orig_p}, std::pair{"dest_port", &out.id.resp_p}}) {
      const auto v = number(event, key);
      if (v && *v > 65535) {
        why = std::string(key) + " is no port";
        return false;
      }
      if (v) port->value = static_cast<std::uint16_t>(*v);
    }
    out.proto = base::lower(text(event, "proto"));
    if (out.proto == "ipv6-icmp" || out.proto == "icmpv6") out.proto = "icmp";
    return true;
  }

  Row& begin(std::string_view record, const Common& common) {
    std::unique_ptr<Row>& row = rows_[std::string(record)];
    if (!row) row = std::make_unique<Row>(*record::find_schema(record));
    row->begin();
    row->head.ts = common.time;
    row->head.uid = common.uid;
    row->head.id = common.id;
    row->head.place.first = row->head.place.last = common.line;
    return *row;
  }
  void give(Row& row, RowTaker& taker, base::Time when) {
    ++given_;
    taker.row(row, when);
  }
  static void set(Row& row, std::string_view name, std::string_view value) {
    if (!value.empty()) row.set(name, value);
  }
  static void set(Row& row, std::string_view name, std::optional<std::uint64_t> value) {
    if (value) row.set_count(name, *value);
  }

  /// Transactions are logged from their client's side, but for a few: those are turned to it where the flow is known,
  /// or by the ports.
  void client_first(Common& c) {
    const auto known = flows_.find(c.flow);
    const bool turn = known != flows_.end()
                          ? known->second != std::pair(c.id.orig_h, c.id.orig_p.value)
                          : c.id.orig_p.value < 1024 && c.id.resp_p.value >= 1024 && c.id.orig_p.value != 0;
    if (!turn) return;
    std::swap(c.id.orig_h, c.id.resp_h);
    std::swap(c.id.orig_p, c.id.resp_p);
  }
  void remember(const Common& c) {
    if (c.flow == 0 || !flows_.emplace(c.flow, std::pair(c.id.orig_h, c.id.orig_p.value)).second) return;
    flow_order_.push_back(c.flow);
    if (flow_order_.size() <= kMostFlows) return;
    flows_.erase(flow_order_.front());
    flow_order_.pop_front();
  }

  bool dispatch(std::string_view type, const Object& event, Common& c, RowTaker& taker) {
    kept_ = false;
    if (type == "flow") return flow(event, c, taker);
    if (type == "alert") return alert(event, c, taker);
    if (type == "anomaly") return anomaly(event, c, taker);
    const auto body = object(event, type);
    if (!body) return false;
    if (type == "fileinfo") return file(event, *body, c, taker);
    if (type == "krb5" || type == "quic" || type == "rdp")
      client_first(c);
    else
      remember(c);
    if (type == "dns") return dns(*body, c, taker);
    if (type == "http") return http(*body, c, taker);
    if (type == "tls") return tls(*body, c, taker);
    if (type == "ssh") return ssh(*body, c, taker);
    if (type == "krb5") return kerberos(*body, c, taker);
    if (type == "smb") return smb(*body, c, taker);
    if (type == "ftp") return ftp(*body, c, taker);
    if (type == "smtp") return smtp(event, *body, c, taker);
    if (type == "rdp") return rdp(*body, c, taker);
    if (type == "quic") return quic(*body, c, taker);
    return false;
  }

  bool flow(const Object& event, const Common& common, RowTaker& taker) {
    const auto f = object(event, "flow");
    if (!f) return false;
    Common c = common;
    const auto start = parse_log_time(text(*f, "start")), end = parse_log_time(text(*f, "end"));
    if (start) c.time = *start;
    Row& row = begin("conn", c);
    set(row, "proto", c.proto);
    const std::string_view app = text(event, "app_proto");
    static constexpr std::pair<std::string_view, std::string_view> kServices[] = {
        {"tls", "ssl"}, {"dcerpc", "dce_rpc"}, {"krb5", "krb"}, {"http2", "http"}, {"http1", "http"}};
    std::string_view service = app == "failed" || app == "unknown" ? std::string_view() : app;
    for (const auto& [theirs, ours] : kServices)
      if (service == theirs) service = ours;
    set(row, "service", service);
    base::Time when = c.time;
    if (start && end && !(*end < *start)) {
      row.set_interval("duration", *end - *start);
      when = *end;
    }
    const std::uint64_t packets[2] = {number(*f, "pkts_toserver").value_or(0), number(*f, "pkts_toclient").value_or(0)};
    const std::uint64_t bytes[2] = {number(*f, "bytes_toserver").value_or(0), number(*f, "bytes_toclient").value_or(0)};
    std::uint64_t payload[2];
    for (int side = 0; side < 2; ++side) {
      const std::uint64_t ip = bytes[side] - std::min(bytes[side], kLinkHeader * packets[side]);
      const std::uint64_t header = (c.id.orig_h.is_v4() ? 20 : 40) + (c.proto == "tcp" ? 20 : 8);
      payload[side] = ip - std::min(ip, header * packets[side]);
      // TCP's options look like a few bytes in every segment.
      if (c.proto == "tcp" && payload[side] <= 20 * packets[side]) payload[side] = 0;
      row.set_count(side == 0 ? "orig_pkts" : "resp_pkts", packets[side]);
      row.set_count(side == 0 ? "orig_ip_bytes" : "resp_ip_bytes", ip);
      row.set_count(side == 0 ? "orig_bytes" : "resp_bytes", payload[side]);
    }
    row.set_count("missed_bytes", 0);
    std::string history;
    std::string_view state = packets[0] != 0 && packets[1] != 0 ? "SF" : packets[0] != 0 ? "S0" : "SHR";
    if (c.proto == "tcp") {
      if (const auto tcp = object(event, "tcp")) state = tcp_state(*tcp, packets, payload, history);
    } else {
      if (packets[0] != 0) history += 'D';
      if (packets[1] != 0) history += 'd';
    }
    set(row, "conn_state", state);
    if (!history.empty()) set(row, "history", history);
    array vlans;
    if (event["vlan"].get(vlans) == SUCCESS) {
      std::size_t n = 0;
      for (const Element v : vlans) {
        std::uint64_t id = 0;
        if (v.get(id) == SUCCESS && n < 2) row.set_count(n == 0 ? "vlan" : "inner_vlan", id);
        ++n;
      }
    }
    if (const auto ether = object(event, "ether")) {
      set(row, "orig_l2_addr", text(*ether, "src_mac"));
      set(row, "resp_l2_addr", text(*ether, "dest_mac"));
    }
    complete_conn(row);
    give(row, taker, when);
    return true;
  }

  /// Zeek's state from the flags that each side was seen to send.
  static std::string_view tcp_state(const Object& tcp, const std::uint64_t (&packets)[2],
                                    const std::uint64_t (&payload)[2], std::string& history) {
    const auto flags = [&](std::string_view key) {
      unsigned v = 0;
      for (const char c : text(tcp, key).substr(0, 2)) {
        v <<= 4;
        v |= c >= '0' && c <= '9' ? unsigned(c - '0') : c >= 'a' && c <= 'f' ? unsigned(c - 'a' + 10) : 0;
      }
      return v;
    };
    constexpr unsigned kFin = 1, kSyn = 2, kRst = 4, kAck = 16;
    const unsigned ts = flags("tcp_flags_ts"), tc = flags("tcp_flags_tc");
    const auto letter = [&](bool seen, char c) {
      if (seen) history += c;
    };
    letter(ts & kSyn, 'S');
    letter(tc & kSyn, 'h');
    letter((ts & kAck) && packets[0] > 1, 'A');
    letter(payload[0] != 0, 'D');
    letter((tc & kAck) && (tc & kSyn) && packets[1] > 1, 'a');
    letter(payload[1] != 0, 'd');
    letter(ts & kFin, 'F');
    letter(tc & kFin, 'f');
    letter(ts & kRst, 'R');
    letter(tc & kRst, 'r');
    if (!(ts & kSyn) && !(tc & kSyn)) return "OTH";
    if (!(ts & kSyn)) return tc & kRst ? "RSTRH" : "SHR";
    if (!(tc & kSyn)) return tc & kRst ? "REJ" : ts & kRst ? "RSTOS0" : ts & kFin ? "SH" : "S0";
    if (ts & kRst) return "RSTO";
    if (tc & kRst) return "RSTR";
    if ((ts & kFin) && (tc & kFin)) return "SF";
    return ts & kFin ? "S2" : tc & kFin ? "S3" : "S1";
  }

  bool alert(const Object& event, Common c, RowTaker& taker) {
    const auto a = object(event, "alert");
    if (!a) return false;
    client_first(c);
    Row& row = begin("alert", c);
    set(row, "sensor", "suricata");
    set(row, "signature_id", number(*a, "signature_id"));
    set(row, "rev", number(*a, "rev"));
    set(row, "signature", text(*a, "signature"));
    set(row, "category", text(*a, "category"));
    set(row, "severity", number(*a, "severity"));
    set(row, "action", text(*a, "action"));
    set(row, "app_proto", text(event, "app_proto"));
    if (const auto meta = object(*a, "metadata")) {
      array ids;
      if ((*meta)["mitre_technique_id"].get(ids) == SUCCESS)
        for (const Element id : ids) {
          std::string_view v;
          if (id.get(v) == SUCCESS && v.size() <= 12) row.add("techniques", v);
        }
    }
    // A rule with `target` says who attacks whom; otherwise the packet that matched is all there is: `client_first` may
    // have turned it.
    for (const char* side : {"source", "target"})
      if (const auto s = object(*a, side)) set(row, side, text(*s, "ip"));
    give(row, taker, c.time);
    return true;
  }

  bool anomaly(const Object& event, Common c, RowTaker& taker) {
    const auto a = object(event, "anomaly");
    if (!a) return false;
    client_first(c);
    Row& row = begin("weird", c);
    set(row, "name", text(*a, "event"));
    set(row, "addl", text(*a, "layer"));
    set(row, "source", text(*a, "app_proto").empty() ? text(*a, "type") : text(*a, "app_proto"));
    give(row, taker, c.time);
    return true;
  }

  /// Version 2 (Suricata 4 to 7): a query and each answer are events. Version 3 (8): request and response, with
  /// queries.
  bool dns(const Object& d, const Common& c, RowTaker& taker) {
    const std::string_view kind = text(d, "type");
    std::string_view name = text(d, "rrname"), type = text(d, "rrtype");
    array queries;
    if (d["queries"].get(queries) == SUCCESS)
      for (const Element q : queries) {
        Object o;
        if (q.get(o) != SUCCESS) continue;
        name = text(o, "rrname");
        type = text(o, "rrtype");
        break;
      }
    const std::uint64_t transaction = number(d, "id").value_or(0);
    const auto key = std::tuple(c.flow, transaction, std::string(name));
    if (kind == "query" || kind == "request") {
      Query q{c, transaction, std::string(name), std::string(type), number(d, "opcode").value_or(0), truth(d, "rd")};
      if (queries_.emplace(key, std::move(q)).second) order_.push_back(key);
      while (order_.size() > kMostQueries) leave_oldest(taker);
      kept_ = true;
      return true;
    }
    if (kind != "answer" && kind != "response") return false;
    const auto waiting = queries_.find(key);
    std::optional<Query> query;
    if (waiting != queries_.end()) {
      query = std::move(waiting->second);
      queries_.erase(waiting);  // its key stays in order_, and is passed over there
    }
    Row& row = begin("dns", query ? query->common : c);
    row.head.place.last = c.line;
    fill_query(row, c, transaction, name, type, number(d, "opcode").value_or(0));
    if (query) row.set_interval("rtt", c.time - query->common.time);
    const std::string_view code = text(d, "rcode");
    set(row, "rcode_name", code);
    set(row, "rcode", value_of(kCodes, code));
    row.set_bool("AA", truth(d, "aa"));
    row.set_bool("TC", truth(d, "tc"));
    row.set_bool("RD", truth(d, "rd") || (query && query->recursion));
    row.set_bool("RA", truth(d, "ra"));
    row.set_bool("rejected", code == "REFUSED");
    array answers;
    if (d["answers"].get(answers) == SUCCESS) {
      std::uint64_t count = 0;
      for (const Element e : answers) {
        Object a;
        if (e.get(a) != SUCCESS) continue;
        ++count;
        std::string_view data = text(a, "rdata");
        for (const char* inner : {"srv", "soa"})
          if (const auto o = object(a, inner); o && data.empty()) data = text(*o, inner[1] == 'r' ? "name" : "mname");
        row.add("answers", data);
        row.add("TTLs", std::to_string(number(a, "ttl").value_or(0)));
      }
      row.set_count("answer_count", count);
    }
    give(row, taker, c.time);
    return true;
  }

  static void fill_query(Row& row, const Common& c, std::uint64_t transaction, std::string_view name,
                         std::string_view type, std::uint64_t opcode) {
    set(row, "proto", c.proto);
    row.set_count("trans_id", transaction);
    set(row, "query", name);
    row.set_count("qclass", 1);
    set(row, "qclass_name", "C_INTERNET");
    set(row, "qtype_name", type);
    set(row, "qtype", value_of(kTypes, type));
    row.set_count("opcode", opcode);
  }

  /// The query that waits longest is given without an answer, unless it has had one.
  void leave_oldest(RowTaker& taker) {
    const auto at = queries_.find(order_.front());
    order_.pop_front();
    if (at == queries_.end()) return;
    const Query q = std::move(at->second);
    queries_.erase(at);
    Row& row = begin("dns", q.common);
    fill_query(row, q.common, q.transaction, q.name, q.type, q.opcode);
    row.set_bool("RD", q.recursion);
    row.set_bool("rejected", false);
    give(row, taker, q.common.time);
  }

  bool http(const Object& h, const Common& c, RowTaker& taker) {
    Row& row = begin("http", c);
    row.set_count("trans_depth", 1);
    set(row, "method", text(h, "http_method"));
    set(row, "host", text(h, "hostname"));
    set(row, "uri", text(h, "url"));
    set(row, "referrer", text(h, "http_refer"));
    set(row, "user_agent", text(h, "http_user_agent"));
    set(row, "x_forwarded_for", text(h, "xff"));
    set(row, "location", text(h, "redirect"));
    std::string_view version = text(h, "protocol");
    if (version.substr(0, 5) == "HTTP/") version.remove_prefix(5);
    set(row, "version", version);
    set(row, "status_code", number(h, "status"));
    row.set_count("request_body_len", 0);
    row.set_count("response_body_len", number(h, "length").value_or(0));
    if (const std::string_view type = text(h, "http_content_type"); !type.empty()) {
      row.set("content_type", type);
      row.add("resp_mime_types", type.substr(0, type.find(';')));
    }
    give(row, taker, c.time);
    return true;
  }

  bool tls(const Object& t, const Common& c, RowTaker& taker) {
    Row& row = begin("ssl", c);
    static constexpr std::pair<std::string_view, std::string_view> kVersions[] = {
        {"SSLv2", "SSLv2"},    {"SSLv3", "SSLv3"},    {"TLSv1", "TLSv10"},  {"TLS 1.0", "TLSv10"},
        {"TLS 1.1", "TLSv11"}, {"TLS 1.2", "TLSv12"}, {"TLS 1.3", "TLSv13"}};
    for (const auto& [theirs, ours] : kVersions)
      if (text(t, "version") == theirs) set(row, "version", ours);
    set(row, "server_name", text(t, "sni"));
    row.set_bool("resumed", truth(t, "session_resumed"));
    set(row, "subject", text(t, "subject"));
    set(row, "issuer", text(t, "issuerdn"));
    for (const char* name : {"ja3", "ja3s"})
      if (const auto j = object(t, name)) set(row, name, text(*j, "hash"));
    set(row, "ja4", text(t, "ja4"));
    array alpn;
    if (t["client_alpns"].get(alpn) == SUCCESS)
      for (const Element a : alpn) {
        std::string_view v;
        if (a.get(v) == SUCCESS) row.add("orig_alpn", v);
      }
    give(row, taker, c.time);
    if (text(t, "fingerprint").empty() && text(t, "subject").empty()) return true;
    Row& x = begin("x509", c);
    std::string sha1;
    for (const char ch : text(t, "fingerprint"))
      if (ch != ':') sha1 += ch;
    set(x, "sha1", base::lower(sha1));
    std::string serial;
    for (const char ch : text(t, "serial"))
      if (ch != ':') serial += ch;
    set(x, "certificate.serial", serial);
    set(x, "certificate.subject", text(t, "subject"));
    set(x, "certificate.issuer", text(t, "issuerdn"));
    for (const auto& [theirs, ours] :
         {std::pair{"notbefore", "certificate.not_valid_before"}, std::pair{"notafter", "certificate.not_valid_after"}})
      if (const auto time = parse_log_time(text(t, theirs))) x.set_time(ours, *time);
    if (!text(t, "subject").empty()) x.set_bool("self_issued", text(t, "subject") == text(t, "issuerdn"));
    x.set_bool("host_cert", true);
    give(x, taker, c.time);
    return true;
  }

  bool ssh(const Object& s, const Common& c, RowTaker& taker) {
    Row& row = begin("ssh", c);
    for (const char* side : {"client", "server"}) {
      const auto o = object(s, side);
      if (!o) continue;
      const std::string_view version = text(*o, "proto_version");
      const std::string banner = "SSH-" + std::string(version) + "-" + std::string(text(*o, "software_version"));
      if (!version.empty()) set(row, side, banner);
      row.set_count("version", version.substr(0, 1) == "2" || version == "1.99" ? 2 : 1);
      if (const auto h = object(*o, "hassh")) {
        set(row, side[0] == 'c' ? "hassh" : "hasshServer", text(*h, "hash"));
        set(row, side[0] == 'c' ? "hasshAlgorithms" : "hasshServerAlgorithms", text(*h, "string"));
      }
    }
    give(row, taker, c.time);
    return true;
  }

  bool kerberos(const Object& k, const Common& c, RowTaker& taker) {
    const std::string_view type = text(k, "msg_type");
    Row& row = begin("kerberos", c);
    const bool as = type.find("_AS_") != std::string_view::npos, tgs = type.find("_TGS_") != std::string_view::npos;
    const bool error = type == "KRB_ERROR";
    if (!as && !tgs && !error) return false;
    const std::string_view failed = text(k, "failed_request");
    set(row, "request_type", as || failed.find("_AS_") != std::string_view::npos ? "AS" : "TGS");
    const std::string client = std::string(text(k, "cname")) + "/" + std::string(text(k, "realm"));
    if (text(k, "cname") != "<empty>" && client.size() > 1) set(row, "client", client);
    if (text(k, "sname") != "<empty>") set(row, "service", text(k, "sname"));
    if (text(k, "encryption") != "<none>") set(row, "cipher", text(k, "encryption"));
    if (text(k, "ticket_encryption") != "<none>") set(row, "shown_cipher", text(k, "ticket_encryption"));
    if (error || type.find("_REP") != std::string_view::npos) row.set_bool("success", !error);
    set(row, "error_msg", text(k, "error_code"));
    give(row, taker, c.time);
    return true;
  }

  bool smb(const Object& s, const Common& c, RowTaker& taker) {
    const std::string_view command = text(s, "command");
    const bool good = text(s, "status_code").empty() || text(s, "status_code") == "0x0";
    if (command.find("TREE_CONNECT") != std::string_view::npos && !text(s, "share").empty()) {
      Row& row = begin("smb_mapping", c);
      set(row, "path", text(s, "share"));
      set(row, "share_type", text(s, "share_type"));
      set(row, "service", text(s, "service").empty() ? std::string_view() : text(s, "service"));
      give(row, taker, c.time);
      return true;
    }
    const std::string_view name = text(s, "filename");
    if (good && command == "SMB2_COMMAND_CREATE" && !name.empty() && name != "<unknown>") {
      Row& row = begin("smb_files", c);
      const std::string_view disposition = text(s, "disposition");
      set(row, "action", text(s, "share_type") == "PIPE" ? "SMB::PIPE_OPEN" : "SMB::FILE_OPEN");
      set(row, "path", text(s, "share"));
      set(row, "name", name);
      set(row, "size", number(s, "size"));
      set(row, "disposition", base::lower(disposition));
      give(row, taker, c.time);
      return true;
    }
    kept_ = true;  // one of the other commands: seen, and no record of ours
    return true;
  }

  bool ftp(const Object& f, const Common& c, RowTaker& taker) {
    Row& row = begin("ftp", c);
    const std::string_view command = text(f, "command");
    set(row, "command", command);
    // Passwords stay out, as everywhere.
    if (command != "PASS") set(row, "arg", text(f, "command_data"));
    if (command == "USER") set(row, "user", text(f, "command_data"));
    array codes, replies;
    if (f["completion_code"].get(codes) == SUCCESS)
      for (const Element e : codes) {
        std::string_view v;
        if (e.get(v) == SUCCESS) row.set("reply_code", v);
      }
    if (f["reply"].get(replies) == SUCCESS)
      for (const Element e : replies) {
        std::string_view v;
        if (e.get(v) == SUCCESS) row.set("reply_msg", v);
      }
    give(row, taker, c.time);
    return true;
  }

  bool smtp(const Object& event, const Object& s, const Common& c, RowTaker& taker) {
    Row& row = begin("smtp", c);
    row.set_count("trans_depth", 1);
    const auto bare = [](std::string_view a) {
      if (a.size() >= 2 && a.front() == '<' && a.back() == '>') a = a.substr(1, a.size() - 2);
      return a;
    };
    set(row, "helo", text(s, "helo"));
    set(row, "mailfrom", bare(text(s, "mail_from")));
    array to;
    if (s["rcpt_to"].get(to) == SUCCESS)
      for (const Element e : to) {
        std::string_view v;
        if (e.get(v) == SUCCESS) row.add("rcptto", bare(v));
      }
    if (const auto mail = object(event, "email")) {
      set(row, "from", text(*mail, "from"));
      set(row, "subject", text(*mail, "subject"));
      set(row, "msg_id", text(*mail, "message_id"));
      array list;
      for (const char* key : {"to", "cc"})
        if ((*mail)[key].get(list) == SUCCESS)
          for (const Element e : list) {
            std::string_view v;
            if (e.get(v) == SUCCESS) row.add(key, v);
          }
    }
    give(row, taker, c.time);
    return true;
  }

  bool rdp(const Object& r, const Common& c, RowTaker& taker) {
    const auto client = object(r, "client");
    if (text(r, "cookie").empty() && !client) {
      kept_ = true;
      return true;
    }
    Row& row = begin("rdp", c);
    set(row, "cookie", text(r, "cookie"));
    if (client) {
      set(row, "client_name", text(*client, "client_name"));
      set(row, "client_build", text(*client, "build"));
      set(row, "keyboard_layout", text(*client, "keyboard_layout"));
    }
    give(row, taker, c.time);
    return true;
  }

  bool quic(const Object& q, const Common& c, RowTaker& taker) {
    if (text(q, "sni").empty() && text(q, "ja4").empty()) {
      kept_ = true;
      return true;
    }
    Row& row = begin("quic", c);
    set(row, "version", text(q, "version"));
    set(row, "server_name", text(q, "sni"));
    set(row, "user_agent", text(q, "ua"));
    set(row, "ja4", text(q, "ja4"));
    give(row, taker, c.time);
    return true;
  }

  bool file(const Object& event, const Object& f, Common c, RowTaker& taker) {
    const base::Address sender = c.id.orig_h;
    client_first(c);
    Row& row = begin("files", c);
    std::string source = base::lower(text(event, "app_proto"));
    std::transform(source.begin(), source.end(), source.begin(), [](char ch) {
      return ch >= 'a' && ch <= 'z' ? char(ch - 32) : ch == '-' ? '_' : ch;
    });
    set(row, "source", source);
    set(row, "filename", text(f, "filename"));
    set(row, "mime_type", text(f, "mimetype"));
    set(row, "seen_bytes", number(f, "size"));
    row.set_bool("is_orig", sender == c.id.orig_h);
    for (const char* digest : {"md5", "sha1", "sha256"}) set(row, digest, text(f, digest));
    give(row, taker, c.time);
    return true;
  }

  simdjson::dom::parser parser_{2 * kLongestLine};
  std::map<std::string, std::unique_ptr<Row>> rows_;
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::string>;
  std::map<Key, Query> queries_;
  std::deque<Key> order_;
  std::unordered_map<std::uint64_t, std::pair<base::Address, std::uint16_t>> flows_;
  std::deque<std::uint64_t> flow_order_;
  std::map<std::string, std::uint64_t> passed_over_;
  std::size_t given_ = 0;
  bool kept_ = false;
};

}  // namespace

std::unique_ptr<LineReader> make_eve_reader() { return std::make_unique<Eve>(); }

}  // namespace whodunit::logs
