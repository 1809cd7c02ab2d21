// Infrastructure kinship: the case's names and addresses against those that reports list: the same, the same registered
// domain, the same label under another suffix, a neighbouring address, the style of names. Likelihoods: the fitted
// model of infrastructure (docs/attribution.md, "Names and addresses"), which weighs all observables of a case
// together.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "attribution/evidence/kinds.h"
#include "attribution/model/names.h"
#include "base/address.h"

namespace whodunit::attribution {
namespace {

// Who lists it, as far as it was known then; empty where nobody.
std::string holders_of(const ActorTable& table, const std::vector<std::uint8_t>& allowed,
                       std::span<const std::uint32_t> reports) {
  std::set<std::string> names;
  for (const std::uint32_t r : reports) {
    if (allowed[r]) names.insert(table.actors()[table.reports()[r].actor].name);
  }
  std::string out;
  std::size_t n = 0;
  for (const std::string& name : names) {
    if (++n > 3) return out + fmt::format(" and {} more", names.size() - 3);
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

}  // namespace

std::vector<Item> kinship_items(const EvidenceInput& input) {
  std::vector<Item> items;
  View view;
  view.table = input.table;
  if (input.settings.as_of) view.before = static_cast<std::int32_t>(input.settings.as_of->ns / 86'400'000'000'000);
  const std::vector<std::uint8_t> allowed =
      input.table == nullptr ? std::vector<std::uint8_t>() : view.allowed_reports();
  const auto holders = [&](std::span<const std::uint32_t> reports) {
    return holders_of(*input.table, allowed, reports);
  };
  const auto add = [&](const std::string& text, const Support& support) {
    Observables one;
    one.add(text);
    one.finish();
    std::string value, statement;
    double forgeability = 0.5;
    if (!one.names.empty()) {
      value = one.names.front();
      const NameParts parts = take_apart(value);
      if (input.table == nullptr) {
        statement = fmt::format("The name {} was used; no reports of actors are at hand.", value);
      } else if (const std::string exact = holders(input.table->reports_of_name(value)); !exact.empty()) {
        statement = fmt::format("The name {} is listed in reports of {}.", value, exact);
        forgeability = 0.1;
      } else if (const std::string registered = holders(input.table->reports_of_registered(parts.registered));
                 !registered.empty()) {
        statement =
            fmt::format("The name {} lies under {}, which reports of {} list.", value, parts.registered, registered);
        forgeability = 0.1;
      } else if (const std::string label = holders(input.table->reports_of_label(parts.label)); !label.empty()) {
        statement = fmt::format("The name {} carries the label \"{}\", which reports of {} list under another suffix.",
                                value, parts.label, label);
      } else {
        statement = fmt::format("The name {} is in no report; only its style can be compared.", value);
        forgeability = 0.8;
      }
    } else if (!one.addresses.empty()) {
      value = base::Address::v4(one.addresses.front()).to_string();
      if (input.table == nullptr) {
        statement = fmt::format("The address {} was used; no reports of actors are at hand.", value);
      } else if (const std::string exact = holders(input.table->reports_of_address(one.addresses.front()));
                 !exact.empty()) {
        statement = fmt::format("The address {} is listed in reports of {}.", value, exact);
        forgeability = 0.1;
      } else if (const std::string near = holders(input.table->reports_of_net24(one.addresses.front()));
                 !near.empty()) {
        statement =
            fmt::format("The address {} has neighbours in its /24 that reports of {} list: this may rank, never name.",
                        value, near);
      } else {
        statement = fmt::format("The address {} is in no report.", value);
        forgeability = 0.8;
      }
    } else {
      return;
    }
    Item item;
    item.evidence = make_evidence("kinship", Channel::kKinship, value, std::move(statement), support);
    item.evidence.forgeability = forgeability;
    item.evidence.dependency_group = "observable:" + value;
    item.evidence.source = "fitted model of infrastructure, docs/attribution.md";
    item.evidence.grade = {'C', 3};
    item.observable = value;
    items.push_back(std::move(item));
  };
  for (const NamedFact& f : input.facts.domains) add(f.value, f.support);
  for (const NamedFact& f : input.facts.urls) add(f.value, f.support);
  for (const AddressFacts& f : input.facts.addresses) {
    if (f.role != AddressRole::kVictim) add(f.address, f.support);
  }
  return items;
}

}  // namespace whodunit::attribution
