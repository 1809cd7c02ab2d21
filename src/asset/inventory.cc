#include "asset/inventory.h"

#include <algorithm>

#include "connection/conn_record.h"

namespace whodunit::asset {
namespace {

constexpr std::size_t kMaxServices = 64;
constexpr std::size_t kMaxEdges = 500'000;

/// The responder answered in a way that shows a service.
bool answered(const connection::Conn& c) {
  // SYN-ACKs that nobody asked for are reset: backscatter, no service.
  if (c.proto == "tcp" && !c.history.empty() && c.history.find_first_of("SsDd") == std::string_view::npos) return false;
  if (c.proto == "tcp")
    return c.conn_state == "SF" || c.conn_state == "S1" || c.conn_state == "S2" || c.conn_state == "S3" ||
           c.conn_state == "RSTO" || c.conn_state == "RSTR";
  return c.resp_pkts > 0;
}

bool encrypted(std::string_view service) {
  for (const std::string_view s : {"ssl", "ssh", "quic", "dtls"})
    if (service.find(s) != std::string_view::npos) return true;
  return false;
}

}  // namespace

detect::Needs Inventory::needs() { return {.records = {"conn", "dns", "weird"}}; }

Host* Inventory::host(const base::Address& a, base::Time t) {
  auto it = hosts_.find(a);
  if (it == hosts_.end()) {
    if (hosts_.size() >= limit_) {
      ++overflow_;
      return nullptr;
    }
    it = hosts_.emplace(a, Host{}).first;
    it->second.address = a;
    it->second.first = it->second.last = t;
  }
  it->second.first = std::min(it->second.first, t);
  it->second.last = std::max(it->second.last, t);
  return &it->second;
}

void Inventory::take(const record::Batch& batch) {
  if (batch.schema().name == "weird") {
    seen_.weird += batch.rows();
    return;
  }
  if (&batch.schema() != &connection::Conn::schema) return;
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    const connection::Conn c = connection::Conn::read(batch, row);
    const std::uint64_t orig_bytes = c.orig_bytes.value_or(0), resp_bytes = c.resp_bytes.value_or(0);
    const base::Time end = c.head.ts + c.duration.value_or(base::Duration{});
    if (seen_.connections == 0 || c.head.ts < first_) first_ = c.head.ts;
    if (seen_.connections == 0 || last_ < end) last_ = end;
    ++seen_.connections;
    seen_.one_sided += (c.orig_pkts == 0 || c.resp_pkts == 0) && !c.head.id.resp_h.is_multicast();
    seen_.bytes += orig_bytes + resp_bytes;
    if (encrypted(c.service)) seen_.encrypted_bytes += orig_bytes + resp_bytes;
    seen_.gap_bytes += c.missed_bytes;
    if (Host* h = host(c.head.id.orig_h, c.head.ts)) {
      h->last = std::max(h->last, end);
      ++h->connections_out;
      h->bytes_sent += orig_bytes;
      h->bytes_received += resp_bytes;
    }
    if (c.head.id.resp_h.is_multicast() || c.head.id.resp_h.is_limited_broadcast()) continue;
    Host* h = host(c.head.id.resp_h, c.head.ts);
    if (h == nullptr) continue;
    h->bytes_sent += resp_bytes;
    h->bytes_received += orig_bytes;
    if (!answered(c)) {
      ++h->attempts_in;
      continue;
    }
    h->last = std::max(h->last, end);
    ++h->connections_in;
    const auto protocol = static_cast<std::uint8_t>(c.ip_proto);
    if (c.proto != "tcp" && c.proto != "udp" && c.proto != "sctp") continue;
    const std::uint16_t port = c.head.id.resp_p.value;
    auto s = std::find_if(h->services.begin(), h->services.end(),
                          [&](const Service& x) { return x.port == port && x.protocol == protocol; });
    if (s == h->services.end()) {
      if (h->services.size() >= kMaxServices) continue;
      h->services.push_back({port, protocol, std::string(c.service), 0, 0});
      s = h->services.end() - 1;
    }
    ++s->connections;
    if (s->name.empty()) s->name = c.service;
    const Edge edge{c.head.id.orig_h, c.head.id.resp_h, port, protocol};
    const auto e = edges_.find(edge);
    if (e != edges_.end())
      ++e->second;
    else if (edges_.size() < kMaxEdges)
      edges_.emplace(edge, 1);
    else
      ++overflow_;
  }
}

std::vector<const Host*> Inventory::hosts() const {
  std::vector<const Host*> out;
  out.reserve(hosts_.size());
  for (const auto& [address, host] : hosts_) out.push_back(&host);
  std::sort(out.begin(), out.end(), [](const Host* a, const Host* b) { return a->address < b->address; });
  return out;
}

const Host* Inventory::find(const base::Address& a) const {
  const auto it = hosts_.find(a);
  return it == hosts_.end() ? nullptr : &it->second;
}

}  // namespace whodunit::asset
