// Indicators: what others have seen used by attackers, seen here.
//
// Every hit names the indicator, its source, since when, and how exact it is. One finding per indicator and host of
// ours. Networks that a list names as context never come here; names that only stand in the same network or under a
// shared service are weak and say so.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "knowledge/indicators/indicators.h"
#include "protocol/dns/dns.h"
#include "protocol/files/file_record.h"
#include "protocol/http/http.h"
#include "protocol/ssh/ssh.h"
#include "protocol/tls/ssl_record.h"

namespace whodunit::detect {
namespace {

using knowledge::Exactness;
using knowledge::IndicatorHit;
using knowledge::IndicatorKind;

constexpr std::size_t kMaxFindings = 20'000;

const Description& describe() {
  static const Description d{
      "indicator",
      "An address, a name, a URL, a file, a certificate or a fingerprint that a source names as an attacker's.",
      "Matching of the user's own feeds (STIX 2.x, MISP, maltrail's trails, lists); warning lists are subtracted when "
      "feeds are added",
      {"T1071"},
      "Feeds age, list shared hosting, and contain mistakes: weigh by source, date and exactness.",
      {}};
  return d;
}

struct Sighting {
  std::vector<record::Head> heads;
  std::vector<std::string> records;
  std::uint64_t total = 0;
  bool answered = false;    ///< a connection was made, a request answered
  bool asked_only = false;  ///< only the name was looked up
  std::string seen;
  base::Address server;
  bool has_server = false;
  base::Time first, last;
  // of the strongest hit
  IndicatorKind kind = IndicatorKind::kAddress;
  Exactness exactness = Exactness::kExact;
  std::string report, licence, actor, malware, labels, date;
  float confidence = 0.5F;
  std::set<std::string> sources;
};

struct Key {
  std::string indicator;
  base::Address ours;
  auto operator<=>(const Key&) const = default;
};

class Indicator : public Detector {
 public:
  explicit Indicator(const Environment& environment) : set_(environment.indicators) {}
  const Description& description() const override { return describe(); }
  Needs needs() const override {
    Needs n;
    n.records = {"conn", "dns", "http", "ssl", "ssh", "files"};
    // Digests cost: they are made only where there are digests to compare them with.
    if (set_ != nullptr) {
      n.file_md5 = set_->size(IndicatorKind::kMd5) != 0;
      n.file_sha1 = set_->size(IndicatorKind::kSha1) != 0;
      n.file_sha256 = set_->size(IndicatorKind::kSha256) != 0;
    }
    return n;
  }

  void take(const record::Batch& batch) override {
    if (set_ == nullptr) return;
    const record::Schema* schema = &batch.schema();
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (schema == &connection::Conn::schema) take(connection::Conn::read(batch, row));
      if (schema == &protocol::dns::Dns::schema) take(protocol::dns::Dns::read(batch, row));
      if (schema == &protocol::http::Http::schema) take(protocol::http::Http::read(batch, row));
      if (schema == &protocol::tls::Ssl::schema) take(protocol::tls::Ssl::read(batch, row));
      if (schema == &protocol::ssh::Ssh::schema) take(protocol::ssh::Ssh::read(batch, row));
      if (schema == &protocol::Files::schema) take(protocol::Files::read(batch, row));
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (const auto& [key, s] : sightings_) report(key, s, home, out);
  }

