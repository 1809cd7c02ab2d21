// One request and its reply, collected until its row is emitted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "base/time.h"
#include "protocol/http/line.h"
#include "record/types.h"

namespace whodunit::protocol::http {

/// Single texts of a transaction.
enum class Slot : std::uint8_t {
  kMethod,
  kHost,
  kUri,
  kReferrer,
  kUserAgent,
  kOrigin,
  kStatusMessage,
  kInfoMessage,
  kUserName,
  kPassword,
  kRequestContentType,
  kContentType,
  kContentEncoding,
  kServer,
  kLocation,
  kForwardedFor,
  kAcceptLanguage,
  kAuthorization,
  kRequestBody,
  kResponseBody,
  kSubprotocol,
  kCount,
};
/// Lists.
enum class List : std::uint8_t {
  kProxied,
  kRequestFuids,
  kRequestFileNames,
  kRequestMimeTypes,
  kReplyFuids,
  kReplyFileNames,
  kReplyMimeTypes,
  kCookieNames,
  kSetCookieNames,
  kClientProtocols,
  kClientExtensions,
  kServerExtensions,
  kOtherHeaders,
  kCount,
};

/// Texts lie in one arena. Bounded by kTextLimit; what would go beyond is dropped and said.
struct Transaction {
  static constexpr std::size_t kTextLimit = 192u << 10;
  static constexpr std::size_t kListLimit = 64;

  explicit Transaction(base::MemoryAccountant& accountant) : memory(&accountant) {
    if (memory->take(base::MemoryUse::kParsers, sizeof *this)) counted_itself = sizeof *this;
  }
  ~Transaction() { memory->give_back(base::MemoryUse::kParsers, counted + counted_itself); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void set(Slot slot, std::string_view value);
  bool is_set(Slot slot) const { return texts[static_cast<std::size_t>(slot)].set; }
  /// Null where unset.
  std::string_view get(Slot slot) const;
  void add(List list, std::string_view value);
  void add_once(List list, std::string_view value);
  std::size_t size(List list) const { return lists[static_cast<std::size_t>(list)].size(); }
  /// Views into the arena, until the transaction changes. Null where empty.
  record::Texts get(List list, std::vector<std::string_view>& buffer) const;

  struct Piece {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    bool set = false;
  };
  /// False where the limit or the accountant refuses.
  bool store(std::string_view value, Piece& piece);

  std::uint64_t index = 0;  // among the connection's requests
  std::uint64_t depth = 0;
  base::Time ts;
  record::Place place;
  std::uint64_t request_body = 0, reply_body = 0;
  bool range_request = false;
  bool has_status = false;
  bool has_info = false;
  bool request_ended = false, reply_began = false, reply_ended = false;
  bool full = false;  // a limit was reached
  std::uint16_t status = 0, info = 0;
  Version request_version, reply_version;
  bool has_request_version = false;
  base::Time request_end, reply_start, reply_end;
  std::array<Piece, static_cast<std::size_t>(Slot::kCount)> texts{};
  std::array<std::vector<Piece>, static_cast<std::size_t>(List::kCount)> lists;
  std::string arena;
  base::MemoryAccountant* memory;
  std::size_t counted = 0;  // the arena's bytes
  std::size_t counted_itself = 0;
};

}  // namespace whodunit::protocol::http
