// Shells in the clear: a command interpreter on a bare TCP connection.
//
// Method: what only an interpreter prints (prompts, "no job control in this shell", the answers of id and uname, the
// banner of cmd.exe) in a stream that is of no protocol (record shell). Whoever calls out and then obeys is a reverse
// shell, as bash's /dev/tcp, nc -e and Metasploit's shell payloads make it; one that is called is a bind shell. MITRE
// ATT&CK T1059, T1095. Telnet and the r-services have ports of their own, and administrators who still use them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "protocol/shell/shell.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t max_pairs = 20'000;
  std::size_t commands_told = 4;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "clear_shell",
      "A command interpreter answers on a bare TCP connection: a reverse or bind shell; or a script is sent to one.",
      "MITRE ATT&CK T1059 and T1095; prompts and answers as bash, sh, cmd.exe and PowerShell print them",
      {"T1059", "T1059.004", "T1059.003", "T1059.001", "T1095"},
      "Consoles of devices and test systems on ports of their own; Telnet, rlogin and rsh, which are left out at their "
      "ports; scripts copied with nc.",
      {{"max_pairs", fmt::format("{}", p.max_pairs), "pairs of hosts remembered"}}};
  return d;
}

/// Where interpreters in the clear are the service: rexec, rlogin, rsh, Telnet (IANA), and Telnet's usual other port.
bool at_home(std::uint16_t port) {
  return port == 23 || port == 107 || port == 512 || port == 513 || port == 514 || port == 992 || port == 2323;
}

class ClearShell : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"shell"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::shell::Shell::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) take(protocol::shell::Shell::read(batch, row));
  }
  void finish(const Home&, std::vector<Finding>& out) override {
    for (auto& [key, f] : found_) out.push_back(std::move(f));
  }

 private:
  void take(const protocol::shell::Shell& s) {
    const auto& id = s.head.id;
    if (at_home(id.resp_p.value) || at_home(id.orig_p.value)) return;
    const bool script = s.kind == "script", answered = s.by_originator.has_value();
    const bool reverse = s.by_originator.value_or(false);
    const base::Address& shell = reverse ? id.orig_h : id.resp_h;
    const base::Address& hand = reverse ? id.resp_h : id.orig_h;
    const Key key{hand, shell, script};
    if (full(found_, key, parameters_.max_pairs)) return;
    if (found_.count(key) == 0 && !afford(sizeof(Finding) + 2048)) return;
    Finding& f = found_[key];
    f.add("shell", s.head);
    // Later connections of the pair add evidence; the first that was answered says what it is.
    if (!f.statement.empty() && (f.outcome == Outcome::kSucceeded || !answered)) return;
    f.detector = "clear_shell";
    f.attacker = host(hand);
    f.victim = host(shell);
    f.techniques = {s.interpreter == "powershell" ? "T1059.001" : s.interpreter == "cmd" ? "T1059.003" : "T1059.004"};
    f.techniques.emplace_back("T1095");
    f.phase = script ? Phase::kAssault : Phase::kFoothold;
    f.outcome = answered ? Outcome::kSucceeded : Outcome::kUnknown;
    f.severity = answered && s.command_lines != 0 ? Severity::kCritical : answered ? Severity::kHigh : Severity::kLow;
    // A prompt and commands, an answer and commands: nobody offers that in the clear on purpose.
    f.confidence = answered && s.command_lines != 0 ? 0.9 : answered ? 0.75 : 0.5;
    f.facts.clear();
    f.fact("kind", script ? "script" : reverse ? "reverse shell" : "bind shell");
    if (script) {
      f.statement = fmt::format("{} sent {}:{} a script in the clear ({}, {} lines); nothing like a shell answered",
                                hand.to_string(), shell.to_string(), id.resp_p.value, s.interpreter, s.command_lines);
      return;
    }
    std::string commands;
    std::size_t told = 0;
    for (const std::string_view c : s.commands) {
      if (c.find_first_not_of(" \t") == std::string_view::npos) continue;
      if (told++ == parameters_.commands_told) {
        commands += ", …";
        break;
      }
      commands += (commands.empty() ? "" : ", ") + std::string(c.substr(0, 40));
    }
    const std::string port = fmt::format("{}", id.resp_p.value);
    if (!answered)
      f.statement = fmt::format("{} sent commands in the clear to {}:{} ({}); no answer of a shell was seen",
                                hand.to_string(), shell.to_string(), port, commands);
    else if (reverse)
      f.statement = fmt::format("{} called {}:{} and gave it a shell{}{}", shell.to_string(), hand.to_string(), port,
                                s.user.empty() ? "" : fmt::format(" as {}", s.user),
                                commands.empty() ? "" : fmt::format("; commands: {}", commands));
    else
      f.statement = fmt::format("{} has a shell{} on {}, at port {} in the clear{}", hand.to_string(),
                                s.user.empty() ? "" : fmt::format(" as {}", s.user), shell.to_string(), port,
                                commands.empty() ? "" : fmt::format("; commands: {}", commands));
    if (!s.user.empty()) f.fact("account", std::string(s.user));
    if (reverse) f.fact("controller", hand.to_string());
    f.fact("port", port);
    f.fact("sign", std::string(s.sign));
  }

  struct Key {
    base::Address hand, shell;
    bool script;
    auto operator<=>(const Key&) const = default;
  };
  Parameters parameters_;
  std::map<Key, Finding> found_;
};

}  // namespace

std::unique_ptr<Detector> make_clear_shell(const Environment&) { return std::make_unique<ClearShell>(); }

}  // namespace whodunit::detect
