// Investigates captures one after the other in one process, each with several numbers of threads, and fails where their
// verdicts or records differ in a byte:
//
//     find CORPUS -type f | investigate_each [--threads 1,2,3] [--render] [--seconds N] [--case FILE]
//
// Prints a line per capture: its place in the list, "ok", milliseconds and digest of each run, and the path; or
// "differs" with what does. What has begun is on stderr, so that a driver knows which capture a crash, a report of a
// sanitizer or a hang (SIGALRM after N seconds) belongs to. `--render` also makes every form of report.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "attribution/model/actor_table.h"
#include "base/hash.h"
#include "engine/inputs.h"
#include "engine/store_writer.h"
#include "investigation/case_writer.h"
#include "investigation/investigate.h"
#include "knowledge/knowledge.h"
#include "protocol/parser.h"
#include "report/html.h"
#include "report/json_logs.h"
#include "report/markdown.h"
#include "report/navigator.h"
#include "report/stix.h"
#include "report/terminal.h"
#include "store/store.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

using namespace whodunit;

namespace {

/// The records as one digest per type, over their rows as JSON in the order in which they came.
class Digester : public engine::Consumer {
 public:
  bool take(const record::Batch& batch) override {
    text_.clear();
    report::append_json_rows(text_, batch);
    std::uint64_t& digest = digests_[std::string(batch.schema().name)];
    for (std::size_t from = 0; from < text_.size();) {  // by row: batches may be cut elsewhere
      const std::size_t to = text_.find('\n', from);
      digest = base::fast_hash(std::string_view(text_).substr(from, to - from), digest);
      from = to == std::string::npos ? text_.size() : to + 1;
    }
    return true;
  }
  const std::map<std::string, std::uint64_t>& digests() const { return digests_; }

