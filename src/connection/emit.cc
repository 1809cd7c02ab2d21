// The `conn` row of a connection that is over.
#include "connection/community_id.h"
#include "connection/conn_record.h"
#include "connection/local.h"
#include "connection/table_impl.h"

namespace whodunit::connection {
namespace {

/// Zeek's conn_state, from the states of both ends.
std::string_view tcp_conn_state(TcpState originator, TcpState responder, std::uint64_t originator_size,
                                std::uint64_t responder_size, std::string_view history) {
  const bool originator_unknown = originator == TcpState::kInactive || originator == TcpState::kPartial;
  const bool responder_unknown = responder == TcpState::kInactive || responder == TcpState::kPartial;
  if (responder == TcpState::kReset) {
    if (originator == TcpState::kSynSent || originator == TcpState::kSynAckSent ||
        (originator == TcpState::kReset && originator_size == 0 && responder_size == 0))
      return "REJ";
    return originator_unknown ? "RSTRH" : "RSTR";
  }
  if (originator == TcpState::kReset) {
    if (!responder_unknown) return "RSTO";
    // A SYN, then nothing else from the originator until its RST, and no answer to the SYN.
    if (!history.empty() && history.front() == '^') history.remove_prefix(1);
    if (history.empty() || history.front() != 'S') return "OTH";
    const std::size_t stop = history.find_first_of("HAFGIQ", 1);
    const std::size_t reset = history.find('R', 1);
    return reset != std::string_view::npos && (stop == std::string_view::npos || reset < stop) ? "RSTOS0" : "OTH";
  }
  if (responder == TcpState::kClosed && originator == TcpState::kClosed) return "SF";
  if (originator == TcpState::kClosed) return responder_unknown ? "SH" : "S2";
  if (responder == TcpState::kClosed) return originator_unknown ? "SHR" : "S3";
  if (originator == TcpState::kSynSent && responder == TcpState::kInactive) return "S0";
  if (originator == TcpState::kEstablished && responder == TcpState::kEstablished) return "S1";
  return "OTH";
}

std::string_view text_of_protocol(std::uint8_t protocol) {
  switch (protocol) {
    case packet::kTcp:
      return "tcp";
    case packet::kUdp:
      return "udp";
    case packet::kIcmp:
    case packet::kIcmp6:
      return "icmp";
    case packet::kSctp:
      return "sctp";
    default:
      return "unknown_transport";
  }
}

struct LinkAddress {
  LinkAddress(std::uint16_t high, std::uint32_t low) {
    if (high == 0 && low == 0) return;
    static constexpr char kDigits[] = "0123456789abcdef";
    const std::uint64_t value = static_cast<std::uint64_t>(high) << 32 | low;
    for (int i = 0; i < 6; ++i) {
      const auto byte = static_cast<unsigned>(value >> (40 - 8 * i) & 0xff);
      text_[3 * i] = kDigits[byte >> 4];
      text_[3 * i + 1] = kDigits[byte & 15];
      text_[3 * i + 2] = ':';
    }
    set_ = true;
  }
  record::Text text() const { return set_ ? record::Text(text_, 17) : record::Text(); }

