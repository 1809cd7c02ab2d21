#include "engine/extract.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "base/hash.h"
#include "capture/capture.h"
#include "packet/decoder.h"

namespace whodunit::engine {
namespace {

namespace fs = std::filesystem;
using base::Error;

struct FileCloser {
  void operator()(std::FILE* file) const {
    if (file != nullptr && file != stdout) std::fclose(file);
  }
};
using FileHandle = std::unique_ptr<std::FILE, FileCloser>;

/// "" where the file cannot be read.
std::string sha256_of(const std::string& path) {
  const FileHandle file(std::fopen(path.c_str(), "rb"));
  if (!file) return {};
  base::Digest digest(base::DigestKind::kSha256);
  std::vector<std::uint8_t> buffer(1u << 20);
  for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), file.get())) != 0;)
    digest.update({buffer.data(), n});
  return std::ferror(file.get()) != 0 ? std::string() : digest.hex();
}

/// Writes pcap with nanoseconds (draft-ietf-opsawg-pcap), or pcapng (draft-ietf-opsawg-pcapng) with an interface per
/// link type. In this machine's byte order, as both allow.
class PacketFile {
 public:
  PacketFile(std::FILE* out, const std::set<std::uint32_t>& link_types) : out_(out) {
    if (link_types.size() <= 1) {
      put32(0xa1b23c4d);  // nanoseconds
      put16(2);
      put16(4);
      put32(0);
      put32(0);
      put32(kSnapLength);
      put32(link_types.empty() ? 1 : *link_types.begin());
      flush();
      return;
    }
    is_pcapng_ = true;
    put32(0x0a0d0d0a);  // section header
    put32(28);
    put32(0x1a2b3c4d);
    put16(1);
    put16(0);
    put32(0xffffffff);  // the section's length is not said
    put32(0xffffffff);
    put32(28);
    for (const std::uint32_t link_type : link_types) {
      interfaces_.emplace(link_type, static_cast<std::uint32_t>(interfaces_.size()));
      put32(1);  // interface description
      put32(32);
      put16(static_cast<std::uint16_t>(link_type));
      put16(0);
      put32(kSnapLength);
      put16(9);  // if_tsresol: nanoseconds
      put16(1);
      put32(9);
      put32(0);  // end of options
      put32(32);
    }
    flush();
  }

