#include "protocol/files/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/hash.h"
#include "protocol/files/file_record.h"
#include "protocol/files/mime.h"
#include "protocol/files/ocsp.h"
#include "protocol/files/pe.h"
#include "protocol/plan.h"

namespace whodunit::protocol {
namespace {

/// Bytes of one file that wait for what lies before them (Zeek's Files::reassembly_buffer_size).
constexpr std::size_t kReassemblyLimit = 512u << 10;
/// The largest OCSP response that is read.
constexpr std::size_t kMaxOcsp = 64u << 10;
constexpr std::string_view kPeType = "application/x-dosexec";
constexpr std::string_view kOcspType = "application/ocsp-response";
/// What a waiting piece costs beside its bytes, about.
constexpr std::size_t kPieceCost = 96;

/// Addresses that are no one's on the Internet (RFC 6890 and its registry, as far as Zeek's
/// Site::private_address_space).
bool is_inner(const base::Address& address) {
  if (address.is_private() || address.is_loopback() || address.is_link_local() || address.is_unspecified()) return true;
  if (!address.is_v4()) return address.high() >> 32 == 0x20010db8;  // documentation
  const std::uint32_t v4 = address.v4_value();
  struct Block {
    std::uint32_t base;
    int bits;
  };
  constexpr Block kBlocks[] = {{0x00000000, 8},  {0xc0000000, 24}, {0xc0000200, 24}, {0xc6336400, 24},
                               {0xcb007100, 24}, {0xc6120000, 15}, {0xf0000000, 4}};
  return std::any_of(std::begin(kBlocks), std::end(kBlocks),
                     [&](const Block& b) { return v4 >> (32 - b.bits) == b.base >> (32 - b.bits); });
}

}  // namespace

struct File::State {
  record::Fuid fuid;
  std::string_view source;
  std::string_view mime_type;
  std::string name;
  bool has_name = false;
  bool is_orig = false;
  bool type_settled = false;  // no more bytes are kept for the type
  bool cut = false;           // a limit cut the extracted copy
  int descriptor = -1;
  base::Time first, last;
  record::Place place;
  std::uint64_t depth = 0;
  std::uint64_t offset = 0;  // of the next byte in order
  std::uint64_t seen = 0, missing = 0, overflow = 0, written = 0;
  std::optional<std::uint64_t> total;
  std::vector<std::uint8_t> beginning;
  bool collecting = false;
  std::vector<std::uint8_t> collected;
  std::unique_ptr<PeHeaders> pe;
  std::unique_ptr<base::Digest> md5, sha1, sha256;
  std::string extracted;
  std::map<std::uint64_t, std::vector<std::uint8_t>> waiting;  // by offset, not overlapping
  std::size_t waiting_bytes = 0;
  base::MemoryAccountant* memory = nullptr;
  std::size_t counted = 0;

