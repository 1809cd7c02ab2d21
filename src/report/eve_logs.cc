#include "report/eve_logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "record/text.h"
#include "report/json_logs.h"

namespace whodunit::report {
namespace {

using base::JsonWriter;
using record::Batch;

/// A row's fields by their names.
class Row {
 public:
  Row(const Batch& batch, std::size_t row) : batch_(batch), row_(row) {}
  const record::Head& head() const { return batch_.head(row_); }
  bool has(std::string_view name) const { return find(name) >= 0; }
  std::string_view text(std::string_view name) const {
    const int c = find(name);
    return c < 0 ? std::string_view() : batch_.text_at(static_cast<std::size_t>(c), row_);
  }
  std::uint64_t word(std::string_view name) const {
    const int c = find(name);
    return c < 0 ? 0 : batch_.word_at(static_cast<std::size_t>(c), row_);
  }
  base::Time time(std::string_view name) const { return {static_cast<std::int64_t>(word(name))}; }
  std::size_t items(std::string_view name) const {
    const int c = find(name);
    return c < 0 ? 0 : batch_.list_size(static_cast<std::size_t>(c), row_);
  }
  std::string_view item(std::string_view name, std::size_t i) const {
    return batch_.list_text(static_cast<std::size_t>(find(name)), row_, i);
  }
  std::uint64_t item_word(std::string_view name, std::size_t i) const {
    return batch_.list_word(static_cast<std::size_t>(find(name)), row_, i);
  }

 private:
  /// The column of a field that is set; -1 otherwise.
  int find(std::string_view name) const {
    const auto fields = batch_.schema().fields;
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (fields[i].name == name) return batch_.is_set(i, row_) ? static_cast<int>(i) : -1;
    return -1;
  }
  const Batch& batch_;
  std::size_t row_;
};

/// "2021-02-05T07:34:50.000013+0000".
std::string timestamp(base::Time t) {
  const base::Civil c = base::to_civil(t);
  std::int64_t ns = t.ns % 1'000'000'000;
  if (ns < 0) ns += 1'000'000'000;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+0000", c.year, c.month, c.day, c.hour, c.minute,
                     c.second, ns / 1000);
}

/// Suricata writes IPv6 addresses in full.
std::string address(const base::Address& a) {
  if (a.is_v4()) return a.to_string();
  std::string out;
  for (std::size_t i = 0; i < 16; i += 2)
    out += fmt::format("{}{:02x}{:02x}", i == 0 ? "" : ":", a.bytes()[i], a.bytes()[i + 1]);
  return out;
}

std::string upper(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return out;
}

/// What is common to all events. `proto` is ours, in lower case.
void begin_event(JsonWriter& w, const record::Head& head, base::Time when, std::string_view type,
                 std::string_view proto, bool turned = false) {
  w.begin_object().key("timestamp").string(timestamp(when));
  // Within what a double holds exactly, as Suricata's own ids are.
  if (head.uid) w.key("flow_id").number(std::uint64_t{head.uid.value & ((1ull << 51) - 1)});
  w.key("event_type").string(type);
  if (head.id != record::Endpoints{}) {
    const bool ports = proto != "icmp";
    w.key("src_ip").string(address(turned ? head.id.resp_h : head.id.orig_h));
    if (ports) w.key("src_port").number(std::uint32_t{(turned ? head.id.resp_p : head.id.orig_p).value});
    w.key("dest_ip").string(address(turned ? head.id.orig_h : head.id.resp_h));
    if (ports) w.key("dest_port").number(std::uint32_t{(turned ? head.id.orig_p : head.id.resp_p).value});
  }
  if (!proto.empty())
    w.key("proto").string(proto != "icmp" ? upper(proto) : head.id.orig_h.is_v4() ? "ICMP" : "IPv6-ICMP");
  if (head.uid) w.key("uid").string(head.uid.to_string());  // ours, to find it in the case
}

void end_event(std::string& out, JsonWriter& w) {
  w.end_object();
  out += '\n';
}

/// `key`, where the field is set.
void text(JsonWriter& w, std::string_view key, const Row& row, std::string_view field) {
  if (!row.has(field)) return;
  std::string presentable;
  record::append_presentable(presentable, row.text(field), true);
  w.key(key).string(presentable);
}
void number(JsonWriter& w, std::string_view key, const Row& row, std::string_view field) {
  if (row.has(field)) w.key(key).number(row.word(field));
}
void texts(JsonWriter& w, std::string_view key, const Row& row, std::string_view field) {
  if (row.items(field) == 0) return;
  w.key(key).begin_array();
  for (std::size_t i = 0; i < row.items(field); ++i) w.string(row.item(field, i));
  w.end_array();
}

std::string_view app_proto(std::string_view service) {
  service = service.substr(0, service.find(','));
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"ssl", "tls"},      {"dce_rpc", "dcerpc"}, {"krb", "krb5"},
      {"krb_tcp", "krb5"}, {"gssapi", "smb"},     {"ftp-data", "ftp-data"}};
  for (const auto& [ours, theirs] : kNames)
    if (service == ours) return theirs;
  return service;
}

