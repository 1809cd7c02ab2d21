// Programs put on another host's administrative shares: how tools spread (T1570 over T1021.002).
//
// Method: MITRE CAR-2013-05-003 (SMB write request) and BZAR's SMB rules: a file that Windows would run, made or
// replaced on C$, ADMIN$ or another drive's share. Libraries that services load by a name that is not there by default
// (SpecterOps, "Lateral Movement: SCM and DLL Hijacking Primer", 2019) are named as such.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "detect/detector.h"
#include "protocol/smb/smb.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t max_pairs = 50'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "admin_share",
      "A program, library or script is written to another host's administrative share.",
      "MITRE CAR-2013-05-003; MITRE BZAR; SpecterOps, Lateral Movement: SCM and DLL Hijacking Primer (2019)",
      {"T1570", "T1021.002", "T1574.001"},
      "Administrators and software distribution copy programs in the same way, from a few hosts to many.",
      {{"max_pairs", fmt::format("{}", p.max_pairs), "pairs of hosts remembered"}}};
  return d;
}

/// ADMIN$ or a drive's letter with $.
bool administrative(std::string_view path) {
  const std::string share = base::lower(path.substr(path.find_last_of('\\') + 1));
  return share == "admin$" || (share.size() == 2 && share[1] == '$' && share[0] >= 'a' && share[0] <= 'z');
}

bool runs(std::string_view extension) {
  for (const std::string_view e : {"exe", "dll", "sys", "bat", "cmd", "ps1", "psm1", "vbs", "vbe", "js",
                                   "jse", "wsf", "hta", "scr", "com", "cpl", "msi",  "pif", "ocx", "xll"})
    if (e == extension) return true;
  return false;
}

/// Libraries that services look for where Windows does not ship them (Elastic's detection rules on unsigned libraries
/// loaded by svchost list them; ualapi.dll, which the fax service loads: windows-internals.com, "Faxing Your Way to
/// SYSTEM", 2020).
bool phantom(std::string_view file) {
  for (const std::string_view f :
       {"wlbsctrl.dll", "tsmsisrv.dll", "tsvipsrv.dll", "ualapi.dll", "wbemcomn.dll", "wptsextensions.dll", "msfte.dll",
        "wow64log.dll", "wlanhlp.dll", "phoneinfo.dll", "edgegdi.dll", "cdpsgshims.dll", "windowscoredeviceinfo.dll",
        "windowsperformancerecordercontrol.dll", "diagtrack_win.dll"})
    if (f == file) return true;
  return false;
}

struct Pair {
  base::Address from, to;
  auto operator<=>(const Pair&) const = default;
};

struct Written {
  std::set<std::string> files;
  std::vector<record::Head> heads;
  std::uint64_t total = 0;
  bool hijack = false;
};

class AdminShare : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"smb_files"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::smb::SmbFiles::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const protocol::smb::SmbFiles s = protocol::smb::SmbFiles::read(batch, row);
      const bool made =
          s.action == "SMB::FILE_OPEN" && (s.disposition == "supersede" || s.disposition == "create" ||
                                           s.disposition == "overwrite" || s.disposition == "overwrite_if");
      // open_if makes a file only where the rights to write are asked for ([MS-SMB2] 2.2.13.1.1: FILE_WRITE_DATA).
      const bool may = s.action == "SMB::FILE_OPEN" && s.disposition == "open_if" && (s.access.value_or(0) & 2) != 0;
      if ((!made && !may && s.action != "SMB::FILE_RENAME") || !administrative(s.path)) continue;
      const std::string file = base::lower(s.name.substr(s.name.find_last_of('\\') + 1));
      const std::size_t dot = file.rfind('.');
      if (dot == std::string::npos || !runs(std::string_view(file).substr(dot + 1))) continue;
      const Pair pair{s.head.id.orig_h, s.head.id.resp_h};
      if (full(written_, pair, parameters_.max_pairs)) continue;
      Written& w = written_[pair];
      ++w.total;
      w.hijack |= phantom(file);
      if (w.files.size() < 16)
        w.files.insert(fmt::format("{}\\{}", s.path.substr(s.path.find_last_of('\\') + 1), s.name.substr(0, 160)));
      if (w.heads.size() < Finding::kMaxEvidence) w.heads.push_back(s.head);
    }
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (const auto& [pair, w] : written_) {
      Finding f;
      f.detector = "admin_share";
      f.techniques = {"T1570", "T1021.002"};
      if (w.hijack) f.techniques.emplace_back("T1574.001");
      f.phase = Phase::kSpread;
      f.outcome = Outcome::kSucceeded;
      f.severity = w.hijack ? Severity::kHigh : Severity::kMedium;
      f.confidence = w.hijack ? 0.85 : 0.6;
      if (!home.networks.empty() && !home.contains(pair.from) && home.contains(pair.to))
        f.confidence = std::min(0.95, f.confidence + 0.2);
      f.attacker = host(pair.from);
      f.victim = host(pair.to);
      for (const record::Head& head : w.heads) f.add("smb_files", head);
      f.evidence_total = w.total;
      std::string files;
      for (const std::string& x : w.files) files += (files.empty() ? "" : ", ") + x;
      f.statement = fmt::format("{} put {} on {}'s administrative share{}", pair.from.to_string(), files,
                                pair.to.to_string(), w.hijack ? ": a library that a service loads by name" : "");
      f.fact("files", files);
      out.push_back(std::move(f));
    }
  }

 private:
  Parameters parameters_;
  std::map<Pair, Written> written_;
};

}  // namespace

std::unique_ptr<Detector> make_admin_share(const Environment&) { return std::make_unique<AdminShare>(); }

}  // namespace whodunit::detect