  void write(const capture::RawPacket& packet) {
    const auto kept = static_cast<std::uint32_t>(packet.bytes.size());
    const std::uint32_t wire = std::max(packet.wire_length, kept);
    const std::int64_t ns = std::max<std::int64_t>(packet.time.ns, 0);
    if (is_pcapng_) {
      const std::uint32_t padded = (kept + 3) & ~3u;
      put32(6);  // enhanced packet
      put32(32 + padded);
      put32(interfaces_[packet.link_type]);
      put32(static_cast<std::uint32_t>(static_cast<std::uint64_t>(ns) >> 32));
      put32(static_cast<std::uint32_t>(ns));
      put32(kept);
      put32(wire);
      flush();
      std::fwrite(packet.bytes.data(), 1, kept, out_);
      for (std::uint32_t i = kept; i < padded; ++i) buffer_.push_back(0);
      put32(32 + padded);
      flush();
      return;
    }
    put32(static_cast<std::uint32_t>(ns / 1'000'000'000));
    put32(static_cast<std::uint32_t>(ns % 1'000'000'000));
    put32(kept);
    put32(wire);
    flush();
    std::fwrite(packet.bytes.data(), 1, kept, out_);
  }

 private:
  static constexpr std::uint32_t kSnapLength = 262'144;

  void put16(std::uint16_t v) { put(&v, sizeof v); }
  void put32(std::uint32_t v) { put(&v, sizeof v); }
  void put(const void* p, std::size_t n) {
    const auto* bytes = static_cast<const char*>(p);
    buffer_.insert(buffer_.end(), bytes, bytes + n);
  }
  void flush() {
    std::fwrite(buffer_.data(), 1, buffer_.size(), out_);
    buffer_.clear();
  }

  std::FILE* out_;
  std::vector<char> buffer_;
  std::map<std::uint32_t, std::uint32_t> interfaces_;
  bool is_pcapng_ = false;
};

bool says_nothing(const record::Endpoints& id) { return id == record::Endpoints{}; }

/// ICMP's "ports" are type and code, and differ between question and answer.
bool has_ports(const Wanted& w) {
  return w.protocol != packet::kIcmp && w.protocol != packet::kIcmp6 &&
         (w.id.orig_p.value != 0 || w.id.resp_p.value != 0);
}

/// An IP header has source and destination side by side: true where the pair stands so near the packet's start. For
/// what the decoder does not give by itself: fragments, and the outside of tunnels.
bool has_address_pair(base::Bytes bytes, const record::Endpoints& id) {
  const base::Bytes head = base::slice(bytes, 0, 256);
  const base::Bytes a = id.orig_h.wire(), b = id.resp_h.wire();
  if (a.size() != b.size()) return false;
  std::uint8_t pair[2][32];
  std::memcpy(pair[0], a.data(), a.size());
  std::memcpy(pair[0] + a.size(), b.data(), b.size());
  std::memcpy(pair[1], b.data(), b.size());
  std::memcpy(pair[1] + b.size(), a.data(), a.size());
  return std::any_of(pair, pair + 2, [&](const std::uint8_t* p) {
    return std::search(head.begin(), head.end(), p, p + 2 * a.size()) != head.end();
  });
}

bool lies_in(const record::Place& place, std::uint32_t capture, std::uint64_t number) {
  if (capture < place.capture_first || capture > place.capture_last) return false;
  if (capture == place.capture_first && number < place.first) return false;
  return capture != place.capture_last || number <= place.last;
}

/// What the decoder meets beside datagrams does not matter here.
class NoEvents final : public packet::Events {
 public:
  void weird(std::string_view, std::string_view, std::string_view, const packet::Origin&,
             const record::Endpoints*) override {}
  void tunnel(const packet::TunnelEvent&) override {}
  void arp(const packet::Arp&, const packet::Origin&) override {}
};

/// Which packets are wanted, asked packet by packet.
class Selection {
 public:
  explicit Selection(std::span<const Wanted> wanted) : wanted_(wanted) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const Wanted& w = wanted[i];
      if (w.place.first == 0) continue;
      for (const std::uint32_t c : captures_of(wanted.subspan(i, 1))) {
        Span& span = spans_[c];
        span.first = std::min(span.first, c == w.place.capture_first ? w.place.first : 0);
        span.last = std::max(span.last, c == w.place.capture_last ? w.place.last : UINT64_MAX);
      }
      if (says_nothing(w.id))
        whole_.push_back(i);
      else if (is_tunnel(w))
        by_bytes_.push_back(i);
      else
        by_ends_[ends_of(w.id.orig_h, w.id.orig_p.value, w.id.resp_h, w.id.resp_p.value, has_ports(w))].push_back(i);
    }
  }

  /// Where the wanted packets of a capture begin and end; none: no packet of it is wanted.
  bool begun(std::uint32_t capture, std::uint64_t number) const {
    const auto span = spans_.find(capture);
    return span != spans_.end() && number >= span->second.first;
  }
  bool over(std::uint32_t capture, std::uint64_t number) const {
    const auto span = spans_.find(capture);
    return span == spans_.end() || number > span->second.last;
  }

  bool takes(std::uint32_t capture, const capture::RawPacket& raw, packet::Outcome outcome,
             const std::vector<packet::Packet>& datagrams) const {
    const auto any = [&](const std::vector<std::size_t>& list, auto&& fits) {
      return std::any_of(list.begin(), list.end(), [&](std::size_t i) {
        return lies_in(wanted_[i].place, capture, raw.number) && fits(wanted_[i]);
      });
    };
    if (any(whole_, [](const Wanted&) { return true; })) return true;
    for (const packet::Packet& p : datagrams) {
      for (const bool ports : {true, false}) {
        const auto found = by_ends_.find(ends_of(p.source, p.source_port, p.destination, p.destination_port, ports));
        if (found != by_ends_.end() &&
            any(found->second, [&](const Wanted& w) { return w.protocol == 0 || w.protocol == p.protocol; }))
          return true;
      }
    }
    const auto pair = [&](const Wanted& w) { return has_address_pair(raw.bytes, w.id); };
    if (any(by_bytes_, pair)) return true;
    if (outcome != packet::Outcome::kFragment) return false;
    return std::any_of(by_ends_.begin(), by_ends_.end(), [&](const auto& entry) { return any(entry.second, pair); });
  }

 private:
  struct Span {
    std::uint64_t first = UINT64_MAX, last = 0;
  };
  using Ends = std::tuple<base::Address, std::uint16_t, base::Address, std::uint16_t, bool>;

  /// A tunnel without ports (GRE, IP in IP): the decoder gives what is inside.
  static bool is_tunnel(const Wanted& w) {
    if (has_ports(w)) return false;
    return w.protocol != packet::kIcmp && w.protocol != packet::kIcmp6 && w.protocol != packet::kTcp &&
           w.protocol != packet::kUdp;
  }
  /// The same from either end.
  static Ends ends_of(const base::Address& a, std::uint16_t a_port, const base::Address& b, std::uint16_t b_port,
                      bool ports) {
    if (!ports) a_port = b_port = 0;
    if (std::tie(b, b_port) < std::tie(a, a_port)) return {b, b_port, a, a_port, ports};
    return {a, a_port, b, b_port, ports};
  }

  std::span<const Wanted> wanted_;
  std::map<std::uint32_t, Span> spans_;
  std::vector<std::size_t> whole_, by_bytes_;
  std::map<Ends, std::vector<std::size_t>> by_ends_;
};

}  // namespace

std::vector<std::uint32_t> captures_of(std::span<const Wanted> wanted) {
  std::set<std::uint32_t> ordinals;
  for (const Wanted& w : wanted) {
    if (w.place.first == 0) continue;
    // Bounded by what a case can hold; a place that is damaged must not make a list of four thousand million.
    for (std::uint32_t c = w.place.capture_first; c <= w.place.capture_last && ordinals.size() < 1'000'000; ++c)
      ordinals.insert(c);
  }
  return {ordinals.begin(), ordinals.end()};
}

std::vector<Found> find_captures(std::span<const store::Capture> captures, std::span<const std::uint32_t> needed,
                                 const std::string& case_path, const std::string& folder,
                                 std::vector<Error>& problems) {
  std::vector<Found> found;
  for (const std::uint32_t ordinal : needed) {
    const auto capture =
        std::find_if(captures.begin(), captures.end(), [&](const auto& c) { return c.ordinal == ordinal; });
    if (capture == captures.end()) {
      problems.push_back({fmt::format("the case does not know its capture number {}", ordinal), case_path, ""});
      continue;
    }
    if (capture->path == "-" && folder.empty()) {
      problems.push_back({"was read from stdin, and not kept", "-", "give the folder that holds it with --captures"});
      continue;
    }
    std::vector<std::string> places;
    if (!folder.empty()) places.push_back((fs::path(folder) / capture->name).string());
    if (capture->path != "-") places.push_back(capture->path);
    places.push_back((fs::path(case_path).parent_path() / capture->name).string());
    bool other = false, taken = false;
    for (const std::string& place : places) {
      std::error_code error;
      if (!fs::is_regular_file(place, error)) continue;
      // The size is asked first: it is cheaper than the digest.
      if (!capture->sha256.empty() &&
          ((capture->file_bytes != 0 && fs::file_size(place, error) != capture->file_bytes) ||
           sha256_of(place) != capture->sha256)) {
        other = true;
        continue;
      }
      found.push_back({place, ordinal, capture->link_types});
      taken = true;
      break;
    }
    if (taken) continue;
    problems.push_back({other ? "the file of that name is another than the case was made from (its SHA-256 differs)"
                              : "the capture is not where it was, nor beside the case",
                        capture->path, "give the folder that holds it with --captures"});
  }
  return found;
}

const store::Capture* begun_before(std::span<const store::Capture> captures, const std::string& path) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  if (error) return nullptr;
  const std::string absolute = fs::absolute(path, error).lexically_normal().string();
  const std::string name = fs::path(path).filename().string();
  for (const store::Capture& c : captures)
    if (c.sha256.empty() && c.path != "-" && c.file_bytes == size && (c.path == absolute || c.name == name)) return &c;
  return nullptr;
}

