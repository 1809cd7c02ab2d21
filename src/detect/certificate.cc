// Certificates that give away who made them: those that remote-control tools generate and ship as their default, and
// those that exploit how certificates are checked. Relays of Tor make theirs in a form of its own, too (tortls.c,
// tor_tls_context_init_certificates: random names www.*.net, signed by another random name, one certificate alone).
//
// Method: names that the tools' own sources or published analyses give (each below), and the form that AsyncRAT's and
// Quasar's generators give to any certificate whatever its name: a self-signed authority with a common name alone, RSA
// of 4096 bits, SHA-512, and no end (9999-12-31, RFC 5280 4.1.2.5). CurveBall (CVE-2020-0601): an elliptic curve given
// by its parameters instead of its name, which RFC 5480 2.1.1 forbids in certificates.
#include <fmt/format.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "detect/detector.h"
#include "protocol/x509/x509_record.h"

namespace whodunit::detect {
namespace {

struct Known {
  std::string_view subject;  ///< what the subject holds
  std::string_view issuer;   ///< what the issuer holds, too
  std::string_view tool;
  std::string_view source;
};
constexpr Known kKnown[] = {
    {"CN=AsyncRAT Server", "", "AsyncRAT",
     "NYAN-x-CAT/AsyncRAT-C-Sharp, FormCertificate; corelight/zeek-asyncrat-detector, scripts/main.zeek"},
    {"CN=DcRat", "O=DcRat By qwqdanchun", "DcRat",
     "qwqdanchun/DcRat, Server/Helper/CreateCertificate.cs; issuer as published detections give it"},
    {"", "CN=DcRat Server", "DcRat", "qwqdanchun/DcRat, the default name of its certificate's authority"},
    {"CN=VenomRAT", "O=VenomRAT By qwqdanchun", "VenomRAT", "published analyses of its samples' certificates"},
    {"", "CN=VenomRAT Server", "VenomRAT", "the default name in its certificate's form (FormCertificate)"},
    {"CN=BoratRat", "O=BoratRat By Sa8XOfH1BudX", "BoratRAT",
     "its decompiled generator: subject CN=BoratRat, issuer O=BoratRat By Sa8XOfH1BudX"},
    {"", "CN=BoratRat Server", "BoratRAT", "the default name in its certificate's form (FormCertificate)"},
    {"CN=Quasar Server CA", "", "Quasar", "corelight/zeek-quasarrat-detector, scripts/main.zeek"},
    {"CN=Orcus Server", "", "Orcus", "Orcus' source: CreateSelfSignCertificatePfx(\"CN=Orcus Server\")"},
    {"CN=Major Cobalt Strike", "", "Cobalt Strike", "its teamserver script, keytool -dname"},
    {"O=cobaltstrike", "", "Cobalt Strike", "its teamserver script, keytool -dname"},
    {"CN=P18055077", "", "PoshC2", "nettitude/PoshC2, poshc2/server/Config.py, Cert_CN"},
};

struct Parameters {
  double endless_years = 200;  ///< validity beyond this is none at all
  std::uint64_t key_bits = 4096;
  std::size_t max_found = 10'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "certificate",
      "Certificates that remote-control tools make by default (AsyncRAT, Quasar, DcRat, Cobalt Strike and others), "
      "certificates crafted against their check (CurveBall), and Tor's.",
      "Names from the tools' own sources and published analyses; the form of AsyncRAT's and Quasar's generators; "
      "CVE-2020-0601 with RFC 5480 2.1.1; Tor's tortls.c",
      {"T1573.002", "T1071", "T1553.002", "T1190", "T1090.003"},
      "Red teams use the same tools; an appliance may sign its own certificate without an end, but seldom as an "
      "authority with a name alone.",
      {{"endless_years", fmt::format("{}", p.endless_years), "validity from which a certificate has no end"},
       {"key_bits", fmt::format("{}", p.key_bits), "RSA key of the generators"}}};
  return d;
}

class Certificate : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"x509"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::x509::X509::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) take(protocol::x509::X509::read(batch, row));
  }
  void finish(const Home&, std::vector<Finding>& out) override {
    for (auto& [key, f] : found_) out.push_back(std::move(f));
    found_.clear();
  }

 private:
  void take(const protocol::x509::X509& c) {
    if (c.malformed) return;
    if (c.key_type == "ecdsa" && c.key_length.value_or(0) != 0 && c.curve.empty()) crafted(c);
    if (c.client_cert || !c.host_cert) return;
    for (const Known& k : kKnown) {
      if (!k.subject.empty() && !holds(c.subject, k.subject)) continue;
      if (!k.issuer.empty() && !holds(c.issuer, k.issuer)) continue;
      control(c, k.tool, k.source, 0.95);
      return;
    }
    const bool endless =
        c.not_valid_before && c.not_valid_after &&
        (*c.not_valid_after - *c.not_valid_before).seconds() > parameters_.endless_years * 365.25 * 86400;
    const bool name_alone = c.subject.substr(0, 3) == "CN=" && c.subject.find(',') == std::string_view::npos;
    if (endless && name_alone && c.self_signed.value_or(false) && c.ca.value_or(false) && c.key_type == "rsa" &&
        c.key_length.value_or(0) == parameters_.key_bits && c.sig_alg == "sha512WithRSAEncryption")
      control(c, "AsyncRAT, Quasar or a relative", "the form of their certificate generators", 0.85);
    if (tor_name(c.subject, ".net") && (tor_name(c.issuer, ".com") || tor_name(c.issuer, ".net")) &&
        c.subject != c.issuer && c.chain_length <= 1)
      tor(c);
  }

  /// A whole attribute, not the beginning of a longer word.
  static bool holds(std::string_view name, std::string_view attribute) {
    for (std::size_t at = name.find(attribute); at != std::string_view::npos; at = name.find(attribute, at + 1)) {
      const std::size_t end = at + attribute.size();
      const bool begins = at == 0 || name[at - 1] == ',' || name[at - 1] == '+';
      if (begins && (end == name.size() || name[end] == ',' || name[end] == '+' || name[end] == ' ')) return true;
    }
    return false;
  }

  /// CN=www.NAME.net alone, NAME of 8 to 20 letters of base 32 (Tor's crypto_random_hostname(8, 20, "www.", ".net")).
  static bool tor_name(std::string_view name, std::string_view end) {
    constexpr std::string_view kBegin = "CN=www.";
    if (name.substr(0, kBegin.size()) != kBegin || name.size() < kBegin.size() + end.size() ||
        name.substr(name.size() - end.size()) != end)
      return false;
    name = name.substr(kBegin.size(), name.size() - kBegin.size() - end.size());
    if (name.size() < 8 || name.size() > 20) return false;
    for (const char ch : name)
      if (!(ch >= 'a' && ch <= 'z') && !(ch >= '2' && ch <= '7')) return false;
    return true;
  }

  void tor(const protocol::x509::X509& c) {
    Finding* f = found(c, "tor");
    if (f == nullptr || !f->statement.empty()) return;
    f->techniques = {"T1090.003"};
    f->phase = Phase::kFoothold;
    f->outcome = Outcome::kUnknown;
    // Who uses Tor hides something, from us or from others: for the owner's policy to judge.
    f->severity = Severity::kLow;
    f->confidence = 0.9;
    // The relay belongs to whoever lends it, and is nobody's weapon: who sits behind cannot be said.
    f->victim = host(c.head.id.orig_h);
    f->statement = fmt::format("{} uses Tor: the certificate of {}:{} ({}, by {}) is made as Tor's relays make it",
                               c.head.id.orig_h.to_string(), c.head.id.resp_h.to_string(), c.head.id.resp_p.value,
                               c.subject, c.issuer);
    f->fact("tool", "Tor");
    f->fact("relay", c.head.id.resp_h.to_string());
    f->fact("covert", "Tor");
  }

  Finding* found(const protocol::x509::X509& c, std::string_view kind) {
    // A client of Tor has several relays: one claim about the client.
    const bool relays = kind == "tor";
    const auto key = std::make_tuple(std::string(kind), c.head.id.orig_h, relays ? base::Address{} : c.head.id.resp_h,
                                     relays ? std::uint16_t{0} : c.head.id.resp_p.value);
    if (full(found_, key, parameters_.max_found)) return nullptr;
    Finding& f = found_[key];
    f.detector = "certificate";
    f.add("x509", c.head);
    return &f;
  }

  void control(const protocol::x509::X509& c, std::string_view tool, std::string_view source, double confidence) {
    Finding* f = found(c, tool);
    if (f == nullptr || !f->statement.empty()) return;
    f->techniques = {"T1573.002", "T1071"};
    f->phase = Phase::kFoothold;
    f->outcome = Outcome::kSucceeded;
    f->severity = Severity::kHigh;
    f->confidence = confidence;
    f->attacker = host(c.head.id.resp_h);
    f->victim = host(c.head.id.orig_h);
    f->statement = fmt::format("{} speaks TLS with {}:{}, whose certificate ({}) is one that {} makes",
                               c.head.id.orig_h.to_string(), c.head.id.resp_h.to_string(), c.head.id.resp_p.value,
                               c.subject.substr(0, 120), tool);
    f->fact("tool", std::string(tool));
    f->fact("source", std::string(source));
    f->fact("certificate", std::string(c.fingerprint));
    f->fact("subject", std::string(c.subject.substr(0, 200)));
    f->fact("controller", c.head.id.resp_h.to_string());
  }

  void crafted(const protocol::x509::X509& c) {
    Finding* f = found(c, "curve");
    if (f == nullptr || !f->statement.empty()) return;
    f->techniques = {"T1553.002", "T1190"};
    f->phase = Phase::kAssault;
    f->outcome = Outcome::kUnknown;
    f->severity = Severity::kHigh;
    f->confidence = 0.85;
    f->attacker = host(c.client_cert ? c.head.id.orig_h : c.head.id.resp_h);
    f->victim = host(c.client_cert ? c.head.id.resp_h : c.head.id.orig_h);
    f->statement = fmt::format(
        "{} was shown a certificate ({}) whose elliptic curve is given by parameters of its own, as in CurveBall",
        f->victim.value, c.subject.substr(0, 120));
    f->fact("cve", "CVE-2020-0601");
    f->fact("certificate", std::string(c.fingerprint));
    f->fact("subject", std::string(c.subject.substr(0, 200)));
  }

  Parameters parameters_;
  std::map<std::tuple<std::string, base::Address, base::Address, std::uint16_t>, Finding> found_;
};

}  // namespace

std::unique_ptr<Detector> make_certificate(const Environment&) { return std::make_unique<Certificate>(); }

}  // namespace whodunit::detect
