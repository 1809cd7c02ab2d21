#include "detect/callbacks.h"

#include <algorithm>

namespace whodunit::detect {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool in_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'; }

/// Log4j's look-ups that give letters alone, innermost first: ${lower:j}, ${upper:j}, ${::-j}, ${env:NAME:-j}.
std::string plain(std::string_view text) {
  std::string s(text.substr(0, 4096));
  std::transform(s.begin(), s.end(), s.begin(), lower);
  for (int round = 0; round < 256; ++round) {
    const std::size_t close = s.find('}');
    if (close == std::string::npos) break;
    const std::size_t open = s.rfind("${", close);
    if (open == std::string::npos) {
      s[close] = ' ';
      continue;
    }
    const std::string inside = s.substr(open + 2, close - open - 2);
    std::string gives;
    if (const std::size_t fallback = inside.find(":-"); fallback != std::string::npos)
      gives = inside.substr(fallback + 2);
    else if (inside.rfind("lower:", 0) == 0 || inside.rfind("upper:", 0) == 0)
      gives = inside.substr(6);
    else if (inside.find("://") != std::string::npos)
      gives = inside + " ";  // the outer one, which calls
    s.replace(open, close - open + 1, gives);
  }
  return s;
}

}  // namespace

std::vector<std::string> hosts_to_call(std::string_view text) {
  std::vector<std::string> out;
  const std::string s = plain(text);
  for (std::size_t at = s.find("://"); at != std::string::npos && out.size() < 8; at = s.find("://", at + 3)) {
    std::size_t begin = at + 3;
    if (const std::size_t user = s.find_first_of("@/ }", begin); user != std::string::npos && s[user] == '@')
      begin = user + 1;
    std::size_t end = begin;
    std::string host;
    if (begin < s.size() && s[begin] == '[') {
      end = s.find(']', begin);
      if (end != std::string::npos) host = s.substr(begin + 1, end - begin - 1);
    } else {
      while (end < s.size() && in_name(s[end])) ++end;
      host = s.substr(begin, end - begin);
    }
    while (!host.empty() && host.back() == '.') host.pop_back();
    while (!host.empty() && host.front() == '.') host.erase(0, 1);  // before it stood what only the victim knows
    const bool usable = base::Address::parse(host) || (host.find('.') != std::string::npos && host.size() <= 253);
    if (usable && std::find(out.begin(), out.end(), host) == out.end()) out.push_back(std::move(host));
  }
  return out;
}

bool Callbacks::expect(const base::Address& victim, const std::string& host, base::Time at, std::uint64_t key) {
  if (expected_.size() >= kMostExpected) return false;
  Expected x{host, {}, at, key};
  if (const auto address = base::Address::parse(host)) x.addresses.push_back(*address);
  const auto kept = expected_.emplace(victim, std::move(x));
  for (const Asked& asked : asked_)
    if (asked.who == victim) match(kept->second, asked);
  for (const record::Head& conn : connections_)
    if (conn.id.orig_h == victim) match(kept->second, conn);
  return true;
}

void Callbacks::match(Expected& expected, const Asked& asked) {
  const double after = (asked.head.ts - expected.at).seconds();
  if (after < 0 || after > kAtOnce || base::Address::parse(expected.host)) return;
  // Under the name may stand what the victim was to tell (${env:…}.host.example).
  const std::string_view name = asked.name, host = expected.host;
  if (name.size() < host.size() || name.substr(name.size() - host.size()) != host ||
      (name.size() > host.size() && name[name.size() - host.size() - 1] != '.'))
    return;
  for (const base::Address& a : asked.answers)
    if (expected.addresses.size() < 16) expected.addresses.push_back(a);
  note(expected, asked.head, true);
}

void Callbacks::note(const Expected& expected, const record::Head& head, bool by_dns) {
  const auto [at, fresh] = seen_.emplace(expected.key, Seen{head, by_dns, expected.host});
  if (!fresh && at->second.by_dns && !by_dns) at->second = {head, by_dns, expected.host};
}

void Callbacks::take(const protocol::dns::Dns& dns) {
  if (dns.query.empty()) return;
  Asked asked{dns.head.id.orig_h, std::string(dns.query.substr(0, 253)), {}, dns.head};
  std::transform(asked.name.begin(), asked.name.end(), asked.name.begin(), lower);
  for (const std::string_view answer : dns.answers)
    if (const auto address = base::Address::parse(answer); address && asked.answers.size() < 8)
      asked.answers.push_back(*address);
  for (auto [at, end] = expected_.equal_range(asked.who); at != end; ++at) match(at->second, asked);
  if (asked_.size() >= kMostAsked) asked_.pop_front();
  asked_.push_back(std::move(asked));
}

void Callbacks::match(const Expected& expected, const record::Head& conn) {
  const double after = (conn.ts - expected.at).seconds();
  if (after < 0 || after > kAtOnce || conn.id.resp_h == conn.id.orig_h) return;
  if (std::find(expected.addresses.begin(), expected.addresses.end(), conn.id.resp_h) != expected.addresses.end())
    note(expected, conn, false);
}

void Callbacks::connection(const record::Head& conn) {
  if (!expected_.empty())
    for (auto [at, end] = expected_.equal_range(conn.id.orig_h); at != end; ++at) match(at->second, conn);
  if (connections_.size() < kMostConnections) {
    connections_.push_back(conn);
    return;
  }
  connections_[next_] = conn;
  next_ = (next_ + 1) % kMostConnections;
}

}  // namespace whodunit::detect