 private:
  void take(const connection::Conn& c) {
    const bool answered = c.resp_pkts > 0 && c.conn_state != "REJ";
    hits_.clear();
    set_->find_address(c.head.id.resp_h, c.head.id.resp_p.value, hits_);
    add("conn", c.head, c.head.id.orig_h, c.head.id.resp_h.to_string(), answered, false);
    hits_.clear();
    set_->find_address(c.head.id.orig_h, 0, hits_);
    add("conn", c.head, c.head.id.resp_h, c.head.id.orig_h.to_string(), answered, false);
  }
  void take(const protocol::dns::Dns& d) {
    hits_.clear();
    if (!d.query.empty()) set_->find_domain(d.query, hits_);
    add("dns", d.head, d.head.id.orig_h, d.query, false, true);
  }
  void take(const protocol::http::Http& h) {
    const bool answered = h.status_code.has_value();
    const std::string_view host_name =
        h.host.substr(0, h.host.rfind(':') == std::string_view::npos || h.host.find(']') != std::string_view::npos
                             ? h.host.size()
                             : h.host.rfind(':'));
    hits_.clear();
    if (!host_name.empty()) set_->find_domain(host_name, hits_);
    add("http", h.head, h.head.id.orig_h, h.host, answered, false);
    hits_.clear();
    set_->find_url(host_name, h.head.id.resp_p.value, h.uri, hits_);
    add("http", h.head, h.head.id.orig_h, fmt::format("{}{}", h.host, h.uri.substr(0, 200)), answered, false);
    hits_.clear();
    if (!h.user_agent.empty()) set_->find_user_agent(h.user_agent, hits_);
    add("http", h.head, h.head.id.orig_h, h.user_agent, answered, false);
  }
  void take(const protocol::tls::Ssl& s) {
    hits_.clear();
    if (!s.server_name.empty()) set_->find_domain(s.server_name, hits_);
    add("ssl", s.head, s.head.id.orig_h, s.server_name, s.established, false);
    for (const std::string_view fingerprint : s.cert_chain_fps) {
      hits_.clear();
      set_->find_certificate(fingerprint, hits_);
      add("ssl", s.head, s.head.id.orig_h, fingerprint, true, false);
    }
    const std::pair<IndicatorKind, std::string_view> prints[] = {
        {IndicatorKind::kJa3, s.ja3}, {IndicatorKind::kJa3s, s.ja3s}, {IndicatorKind::kJa4, s.ja4}};
    for (const auto& [kind, value] : prints) {
      hits_.clear();
      if (!value.empty()) set_->find_fingerprint(kind, value, hits_);
      add("ssl", s.head, s.head.id.orig_h, value, s.established, false);
    }
  }
  void take(const protocol::ssh::Ssh& s) {
    const std::pair<IndicatorKind, std::string_view> prints[] = {{IndicatorKind::kHassh, s.hassh},
                                                                 {IndicatorKind::kHasshServer, s.hassh_server}};
    for (const auto& [kind, value] : prints) {
      hits_.clear();
      if (!value.empty()) set_->find_fingerprint(kind, value, hits_);
      add("ssh", s.head, kind == IndicatorKind::kHassh ? s.head.id.resp_h : s.head.id.orig_h, value, true, false);
    }
  }
  void take(const protocol::Files& f) {
    for (const std::string_view digest : {f.md5, f.sha1, f.sha256}) {
      hits_.clear();
      if (!digest.empty()) set_->find_file(digest, hits_);
      add("files", f.head, f.is_orig ? f.head.id.resp_h : f.head.id.orig_h, digest, true, false);
    }
  }

  void add(std::string_view record, const record::Head& head, const base::Address& ours, std::string_view seen,
           bool answered, bool asked) {
    for (const IndicatorHit& hit : hits_) {
      const Key key{fmt::format("{}:{}", knowledge::to_string(hit.kind), hit.value), ours};
      auto at = sightings_.find(key);
      if (at == sightings_.end()) {
        if (sightings_.size() >= kMaxFindings) {
          drop();
          continue;
        }
        at = sightings_.emplace(key, Sighting{}).first;
        Sighting& s = at->second;
        s.first = head.ts;
        s.seen = seen;
        s.kind = hit.kind;
        s.exactness = hit.exactness;
        s.report = hit.report;
        s.licence = hit.licence;
        s.labels = hit.labels;
        s.date = hit.date.to_string();
        s.asked_only = true;
      }
      Sighting& s = at->second;
      if (s.actor.empty()) s.actor = hit.actor;
      if (s.malware.empty()) s.malware = hit.malware;
      s.confidence = std::max(s.confidence, hit.confidence);
      s.sources.insert(std::string(hit.source));
      s.last = std::max(s.last, head.ts);
      s.answered |= answered;
      s.asked_only &= asked;
      if (!asked && !s.has_server) {
        s.server = head.id.orig_h == ours ? head.id.resp_h : head.id.orig_h;
        s.has_server = true;
      }
      if (!(s.heads.empty() ? false : s.heads.back().uid == head.uid && s.heads.back().ts == head.ts)) {
        ++s.total;
        if (s.heads.size() < Finding::kMaxEvidence) {
          s.heads.push_back(head);
          s.records.emplace_back(record);
        }
      }
    }
  }

