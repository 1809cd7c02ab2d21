// DHCP floods: leases are asked for until there are none.
//
// Method: transactions begun (DISCOVER or REQUEST, by their ids) within ten seconds on one link. Many hardware
// addresses are starvation as Gobbler, DHCPig and Yersinia do it (Yersinia, Black Hat Europe 2005); one address with
// many transactions is a flood of the server. A power cut brings many clients back at once, but they are answered and
// go on to a REQUEST.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "detect/detector.h"
#include "protocol/dhcp/dhcp.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t transactions = 200;  ///< begun within the window
  double window_seconds = 10;
  double answered_share = 0.5;  ///< at most this share with an ACK: clients that come back get their leases
  std::size_t max_transactions = 200'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "dhcp_flood",
      "DHCP leases are asked for by the hundred within seconds: starvation with made-up hardware addresses, or a "
      "flood.",
      "The attack of Gobbler, DHCPig and Yersinia (Omella and Berrueta, Black Hat Europe 2005); RFC 2131",
      {"T1499.002", "T1557.003"},
      "A large network that comes back from a power cut: its clients get their leases.",
      {{"transactions", fmt::format("{}", p.transactions), "begun within the window"},
       {"window", fmt::format("{} s", p.window_seconds), "the window"},
       {"answered_share", fmt::format("{}", p.answered_share), "most of them that may have ended with a lease"}}};
  return d;
}

struct Begun {
  base::Time ts;
  std::uint64_t mac;  // hash
  bool leased;
};

class DhcpFlood : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"dhcp"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::dhcp::Dhcp::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const protocol::dhcp::Dhcp d = protocol::dhcp::Dhcp::read(batch, row);
      bool asks = false, leased = false;
      for (const std::string_view m : d.msg_types) {
        asks |= m == "DISCOVER" || m == "REQUEST";
        leased |= m == "ACK";
      }
      if (!asks) continue;
      ++total_;
      if (begun_.size() >= parameters_.max_transactions) {
        drop();
        continue;
      }
      begun_.push_back({d.head.ts, base::fast_hash(d.mac), leased});
      if (heads_.size() < Finding::kMaxEvidence) heads_.push_back(d.head);
      if (d.server_addr) servers_.insert(*d.server_addr);
      if (macs_.size() < 4 && !d.mac.empty()) macs_.emplace(d.mac);
    }
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    std::stable_sort(begun_.begin(), begun_.end(), [](const Begun& a, const Begun& b) { return a.ts < b.ts; });
    std::size_t best = 0, best_from = 0, best_to = 0, from = 0;
    for (std::size_t to = 0; to < begun_.size(); ++to) {
      while ((begun_[to].ts - begun_[from].ts).seconds() > parameters_.window_seconds) ++from;
      if (to - from + 1 > best) {
        best = to - from + 1;
        best_from = from;
        best_to = to;
      }
    }
    if (best < parameters_.transactions) return;
    std::size_t leased = 0;
    std::unordered_set<std::uint64_t> addresses;
    for (std::size_t i = best_from; i <= best_to; ++i) {
      leased += begun_[i].leased;
      addresses.insert(begun_[i].mac);
    }
    const bool one = addresses.size() * 20 <= best;  // the same clients again and again
    // One client that gets leases by the hundred is none; many that do are a network that comes back.
    if (!one && static_cast<double>(leased) > parameters_.answered_share * static_cast<double>(best)) return;
    Finding f;
    f.detector = "dhcp_flood";
    f.techniques = {"T1499.002"};
    if (!one) f.techniques.emplace_back("T1557.003");
    f.phase = Phase::kHarm;
    f.outcome = leased != 0 ? Outcome::kSucceeded : Outcome::kAttempted;
    f.severity = Severity::kMedium;
    f.confidence = one ? 0.9 : 0.75;
    if (servers_.size() == 1) f.victim = host(*servers_.begin());
    for (const record::Head& head : heads_) f.add("dhcp", head);
    f.evidence_total = total_;
    f.first = begun_.front().ts;
    f.last = begun_.back().ts;
    std::string macs;
    for (const std::string& m : macs_) macs += (macs.empty() ? "" : ", ") + m;
    f.statement = fmt::format("{} DHCP transactions within {:.0f} s from {} hardware address{} ({}{}); {} got a lease",
                              best, parameters_.window_seconds, addresses.size(), addresses.size() == 1 ? "" : "es",
                              macs, addresses.size() > macs_.size() ? ", …" : "", leased);
    f.fact("transactions", fmt::format("{}", total_));
    f.fact("hardware_addresses", fmt::format("{}", addresses.size()));
    out.push_back(std::move(f));
  }

 private:
  Parameters parameters_;
  std::vector<Begun> begun_;
  std::vector<record::Head> heads_;
  std::set<base::Address> servers_;
  std::set<std::string> macs_;
  std::uint64_t total_ = 0;
};

}  // namespace

std::unique_ptr<Detector> make_dhcp_flood(const Environment&) { return std::make_unique<DhcpFlood>(); }

}  // namespace whodunit::detect