 private:
  char text_[18];
  bool set_ = false;
};

}  // namespace

std::uint64_t tcp_size(const TcpEndpoint& end, const TcpEndpoint& peer);

void Table::Impl::emit(const Entry& e, std::string_view service) {
  if (!sink_.wants(Conn::schema)) return;
  Conn row;
  row.head.ts = {e.first_ns};
  row.head.uid = {e.uid};
  row.head.id = {e.address[0], e.address[1], {e.port[0]}, {e.port[1]}};
  row.head.place = {e.number_first(), e.number_last(), e.capture_first, e.capture_last};
  row.proto = text_of_protocol(e.protocol);
  std::string services(service);
  if (e.protocol == packet::kUdp) {  // a tunnel is a service, too
    const packet::Carrier mine = e.end[0].datagram.carrier;
    const std::string_view carrier = name_of(mine != packet::Carrier::kNone ? mine : e.end[1].datagram.carrier);
    if (!carrier.empty()) services += services.empty() ? std::string(carrier) : ',' + std::string(carrier);
  }
  if (!services.empty()) row.service = services;

  std::string history(e.history, e.history_length);
  std::uint64_t packets_high[2] = {0, 0};
  std::vector<std::string> tunnels;
  std::vector<std::string_view> tunnel_views;
  if (e.extra != nullptr) {
    history += e.extra->history;
    row.missed_bytes = e.extra->missed;
    for (int i = 0; i < 2; ++i) packets_high[i] = e.extra->packets_high[static_cast<std::size_t>(i)];
    for (const record::Uid uid : e.extra->tunnels) tunnels.push_back(uid.to_string());
    tunnel_views.assign(tunnels.begin(), tunnels.end());
    if (!tunnels.empty()) row.tunnel_parents = tunnel_views;
  }
  if (!history.empty()) row.history = history;

  const bool tcp = e.protocol == packet::kTcp;
  const std::uint64_t sizes[2] = {
      tcp ? tcp_size(e.end[0].tcp, e.end[1].tcp) : e.end[0].datagram.bytes,
      tcp ? tcp_size(e.end[1].tcp, e.end[0].tcp) : e.end[1].datagram.bytes,
  };
  if (e.last_ns > e.first_ns) {
    row.duration = base::Duration{e.last_ns - e.first_ns};
    row.orig_bytes = sizes[0];
    row.resp_bytes = sizes[1];
  }
  if (tcp) {
    row.conn_state = tcp_conn_state(e.end[0].tcp.state, e.end[1].tcp.state, sizes[0], sizes[1], history);
    const std::array<std::uint32_t, 2> reordered =
        e.extra != nullptr ? e.extra->reordered : std::array<std::uint32_t, 2>{};
    row.orig_retransmits = e.end[0].tcp.retransmits - reordered[0];
    row.resp_retransmits = e.end[1].tcp.retransmits - reordered[1];
    row.orig_zero_windows = e.end[0].tcp.zero_windows;
    row.resp_zero_windows = e.end[1].tcp.zero_windows;
    if (e.end[0].tcp.first_flags != 0) row.orig_first_flags = e.end[0].tcp.first_flags & 0x3fu;
    if ((e.flags & kHandshakeKnown) != 0) row.handshake_rtt = base::Duration{e.handshake_ns};
  } else if (e.protocol == packet::kUdp) {
    const bool originator = e.end[0].datagram.active, responder = e.end[1].datagram.active;
    row.conn_state = originator ? (responder ? "SF" : "S0") : (responder ? "SHR" : "OTH");
  } else {
    row.conn_state = "OTH";
  }
  if ((e.flags & kFirstByteKnown) != 0) row.time_to_first_byte = base::Duration{e.first_byte_ns};
  row.local_orig = is_local(settings_.local_networks, e.address[0]);
  row.local_resp = is_local(settings_.local_networks, e.address[1]);
  row.orig_pkts = packets_high[0] + e.packets[0];
  row.orig_ip_bytes = e.ip_bytes[0];
  row.resp_pkts = packets_high[1] + e.packets[1];
  row.resp_ip_bytes = e.ip_bytes[1];
  row.ip_proto = e.protocol;
  const std::string id = community_id(e.protocol, e.address[0], e.address[1], e.port[0], e.port[1]);
  row.community_id = id;
  if (e.vlan != 0) row.vlan = e.vlan;
  if (e.inner_vlan != 0) row.inner_vlan = e.inner_vlan;
  const LinkAddress links[2] = {{e.mac_high[0], e.mac_low[0]}, {e.mac_high[1], e.mac_low[1]}};
  row.orig_l2_addr = links[0].text();
  row.resp_l2_addr = links[1].text();
  sink_.emit(row);
}

}  // namespace whodunit::connection
