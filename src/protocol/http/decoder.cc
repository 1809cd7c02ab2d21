#include "protocol/http/decoder.h"

#include <brotli/decode.h>
#include <zlib.h>

#include <algorithm>
#include <array>

namespace whodunit::protocol::http {
namespace {

/// What an inflating stream holds, about (zlib: window 32 KiB and state); brotli's grows with the stream's window.
constexpr std::size_t kInflateMemory = 44u << 10;
constexpr std::size_t kBrotliMemory = 512u << 10;
/// Bytes decoded at a time.
constexpr std::size_t kOutput = 16u << 10;

/// zlib detects gzip and zlib headers by itself.
constexpr int kDetect = 15 + 32;
constexpr int kRaw = -15;

}  // namespace

struct Decoder::Impl {
  Coding coding;
  State state = State::kGoing;
  bool raw_tried = false;
  bool inflating = false;
  z_stream zip{};
  BrotliDecoderState* brotli = nullptr;
  std::uint64_t left = 0;  // of the limit
  std::uint64_t fed = 0;
  std::array<std::uint8_t, 16> head{};  // the first bytes, as long as nothing came of them
  base::MemoryAccountant* memory = nullptr;
  std::size_t counted = 0;

  ~Impl() {
    if (inflating) inflateEnd(&zip);
    if (brotli != nullptr) BrotliDecoderDestroyInstance(brotli);
    if (memory != nullptr) memory->give_back(base::MemoryUse::kFiles, counted);
  }
  State inflate_some(base::Bytes bytes, DecodedSink& sink);
  State brotli_some(base::Bytes bytes, DecodedSink& sink);
  bool give(base::Bytes out, DecodedSink& sink) {
    const base::Bytes allowed = out.subspan(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, out.size())));
    left -= allowed.size();
    if (!allowed.empty()) sink.decoded(allowed);
    return allowed.size() == out.size();
  }
};

Decoder::Decoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Decoder::~Decoder() = default;

std::unique_ptr<Decoder> Decoder::make(Coding coding, std::uint64_t limit, base::MemoryAccountant& memory) {
  const std::size_t need = coding == Coding::kBrotli ? kBrotliMemory : kInflateMemory;
  if (!memory.take(base::MemoryUse::kFiles, need)) return nullptr;
  auto impl = std::make_unique<Impl>();
  impl->coding = coding;
  impl->left = limit;
  impl->memory = &memory;
  impl->counted = need;
  if (coding == Coding::kBrotli) {
    impl->brotli = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
    if (impl->brotli == nullptr) return nullptr;
  } else {
    if (inflateInit2(&impl->zip, kDetect) != Z_OK) return nullptr;
    impl->inflating = true;
  }
  return std::unique_ptr<Decoder>(new Decoder(std::move(impl)));
}

Decoder::State Decoder::feed(base::Bytes bytes, DecodedSink& sink) {
  if (impl_->state != State::kGoing || bytes.empty()) return impl_->state;
  impl_->state = impl_->coding == Coding::kBrotli ? impl_->brotli_some(bytes, sink) : impl_->inflate_some(bytes, sink);
  return impl_->state;
}

Decoder::State Decoder::Impl::inflate_some(base::Bytes bytes, DecodedSink& sink) {
  std::array<std::uint8_t, kOutput> out;
  for (std::size_t i = 0; i < bytes.size() && fed + i < head.size(); ++i) head[fed + i] = bytes[i];
  fed += bytes.size();
  const auto give_input = [&](base::Bytes in) {
    zip.next_in = const_cast<Bytef*>(in.data());
    zip.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT32_MAX));
  };
  give_input(bytes);
  base::Bytes after;  // input that follows what the stream has
  for (;;) {
    zip.next_out = out.data();
    zip.avail_out = kOutput;
    const int result = inflate(&zip, Z_SYNC_FLUSH);
    const std::size_t made = kOutput - zip.avail_out;
    const std::uint64_t before = fed - bytes.size();
    if (result == Z_DATA_ERROR && made == 0 && zip.total_out == 0 && !raw_tried && before <= head.size()) {
      // Some servers send "deflate" without zlib's header (RFC 9110 8.4.1.2 has a note on them): all over again.
      raw_tried = true;
      if (inflateReset2(&zip, kRaw) != Z_OK) return State::kFailed;
      if (before == 0) {
        give_input(bytes);
      } else {
        give_input({head.data(), static_cast<std::size_t>(before)});
        after = bytes;
      }
      continue;
    }
    if (!give({out.data(), made}, sink)) return State::kLimit;
    if (result == Z_STREAM_END) return State::kEnded;
    if (result != Z_OK && result != Z_BUF_ERROR) return State::kFailed;
    if (zip.avail_out == 0) continue;
    if (after.empty()) return State::kGoing;  // all input is used
    give_input(after);
    after = {};
  }
}

Decoder::State Decoder::Impl::brotli_some(base::Bytes bytes, DecodedSink& sink) {
  std::array<std::uint8_t, kOutput> out;
  std::size_t out_left = kOutput;
  std::uint8_t* next = out.data();
  const auto flush = [&] {
    const bool within = give({out.data(), kOutput - out_left}, sink);
    out_left = kOutput;
    next = out.data();
    return within;
  };
  // Where its input is broken, the decoder keeps back what it decoded in the same call. Given byte by byte it has told
  // all that stands before, however the stream was cut into segments.
  for (const std::uint8_t byte : bytes) {
    std::size_t in_left = 1;
    const std::uint8_t* in = &byte;
    for (;;) {
      const auto result = BrotliDecoderDecompressStream(brotli, &in_left, &in, &out_left, &next, nullptr);
      if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) break;
      if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        if (!flush()) return State::kLimit;
        continue;
      }
      if (!flush()) return State::kLimit;
      return result == BROTLI_DECODER_RESULT_SUCCESS ? State::kEnded : State::kFailed;
    }
  }
  return flush() ? State::kGoing : State::kLimit;
}

}  // namespace whodunit::protocol::http