  ~State() {
    if (descriptor >= 0) ::close(descriptor);
    if (memory != nullptr && counted != 0) memory->give_back(base::MemoryUse::kFiles, counted);
  }
  bool take(std::size_t bytes) {
    if (!memory->take(base::MemoryUse::kFiles, bytes)) return false;
    counted += bytes;
    return true;
  }
  void give_back(std::size_t bytes) {
    memory->give_back(base::MemoryUse::kFiles, bytes);
    counted -= bytes;
  }
  /// The type is judged by `window`. `before`: the bytes that came before those that are being put.
  void settle_type(base::Bytes window, base::Bytes before) {
    type_settled = true;
    if (mime_type.empty()) mime_type = mime_type_of(window);
    if (mime_type == kPeType) pe = parse_pe(window);
    begin_collecting(before);
    if (!beginning.empty()) {
      give_back(beginning.capacity());
      beginning = {};
    }
  }
  /// OCSP responses are read whole.
  void begin_collecting(base::Bytes before) {
    if (mime_type != kOcspType) return;
    collecting = true;
    collect(before);
  }
  void collect(base::Bytes bytes) {
    const std::size_t needed = collected.size() + bytes.size();
    const std::size_t capacity = collected.capacity();
    if (needed > capacity) {
      const std::size_t wanted = std::min(std::max(needed, 2 * capacity), kMaxOcsp);
      if (needed > kMaxOcsp || !take(wanted - capacity)) {
        stop_collecting();
        return;
      }
      collected.reserve(wanted);
    }
    collected.insert(collected.end(), bytes.begin(), bytes.end());
  }
  void stop_collecting() {
    collecting = false;
    if (collected.capacity() != 0) give_back(collected.capacity());
    collected = {};
  }
};

File::File(std::unique_ptr<State> state) : state_(std::move(state)) {}
File::~File() = default;
record::Fuid File::fuid() const { return state_->fuid; }
std::string_view File::mime_type() const { return state_->mime_type; }
std::uint64_t File::seen_bytes() const { return state_->seen; }
bool File::complete() const { return state_->total && state_->offset >= *state_->total; }

FileSink::FileSink(const Plan& plan, base::MemoryAccountant& memory, std::atomic<std::uint64_t>* extracted)
    : plan_(plan), memory_(memory), extracted_(extracted != nullptr ? extracted : &own_extracted_) {}

FileHandle FileSink::open(Context& context, const FileStart& start) {
  auto state = std::make_unique<File::State>();
  struct {
    std::uint64_t uid, ordinal, source, direction;
  } key{context.connection().uid.value, start.ordinal, base::fast_hash(start.source),
        connection::index(start.direction) | static_cast<std::uint64_t>(context.generation) << 8};
  const std::uint64_t id = base::fast_hash(base::Bytes(reinterpret_cast<const std::uint8_t*>(&key), sizeof key));
  state->fuid = {id == 0 ? 1 : id};
  state->source = start.source;
  state->mime_type = start.mime_type;
  state->type_settled = !start.mime_type.empty();
  state->is_orig = start.direction == Direction::kOriginator;
  state->first = state->last = context.now();
  state->place = context.place();
  state->depth = start.depth;
  state->total = start.total_bytes;
  state->memory = &memory_;
  if (start.name.data() != nullptr) {
    state->name = start.name;
    state->has_name = true;
  }
  if (state->type_settled) state->begin_collecting({});
  if (plan_.file_md5) state->md5 = std::make_unique<base::Digest>(base::DigestKind::kMd5);
  if (plan_.file_sha1) state->sha1 = std::make_unique<base::Digest>(base::DigestKind::kSha1);
  if (plan_.file_sha256) state->sha256 = std::make_unique<base::Digest>(base::DigestKind::kSha256);
  if (!plan_.extract_to.empty()) {
    // Nothing that came over the wire is in the name.
    std::string name(start.source);
    name += '-';
    name += state->fuid.to_string();
    const std::string path = plan_.extract_to + "/" + name;
    state->descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state->descriptor >= 0)
      state->extracted = std::move(name);
    else
      context.weird("file_extraction_failed", std::strerror(errno));
  }
  return FileHandle(new File(std::move(state)));
}

void FileSink::set_name(File& file, std::string_view name) {
  file.state_->name = name;
  file.state_->has_name = true;
}

void FileSink::set_total_bytes(File& file, std::uint64_t bytes) { file.state_->total = bytes; }

void FileSink::put(Context& context, File::State& state, base::Bytes bytes) {
  if (!state.type_settled) {
    const std::size_t have = state.beginning.size();
    if (have == 0 && bytes.size() >= kMimeWindow) {
      state.settle_type(bytes, {});
    } else {
      const base::Bytes more = bytes.subspan(0, std::min(bytes.size(), kMimeWindow - have));
      const std::size_t capacity = state.beginning.capacity();
      if (have + more.size() > capacity) {
        // Most files are small or come in a few segments: grow to fit, then to the whole window.
        const std::size_t wanted = have == 0 ? more.size() : kMimeWindow;
        if (state.take(wanted - capacity)) state.beginning.reserve(wanted);
      }
      if (state.beginning.capacity() >= have + more.size()) {
        state.beginning.insert(state.beginning.end(), more.begin(), more.end());
        if (state.beginning.size() >= kMimeWindow)
          state.settle_type(state.beginning, base::Bytes(state.beginning).subspan(0, have));
      } else {
        state.settle_type(have == 0 ? more : base::Bytes(state.beginning),
                          state.beginning);  // no memory: judged by what there is
      }
    }
  }
  if (state.collecting) state.collect(bytes);
  if (state.md5) state.md5->update(bytes);
  if (state.sha1) state.sha1->update(bytes);
  if (state.sha256) state.sha256->update(bytes);
  if (state.descriptor >= 0 && !bytes.empty() && !state.cut) {
    std::uint64_t allowed = plan_.extract_limit - std::min(plan_.extract_limit, state.written);
    const std::uint64_t before =
        extracted_->fetch_add(std::min<std::uint64_t>(allowed, bytes.size()), std::memory_order_relaxed);
    allowed = std::min(allowed, plan_.extract_total - std::min(plan_.extract_total, before));
    base::Bytes left = bytes.subspan(0, static_cast<std::size_t>(std::min<std::uint64_t>(allowed, bytes.size())));
    state.cut = left.size() < bytes.size();
    while (!left.empty()) {
      const ssize_t n = ::write(state.descriptor, left.data(), left.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        context.weird("file_extraction_failed", std::strerror(errno));
        state.cut = true;
        break;
      }
      state.written += static_cast<std::uint64_t>(n);
      left = left.subspan(static_cast<std::size_t>(n));
    }
  }
  state.offset += bytes.size();
  state.seen += bytes.size();
}

