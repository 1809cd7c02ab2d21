#include "protocol/http/transaction.h"

#include <algorithm>

namespace whodunit::protocol::http {

bool Transaction::store(std::string_view value, Piece& piece) {
  if (arena.size() + value.size() > kTextLimit) {
    full = true;
    return false;
  }
  if (arena.size() + value.size() > arena.capacity()) {
    const std::size_t wanted = std::max(arena.size() + value.size(), std::max<std::size_t>(512, 2 * arena.capacity()));
    if (!memory->take(base::MemoryUse::kParsers, wanted - counted)) {
      full = true;
      return false;
    }
    counted = wanted;
    arena.reserve(wanted);
  }
  piece = {static_cast<std::uint32_t>(arena.size()), static_cast<std::uint32_t>(value.size()), true};
  arena.append(value);
  return true;
}

void Transaction::set(Slot slot, std::string_view value) { store(value, texts[static_cast<std::size_t>(slot)]); }

std::string_view Transaction::get(Slot slot) const {
  const Piece& piece = texts[static_cast<std::size_t>(slot)];
  return piece.set ? std::string_view(arena.data() + piece.offset, piece.size) : std::string_view{};
}

void Transaction::add(List list, std::string_view value) {
  auto& pieces = lists[static_cast<std::size_t>(list)];
  Piece piece;
  if (pieces.size() >= kListLimit) {
    full = true;
  } else if (store(value, piece)) {
    pieces.push_back(piece);
  }
}

void Transaction::add_once(List list, std::string_view value) {
  for (const Piece& piece : lists[static_cast<std::size_t>(list)])
    if (std::string_view(arena.data() + piece.offset, piece.size) == value) return;
  add(list, value);
}

record::Texts Transaction::get(List list, std::vector<std::string_view>& buffer) const {
  const auto& pieces = lists[static_cast<std::size_t>(list)];
  if (pieces.empty()) return {};
  buffer.clear();
  for (const Piece& piece : pieces) buffer.emplace_back(arena.data() + piece.offset, piece.size);
  return buffer;
}

}  // namespace whodunit::protocol::http