 private:
  std::string text_;
  std::map<std::string, std::uint64_t> digests_;
};

struct Flags {
  std::vector<unsigned> threads{1};
  bool render = false;
  unsigned seconds = 300;
  std::string case_path;
};

struct Outcome {
  std::string json;
  std::map<std::string, std::uint64_t> records;
  std::uint64_t digest = 0;
  long milliseconds = 0;
};

void render_all(const std::string& json) {
  const auto document = report::parse_document(json);
  if (!document) {
    std::fprintf(stderr, "the document does not parse: %s\n", document.error().message().c_str());
    std::abort();
  }
  std::size_t bytes = report::terminal_verdict(*document, {"x.case", "x.html", 100, 10, true}).size();
  bytes += report::html_report(*document, {"x", "x.case"}).size();
  bytes += report::markdown_report(*document).size();
  bytes += report::navigator_layer(*document).size();
  bytes += report::stix_bundle(*document).size();
  if (bytes == 0) std::abort();
}

std::optional<Outcome> investigate(const std::string& path, unsigned threads, const Flags& flags,
                                   const investigation::Knowledge& knowledge) {
  const auto start = std::chrono::steady_clock::now();
  engine::OpenedInputs opened = engine::open_inputs({path}, {});
  if (opened.inputs.empty()) return std::nullopt;
  investigation::Options options;
  options.program = "whodunit";
  options.engine.threads = threads;
  investigation::add_needs(options.engine, knowledge);
  Digester digester;
  std::vector<engine::Consumer*> consumers{&digester};
  std::unique_ptr<store::Store> kept;
  std::optional<engine::StoreWriter> writer;
  if (!flags.case_path.empty()) {
    store::Options store_options;
    store_options.force = true;
    auto created = store::create_case(flags.case_path, store_options);
    if (!created) {
      std::fprintf(stderr, "%s\n", created.error().message().c_str());
      std::abort();
    }
    kept = std::move(created).value();
    consumers.push_back(&writer.emplace(*kept));
  }
  const investigation::Case c = investigation::investigate(opened.inputs, options, knowledge, consumers,
                                                           [](const engine::Progress&) { return true; });
  Outcome outcome;
  outcome.json = investigation::to_json(c);
  outcome.records = digester.digests();
  if (kept) {
    base::Result<void> done =
        investigation::put_verdict(*kept, c, outcome.json, nlohmann::ordered_json::parse(outcome.json));
    if (done)
      done = writer->finish(opened.inputs.captures(), {c.summary.packets, c.summary.last, !c.summary.stopped, ""});
    if (!done) {
      std::fprintf(stderr, "%s\n", done.error().message().c_str());
      std::abort();
    }
  }
  if (flags.render) render_all(outcome.json);
  outcome.digest = base::fast_hash(outcome.json);
  for (const auto& [name, digest] : outcome.records) outcome.digest = base::fast_hash(name, outcome.digest ^ digest);
  outcome.milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

/// What differs, in words; empty where nothing does.
std::string difference(const Outcome& a, const Outcome& b) {
  std::string out;
  if (a.json != b.json) {
    std::size_t at = 0;
    while (at < a.json.size() && at < b.json.size() && a.json[at] == b.json[at]) ++at;
    const std::size_t from = at < 60 ? 0 : at - 60;
    out += fmt::format(" json at {}: {} | {}", at, a.json.substr(from, 120), b.json.substr(from, 120));
  }
  for (const auto& [name, digest] : a.records) {
    const auto other = b.records.find(name);
    if (other == b.records.end() || other->second != digest) out += " records:" + name;
  }
  if (a.records.size() != b.records.size()) out += " record types";
  for (char& c : out)
    if (c == '\n') c = ' ';
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--render") {
      flags.render = true;
    } else if (i + 1 < argc && flag == "--threads") {
      flags.threads.clear();
      for (const char* c = argv[++i]; *c != 0; ++c)
        if (*c >= '1' && *c <= '9') flags.threads.push_back(static_cast<unsigned>(*c - '0'));
    } else if (i + 1 < argc && flag == "--seconds") {
      flags.seconds = static_cast<unsigned>(std::atoi(argv[++i]));
    } else if (i + 1 < argc && flag == "--case") {
      flags.case_path = argv[++i];
    } else {
      std::fprintf(stderr, "usage: investigate_each [--threads 1,2,3] [--render] [--seconds N] [--case FILE] < LIST\n");
      return 2;
    }
  }
  protocol::register_records();
  knowledge::KnowledgeSettings settings;
  settings.shipped_only = true;
  const auto known = knowledge::load_knowledge(settings);
  if (!known) {
    std::fprintf(stderr, "%s\n", known.error().message().c_str());
    return 2;
  }
  const auto actors = attribution::ActorTable::compile(*(*known)->actors);
  investigation::Knowledge knowledge;
  knowledge.networks = &(*known)->networks;
  if ((*known)->indicators.size() != 0) knowledge.indicators = &(*known)->indicators;
  knowledge.actors = actors.get();
  knowledge.digest = (*known)->digest;

  int failed = 0;
  std::size_t number = 0;
  for (std::string path; std::getline(std::cin, path); ++number) {
    std::fprintf(stderr, "BEGIN %zu %s\n", number, path.c_str());
    std::string times, differs;
    std::optional<Outcome> first;
    for (const unsigned threads : flags.threads) {
      alarm(flags.seconds);
      std::optional<Outcome> outcome = investigate(path, threads, flags, knowledge);
      alarm(0);
      if (!outcome) {
        times += " unreadable";
        break;
      }
      times += fmt::format(" {}", outcome->milliseconds);
      if (!first) {
        first = std::move(outcome);
      } else {
        const std::string what = difference(*first, *outcome);
        if (!what.empty()) differs += fmt::format(" {} and {} threads:{}", flags.threads[0], threads, what);
      }
    }
#if defined(__SANITIZE_ADDRESS__)
    if (__lsan_do_recoverable_leak_check() != 0) differs += " leak";
#endif
    failed += !differs.empty();
    std::printf("%zu\t%s\t%s\t%016llx\t%s\n", number, differs.empty() ? "ok" : ("differs" + differs).c_str(),
                times.c_str() + (times.empty() ? 0 : 1), static_cast<unsigned long long>(first ? first->digest : 0),
                path.c_str());
    std::fflush(stdout);
  }
  return failed == 0 ? 0 : 1;
}
