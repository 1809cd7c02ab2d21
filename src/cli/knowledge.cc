// whodunit knowledge import|show|diff|export: what is known of actors.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "base/json.h"
#include "cli/knowledge_verbs.h"
#include "cli/verb.h"
#include "knowledge/actor_store.h"
#include "knowledge/actors/countries.h"
#include "knowledge/knowledge.h"
#include "knowledge/text.h"

namespace whodunit::cli {

namespace {

using namespace knowledge;

void tell(const Problems& problems) {
  for (std::size_t i = 0; i < problems.kept().size() && i < 20; ++i)
    fmt::print(stderr, "  left out: {}\n", problems.kept()[i].message());
  if (problems.count() > 20)
    fmt::print(stderr, "  … and {} more\n", problems.count() - std::min<std::uint64_t>(20, problems.kept().size()));
}

int fail(const base::Error& error) {
  fmt::print(stderr, "whodunit: {}\n", error.message());
  return kNothing;
}

std::string dates(const Fact& fact) { return fact.known.known() ? fact.known.to_string() : std::string("undated"); }

std::string source_words(const Actors& actors, const Fact& fact) {
  std::string out = fact.dataset < actors.datasets().size() ? actors.datasets()[fact.dataset].name : std::string();
  if (!fact.references.empty()) {
    out += ": " + actors.references()[fact.references.front()].name;
    if (fact.references.size() > 1) out += fmt::format(" and {} more", fact.references.size() - 1);
  }
  return out;
}

void show_all(const Actors& actors) {
  fmt::print("{} groups, {} pieces of software, {} techniques, {} campaigns, {} reports with infrastructure\n",
             actors.groups().size(), actors.software().size(), actors.techniques().size(), actors.campaigns().size(),
             actors.reports().size());
  if (actors.as_of_date().known()) fmt::print("as of {}\n", actors.as_of_date().to_string());
  for (const Dataset& dataset : actors.datasets()) {
    fmt::print("  {}{}{}  {}\n", dataset.name, dataset.version.empty() ? "" : " " + dataset.version,
               dataset.date.known() ? ", " + dataset.date.to_string() : "", dataset.licence);
    if (!dataset.notice.empty()) fmt::print("    {}\n", dataset.notice);
  }
  std::map<std::string, std::size_t> conflicts;
  for (const Conflict& conflict : actors.conflicts()) ++conflicts[conflict.what];
  for (const auto& [what, count] : conflicts)
    fmt::print("  {} open conflict{} about {} (--conflicts lists them)\n", count, count == 1 ? "" : "s", what);
  fmt::print("digest {}\n", actors.digest());
}

void show_conflicts(const Actors& actors) {
  for (const Conflict& conflict : actors.conflicts()) {
    std::string groups;
    for (const std::string& id : conflict.groups) groups += (groups.empty() ? "" : ", ") + id;
    fmt::print("{:<10} {}{}: {}\n", conflict.what, conflict.value, groups.empty() ? "" : " (" + groups + ")",
               conflict.why);
  }
}

void show_list(const Actors& actors) {
  for (const Group& group : actors.groups()) {
    fmt::print("{:<44} {:<32} {:>2}  {} techniques, {} software, {} reports\n", group.id, group.name, group.country(),
               group.techniques.size(), group.software.size(), group.reports.size());
  }
}

void show_group(const Actors& actors, const Group& group) {
  fmt::print("{}  {}\n", group.id, group.name);
  if (!group.other_ids.empty()) fmt::print("  also      {}\n", fmt::join(group.other_ids, ", "));
  for (const Alias& alias : group.aliases)
    fmt::print("  alias     {}  ({}; {})\n", alias.name, alias.rule, dates(alias.fact));
  for (const CountryClaim& claim : group.countries) {
    fmt::print("  {}  {} {}  (claimed by {})\n", claim.role == CountryClaim::Role::kOrigin ? "country " : "sponsor ",
               claim.country, country_name(claim.country), source_words(actors, claim.fact));
  }
  if (group.attribution_confidence >= 0)
    fmt::print("  attribution confidence as MISP states it: {} of 100\n", group.attribution_confidence);
  const auto claims = [](const char* title, const std::vector<Claim>& values) {
    std::set<std::string> all;
    for (const Claim& claim : values) all.insert(claim.value);
    if (!all.empty()) fmt::print("  {:<9} {}\n", title, fmt::join(all, ", "));
  };
  claims("victims", group.victims);
  claims("", group.victims_other);
  claims("targets", group.target_categories);
  claims("kind", group.incident_types);
  fmt::print("  software ({})\n", group.software.size());
  for (const Relation& relation : group.software) {
    const Software* software = actors.software(relation.id);
    fmt::print("    {}  {:<28} {:<10} {}\n", relation.id, software == nullptr ? "(not described)" : software->name,
               dates(relation.fact), source_words(actors, relation.fact));
  }
  fmt::print("  techniques ({})\n", group.techniques.size());
  for (const Relation& relation : group.techniques) {
    const Technique* technique = actors.technique(relation.id);
    fmt::print("    {:<9} {:<48} {:<10} {}\n", relation.id, technique == nullptr ? "(not described)" : technique->name,
               dates(relation.fact), source_words(actors, relation.fact));
  }
  for (const std::uint32_t number : group.campaigns) {
    const Campaign& campaign = actors.campaigns()[number];
    fmt::print("  campaign  {} {}  {} to {}: {} techniques, {} software\n", campaign.id, campaign.name,
               campaign.first_seen.to_string(), campaign.last_seen.to_string(), campaign.techniques.size(),
               campaign.software.size());
  }
  if (!group.reports.empty()) {
    std::size_t domains = 0, addresses = 0, urls = 0;
    for (const std::uint32_t number : group.reports) {
      const Report& report = actors.reports()[number];
      domains += report.domains.size();
      addresses += report.ips.size();
      urls += report.urls.size();
    }
    fmt::print("  infrastructure: {} reports with {} domains, {} addresses, {} URLs\n", group.reports.size(), domains,
               addresses, urls);
  }
}

void json_fact(base::JsonWriter& json, const Actors& actors, const Fact& fact) {
  json.key("known").string(fact.known.to_string());
  json.key("source").string(fact.dataset < actors.datasets().size() ? actors.datasets()[fact.dataset].name : "");
  json.key("references").begin_array();
  for (const std::uint32_t number : fact.references) json.string(actors.references()[number].name);
  json.end_array();
}

void json_group(base::JsonWriter& json, const Actors& actors, const Group& group) {
  json.begin_object();
  json.key("id").string(group.id);
  json.key("name").string(group.name);
  json.key("other_ids").begin_array();
  for (const std::string& id : group.other_ids) json.string(id);
  json.end_array();
  json.key("aliases").begin_array();
  for (const Alias& alias : group.aliases) {
    json.begin_object().key("name").string(alias.name).key("rule").string(alias.rule);
    json_fact(json, actors, alias.fact);
    json.end_object();
  }
  json.end_array();
  json.key("countries").begin_array();
  for (const CountryClaim& claim : group.countries) {
    json.begin_object()
        .key("country")
        .string(claim.country)
        .key("role")
        .string(claim.role == CountryClaim::Role::kOrigin ? "origin" : "sponsor");
    json_fact(json, actors, claim.fact);
    json.end_object();
  }
  json.end_array();
  const auto facts = [&](const char* key, const char* name, const auto& items, auto member) {
    json.key(key).begin_array();
    for (const auto& item : items) {
      json.begin_object().key(name).string(item.*member);
      json_fact(json, actors, item.fact);
      json.end_object();
    }
    json.end_array();
  };
  facts("techniques", "id", group.techniques, &Relation::id);
  facts("software", "id", group.software, &Relation::id);
  facts("victims", "value", group.victims, &Claim::value);
  facts("victims_other", "value", group.victims_other, &Claim::value);
  facts("target_categories", "value", group.target_categories, &Claim::value);
  facts("incident_types", "value", group.incident_types, &Claim::value);
  json.key("campaigns").begin_array();
  for (const std::uint32_t number : group.campaigns) json.string(actors.campaigns()[number].id);
  json.end_array();
  json.key("reports").begin_array();
  for (const std::uint32_t number : group.reports) json.string(actors.reports()[number].id);
  json.end_array();
  json.end_object();
}

/// Which knowledge a verb is about: `--knowledge` and `--as-of`.
struct Selection {
  std::string folder, as_of;
  Date day;  ///< unknown: all days