void flow(JsonWriter& w, const Row& row) {
  const record::Head& head = row.head();
  const std::string_view proto = row.text("proto"), history = row.text("history");
  const base::Time end = head.ts + base::Duration{static_cast<std::int64_t>(row.word("duration"))};
  begin_event(w, head, end, "flow", proto);
  if (row.has("vlan")) {
    w.key("vlan").begin_array().number(row.word("vlan"));
    if (row.has("inner_vlan")) w.number(row.word("inner_vlan"));
    w.end_array();
  }
  if (const std::string_view service = app_proto(row.text("service")); !service.empty())
    w.key("app_proto").string(service);
  else if (proto != "icmp")
    w.key("app_proto").string("failed");
  const std::uint64_t packets[2] = {row.word("orig_pkts"), row.word("resp_pkts")};
  // Suricata counts frames: Ethernet's header is added to what IP's headers say (frames' padding is not known).
  const std::uint64_t link = 14u + (row.has("vlan") ? 4u : 0u) + (row.has("inner_vlan") ? 4u : 0u);
  w.key("flow").begin_object().key("pkts_toserver").number(packets[0]).key("pkts_toclient").number(packets[1]);
  w.key("bytes_toserver").number(row.word("orig_ip_bytes") + link * packets[0]);
  w.key("bytes_toclient").number(row.word("resp_ip_bytes") + link * packets[1]);
  w.key("start").string(timestamp(head.ts)).key("end").string(timestamp(end));
  w.key("age").number(
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, end.ns / 1'000'000'000 - head.ts.ns / 1'000'000'000)));
  const std::string_view state = row.text("conn_state");
  const bool tcp = proto == "tcp";
  const bool closed = tcp && (state == "SF" || state == "RSTO" || state == "RSTR" || state == "REJ");
  const bool answered = packets[0] != 0 && packets[1] != 0;
  const char* word = closed                                                            ? "closed"
                     : (tcp ? state[0] == 'S' && state != "S0" && answered : answered) ? "established"
                                                                                       : "new";
  w.key("state").string(word).key("reason").string("shutdown").key("alerted").boolean(false).end_object();
  if (row.has("community_id")) w.key("community_id").string(row.text("community_id"));
  if (tcp) {
    // Zeek's letters say which flags each side was seen to send: S and H a SYN, A an ACK, D data (with its ACK), F, R.
    unsigned flags[2] = {0, 0};
    for (const char c : history) {
      const unsigned side = c >= 'a' ? 1 : 0;
      switch (c >= 'a' ? c - 32 : c) {
        case 'S':
          flags[side] |= 2;
          break;
        case 'H':
          flags[side] |= 2 | 16;
          break;
        case 'A':
          flags[side] |= 16;
          break;
        case 'D':
          flags[side] |= 16 | 8;
          break;
        case 'F':
          flags[side] |= 1 | 16;
          break;
        case 'R':
          flags[side] |= 4;
          break;
        default:
          break;
      }
    }
    const unsigned all = flags[0] | flags[1];
    w.key("tcp").begin_object().key("tcp_flags").string(fmt::format("{:02x}", all));
    w.key("tcp_flags_ts")
        .string(fmt::format("{:02x}", flags[0]))
        .key("tcp_flags_tc")
        .string(fmt::format("{:02x}", flags[1]));
    for (const auto& [bit, name] : {std::pair{2u, "syn"}, {1u, "fin"}, {4u, "rst"}, {8u, "psh"}, {16u, "ack"}})
      if (all & bit) w.key(name).boolean(true);
    if (all & 2)
      w.key("state").string(closed                                            ? "closed"
                            : state == "S1" || state == "S2" || state == "S3" ? "established"
                                                                              : "syn_sent");
    w.end_object();
  }
}