void FileSink::lost(File::State& state, std::uint64_t bytes) {
  if (!state.type_settled) state.settle_type(state.beginning, {});
  state.stop_collecting();
  state.md5.reset();
  state.sha1.reset();
  state.sha256.reset();
  state.offset += bytes;
  state.missing += bytes;
}

void FileSink::data(Context& context, File& file, base::Bytes bytes) {
  File::State& state = *file.state_;
  state.last = context.now();
  record::extend(state.place, context.place());
  if (!state.waiting.empty()) {
    data_at(context, file, state.offset, bytes);
    return;
  }
  put(context, state, bytes);
}

void FileSink::data_at(Context& context, File& file, std::uint64_t offset, base::Bytes bytes) {
  File::State& state = *file.state_;
  state.last = context.now();
  record::extend(state.place, context.place());
  if (bytes.size() > UINT64_MAX - offset) return;  // beyond any file
  if (offset < state.offset) {                     // already seen, in part or whole
    const std::uint64_t known = std::min<std::uint64_t>(state.offset - offset, bytes.size());
    bytes = bytes.subspan(static_cast<std::size_t>(known));
    offset += known;
  }
  if (bytes.empty()) return;
  if (offset > state.offset) {
    // Keep the parts that nothing waiting covers.
    std::uint64_t at = offset;
    const std::uint64_t end = offset + bytes.size();
    while (at < end) {
      auto next = state.waiting.upper_bound(at);
      if (next != state.waiting.begin()) {
        const auto& [before, piece] = *std::prev(next);
        if (before + piece.size() > at) {
          at = before + piece.size();
          continue;
        }
      }
      const std::uint64_t to = next == state.waiting.end() ? end : std::min(end, next->first);
      const auto size = static_cast<std::size_t>(to - at);
      if (state.waiting_bytes + size > kReassemblyLimit || !state.take(size + kPieceCost)) {
        // What waits goes out with gaps; these bytes find their place after it or are too late.
        const std::uint64_t before = state.missing;
        flush(context, state);
        if (at > state.offset) lost(state, at - state.offset);
        state.overflow += state.missing - before;
        put(context, state, base::slice(bytes, static_cast<std::size_t>(at - offset)));
        return;
      }
      const base::Bytes part = base::slice(bytes, static_cast<std::size_t>(at - offset), size);
      state.waiting.emplace(at, std::vector<std::uint8_t>(part.begin(), part.end()));
      state.waiting_bytes += size;
      at = to;
    }
    return;
  }
  put(context, state, bytes);
  while (!state.waiting.empty() && state.waiting.begin()->first <= state.offset) {
    auto piece = state.waiting.extract(state.waiting.begin());
    const std::size_t size = piece.mapped().size();
    const std::uint64_t known = std::min<std::uint64_t>(state.offset - piece.key(), size);
    put(context, state, base::Bytes(piece.mapped()).subspan(static_cast<std::size_t>(known)));
    state.waiting_bytes -= size;
    state.give_back(size + kPieceCost);
  }
}

void FileSink::flush(Context& context, File::State& state) {
  while (!state.waiting.empty()) {
    auto piece = state.waiting.extract(state.waiting.begin());
    const std::size_t size = piece.mapped().size();
    if (piece.key() > state.offset) lost(state, piece.key() - state.offset);
    const std::uint64_t known = std::min<std::uint64_t>(state.offset - piece.key(), size);
    put(context, state, base::Bytes(piece.mapped()).subspan(static_cast<std::size_t>(known)));
    state.waiting_bytes -= size;
    state.give_back(size + kPieceCost);
  }
}

