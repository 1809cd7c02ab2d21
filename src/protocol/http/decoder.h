// Content codings of HTTP bodies (RFC 9110 8.4.1), undone piece by piece.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/memory.h"

namespace whodunit::protocol::http {

enum class Coding : std::uint8_t { kIdentity, kGzip, kDeflate, kBrotli };

/// Takes decoded bytes; they are valid during the call.
class DecodedSink {
 public:
  virtual void decoded(base::Bytes bytes) = 0;

 protected:
  ~DecodedSink() = default;
};

/// Decodes one body. Bounded: an output limit, and memory that is counted.
class Decoder {
 public:
  enum class State : std::uint8_t { kGoing, kEnded, kFailed, kLimit };
  /// Null where the accountant refuses the memory. `limit`: bytes of output.
  static std::unique_ptr<Decoder> make(Coding coding, std::uint64_t limit, base::MemoryAccountant& memory);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  /// After any state but kGoing further bytes are ignored.
  State feed(base::Bytes bytes, DecodedSink& sink);

 private:
  struct Impl;
  explicit Decoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace whodunit::protocol::http