bool is_known(std::span<const store::Capture> captures, const std::string& path) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  if (error) return false;
  // The size first: only a file that has a capture's is read.
  const auto same_size = [&](const store::Capture& c) { return !c.sha256.empty() && c.file_bytes == size; };
  if (std::none_of(captures.begin(), captures.end(), same_size)) return false;
  const std::string sha256 = sha256_of(path);
  return std::any_of(captures.begin(), captures.end(),
                     [&](const auto& c) { return same_size(c) && c.sha256 == sha256; });
}

base::Result<Extracted> extract(std::span<const Found> captures, std::span<const Wanted> wanted,
                                const std::string& out) {
  Extracted result;
  std::map<std::string, std::uint32_t> ordinals;
  std::vector<std::string> paths;
  for (const Found& f : captures) {
    ordinals.emplace(f.path, f.ordinal);
    paths.push_back(f.path);
  }
  capture::OpenOptions options;
  options.digest = false;
  capture::Opened opened = capture::open(paths, options);
  for (const Error& problem : opened.problems) result.problems.push_back(problem);
  if (!opened.source) return Error{"no capture could be read", paths.empty() ? "" : paths.front(), ""};

  std::set<std::uint32_t> link_types;
  for (const Found& f : captures) link_types.insert(f.link_types.begin(), f.link_types.end());
  FileHandle file(out == "-" ? stdout : std::fopen(out.c_str(), "wb"));
  if (!file)
    return Error{fmt::format("cannot be written: {}", std::strerror(errno)), out, "give another place with -o"};
  PacketFile writer(file.get(), link_types);
  base::MemoryAccountant memory;
  packet::Settings settings;
  settings.verify_checksums = false;
  packet::Decoder decoder(settings, memory);
  NoEvents events;
  std::vector<capture::RawPacket> batch;
  std::vector<packet::Packet> datagrams;
  const Selection selection(wanted);
  std::set<std::uint32_t> over;
  std::uint64_t run_number = 0;
  while (over.size() < captures.size()) {
    opened.source->read(batch, 1024);
    if (batch.empty()) break;
    decoder.begin_batch();
    for (const capture::RawPacket& raw : batch) {
      const auto& infos = opened.source->captures();
      const auto known = raw.capture < infos.size() ? ordinals.find(infos[raw.capture].path) : ordinals.end();
      if (known == ordinals.end()) continue;
      const std::uint32_t ordinal = known->second;
      if (selection.over(ordinal, raw.number)) {
        over.insert(ordinal);
        continue;
      }
      if (!selection.begun(ordinal, raw.number)) continue;
      datagrams.clear();
      const packet::Outcome outcome = decoder.decode(raw, run_number++, datagrams, events);
      if (!selection.takes(ordinal, raw, outcome, datagrams)) continue;
      writer.write(raw);
      ++result.packets;
    }
  }
  for (const capture::CaptureInfo& info : opened.source->captures())
    if (info.cut_off && over.count(ordinals[info.path]) == 0) result.problems.push_back({info.reason, info.path, ""});
  if (std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0)
    return Error{fmt::format("could not be written to its end: {}", std::strerror(errno)), out, "free some space"};
  return result;
}

}  // namespace whodunit::engine