std::string_view type_of(std::string_view rdata, std::string_view asked) {
  const auto a = base::Address::parse(std::string(rdata));
  if (a && (asked == "A" || asked == "AAAA")) return a->is_v4() ? "A" : "AAAA";
  return asked == "A" || asked == "AAAA" ? "CNAME" : asked;
}

void dns(std::string& out, const Row& row) {
  const std::string_view type = row.text("qtype_name");
  std::string name;
  record::append_presentable(name, row.text("query"), true);
  {
    JsonWriter w(out);
    begin_event(w, row.head(), row.head().ts, "dns", row.text("proto"));
    w.key("dns").begin_object().key("version").number(2).key("type").string("query");
    w.key("id").number(row.word("trans_id")).key("rrname").string(name).key("rrtype").string(type);
    w.key("tx_id").number(0).key("opcode").number(row.word("opcode")).end_object();
    end_event(out, w);
  }
  if (!row.has("rcode_name")) return;
  JsonWriter w(out);
  begin_event(w, row.head(), row.head().ts + base::Duration{static_cast<std::int64_t>(row.word("rtt"))}, "dns",
              row.text("proto"));
  const unsigned flags = 0x8000u | static_cast<unsigned>(row.word("opcode") & 15) << 11 |
                         (row.word("AA") ? 0x400u : 0) | (row.word("TC") ? 0x200u : 0) | (row.word("RD") ? 0x100u : 0) |
                         (row.word("RA") ? 0x80u : 0) | static_cast<unsigned>(row.word("Z") & 7) << 4 |
                         static_cast<unsigned>(row.word("rcode") & 15);
  w.key("dns").begin_object().key("version").number(2).key("type").string("answer").key("id").number(
      row.word("trans_id"));
  w.key("flags").string(fmt::format("{:x}", flags)).key("qr").boolean(true);
  for (const auto& [field, key] : {std::pair{"AA", "aa"}, {"TC", "tc"}, {"RD", "rd"}, {"RA", "ra"}})
    if (row.word(field) != 0) w.key(key).boolean(true);
  w.key("opcode").number(row.word("opcode")).key("rrname").string(name).key("rrtype").string(type);
  w.key("rcode").string(row.text("rcode_name"));
  if (const std::size_t n = row.items("answers"); n != 0) {
    w.key("answers").begin_array();
    std::map<std::string_view, std::vector<std::string>> grouped;
    for (std::size_t i = 0; i < n; ++i) {
      std::string data;
      record::append_presentable(data, row.item("answers", i), true);
      const std::string_view t = type_of(data, type);
      w.begin_object().key("rrname").string(name).key("rrtype").string(t);
      if (i < row.items("TTLs")) w.key("ttl").number(row.item_word("TTLs", i) / 1'000'000'000);
      w.key("rdata").string(data).end_object();
      grouped[t].push_back(std::move(data));
    }
    w.end_array().key("grouped").begin_object();
    for (const auto& [t, list] : grouped) {
      w.key(t).begin_array();
      for (const std::string& data : list) w.string(data);
      w.end_array();
    }
    w.end_object();
  }
  w.end_object();
  end_event(out, w);
}

void http(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "http", "tcp");
  w.key("tx_id").number(row.word("trans_depth") == 0 ? 0 : row.word("trans_depth") - 1);
  w.key("http").begin_object();
  // Without the port that stands in the Host field.
  if (row.has("host")) {
    std::string_view host = row.text("host");
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(':') == colon) host = host.substr(0, colon);
    w.key("hostname").string(host);
  }
  text(w, "url", row, "uri");
  text(w, "http_user_agent", row, "user_agent");
  text(w, "xff", row, "x_forwarded_for");
  if (row.has("content_type")) {
    const std::string_view type = row.text("content_type");
    w.key("http_content_type").string(type.substr(0, type.find(';')));
  }
  text(w, "http_refer", row, "referrer");
  text(w, "http_method", row, "method");
  if (row.has("request_version") || row.has("version"))
    w.key("protocol")
        .string("HTTP/" + std::string(row.text(row.has("request_version") ? "request_version" : "version")));
  number(w, "status", row, "status_code");
  text(w, "redirect", row, "location");
  w.key("length").number(row.word("response_body_len")).end_object();
}

