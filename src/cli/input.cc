#include "cli/input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "cli/verb.h"
#include "report/document.h"

namespace whodunit::cli {
namespace {

std::atomic<bool> g_interrupted{false};
bool g_line_open = false;

void on_interrupt(int) {
  if (g_interrupted.exchange(true)) std::_Exit(130);  // the second time at once
}

}  // namespace

void add_input_flags(CLI::App& verb, InputFlags& flags) {
  flags.verb = &verb;
  verb.add_option("INPUT", flags.inputs,
                  "captures (pcap, pcapng), Zeek's logs or Suricata's EVE, compressed or not; folders of them; - for "
                  "stdin");
  verb.add_option("--home", flags.home, "a defended network (repeatable), as 192.0.2.0/24; without it, inferred");
  verb.add_option("--filter", flags.filter, "only packets that match this BPF expression");
  verb.add_option("--threads", flags.threads, "workers; results do not depend on it")->capture_default_str();
  verb.add_option("--memory", flags.memory_mib, "limit for tables and buffers, MiB")->capture_default_str();
  verb.add_option("--progress", flags.progress, "auto or never")
      ->check(CLI::IsMember({"auto", "never"}))
      ->capture_default_str();
  verb.add_flag("--quiet", flags.quiet, "say only what went wrong");
  verb.add_flag("--keep-secrets", flags.keep_secrets, "keep passwords, communities, tokens in records");
  verb.add_flag("--check-checksums", flags.check_checksums,
                "leave out packets with bad checksums, as their receiver would");
  add_config_flags(verb, flags.config);
}

bool engine_settings(const InputFlags& flags, engine::Settings& out, Defended& defended, int& exit_code) {
  const auto config = apply_config(*flags.verb, flags.config, out.connection);
  if (!config) {
    std::fprintf(stderr, "whodunit: %s\n", config.error().message().c_str());
    exit_code = kUsage;
    return false;
  }
  for (const std::string& text : flags.home) {
    const auto network = base::Network::parse(text);
    if (!network) {
      std::fprintf(stderr, "whodunit: --home %s: not a network; write it as 192.0.2.0/24 or 2001:db8::/32\n",
                   text.c_str());
      exit_code = kUsage;
      return false;
    }
    defended.home.push_back(*network);
  }
  if (!config->zones_unused) {
    for (const knowledge::Zone& zone : config->zones.all()) {
      defended.home.insert(defended.home.end(), zone.networks.begin(), zone.networks.end());
      // `home` alone names what is defended, and nothing of how far inside it lies.
      const bool plain = zone.name == "home";
      if (plain && zone.organisation.empty()) continue;
      incident::Zone z;
      z.organisation = zone.organisation;
      z.name = zone.name;
      z.level = static_cast<incident::ZoneLevel>(static_cast<unsigned>(zone.level) + 1);  // outer, inner, core
      z.level_known = !plain;
      z.networks = zone.networks;
      defended.zones.push_back(std::move(z));
    }
  }
  const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
  out.threads = flags.threads != 0 ? flags.threads : std::min(4u, processors);
  if (flags.memory_mib == 0 || flags.memory_mib > (std::size_t{1} << 24)) {
    std::fprintf(stderr, "whodunit: --memory %zu: not a limit; give MiB, as 4096\n", flags.memory_mib);
    exit_code = kUsage;
    return false;
  }
  out.memory_limit = flags.memory_mib << 20;
  out.memory_reserve = out.memory_limit / 8;
  out.plan.keep_secrets = flags.keep_secrets;
  out.connection.local_networks = defended.home;
  out.plan.local_networks = defended.home;
  out.connection.ignore_checksums = !flags.check_checksums;
  if (flags.config.print) {
    const std::string text =
        print_config(*flags.verb, *config, out.connection, {{"threads", std::to_string(out.threads)}});
    std::fwrite(text.data(), 1, text.size(), stdout);
    return false;
  }
  if (flags.inputs.empty()) {
    std::fprintf(stderr, "whodunit: INPUT is missing: name a capture, a log, or a folder of them (- for stdin)\n");
    exit_code = kUsage;
    return false;
  }
  return true;
}

engine::Inputs open_inputs(const InputFlags& flags, int& exit_code) {
  capture::OpenOptions options;
  options.filter = flags.filter;
  engine::OpenedInputs opened = engine::open_inputs(flags.inputs, options);
  for (const base::Error& problem : opened.problems) std::fprintf(stderr, "whodunit: %s\n", problem.message().c_str());
  if (opened.inputs.empty())
    exit_code = worse(exit_code, kNothing);
  else if (!opened.problems.empty())
    exit_code = worse(exit_code, kPartly);
  if (!flags.filter.empty() && opened.inputs.logs && !flags.quiet)
    std::fprintf(stderr, "whodunit: --filter is for packets: logs are read whole\n");
  return std::move(opened.inputs);
}

std::function<bool(const engine::Progress&)> progress_of(const InputFlags& flags) {
  // Without SA_RESTART: a program that waits for a pipe that is silent wakes up.
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  const bool show = !flags.quiet && flags.progress != "never" && isatty(STDERR_FILENO) != 0;
  using Clock = std::chrono::steady_clock;  // for the user's eyes only: nothing that is analysed
  return [show, start = Clock::now(), next = Clock::now()](const engine::Progress& p) mutable {
    if (g_interrupted) return false;
    const auto now = Clock::now();
    if (!show || now < next) return true;
    next = now + std::chrono::milliseconds(250);
    const double seconds = std::chrono::duration<double>(now - start).count();
    std::string line = fmt::format(
        "\r{}", p.lines == 0 ? report::grouped(p.packets) + " packets" : report::grouped(p.lines) + " lines of logs");
    if (p.bytes_total != 0) {
      const double share = std::min(1.0, static_cast<double>(p.bytes_read) / static_cast<double>(p.bytes_total));
      line += fmt::format(", {:.0f} %", 100 * share);
      if (share > 0.02 && seconds > 1) line += fmt::format(", about {:.0f} s left", seconds / share - seconds);
    }
    std::fprintf(stderr, "%-60s", line.c_str());
    std::fflush(stderr);
    g_line_open = true;
    return true;
  };
}

void end_progress() {
  if (!g_line_open) return;
  std::fprintf(stderr, "\r%-60s\r", "");
  std::fflush(stderr);
  g_line_open = false;
}

bool interrupted() { return g_interrupted; }

int report_interrupt() {
  if (!g_interrupted) return kDone;
  std::fprintf(stderr, "whodunit: interrupted: what had been read until then is in the results, the rest is not\n");
  return kPartly;
}

int report_unread(const std::vector<capture::CaptureInfo>& captures, bool quiet) {
  int code = kDone;
  for (const capture::CaptureInfo& info : captures) {
    if (info.is_log) {
      if (info.unread != 0 || info.cut_off) code = kPartly;
      if (!info.reason.empty() && (!quiet || code == kPartly))
        std::fprintf(stderr, "whodunit: %s: %s\n", info.path.c_str(), info.reason.c_str());
      continue;
    }
    if (info.unread == 0 && !info.cut_off) continue;
    if (info.cut_off) code = kPartly;
    if (info.packets != 0 && info.unread >= info.packets) code = kPartly;  // nothing of it could be decoded
    if (!quiet || info.cut_off)
      std::fprintf(
          stderr, "whodunit: %s: %s; what could be read of it was read\n", info.path.c_str(),
          info.reason.empty() ? fmt::format("{} packets could not be read", info.unread).c_str() : info.reason.c_str());
  }
  return code;
}

}  // namespace whodunit::cli
