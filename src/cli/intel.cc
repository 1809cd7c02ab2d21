// whodunit intel add|list|remove: what the world already knows, as feeds say it.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <map>
#include <memory>

#include "base/json.h"
#include "cli/verb.h"
#include "knowledge/intel_store.h"
#include "knowledge/knowledge.h"

namespace whodunit::cli {

namespace {

using namespace knowledge;

std::string store_folder(const std::string& named) { return named.empty() ? home_folder() + "/intel" : named; }

int fail(const base::Error& error) {
  fmt::print(stderr, "whodunit: {}\n", error.message());
  return kNothing;
}

void tell(const Problems& problems) {
  for (std::size_t i = 0; i < problems.kept().size() && i < 20; ++i)
    fmt::print(stderr, "  {}\n", problems.kept()[i].message());
  if (problems.count() > 20)
    fmt::print(stderr, "  … and {} more\n", problems.count() - std::min<std::uint64_t>(20, problems.kept().size()));
}

/// "STIX bundle ×5, CSV".
std::string formats(const IntelSource& source) {
  std::map<std::string, std::size_t> counts;
  for (const IntelFile& file : source.files) ++counts[std::string(to_string(file.format))];
  std::string out;
  for (const auto& [name, count] : counts)
    out += (out.empty() ? "" : ", ") + name + (count > 1 ? fmt::format(" ×{}", count) : "");
  return out;
}

std::string roles(const IntelSource& source) {
  std::map<std::string, std::uint64_t> counts;
  for (const IntelFile& file : source.files) counts[std::string(to_string(file.role))] += file.entries;
  std::string out;
  for (const auto& [name, count] : counts)
    out += (out.empty() ? "" : ", ") + (count > 0 ? fmt::format("{} {}", count, name) : name);
  return out;
}

void add_add(CLI::App& intel, int& exit_code) {
  struct Flags {
    std::vector<std::string> paths;
    std::string name, licence, date, actor, kind, networks, values, folder;
    bool allow_private = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = intel.add_subcommand(
      "add", "add a feed: STIX 2.x, MISP, maltrail trails, lists, CSV, YARA, KEV, geo and AS tables");
  verb->add_option("SOURCE", flags->paths, "a file, or a folder to any depth; the format is found by content")
      ->required();
  verb->add_option("--name", flags->name, "what to call it (default: from the path)");
  verb->add_option("--licence,--license", flags->licence, "its licence (default: from a LICENSE file beside it)");
  verb->add_option("--date", flags->date, "its date (default: the newest in it)");
  verb->add_option("--actor", flags->actor, "whose indicators they are, where the feed does not say");
  verb->add_option("--kind", flags->kind,
                   "indicator, context (networks: never a finding by themselves) or warning (what is no indicator)")
      ->check(CLI::IsMember({"indicator", "context", "warning"}));
  verb->add_option(
      "--networks", flags->networks,
      "of context: hosting, abuse-tolerant, vpn, tor, cdn, cloud, scanner, blocklist, residential, mobile");
  verb->add_option(
      "--values", flags->values,
      "what the values of a list are: ja3, hassh, certificate, user-agent, …, where their form does not tell");
  verb->add_flag("--allow-private", flags->allow_private, "take private addresses too (laboratories)");
  verb->add_option("--intel", flags->folder, "folder to keep feeds in (default: the user's)");
  verb->callback([flags, &exit_code] {
    IntelAddOptions options;
    options.name = flags->name;
    options.licence = flags->licence;
    options.allow_private = flags->allow_private;
    options.feed.role = flags->kind;
    options.feed.actor = flags->actor;
    if (!flags->date.empty()) {
      const auto date = Date::parse(flags->date);
      if (!date) {
        fmt::print(stderr, "whodunit: --date: no date: '{}'\n  write 2019, 2019-10 or 2019-10-25\n", flags->date);
        exit_code = kUsage;
        return;
      }
      options.feed.date = *date;
    }
    if (!flags->networks.empty()) {
      if (network_kind(flags->networks) == NetworkKind::kCount) {
        fmt::print(stderr,
                   "whodunit: --networks: no such kind: '{}'\n  one of: hosting, abuse-tolerant, vpn, tor, cdn, cloud, "
                   "scanner, blocklist, residential, mobile\n",
                   flags->networks);
        exit_code = kUsage;
        return;
      }
      options.feed.network_kind = flags->networks;
    }
    if (!flags->values.empty()) {
      if (indicator_kind(flags->values) == IndicatorKind::kCount) {
        fmt::print(stderr,
                   "whodunit: --values: no such kind: '{}'\n  one of: address, domain, url, md5, sha1, sha256, "
                   "certificate, ja3, ja3s, ja4, hassh, hassh-server, email, user-agent\n",
                   flags->values);
        exit_code = kUsage;
        return;
      }
      options.feed.value_kind = flags->values;
    }
    const std::string folder = store_folder(flags->folder);
    Problems problems;
    bool replaced = false;
    auto source = IntelStore(folder).add(flags->paths, options, problems, replaced);
    if (!source) {
      tell(problems);
      exit_code = fail(source.error());
      return;
    }
    fmt::print("{} {}: {} ({}{}{})\n", replaced ? "Replaced" : "Added", source->name, roles(*source), formats(*source),
               source->licence.empty() ? "; licence not stated" : "; " + source->licence,
               source->date.known() ? "; " + source->date.to_string() : "");
    if (source->passed_over > 0)
      fmt::print("  {} files in the folder are no feeds and were passed over\n", source->passed_over);
    // What comes of it: read back as a run would, with the warning lists that are there.
    KnowledgeSettings settings;
    settings.intel_folder = folder;
    settings.with_actors = false;
    auto all = load_knowledge(settings);
    if (all) {
      for (const IndicatorSource& one : (*all)->indicators.sources()) {
        if (one.name != source->name) continue;
        fmt::print("  {} indicators in use", one.indicators);
        if (one.refused > 0)
          fmt::print("; {} refused (private or reserved addresses, public suffixes, empty files)", one.refused);
        if (one.subtracted > 0) fmt::print("; {} subtracted on the word of warning lists", one.subtracted);
        fmt::print("\n");
      }
      const auto& subtractions = (*all)->indicators.subtractions();
      for (std::size_t i = 0; i < subtractions.size() && i < 8; ++i)
        fmt::print("  subtracted of all feeds: {} by \"{}\"\n", subtractions[i].count, subtractions[i].list);
    }
    bool context = false;
    for (const IntelFile& file : source->files) context = context || file.role == FeedRole::kContext;
    if (context)
      fmt::print(
          "  Its networks are context: they say where an address lies, and are never a finding by themselves (--kind "
          "indicator changes that).\n");
    std::map<std::string, std::uint64_t> passed;
    for (const LoadedIntel& loaded : IntelStore(folder).load(problems)) {
      if (loaded.source.name != source->name) continue;
      for (const Feed& feed : loaded.feeds) {
        for (const auto& [what, count] : feed.passed_over) passed[what] += count;
      }
    }
    if (!passed.empty()) {
      std::string words;
      std::size_t shown = 0;
      for (const auto& [what, count] : passed) {
        if (shown++ < 8) words += (words.empty() ? "" : ", ") + fmt::format("{} {}", count, what);
      }
      fmt::print("  Passed over, as it does not show on the wire or is not for detection: {}{}\n", words,
                 passed.size() > 8 ? ", …" : "");
    }
    exit_code = kDone;
    if (!problems.empty()) {
      fmt::print(stderr, "{} lines or objects could not be taken; the others were:\n", problems.count());
      tell(problems);
      exit_code = kPartly;
    }
  });
}

void add_list(CLI::App& intel, int& exit_code) {
  struct Flags {
    std::string folder;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = intel.add_subcommand("list", "the feeds that are there, and what comes of them");
  verb->add_option("--intel", flags->folder, "folder of the feeds (default: the user's)");
  verb->add_flag("--json", flags->json, "as JSON");
  verb->callback([flags, &exit_code] {
    const std::string folder = store_folder(flags->folder);
    Problems problems;
    const std::vector<IntelSource> sources = IntelStore(folder).list(problems);
    KnowledgeSettings settings;
    settings.with_actors = false;
    if (!sources.empty())
      settings.intel_folder = folder;
    else
      settings.shipped_only = true;
    auto all = load_knowledge(settings);
    if (!all) {
      exit_code = fail(all.error());
      return;
    }
    const auto used = [&](const std::string& name) -> const IndicatorSource* {
      for (const IndicatorSource& one : (*all)->indicators.sources()) {
        if (one.name == name) return &one;
      }
      return nullptr;
    };
    exit_code = problems.empty() ? kDone : kPartly;
    tell(problems);
    if (flags->json) {
      std::string out;
      base::JsonWriter json(out);
      json.begin_object().key("sources").begin_array();
      for (const IntelSource& source : sources) {
        json.begin_object()
            .key("name")
            .string(source.name)
            .key("licence")
            .string(source.licence)
            .key("date")
            .string(source.date.to_string());
        json.key("digest")
            .string(source.digest)
            .key("entries")
            .number(source.entries())
            .key("problems")
            .number(source.problems);
        const IndicatorSource* in_use = used(source.name);
        json.key("indicators").number(in_use == nullptr ? std::uint64_t{0} : in_use->indicators);
        json.key("subtracted").number(in_use == nullptr ? std::uint64_t{0} : in_use->subtracted);
        json.key("refused").number(in_use == nullptr ? std::uint64_t{0} : in_use->refused);
        json.key("files").begin_array();
        for (const IntelFile& file : source.files) {
          json.begin_object()
              .key("name")
              .string(file.name)
              .key("format")
              .string(to_string(file.format))
              .key("role")
              .string(to_string(file.role))
              .key("entries")
              .number(file.entries)
              .end_object();
        }
        json.end_array().end_object();
      }
      json.end_array().key("subtractions").begin_array();
      for (const Subtraction& one : (*all)->indicators.subtractions())
        json.begin_object().key("list").string(one.list).key("count").number(one.count).end_object();
      json.end_array().key("digest").string((*all)->indicators.digest()).end_object();
      fmt::print("{}\n", out);
      return;
    }
    if (sources.empty()) {
      fmt::print("No feeds in {}. Add some: whodunit intel add FILE…\n", folder);
      return;
    }
    for (const IntelSource& source : sources) {
      const IndicatorSource* in_use = used(source.name);
      fmt::print("{:<24} {:<11} {:<16} {}", source.name, source.date.to_string(), source.licence.substr(0, 16),
                 roles(source));
      if (in_use != nullptr)
        fmt::print("; in use {}{}{}", in_use->indicators,
                   in_use->subtracted > 0 ? fmt::format(", subtracted {}", in_use->subtracted) : "",
                   in_use->refused > 0 ? fmt::format(", refused {}", in_use->refused) : "");
      fmt::print("\n");
    }
    for (const Subtraction& one : (*all)->indicators.subtractions())
      fmt::print("  subtracted {:>7} by \"{}\"\n", one.count, one.list);
  });
}

void add_remove(CLI::App& intel, int& exit_code) {
  struct Flags {
    std::vector<std::string> names;
    std::string folder;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = intel.add_subcommand("remove", "take feeds out");
  verb->add_option("NAME", flags->names, "as `intel list` names it")->required();
  verb->add_option("--intel", flags->folder, "folder of the feeds (default: the user's)");
  verb->callback([flags, &exit_code] {
    IntelStore store(store_folder(flags->folder));
    std::size_t good = 0;
    for (const std::string& name : flags->names) {
      if (auto removed = store.remove(name); removed) {
        ++good;
        fmt::print("Removed {}\n", name);
      } else {
        fmt::print(stderr, "whodunit: {}\n", removed.error().message());
      }
    }
    exit_code = good == flags->names.size() ? kDone : good > 0 ? kPartly : kNothing;
  });
}

}  // namespace

void add_intel(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("intel", "feeds: indicators, networks, warning lists, rules, tables");
  verb->require_subcommand(1);
  add_add(*verb, exit_code);
  add_list(*verb, exit_code);
  add_remove(*verb, exit_code);
}

}  // namespace whodunit::cli