/// Zeek's order of a name's parts (RFC 2253: the most specific first) into Suricata's, with a space after the comma.
std::string distinguished_name(std::string_view name) {
  std::vector<std::string_view> parts;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && (name[i] != ',' || (i > 0 && name[i - 1] == '\\'))) continue;
    parts.push_back(name.substr(from, i - from));
    from = i + 1;
  }
  std::string out;
  for (auto at = parts.rbegin(); at != parts.rend(); ++at) {
    if (!out.empty()) out += ", ";
    for (std::size_t i = 0; i < at->size(); ++i)  // Suricata escapes nothing
      if ((*at)[i] != '\\' || i + 1 == at->size()) out += (*at)[i];
  }
  return out;
}

std::string with_colons(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) out += (out.empty() ? "" : ":") + std::string(hex.substr(i, 2));
  return out;
}

/// As the certificate has it: a positive INTEGER whose first bit is set begins with a zero byte (X.690 8.3).
std::string serial_number(std::string_view hex) {
  const bool high = !hex.empty() && hex.size() % 2 == 0 && hex[0] >= '8';
  return (high ? "00:" : "") + with_colons(hex);
}

void ssh(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "ssh", "tcp");
  w.key("ssh").begin_object();
  for (const auto& [side, hash, list] : {std::tuple{"client", "hassh", "hasshAlgorithms"},
                                         std::tuple{"server", "hasshServer", "hasshServerAlgorithms"}}) {
    const std::string_view banner = row.text(side);  // SSH-2.0-OpenSSH_8.4 comments
    if (banner.substr(0, 4) != "SSH-") continue;
    const std::size_t dash = banner.find('-', 4);
    w.key(side)
        .begin_object()
        .key("proto_version")
        .string(banner.substr(4, dash == std::string_view::npos ? dash : dash - 4));
    if (dash != std::string_view::npos) {
      const std::string_view software = banner.substr(dash + 1);
      w.key("software_version").string(software.substr(0, software.find(' ')));
    }
    if (row.has(hash)) {
      w.key("hassh").begin_object().key("hash").string(row.text(hash));
      if (row.has(list)) w.key("string").string(row.text(list));
      w.end_object();
    }
    w.end_object();
  }
  w.end_object();
}

void file(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "fileinfo", "tcp", row.has("is_orig") && row.word("is_orig") == 0);
  std::string source(row.text("source"));
  for (char& c : source) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c == '_' ? '-' : c;
  w.key("app_proto").string(source).key("fileinfo").begin_object();
  text(w, "filename", row, "filename");
  text(w, "mimetype", row, "mime_type");
  w.key("gaps").boolean(row.word("missing_bytes") != 0);
  w.key("state").string(row.word("timedout") != 0 || row.word("missing_bytes") != 0 ? "TRUNCATED" : "CLOSED");
  for (const char* digest : {"md5", "sha1", "sha256"}) text(w, digest, row, digest);
  w.key("stored")
      .boolean(row.has("extracted"))
      .key("size")
      .number(row.word("seen_bytes"))
      .key("tx_id")
      .number(0)
      .end_object();
}

void kerberos(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "krb5", "");
  const std::string kind(row.text("request_type"));
  const bool error = row.has("success") && row.word("success") == 0, answered = row.has("success");
  w.key("krb5").begin_object();
  w.key("msg_type").string(error ? "KRB_ERROR" : "KRB_" + kind + (answered ? "_REP" : "_REQ"));
  if (error) w.key("failed_request").string("KRB_" + kind + "_REQ");
  text(w, "error_code", row, "error_msg");
  const std::string_view client = row.text("client");
  const std::size_t slash = client.rfind('/');
  w.key("cname").string(client.empty() ? "<empty>" : client.substr(0, slash));
  w.key("realm").string(slash == std::string_view::npos ? "<empty>" : client.substr(slash + 1));
  w.key("sname").string(row.has("service") ? row.text("service") : "<empty>");
  const std::string_view cipher = row.text("cipher");
  w.key("encryption").string(cipher.empty() ? "<none>" : cipher);
  w.key("weak_encryption")
      .boolean(cipher.find("rc4") != std::string_view::npos || cipher.find("des") == 0)
      .end_object();
}