  void report(const Key& key, const Sighting& s, const Home& home, std::vector<Finding>& out) const {
    const std::string value = key.indicator.substr(key.indicator.find(':') + 1);
    const bool incoming =
        s.kind == IndicatorKind::kAddress && !s.heads.empty() && s.heads.front().id.resp_h == key.ours;
    // Somebody else's traffic with somebody else's servers is none of ours, where we know what is ours.
    if (!home.networks.empty() && !home.contains(key.ours)) return;
    const bool weak = s.exactness == Exactness::kNetwork || s.exactness == Exactness::kOtherPort ||
                      s.exactness == Exactness::kPath || !s.labels.empty() || s.kind == IndicatorKind::kUserAgent;
    Finding f;
    f.detector = "indicator";
    f.techniques = {s.kind == IndicatorKind::kDomain || s.kind == IndicatorKind::kUrl ? "T1071.001" : "T1071"};
    f.phase = incoming ? Phase::kDoorRattling : Phase::kFoothold;
    f.outcome = incoming ? Outcome::kAttempted : s.answered ? Outcome::kSucceeded : Outcome::kAttempted;
    f.severity = weak ? Severity::kLow : incoming ? Severity::kLow : s.answered ? Severity::kHigh : Severity::kMedium;
    f.confidence = std::clamp(0.35 + 0.4 * static_cast<double>(s.confidence) +
                                  0.1 * (static_cast<double>(s.sources.size()) - 1) - 0.25 * weak - 0.1 * s.asked_only,
                              0.1, 0.95);
    const bool name = s.kind == IndicatorKind::kDomain;
    f.attacker = name ? Entity{"domain", value} : s.has_server ? host(s.server) : Entity{"domain", value};
    f.victim = host(key.ours);
    for (std::size_t i = 0; i < s.heads.size(); ++i) f.add(s.records[i], s.heads[i]);
    f.evidence_total = s.total;
    f.first = s.first;
    f.last = s.last;
    std::string sources;
    for (const std::string& source : s.sources) sources += (sources.empty() ? "" : ", ") + source;
    std::string whose;
    if (!s.actor.empty()) whose = ", said to be of " + s.actor;
    if (!s.malware.empty()) whose += (whose.empty() ? ", said to be of " : ", ") + s.malware;
    f.statement = fmt::format(
        "{} {} {} {}{} ({}{}){}", key.ours.to_string(),
        incoming       ? "was reached by"
        : s.asked_only ? "asked for"
        : s.kind == IndicatorKind::kMd5 || s.kind == IndicatorKind::kSha1 || s.kind == IndicatorKind::kSha256
            ? "got the file"
            : "spoke with",
        knowledge::to_string(s.kind), s.seen, whose, sources, s.date.empty() ? "" : ", " + s.date,
        s.exactness == Exactness::kExact ? "" : fmt::format("; match: {}", knowledge::to_string(s.exactness)));
    f.fact("indicator", value);
    f.fact("indicator_kind", std::string(knowledge::to_string(s.kind)));
    f.fact("seen", s.seen);
    f.fact("source", sources);
    f.fact("exactness", std::string(knowledge::to_string(s.exactness)));
    f.fact("reports", fmt::format("{}", s.sources.size()));
    if (!s.date.empty()) f.fact("listed", s.date);
    if (!s.report.empty()) f.fact("report", s.report);
    if (!s.licence.empty()) f.fact("licence", s.licence);
    if (!s.actor.empty()) f.fact("actor", s.actor);
    if (!s.malware.empty()) f.fact("software", s.malware);
    if (!s.labels.empty()) f.fact("labels", s.labels);
    if (name) f.fact("domain", value);
    if (s.has_server && !incoming) f.fact("controller", s.server.to_string());
    out.push_back(std::move(f));
  }

  const knowledge::IndicatorSet* set_;
  std::map<Key, Sighting> sightings_;
  std::vector<IndicatorHit> hits_;
};

}  // namespace

std::unique_ptr<Detector> make_indicator(const Environment& environment) {
  return std::make_unique<Indicator>(environment);
}

}  // namespace whodunit::detect