void FileSink::gap(Context& context, File& file, std::uint64_t bytes) {
  File::State& state = *file.state_;
  state.last = context.now();
  record::extend(state.place, context.place());
  lost(state, bytes);
}

/// Rows about what is in the file.
void FileSink::emit_contents(Context& context, const File::State& state) {
  if (state.pe) {
    const PeHeaders& pe = *state.pe;
    Pe row;
    row.head = context.head(state.first, state.place);
    row.fuid = state.fuid;
    row.machine = pe.machine;
    row.compile_ts = base::Time{} + base::seconds(pe.compiled);
    if (!pe.os.empty()) row.os = pe.os;
    if (!pe.subsystem.empty()) row.subsystem = pe.subsystem;
    row.is_exe = pe.is_exe;
    row.is_64bit = pe.is_64bit;
    row.uses_aslr = pe.aslr;
    row.uses_dep = pe.dep;
    row.uses_code_integrity = pe.code_integrity;
    row.uses_seh = pe.seh;
    row.has_import_table = pe.imports;
    row.has_export_table = pe.exports;
    row.has_cert_table = pe.certificates;
    row.has_debug_data = pe.debug;
    const std::vector<std::string_view> names(pe.sections.begin(), pe.sections.end());
    if (!names.empty()) row.section_names = names;
    context.emit(row);
  }
  if (state.collected.empty()) return;
  for (const OcspStatus& status : parse_ocsp(state.collected)) {
    Ocsp row;
    row.head = context.head(state.first, state.place);
    row.fuid = state.fuid;
    row.hash_algorithm = status.hash_algorithm;
    row.issuer_name_hash = status.issuer_name_hash;
    row.issuer_key_hash = status.issuer_key_hash;
    row.serial_number = status.serial_number;
    row.status = status.status;
    row.revoke_time = status.revoke_time;
    if (!status.revoke_reason.empty()) row.revoke_reason = status.revoke_reason;
    row.this_update = status.this_update;
    row.next_update = status.next_update;
    context.emit(row);
  }
}

FileClosed FileSink::close(Context& context, FileHandle& file, bool timed_out) {
  if (!file) return {};
  File::State& state = *file->state_;
  flush(context, state);
  if (!state.type_settled) state.settle_type(state.beginning, state.beginning);
  Files row;
  row.head = context.head(state.first, state.place);
  row.fuid = state.fuid;
  row.source = state.source;
  row.depth = state.depth;
  if (!state.mime_type.empty()) row.mime_type = state.mime_type;
  if (state.has_name) row.filename = state.name;
  row.duration = state.last - state.first;
  row.is_orig = state.is_orig;
  const base::Address& sender = state.is_orig ? context.connection().id.orig_h : context.connection().id.resp_h;
  row.local_orig = plan_.local_networks.empty()
                       ? is_inner(sender)
                       : std::any_of(plan_.local_networks.begin(), plan_.local_networks.end(),
                                     [&](const base::Network& network) { return network.contains(sender); });
  row.seen_bytes = state.seen;
  row.total_bytes = state.total;
  row.missing_bytes = state.missing;
  row.overflow_bytes = state.overflow;
  row.timedout = timed_out;
  std::string_view analyzers[8];
  std::size_t count = 0;
  if (state.mime_type == kPeType) analyzers[count++] = "PE";
  if (state.mime_type == kOcspType) analyzers[count++] = "OCSP_REPLY";
  std::string md5, sha1, sha256;
  if (!state.extracted.empty()) {
    analyzers[count++] = "EXTRACT";
    row.extracted = state.extracted;
    row.extracted_cutoff = state.cut;
    row.extracted_size = state.written;
  }
  if (state.md5) {
    analyzers[count++] = "MD5";
    md5 = state.md5->hex();
    row.md5 = md5;
  }
  if (state.sha1) {
    analyzers[count++] = "SHA1";
    sha1 = state.sha1->hex();
    row.sha1 = sha1;
  }
  if (state.sha256) {
    analyzers[count++] = "SHA256";
    sha256 = state.sha256->hex();
    row.sha256 = sha256;
  }
  row.analyzers = {analyzers, count};
  context.emit(row);
  emit_contents(context, state);
  const FileClosed closed{state.fuid, state.mime_type};
  file.reset();
  return closed;
}

}  // namespace whodunit::protocol
