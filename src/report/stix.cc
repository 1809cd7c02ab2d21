#include "report/stix.h"
#include "report/document.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/address.h"
#include "base/hash.h"

namespace whodunit::report {
namespace {

/// 02:00:00:aa:bb:cc, as the records write it.
bool is_hardware_address(std::string_view s) {
  if (s.size() != 17) return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const bool hex = (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f');
    if (i % 3 == 2 ? s[i] != ':' : !hex) return false;
  }
  return true;
}

std::string value_of(const Document& f, const char* key) {
  const auto at = f.find(key);
  return at != f.end() && at->is_object() ? text(*at, "value") : std::string();
}

/// Milliseconds, as STIX asks for.
std::string stamp(std::string t) {
  const std::size_t dot = t.find('.');
  if (dot != std::string::npos && t.size() > dot + 4) t = t.substr(0, dot + 4) + "Z";
  return t;
}

}  // namespace

std::string uuid5(std::string_view name) {
  // 00abedb4-aa42-466c-9c01-fed23315a9b7: the name space that STIX 2.1 2.9 gives.
  static constexpr std::uint8_t kSpace[16] = {0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c,
                                              0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7};
  std::string input(reinterpret_cast<const char*>(kSpace), sizeof kSpace);
  input += name;
  auto h = base::sha1(base::as_bytes(input));
  h[6] = static_cast<std::uint8_t>((h[6] & 0x0f) | 0x50);
  h[8] = static_cast<std::uint8_t>((h[8] & 0x3f) | 0x80);
  const std::string hex = base::to_hex(base::Bytes(h.data(), 16));
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20, 12);
}

std::string stix_bundle(const Document& d) {
  Document objects = Document::array();
  std::string created = "1970-01-01T00:00:00.000Z";
  const Document& v = d.at("visibility");
  if (v.contains("last")) created = stamp(text(v, "last"));  // packet time: the same case gives the same bundle
  const std::string identity = "identity--" + uuid5("whodunit");
  const auto base_object = [&](const std::string& type, const std::string& id) {
    Document o;
    o["type"] = type;
    o["spec_version"] = "2.1";
    o["id"] = id;
    o["created_by_ref"] = identity;
    o["created"] = created;
    o["modified"] = created;
    return o;
  };
  Document me = base_object("identity", identity);
  me.erase("created_by_ref");
  me["name"] = "Whodunit";
  me["identity_class"] = "system";
  objects.push_back(me);
  std::set<std::string> seen;
  Document refs = Document::array();
  const auto observable = [&](const std::string& value) -> std::string {
    const auto a = base::Address::parse(value);
    const bool hardware = is_hardware_address(value);
    if (!a && !hardware && value.find('.') == std::string::npos) return "";
    if (!a && value.find('/') != std::string::npos) return "";
    const std::string type = a ? (a->is_v4() ? "ipv4-addr" : "ipv6-addr") : hardware ? "mac-addr" : "domain-name";
    std::string id = type + "--" + uuid5("{\"value\":\"" + value + "\"}");
    if (seen.insert(id).second) {
      Document o;
      o["type"] = type;
      o["spec_version"] = "2.1";
      o["id"] = id;
      o["value"] = value;
      objects.push_back(o);
      refs.push_back(id);
    }
    return id;
  };
  std::map<std::string, std::string> observed_of;
  for (const Document& f : d.at("findings")) {
    const std::string fid = text(f, "id");
    Document object_refs = Document::array();
    for (const char* key : {"attacker", "victim"}) {
      std::string id = observable(value_of(f, key));
      if (!id.empty() && (object_refs.empty() || object_refs[0] != id)) object_refs.push_back(id);
    }
    // Where nobody is named (a flood of made-up addresses, say), what was seen are the ends of the records behind it.
    if (object_refs.empty() && !f.at("evidence").empty())
      for (const char* key : {"orig", "resp"}) {
        const std::string id = observable(text(f.at("evidence").at(0), key));
        if (!id.empty()) object_refs.push_back(id);
      }
    if (object_refs.empty()) continue;
    Document o = base_object("observed-data", "observed-data--" + uuid5("finding " + fid + text(f, "statement")));
    o["first_observed"] = stamp(text(f, "first"));
    o["last_observed"] = stamp(text(f, "last"));
    o["number_observed"] = std::max<std::uint64_t>(1, f.at("evidence_total").get<std::uint64_t>());
    o["object_refs"] = object_refs;
    o["x_whodunit_statement"] = text(f, "statement");
    o["x_whodunit_finding"] = fid;
    o["x_whodunit_phase"] = text(f, "phase");
    o["x_whodunit_outcome"] = text(f, "outcome");
    o["confidence"] = static_cast<int>(100 * f.at("confidence").get<double>());
    observed_of[fid] = o["id"].get<std::string>();
    refs.push_back(o["id"]);
    objects.push_back(o);
    for (const Document& t : f.at("techniques")) {
      const std::string technique = t.get<std::string>();
      const std::string id = "attack-pattern--" + uuid5("attack-pattern " + technique);
      if (!seen.insert(id).second) continue;
      Document a = base_object("attack-pattern", id);
      a["name"] = technique;
      a["external_references"] =
          Document::array({Document{{"source_name", "mitre-attack"}, {"external_id", technique}}});
      refs.push_back(id);
      objects.push_back(a);
    }
  }
  for (const Document& i : d.at("incidents")) {
    Document o = base_object("incident", "incident--" + uuid5("incident " + text(i, "id") + text(i, "headline")));
    o["name"] = text(i, "headline");
    o["x_whodunit_id"] = text(i, "id");
    o["x_whodunit_depth"] = text(i, "depth");
    refs.push_back(o["id"]);
    objects.push_back(o);
    for (const Document& f : i.at("findings")) {
      const auto at = observed_of.find(f.get<std::string>());
      if (at == observed_of.end()) continue;
      Document r = base_object("relationship",
                               "relationship--" + uuid5("related-to " + o["id"].get<std::string>() + at->second));
      r["relationship_type"] = "related-to";
      r["source_ref"] = at->second;
      r["target_ref"] = o["id"];
      refs.push_back(r["id"]);
      objects.push_back(r);
    }
  }
  Document report =
      base_object("report", "report--" + uuid5("report " + d.at("made_with").dump() + d.at("captures").dump()));
  report["name"] = d.at("incidents").empty() ? std::string("No attack that we look for was found")
                                             : text(d.at("incidents").at(0), "headline");
  report["published"] = created;
  report["report_types"] = Document::array({"observed-data"});
  if (refs.empty()) refs.push_back(identity);
  report["object_refs"] = refs;
  std::string who;
  for (const Document& a : d.at("assessments")) who += text(a, "level") + ": " + text(a, "paragraph") + "\n";
  report["description"] = who;
  objects.push_back(report);
  Document bundle;
  bundle["type"] = "bundle";
  bundle["id"] = "bundle--" + uuid5("bundle " + report["id"].get<std::string>());
  bundle["objects"] = objects;
  return bundle.dump(2, ' ', false, Document::error_handler_t::replace) + "\n";
}

}  // namespace whodunit::report
