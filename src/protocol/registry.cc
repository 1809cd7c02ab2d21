#include "connection/conn_record.h"
#include "protocol/parser.h"

namespace whodunit::protocol {

// One line a protocol.

std::span<const Definition* const> definitions() {
  static const Definition* const kDefinitions[] = {nullptr};
  return {kDefinitions, std::size_t{0}};
}

const Definition* find_definition(std::string_view name) {
  for (const Definition* definition : definitions())
    if (definition->name == name) return definition;
  return nullptr;
}

}  // namespace whodunit::protocol
