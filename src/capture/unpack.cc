// Unpacking of gzip (RFC 1952), zstd (RFC 8878), xz and lz4 frames, piece by piece.
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "capture/stream.h"

namespace whodunit::capture {

namespace {

constexpr std::size_t kPackedBlock = 128 * 1024;
// zstd and lz4 keep nothing of a call in which they met damage: small steps lose little before it.
constexpr std::size_t kStep = 4096;
constexpr std::uint64_t kMostXzMemory = 192u << 20;
constexpr int kMostZstdWindowLog = 27;  // 128 MiB, what zstd's own tool takes without being asked

/// What the four have in common: where the packed bytes come from, and how an end in the middle is told.
class Unpacker : public ByteStream {
 public:
  Unpacker(FileStream& file, BlockPool& pool, Block* start, std::size_t from, std::size_t to)
      : file_(file), pool_(pool), block_(start), from_(from), to_(to) {}
  ~Unpacker() override { pool_.give_back(block_); }
  const std::string& error() const override { return error_; }

  std::size_t read(Block& block, std::size_t offset, std::size_t most) final {
    if (done_ || !error_.empty()) return 0;
    std::uint8_t* out = block.data.get() + offset;
    while (true) {
      // Where the last step filled all the room, more may come without more input.
      if (from_ == to_ && (!filled_ || between_members_) && !refill()) {
        if (!file_.error().empty()) {
          error_ = file_.error();
        } else if (!between_members_) {
          error_ = "the compressed data ends in the middle (" + std::to_string(file_.bytes_read()) + " bytes)";
        }
        done_ = true;
        return 0;
      }
      const std::size_t before = from_;
      std::size_t made = 0;
      const bool fine = step(out, most, made);
      filled_ = made == most;
      if (!fine) {
        if (trailing_garbage_) {
          done_ = true;
        } else {
          error_ = "the compressed data is damaged near byte " + std::to_string(file_.bytes_read() - (to_ - from_));
        }
      }
      if (made > 0 || !fine) return made;
      if (from_ == before && from_ != to_) {  // no progress with input at hand: never loop
        error_ = "the compressed data is damaged near byte " + std::to_string(file_.bytes_read() - (to_ - from_));
        return 0;
      }
    }
  }

 protected:
  /// Unpacks from the packed bytes at hand to `out`; sets `made`. False where the data is damaged.
  virtual bool step(std::uint8_t* out, std::size_t most, std::size_t& made) = 0;

  const std::uint8_t* in() const { return block_->data.get() + from_; }
  std::size_t in_size() const { return to_ - from_; }
  void used(std::size_t count) { from_ += count; }
  /// True between two members or frames: the file may end here.
  bool between_members_ = false;
  /// Set with a false `step` where what follows the last member is no member: ignored, as gzip does.
  bool trailing_garbage_ = false;

 private:
  bool refill() {
    if (block_ == nullptr || block_->digesting.load(std::memory_order_acquire) != 0) {
      pool_.give_back(block_);
      block_ = pool_.get(kPackedBlock);
    }
    from_ = 0;
    to_ = file_.read(*block_, 0, block_->capacity);
    return to_ > 0;
  }

  FileStream& file_;
  BlockPool& pool_;
  Block* block_;
  std::size_t from_, to_;
  bool filled_ = false;
  bool done_ = false;
  std::string error_;
};

class Gunzip final : public Unpacker {
 public:
  using Unpacker::Unpacker;
  ~Gunzip() override {
    if (ready_) inflateEnd(&stream_);
  }

 protected:
  bool step(std::uint8_t* out, std::size_t most, std::size_t& made) override {
    if (!ready_) {
      if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) return false;
      ready_ = true;
    }
    if (between_members_) {  // another member, or padding (RFC 1952 2.2 has members follow one another)
      if (*in() != 0x1f) {
        trailing_garbage_ = true;
        return false;
      }
      if (inflateReset(&stream_) != Z_OK) return false;
      between_members_ = false;
    }
    stream_.next_in = const_cast<Bytef*>(in());
    stream_.avail_in = static_cast<uInt>(in_size());
    stream_.next_out = out;
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(most, 1u << 30));
    const uInt room = stream_.avail_out;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    used(in_size() - stream_.avail_in);
    made = room - stream_.avail_out;
    if (result == Z_STREAM_END) {
      between_members_ = true;
      return true;
    }
    return result == Z_OK || result == Z_BUF_ERROR;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

class Unzstd final : public Unpacker {
 public:
  using Unpacker::Unpacker;
  ~Unzstd() override { ZSTD_freeDStream(stream_); }

