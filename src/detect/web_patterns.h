// Patterns of attacks in web requests: regular expressions over the decoded, lower-cased request.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace whodunit::detect {

enum class WebAttack : std::uint8_t {
  kSqlInjection,
  kTraversal,
  kCommandInjection,
  kScript,
  kLog4Shell,
  kTemplate,
  kUpload,
  kDeserialisation,
  kScanner,
  kCount
};
std::string_view to_string(WebAttack attack);

struct WebPattern {
  WebAttack attack;
  double weight;           ///< evidence in [0,1]; a request is an attack from 1 on
  const char* expression;  ///< as vectorscan takes it; matched without regard to case
  const char* what;        ///< what it is, for people
};
std::span<const WebPattern> web_patterns();

}  // namespace whodunit::detect