void smb(JsonWriter& w, const Row& row, bool mapping) {
  begin_event(w, row.head(), row.head().ts, "smb", "tcp");
  w.key("smb").begin_object();
  if (mapping) {
    w.key("command").string("SMB2_COMMAND_TREE_CONNECT");
    text(w, "share", row, "path");
    text(w, "share_type", row, "share_type");
    w.end_object();
    return;
  }
  const std::string_view action = row.text("action");
  w.key("command").string(action.find("OPEN") != std::string_view::npos    ? "SMB2_COMMAND_CREATE"
                          : action.find("READ") != std::string_view::npos  ? "SMB2_COMMAND_READ"
                          : action.find("WRITE") != std::string_view::npos ? "SMB2_COMMAND_WRITE"
                          : action.find("CLOSE") != std::string_view::npos ? "SMB2_COMMAND_CLOSE"
                                                                           : "SMB2_COMMAND_SET_INFO");
  text(w, "filename", row, "name");
  text(w, "share", row, "path");
  if (row.has("disposition")) w.key("disposition").string("FILE_" + upper(row.text("disposition")));
  number(w, "size", row, "size");
  w.end_object();
}

void ftp(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "ftp", "tcp");
  w.key("ftp").begin_object();
  text(w, "command", row, "command");
  text(w, "command_data", row, "arg");
  if (row.has("reply_code")) {
    w.key("completion_code").begin_array().string(std::to_string(row.word("reply_code"))).end_array();
    if (row.has("reply_msg")) {
      std::string reply;
      record::append_presentable(reply, row.text("reply_msg"), true);
      w.key("reply").begin_array().string(reply).end_array();
    }
  }
  w.key("reply_received").string(row.has("reply_code") ? "yes" : "no").end_object();
}

void smtp(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "smtp", "tcp");
  w.key("smtp").begin_object();
  text(w, "helo", row, "helo");
  if (row.has("mailfrom")) w.key("mail_from").string("<" + std::string(row.text("mailfrom")) + ">");
  if (row.items("rcptto") != 0) {
    w.key("rcpt_to").begin_array();
    for (std::size_t i = 0; i < row.items("rcptto"); ++i) w.string("<" + std::string(row.item("rcptto", i)) + ">");
    w.end_array();
  }
  w.end_object();
  if (!row.has("from") && !row.has("subject")) return;
  w.key("email").begin_object().key("status").string("PARSE_DONE");
  text(w, "from", row, "from");
  texts(w, "to", row, "to");
  texts(w, "cc", row, "cc");
  text(w, "subject", row, "subject");
  text(w, "message_id", row, "msg_id");
  w.end_object();
}

void weird(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "anomaly", "");
  w.key("anomaly").begin_object();
  text(w, "app_proto", row, "source");
  w.key("type").string("applayer");
  text(w, "event", row, "name");
  text(w, "layer", row, "addl");
  w.end_object();
}

void alert(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "alert", "");
  w.key("alert").begin_object();
  text(w, "action", row, "action");
  number(w, "signature_id", row, "signature_id");
  number(w, "rev", row, "rev");
  text(w, "signature", row, "signature");
  text(w, "category", row, "category");
  number(w, "severity", row, "severity");
  if (row.items("techniques") != 0) {
    w.key("metadata").begin_object();
    texts(w, "mitre_technique_id", row, "techniques");
    w.end_object();
  }
  w.end_object();
}

void quic(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "quic", "udp");
  w.key("quic").begin_object();
  text(w, "version", row, "version");
  text(w, "sni", row, "server_name");
  text(w, "ua", row, "user_agent");
  text(w, "ja4", row, "ja4");
  w.end_object();
}

void rdp(JsonWriter& w, const Row& row) {
  begin_event(w, row.head(), row.head().ts, "rdp", "tcp");
  w.key("rdp").begin_object().key("tx_id").number(0).key("event_type").string("initial_request");
  text(w, "cookie", row, "cookie");
  if (row.has("client_name") || row.has("client_build")) {
    w.key("client").begin_object();
    text(w, "build", row, "client_build");
    text(w, "client_name", row, "client_name");
    text(w, "keyboard_layout", row, "keyboard_layout");
    w.end_object();
  }
  w.end_object();
}