  void add_flags(CLI::App& verb, const char* folder_help, const char* as_of_help) {
    verb.add_option("--knowledge", folder, folder_help);
    verb.add_option("--as-of", as_of, as_of_help);
  }
  /// False and said where `--as-of` is no date.
  bool read() {
    if (as_of.empty()) return true;
    const auto date = Date::parse(as_of);
    if (!date) {
      fmt::print(stderr, "whodunit: --as-of: no date: '{}'\n  write 2019, 2019-10 or 2019-10-25\n", as_of);
      return false;
    }
    day = *date;
    return true;
  }
  /// What was known on that day.
  std::shared_ptr<const Actors> of(const std::shared_ptr<const Actors>& actors) const {
    return day.known() ? actors->as_of(day) : actors;
  }
};

void add_import(CLI::App& knowledge, int& exit_code) {
  struct Flags {
    std::vector<std::string> paths;
    std::string folder;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = knowledge.add_subcommand(
      "import", "take facts about actors: ATT&CK STIX bundles, MISP galaxies, maltrail's trails, tables");
  verb->add_option("FILE", flags->paths, "a file (gzip is unpacked), or a folder")->required();
  verb->add_option("--knowledge", flags->folder, "folder to keep it in (default: the user's)");
  verb->callback([flags, &exit_code] {
    std::size_t good = 0;
    exit_code = kDone;
    for (const std::string& path : flags->paths) {
      Problems problems;
      auto imported = import_actors(path, flags->folder, problems);
      if (!imported) {
        tell(problems);
        fmt::print(stderr, "whodunit: {}\n", imported.error().message());
        exit_code = kPartly;
        continue;
      }
      ++good;
      const Actors& facts = *imported->facts;
      fmt::print("{} {} from {} file{}: {} groups, {} software, {} techniques, {} campaigns, {} reports\n",
                 imported->replaced ? "Replaced" : "Imported", imported->name, imported->files,
                 imported->files == 1 ? "" : "s", facts.groups().size(), facts.software().size(),
                 facts.techniques().size(), facts.campaigns().size(), facts.reports().size());
      for (const Dataset& dataset : facts.datasets()) {
        if (!dataset.notice.empty()) fmt::print("  {}: {}\n", dataset.name, dataset.notice);
      }
      if (!problems.empty()) {
        fmt::print(stderr, "{} objects or lines of it could not be taken; the rest was:\n", problems.count());
        tell(problems);
        exit_code = kPartly;
      }
    }
    if (good == 0) {
      exit_code = kNothing;
      return;
    }
    Problems problems;
    auto all = load_actors(flags->folder, problems);
    if (!all) {
      exit_code = fail(all.error());
      return;
    }
    fmt::print("Known now: {} groups, {} reports, {} conflicts (whodunit knowledge show --conflicts)\n",
               (*all)->groups().size(), (*all)->reports().size(), (*all)->conflicts().size());
  });
}

void add_show(CLI::App& knowledge, int& exit_code) {
  struct Flags {
    std::string group;
    Selection selection;
    bool json = false, list = false, conflicts = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = knowledge.add_subcommand("show", "what is known, of all or of one group, with sources and dates");
  verb->add_option("GROUP", flags->group, "an id, a name or an alias");
  flags->selection.add_flags(*verb, "folder of what was imported (default: the user's)",
                             "only what was known on that day");
  verb->add_flag("--list", flags->list, "one line per group");
  verb->add_flag("--conflicts", flags->conflicts, "what sources do not agree on");
  verb->add_flag("--json", flags->json, "as JSON");
  verb->callback([flags, &exit_code] {
    Selection& selection = flags->selection;
    if (!selection.read()) {
      exit_code = kUsage;
      return;
    }
    Problems problems;
    auto loaded = load_actors(selection.folder, problems);
    if (!loaded) {
      exit_code = fail(loaded.error());
      return;
    }
    tell(problems);
    const std::shared_ptr<const Actors> actors = selection.of(*loaded);
    exit_code = problems.empty() ? kDone : kPartly;
    if (!flags->group.empty()) {
      const std::vector<const Group*> found = actors->find(flags->group);
      if (found.empty()) {
        fmt::print(stderr, "whodunit: no group is called '{}'{}\n  whodunit knowledge show --list names all\n",
                   flags->group, selection.day.known() ? " as of " + selection.day.to_string() : "");
        exit_code = kNothing;
        return;
      }
      if (flags->json) {
        std::string out;
        base::JsonWriter json(out);
        json.begin_array();
        for (const Group* group : found) json_group(json, *actors, *group);
        json.end_array();
        fmt::print("{}\n", out);
        return;
      }
      if (found.size() > 1) fmt::print("{} groups are called so:\n", found.size());
      for (const Group* group : found) show_group(*actors, *group);
      return;
    }
    if (flags->json) {
      std::string out;
      base::JsonWriter json(out);
      json.begin_object().key("digest").string(actors->digest()).key("as_of").string(actors->as_of_date().to_string());
      json.key("datasets").begin_array();
      for (const Dataset& d : actors->datasets()) {
        json.begin_object()
            .key("name")
            .string(d.name)
            .key("version")
            .string(d.version)
            .key("date")
            .string(d.date.to_string())
            .key("licence")
            .string(d.licence)
            .key("notice")
            .string(d.notice)
            .key("digest")
            .string(d.digest)
            .end_object();
      }
      json.end_array();
      json.key("conflicts").begin_array();
      for (const Conflict& c : actors->conflicts()) {
        json.begin_object().key("what").string(c.what).key("value").string(c.value).key("groups").begin_array();
        for (const std::string& id : c.groups) json.string(id);
        json.end_array().key("why").string(c.why).end_object();
      }
      json.end_array();
      json.key("groups").begin_array();
      for (const Group& group : actors->groups()) json_group(json, *actors, group);
      json.end_array().end_object();
      fmt::print("{}\n", out);
      return;
    }
    if (flags->conflicts)
      show_conflicts(*actors);
    else if (flags->list)
      show_list(*actors);
    else
      show_all(*actors);
  });
}

void add_diff(CLI::App& knowledge, int& exit_code) {
  struct Flags {
    std::string before, after;
    Selection selection;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = knowledge.add_subcommand("diff", "what one set of knowledge says that another does not");
  verb->add_option("A", flags->before, "before: a file or folder, \"shipped\" or \"current\"")->required();
  verb->add_option("B", flags->after, "after: the same")->required();
  flags->selection.add_flags(*verb, "folder that \"current\" means (default: the user's)",
                             "compare what was known on that day");
  verb->add_flag("--json", flags->json, "as JSON");
  verb->callback([flags, &exit_code] {
    Selection& selection = flags->selection;
    if (!selection.read()) {
      exit_code = kUsage;
      return;
    }
    Problems problems;
    auto before = open_actors(flags->before, selection.folder, problems);
    auto after = open_actors(flags->after, selection.folder, problems);
    if (!before || !after) {
      exit_code = fail(before ? after.error() : before.error());
      return;
    }
    tell(problems);
    const std::shared_ptr<const Actors> a = selection.of(*before);
    const std::shared_ptr<const Actors> b = selection.of(*after);
    const std::vector<ActorsChange> changes = difference(*a, *b);
    exit_code = problems.empty() ? kDone : kPartly;
    const auto sign = [](ActorsChange::Kind kind) {
      return kind == ActorsChange::Kind::kAdded ? "+" : kind == ActorsChange::Kind::kRemoved ? "-" : "~";
    };
    if (flags->json) {
      std::string out;
      base::JsonWriter json(out);
      json.begin_array();
      for (const ActorsChange& change : changes) {
        json.begin_object()
            .key("change")
            .string(sign(change.kind))
            .key("subject")
            .string(change.subject)
            .key("what")
            .string(change.what)
            .end_object();
      }
      json.end_array();
      fmt::print("{}\n", out);
      return;
    }
    for (const ActorsChange& change : changes)
      fmt::print("{} {}  {}\n", sign(change.kind), change.subject, change.what);
    std::size_t added = 0, removed = 0;
    for (const ActorsChange& change : changes) {
      added += change.kind == ActorsChange::Kind::kAdded ? 1 : 0;
      removed += change.kind == ActorsChange::Kind::kRemoved ? 1 : 0;
    }
    fmt::print(stderr, "{} added, {} removed, {} changed\n", added, removed, changes.size() - added - removed);
  });
}

void add_export(CLI::App& knowledge, int& exit_code) {
  struct Flags {
    std::string what, output;
    Selection selection;
    bool reports = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = knowledge.add_subcommand("export", "the facts as a table that import reads again");
  verb->add_option("WHAT", flags->what, "a file or folder, \"shipped\" or \"current\" (the default)");
  verb->add_option("-o,--output", flags->output, "file to write (default: stdout)");
  flags->selection.add_flags(*verb, "folder that \"current\" means (default: the user's)",
                             "only what was known on that day");
  verb->add_flag("--reports", flags->reports, "with the reports' infrastructure");
  verb->callback([flags, &exit_code] {
    Selection& selection = flags->selection;
    if (!selection.read()) {
      exit_code = kUsage;
      return;
    }
    Problems problems;
    auto actors = open_actors(flags->what, selection.folder, problems);
    if (!actors) {
      exit_code = fail(actors.error());
      return;
    }
    tell(problems);
    const std::string table = write_table(*selection.of(*actors), flags->reports);
    exit_code = problems.empty() ? kDone : kPartly;
    if (flags->output.empty()) {
      std::fwrite(table.data(), 1, table.size(), stdout);
    } else if (auto wrote = write_file(flags->output, table); !wrote) {
      exit_code = fail(wrote.error());
    }
  });
}

}  // namespace

void add_knowledge_tables(CLI::App& knowledge, int& exit_code) {
  add_import(knowledge, exit_code);
  add_show(knowledge, exit_code);
  add_diff(knowledge, exit_code);
  add_export(knowledge, exit_code);
}

void add_knowledge(CLI::App& app, int& exit_code) {
  CLI::App* verb =
      app.add_subcommand("knowledge", "what is known of actors: import, show, compare, attribute, evaluate");
  verb->require_subcommand(1);
  add_knowledge_tables(*verb, exit_code);
  add_knowledge_attribute(*verb, exit_code);
  add_knowledge_evaluate(*verb, exit_code);
}

}  // namespace whodunit::cli
