#include "cli/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/address.h"
#include "knowledge/knowledge.h"

namespace whodunit::cli {
namespace {

enum class Kind { kText, kNumber, kSwitch };

/// The keys, in the order in which they are printed. Their flags are declared by the verbs.
struct Key {
  std::string_view name;
  std::string_view flag;
  Kind kind;
  std::string_view doc;
};
constexpr Key kKeys[] = {
    {"threads", "--threads", Kind::kNumber, "workers; results do not depend on it"},
    {"memory", "--memory", Kind::kNumber, "MiB, for tables and buffers"},
    {"filter", "--filter", Kind::kText, "only packets that match this BPF expression"},
    {"check_checksums", "--check-checksums", Kind::kSwitch, "leave out packets with bad checksums"},
    {"keep_secrets", "--keep-secrets", Kind::kSwitch, "keep passwords, communities, tokens in records"},
    {"progress", "--progress", Kind::kText, "auto or never"},
    {"quiet", "--quiet", Kind::kSwitch, "say only what went wrong"},
    {"intel", "--intel", Kind::kText, "folder of indicators"},
    {"as_of", "--as-of", Kind::kText, "only knowledge from before this day"},
    {"fail_on", "--fail-on", Kind::kText, "exit with 1 at or above this severity"},
    {"hashes", "--hashes", Kind::kSwitch, "MD5, SHA-1 and SHA-256 of files"},
};

struct Timer {
  std::string_view name;
  base::Duration connection::Settings::*member;
};
constexpr Timer kTimers[] = {
    {"tcp_inactivity", &connection::Settings::tcp_inactivity},
    {"tcp_handshake_inactivity", &connection::Settings::tcp_handshake_inactivity},
    {"interactive_inactivity", &connection::Settings::interactive_inactivity},
    {"udp_inactivity", &connection::Settings::udp_inactivity},
    {"dns_session", &connection::Settings::dns_session},
    {"icmp_inactivity", &connection::Settings::icmp_inactivity},
    {"other_inactivity", &connection::Settings::other_inactivity},
    {"tcp_attempt_delay", &connection::Settings::tcp_attempt_delay},
    {"tcp_close_delay", &connection::Settings::tcp_close_delay},
};
constexpr double kShortestTimer = 0.001, kLongestTimer = 7 * 86400.0;  // seconds

struct Limit {
  std::string_view name;
  std::size_t connection::Settings::*member;
  std::int64_t least, most;
};
constexpr Limit kLimits[] = {
    {"connections_per_shard", &connection::Settings::connections_per_shard, 1024, 16 << 20},
    {"reassembly_bytes", &connection::Settings::reassembly_bytes, 4096, std::int64_t{1} << 30},
    {"reassembly_segments", &connection::Settings::reassembly_segments, 16, 1 << 20},
};

constexpr std::uintmax_t kMostBytes = 16u << 20;

/// Key by key, CLI11's option that stands behind it; null where the verb has none.
CLI::Option* option_of(const CLI::App& verb, std::string_view flag) {
  return const_cast<CLI::App&>(verb).get_option_no_throw(std::string(flag));
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {  // TOML 1.0, "String": not allowed as they are
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

/// As few digits as give the same time again.
std::string seconds(base::Duration time) {
  std::string out = fmt::format("{}", time.seconds());
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

/// What `home = […]` says.
bool is_home(const knowledge::Zone& zone) { return zone.name == "home" && zone.level == knowledge::ZoneLevel::kInner; }

/// A value as the flag would be given it; nothing where it is of another kind.
std::optional<std::string> as_flag(const toml::node& node, Kind kind) {
  if (kind == Kind::kSwitch) {
    const auto v = node.value_exact<bool>();
    return v ? std::optional<std::string>(*v ? "true" : "false") : std::nullopt;
  }
  if (kind == Kind::kNumber) {
    const auto v = node.value_exact<std::int64_t>();
    return v && *v >= 0 ? std::optional<std::string>(std::to_string(*v)) : std::nullopt;
  }
  if (auto date = node.value_exact<toml::date>())
    return fmt::format("{:04}-{:02}-{:02}", date->year, unsigned{date->month}, unsigned{date->day});
  return node.value_exact<std::string>();
}

base::Result<void> read_connection(const toml::node& node, const std::string& path, connection::Settings& connection) {
  const auto at = [&](const toml::node& n) { return fmt::format("{}:{}", path, n.source().begin.line); };
  const toml::table* table = node.as_table();
  if (table == nullptr) return base::Error{"\"connection\" is no table", at(node), "write [connection]"};
  for (const auto& [key, value] : *table) {
    const std::string_view name = key.str();
    if (const auto* timer =
            std::find_if(std::begin(kTimers), std::end(kTimers), [&](auto& t) { return t.name == name; });
        timer != std::end(kTimers)) {
      const auto seconds = value.value<double>();
      if (!seconds || !(*seconds >= kShortestTimer) || *seconds > kLongestTimer)
        return base::Error{fmt::format("\"{}\" is no time", name), at(value),
                           fmt::format("give seconds, at least {} and at most {:.0f}", kShortestTimer, kLongestTimer)};
      connection.*(timer->member) = base::Duration{std::llround(*seconds * 1e9)};
      continue;
    }
    const auto* limit = std::find_if(std::begin(kLimits), std::end(kLimits), [&](auto& l) { return l.name == name; });
    if (limit == std::end(kLimits))
      return base::Error{fmt::format("unknown key \"{}\" in [connection]", name), at(value),
                         "whodunit investigate --print-config shows all keys"};
    const auto v = value.value_exact<std::int64_t>();
    if (!v || *v < limit->least || *v > limit->most)
      return base::Error{fmt::format("\"{}\" is out of its range", name), at(value),
                         fmt::format("give a whole number from {} to {}", limit->least, limit->most)};
    connection.*(limit->member) = static_cast<std::size_t>(*v);
  }
  return {};
}

base::Result<std::string> read_text(const std::string& path) {
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  if (code) return base::Error{"the config file cannot be read: " + code.message(), path, "check --config"};
  if (size > kMostBytes) return base::Error{"far too large for a config file", path, "check --config"};
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return base::Error{"the config file cannot be read", path, "check its permissions"};
  return text.str();
}

}  // namespace

void add_config_flags(CLI::App& verb, ConfigFlags& flags) {
  verb.add_option("--config", flags.path, "the config file, TOML (default: config.toml in the user's folder)");
  verb.add_flag("--no-config", flags.none, "read no config file");
  verb.add_flag("--print-config", flags.print, "print what holds and why, as a config file, and end");
}

base::Result<Config> apply_config(CLI::App& verb, const ConfigFlags& flags, connection::Settings& connection) {
  std::string path = flags.path;
  if (path.empty()) {
    const std::string usual = knowledge::home_folder() + "/config.toml";
    std::error_code code;
    if (std::filesystem::exists(usual, code)) path = usual;
  }
  if (flags.none || path.empty()) return apply_config_text(verb, "", "", connection);
  auto text = read_text(path);
  if (!text) return text.error();
  return apply_config_text(verb, *text, path, connection);
}

base::Result<Config> apply_config_text(CLI::App& verb, std::string_view text, const std::string& path,
                                       connection::Settings& connection) {
  Config config;
  config.path = path;
  const CLI::Option* home = option_of(verb, "--home");
  config.zones_unused = home != nullptr && home->count() != 0;
  auto zones = knowledge::Zones::parse_toml(text, config.path);  // says where it is no TOML at all
  if (!zones) return zones.error();
  config.zones = std::move(*zones);
  const toml::table root = toml::parse(text, config.path);
  const std::string name = std::filesystem::path(config.path).filename().string();
  for (const auto& [key, node] : root) {
    const std::string_view word = key.str();
    if (word == "home" || word == "organisation" || word == "organization" || word == "zone") continue;
    if (word == "connection") {
      if (auto read = read_connection(node, config.path, connection); !read) return read.error();
      continue;
    }
    const std::string where = fmt::format("{}:{}", config.path, node.source().begin.line);
    const auto* known = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& k) { return k.name == word; });
    if (known == std::end(kKeys))
      return base::Error{fmt::format("unknown key \"{}\"", word), where,
                         "whodunit investigate --print-config shows all keys"};
    const auto value = as_flag(node, known->kind);
    if (!value)
      return base::Error{fmt::format("\"{}\" is of the wrong kind", word), where,
                         known->kind == Kind::kSwitch   ? "write true or false"
                         : known->kind == Kind::kNumber ? "write a whole number"
                                                        : "write a text in quotes"};
    CLI::Option* option = option_of(verb, known->flag);
    if (option == nullptr || option->count() != 0) continue;  // another verb's, or the flag was given
    try {
      option->add_result(*value);
      option->run_callback();
    } catch (const CLI::Error& error) {
      return base::Error{error.what(), where, fmt::format("as the flag {} takes it", known->flag)};
    }
    config.sources.emplace_back(word, fmt::format("{}:{}", name, node.source().begin.line));
  }
  return config;
}

std::string print_config(const CLI::App& verb, const Config& config, const connection::Settings& connection,
                         const std::vector<std::pair<std::string, std::string>>& resolved) {
  std::string out = "# What holds, and why: flags before the config file, the file before defaults.\n";
  out += config.path.empty() ? "# No config file was read.\n" : fmt::format("# Config file: {}\n", config.path);
  const auto line = [&out](std::string_view key, std::string_view value, std::string_view why) {
    out += fmt::format("{:<40} # {}\n", fmt::format("{} = {}", key, value), why);
  };
  const auto find = [](const std::vector<std::pair<std::string, std::string>>& list, std::string_view key) {
    const auto at = std::find_if(list.begin(), list.end(), [&](const auto& p) { return p.first == key; });
    return at == list.end() ? nullptr : &at->second;
  };
  out += '\n';
  const CLI::Option* home = option_of(verb, "--home");
  if (config.zones_unused) {
    std::string list;
    for (const std::string& n : home->results()) list += (list.empty() ? "" : ", ") + quote(n);
    line("home", "[" + list + "]", "--home: it alone says what is defended");
  } else if (config.zones.empty()) {
    out += "# home is not set: the defended network is inferred from each capture, and said to be\n";
  } else {
    for (const knowledge::Zone& zone : config.zones.all()) {
      if (!zone.organisation.empty() || !is_home(zone)) continue;
      std::string list;
      for (const base::Network& n : zone.networks) list += (list.empty() ? "" : ", ") + quote(n.to_string());
      line("home", "[" + list + "]", "the config file");
    }
  }
  for (const Key& key : kKeys) {
    const CLI::Option* option = option_of(verb, key.flag);
    if (option == nullptr) continue;
    std::string value = option->count() != 0 ? option->results().back() : option->get_default_str();
    const std::string* from_file = find(config.sources, key.name);
    const std::string why = from_file != nullptr   ? *from_file
                            : option->count() != 0 ? std::string(key.flag)
                                                   : std::string("default");
    if (const std::string* better = find(resolved, key.name); better != nullptr) value = *better;
    if (key.kind == Kind::kSwitch) value = value == "true" || value == "1" ? "true" : "false";
    if (key.kind == Kind::kText && value.empty()) {
      out += fmt::format("# {:<38} # not set: {}\n", fmt::format("{} = \"\"", key.name), key.doc);
      continue;
    }
    line(key.name, key.kind == Kind::kText ? quote(value) : value, fmt::format("{}: {}", why, key.doc));
  }
  const connection::Settings defaults;
  out += "\n[connection]\n";
  for (const Timer& timer : kTimers)
    line(timer.name, seconds(connection.*(timer.member)),
         connection.*(timer.member) == defaults.*(timer.member) ? "default: seconds" : "the config file: seconds");
  for (const Limit& limit : kLimits)
    line(limit.name, std::to_string(connection.*(limit.member)),
         connection.*(limit.member) == defaults.*(limit.member) ? "default" : "the config file");
  if (config.zones_unused) return out;
  // As the file has them: an organisation's zones stand together.
  std::string organisation;
  for (const knowledge::Zone& zone : config.zones.all()) {
    if (zone.organisation.empty() && is_home(zone)) continue;
    std::string list;
    for (const base::Network& n : zone.networks) list += (list.empty() ? "" : ", ") + quote(n.to_string());
    const bool begins = !zone.organisation.empty() && zone.organisation != organisation;
    if (begins) out += fmt::format("\n[[organisation]]\nname = {}\n", quote(zone.organisation));
    organisation = zone.organisation;
    if (begins && is_home(zone))  // below a zone's header it would be the zone's
      out += fmt::format("home = [{}]\n", list);
    else
      out += fmt::format("\n[[{}zone]]\nname = {}\nlevel = {}\nnetworks = [{}]\n",
                         organisation.empty() ? "" : "organisation.", quote(zone.name), quote(to_string(zone.level)),
                         list);
  }
  return out;
}

}  // namespace whodunit::cli