/// A record type that Suricata has no event for.
void other(std::string& out, const Batch& batch, std::size_t row) {
  JsonWriter w(out);
  begin_event(w, batch.head(row), batch.head(row).ts, batch.schema().name, "");
  std::string fields;
  append_json_row(fields, batch, row);
  w.key(batch.schema().name).raw(fields);
  end_event(out, w);
}

}  // namespace

struct EveEvents::Certificate {
  std::string subject, issuer, serial, fingerprint, not_before, not_after;
};

struct EveEvents::Waiting {
  std::unique_ptr<Batch> handshakes;
};

EveEvents::EveEvents() : waiting_(std::make_unique<Waiting>()) {}
EveEvents::~EveEvents() = default;

void EveEvents::append(std::string& out, const Batch& batch) {
  const std::string_view name = batch.schema().name;
  using Event = void (*)(JsonWriter&, const Row&);
  static const std::map<std::string_view, Event> kEvents = {
      {"conn", flow},
      {"http", http},
      {"ssh", ssh},
      {"files", file},
      {"kerberos", kerberos},
      {"smb_mapping", [](JsonWriter& w, const Row& r) { smb(w, r, true); }},
      {"smb_files", [](JsonWriter& w, const Row& r) { smb(w, r, false); }},
      {"ftp", ftp},
      {"smtp", smtp},
      {"weird", weird},
      {"alert", alert},
      {"quic", quic},
      {"rdp", rdp}};
  const auto event = kEvents.find(name);
  if (name == "ssl" && !waiting_->handshakes) waiting_->handshakes = std::make_unique<Batch>(batch.schema());
  for (std::size_t n = 0; n < batch.rows(); ++n) {
    const Row row(batch, n);
    if (event != kEvents.end()) {
      JsonWriter w(out);
      event->second(w, row);
      end_event(out, w);
    } else if (name == "dns") {
      dns(out, row);
    } else if (name == "ssl") {
      waiting_->handshakes->append_row(batch, n);
    } else {
      if (name == "x509" && row.word("host_cert") != 0 && row.word("chain_position") <= 1)
        certificates_.emplace(row.head().uid.value,
                              Certificate{distinguished_name(row.text("certificate.subject")),
                                          distinguished_name(row.text("certificate.issuer")),
                                          serial_number(row.text("certificate.serial")), with_colons(row.text("sha1")),
                                          timestamp(row.time("certificate.not_valid_before")).substr(0, 19),
                                          timestamp(row.time("certificate.not_valid_after")).substr(0, 19)});
      other(out, batch, n);
    }
  }
}

void EveEvents::end_round(std::string& out) {
  if (waiting_->handshakes) {
    const Batch& batch = *waiting_->handshakes;
    for (std::size_t n = 0; n < batch.rows(); ++n) {
      const Row row(batch, n);
      JsonWriter w(out);
      begin_event(w, row.head(), row.head().ts, "tls", "tcp");
      w.key("tls").begin_object();
      if (const auto c = certificates_.find(row.head().uid.value); c != certificates_.end()) {
        w.key("subject").string(c->second.subject).key("issuerdn").string(c->second.issuer);
        w.key("serial").string(c->second.serial).key("fingerprint").string(c->second.fingerprint);
      }
      if (row.word("resumed") != 0) w.key("session_resumed").boolean(true);
      text(w, "sni", row, "server_name");
      static constexpr std::pair<std::string_view, std::string_view> kVersions[] = {
          {"TLSv10", "TLSv1"}, {"TLSv11", "TLS 1.1"}, {"TLSv12", "TLS 1.2"}, {"TLSv13", "TLS 1.3"}};
      std::string_view version = row.text("version");
      for (const auto& [ours, theirs] : kVersions)
        if (version == ours) version = theirs;
      if (!version.empty()) w.key("version").string(version);
      if (const auto c = certificates_.find(row.head().uid.value); c != certificates_.end())
        w.key("notbefore").string(c->second.not_before).key("notafter").string(c->second.not_after);
      for (const char* hash : {"ja3", "ja3s"})
        if (row.has(hash)) w.key(hash).begin_object().key("hash").string(row.text(hash)).end_object();
      text(w, "ja4", row, "ja4");
      texts(w, "client_alpns", row, "orig_alpn");
      w.end_object();
      end_event(out, w);
    }
    waiting_->handshakes->clear();
  }
  certificates_.clear();
}

}  // namespace whodunit::report