 protected:
  bool step(std::uint8_t* out, std::size_t most, std::size_t& made) override {
    if (stream_ == nullptr) {
      stream_ = ZSTD_createDStream();
      if (stream_ == nullptr) return false;
      ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMostZstdWindowLog);
    }
    ZSTD_inBuffer input{in(), std::min(in_size(), kStep), 0};
    ZSTD_outBuffer output{out, most, 0};
    const std::size_t result = ZSTD_decompressStream(stream_, &output, &input);
    used(input.pos);
    made = output.pos;
    if (ZSTD_isError(result)) return false;
    between_members_ = result == 0;
    return true;
  }

 private:
  ZSTD_DStream* stream_ = nullptr;
};

class Unxz final : public Unpacker {
 public:
  using Unpacker::Unpacker;
  ~Unxz() override { lzma_end(&stream_); }

 protected:
  bool step(std::uint8_t* out, std::size_t most, std::size_t& made) override {
    if (!ready_) {
      if (lzma_stream_decoder(&stream_, kMostXzMemory, 0) != LZMA_OK) return false;
      ready_ = true;
    }
    if (between_members_) {
      if (*in() == 0) {  // stream padding (xz file format 2.2)
        used(1);
        return true;
      }
      lzma_end(&stream_);
      stream_ = LZMA_STREAM_INIT;
      if (lzma_stream_decoder(&stream_, kMostXzMemory, 0) != LZMA_OK) return false;
      between_members_ = false;
    }
    stream_.next_in = in();
    stream_.avail_in = in_size();
    stream_.next_out = out;
    stream_.avail_out = most;
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    used(in_size() - stream_.avail_in);
    made = most - stream_.avail_out;
    if (result == LZMA_STREAM_END) {
      between_members_ = true;
      return true;
    }
    return result == LZMA_OK || result == LZMA_BUF_ERROR;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ready_ = false;
};

class Unlz4 final : public Unpacker {
 public:
  using Unpacker::Unpacker;
  ~Unlz4() override { LZ4F_freeDecompressionContext(context_); }

 protected:
  bool step(std::uint8_t* out, std::size_t most, std::size_t& made) override {
    if (context_ == nullptr && LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION))) return false;
    std::size_t out_size = most;
    std::size_t taken = std::min(in_size(), kStep);
    const std::size_t result = LZ4F_decompress(context_, out, &out_size, in(), &taken, nullptr);
    if (LZ4F_isError(result)) return false;
    used(taken);
    made = out_size;
    between_members_ = result == 0;
    return true;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

}  // namespace

Packing packing_of(base::Bytes start) {
  auto begins = [&](std::initializer_list<std::uint8_t> magic) {
    return start.size() >= magic.size() && std::equal(magic.begin(), magic.end(), start.begin());
  };
  if (begins({0x1f, 0x8b})) return Packing::kGzip;
  if (begins({0x28, 0xb5, 0x2f, 0xfd})) return Packing::kZstd;
  if (begins({0xfd, '7', 'z', 'X', 'Z', 0})) return Packing::kXz;
  if (begins({0x04, 0x22, 0x4d, 0x18})) return Packing::kLz4;
  return Packing::kNone;
}

const char* packing_name(Packing packing) {
  switch (packing) {
    case Packing::kGzip:
      return "gzip";
    case Packing::kZstd:
      return "zstd";
    case Packing::kXz:
      return "xz";
    case Packing::kLz4:
      return "lz4";
    case Packing::kNone:
      break;
  }
  return "";
}

std::unique_ptr<ByteStream> unpack(Packing packing, FileStream& file, BlockPool& pool, Block* start, std::size_t from,
                                   std::size_t to) {
  switch (packing) {
    case Packing::kGzip:
      return std::make_unique<Gunzip>(file, pool, start, from, to);
    case Packing::kZstd:
      return std::make_unique<Unzstd>(file, pool, start, from, to);
    case Packing::kXz:
      return std::make_unique<Unxz>(file, pool, start, from, to);
    case Packing::kLz4:
      return std::make_unique<Unlz4>(file, pool, start, from, to);
    case Packing::kNone:
      break;
  }
  pool.give_back(start);
  return nullptr;
}

}  // namespace whodunit::capture
