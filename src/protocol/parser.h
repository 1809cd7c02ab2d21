// What a protocol is: a way to recognise it, and a parser that turns in-order bytes into records. It never judges.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/memory.h"
#include "connection/connection.h"
#include "record/sink.h"

namespace whodunit::protocol {

using base::Bytes;
using connection::Direction;
using connection::End;

class FileSink;  // protocol/files/files.h
struct Plan;     // protocol/plan.h

/// What the parsers of one worker keep across connections, by type. Only what one worker is sure to see whole may go
/// there: connections between the same two hosts, and DHCP's (connection/shard.h).
class Shared {
 public:
  class Part {
   public:
    virtual ~Part() = default;
  };
  /// The part of that type, made when it is first asked for. `T` derives from `Part`.
  template <class T>
  T& of() {
    for (const auto& [tag, part] : parts_)
      if (tag == &kTag<T>) return static_cast<T&>(*part);
    parts_.emplace_back(&kTag<T>, std::make_unique<T>());
    return static_cast<T&>(*parts_.back().second);
  }

 private:
  template <class T>
  static constexpr char kTag = 0;
  std::vector<std::pair<const char*, std::unique_ptr<Part>>> parts_;
};

/// What a parser may use during a call: the connection, the packet's time and place, and where results go. Valid for
/// the call only.
class Context {
 public:
  Context(const connection::View& connection, const packet::Origin& at, record::Sink& sink, const Plan& plan,
          base::MemoryAccountant& memory, FileSink* files, Shared& shared)
      : connection_(&connection),
        at_(at),
        sink_(&sink),
        plan_(&plan),
        memory_(&memory),
        files_(files),
        shared_(&shared) {}

  const connection::View& connection() const { return *connection_; }
  base::Time now() const { return at_.time; }
  const packet::Origin& at() const { return at_; }
  /// The place of this packet alone; `record::extend` joins it with others.
  record::Place place() const { return {at_.number, at_.number, at_.capture, at_.capture}; }
  const Plan& plan() const { return *plan_; }
  base::MemoryAccountant& memory() { return *memory_; }
  record::Sink& sink() { return *sink_; }
  /// Files that cross this connection go here.
  FileSink& files() { return *files_; }
  bool has_files() const { return files_ != nullptr; }
  Shared& shared() { return *shared_; }

  /// A head for a record about this connection that began at `ts` and stands at `place`.
  record::Head head(base::Time ts, const record::Place& place) const {
    return {ts, connection_->uid, connection_->id, place};
  }
  template <class R>
  void emit(const R& row) {
    sink_->emit(row);
  }
  /// Counts an anomaly; the first of a name on a connection makes a `weird` row. `name` must be a literal.
  void weird(std::string_view name, std::string_view detail = {});

  /// This connection carries another: a `tunnel` row. `type` must be a literal.
  void tunnel(std::string_view type);

  // What the parser tells the engine (read after the call).
  bool recognised = false;  ///< the protocol is certain: it goes into conn.service
  bool failed = false;      ///< the bytes are not of this protocol: give the parser nothing more
  /// Set to a protocol's name to hand over all further bytes to it (STARTTLS, CONNECT, WebSocket), "?" to whatever they
  /// are by their content. Where one that may begin late (Definition::late) does not begin, this parser goes on.
  std::string_view become = {};
  /// Bytes of the current data that belong to the protocol in `become`, if any.
  Bytes become_rest = {};
  /// Bytes of a stream that this protocol carries in its messages (WebSocket), in order: what they are is told by their
  /// content. They must live as long as the call's data, or be the parser's own. Only one level deep.
  Bytes within = {};
  std::uint64_t within_gap = 0;  ///< bytes of that stream that were lost (set in Parser::gap)
  bool within_wanted = true;     ///< false: nobody listens to that stream any more; the engine sets it
  std::uint8_t depth = 0;        ///< 1 in a stream within another: there, `within` is not looked at
  /// How manieth protocol of its connection the parser is, 0 for the first; the engine sets it.
  std::uint8_t generation = 0;
  /// Another protocol lies within this one (ntlm within smb): it goes into conn.service, too. A definition's name.
  void carries(std::string_view name) {
    for (std::string_view& slot : carried_) {
      if (slot == name) return;
      if (slot.empty()) {
        slot = name;
        return;
      }
    }
  }
  /// A connection to this end, between the same two hosts, will be of that protocol (FTP's data): a definition's name.
  void expect(const base::Address& responder, std::uint16_t port, std::string_view name) {
    expected_ = {responder, port, name};
  }
  struct Expected {
    base::Address responder;
    std::uint16_t port = 0;
    std::string_view name;  // empty: nothing
  };
  /// What was expected last, once.
  Expected take_expected() { return std::exchange(expected_, {}); }
  /// What `carries` was told; empty ones are free.
  std::span<const std::string_view> carried() const { return carried_; }
  void clear_carried() { carried_ = {}; }
  std::string_view weird_source = {};  ///< the protocol's name; the engine sets it

 private:
  const connection::View* connection_;
  packet::Origin at_;
  record::Sink* sink_;
  const Plan* plan_;
  base::MemoryAccountant* memory_;
  FileSink* files_;
  Shared* shared_;
  std::array<std::string_view, 4> carried_{};
  Expected expected_;
};

/// The state of one protocol on one connection. An idle one holds at most 256 bytes. The engine owns it.
class Parser {
 public:
  virtual ~Parser() = default;
  /// In-order bytes of a direction, each once (TCP).
  virtual void stream(Context& context, Direction direction, Bytes data);
  /// `bytes` were lost; a parser that cannot go on sets `failed`.
  virtual void gap(Context& context, Direction direction, std::uint64_t bytes);
  /// One datagram (UDP, ICMP, SCTP).
  virtual void datagram(Context& context, Direction direction, const packet::Packet& packet);
  /// A TCP direction ended.
  virtual void end(Context& context, Direction direction, End why);
  /// The connection is over: the last chance to emit.
  virtual void closed(Context& context, End why);
};

/// How sure a recogniser is about the first bytes of a direction.
enum class Match : std::uint8_t { kNo, kNeedMore, kMaybe, kYes };

/// A protocol's entry in the registry.
struct Definition {
  std::string_view name;  ///< "http": conn.service, the folder's name
  bool stream = false;    ///< over TCP
  bool datagram = false;  ///< over UDP (or the IP protocols below)
  /// Judges by content. `port_hint`: the responder's port is one of `ports`: one content condition may then be enough;
  /// without it at least two are asked for.
  Match (*recognise)(Bytes data, Direction direction, bool port_hint) = nullptr;
  std::span<const std::uint16_t> ports;        ///< where it is at home
  std::span<const std::uint8_t> ip_protocols;  ///< other than TCP and UDP (ICMP): no recognition needed
  std::unique_ptr<Parser> (*make)() = nullptr;
  std::span<record::Schema* const> schemas;  ///< the records it makes
  /// May begin in the middle of a conversation that no other protocol took (TLS after STARTTLS or a proxy's words):
  /// `recognise` is asked about later pieces too, each by itself and without a hint, and must then say kYes.
  bool late = false;
  /// For a connection at one of `ports`, or that `resembles`, and is not of this protocol: a parser that only says what
  /// stands against it. Its anomalies are told, nothing else that it makes is; `failed` ends it.
  std::unique_ptr<Parser> (*make_shadow)() = nullptr;
  bool (*resembles)(Bytes first_of_originator) = nullptr;
};

/// All protocols, in the order in which they are asked (registry.cc, one line each).
std::span<const Definition* const> definitions();
const Definition* find_definition(std::string_view name);
/// Numbers all record types. Once, before anything else of the library is used.
void register_records();

/// A helper for protocols of messages: says how long the next one is, and is then handed it whole.
///
/// `frame` is a pure function of the bytes so far: the length of the next message when it is known, `kMore` while it is
/// not, `kBad` where they cannot be of this protocol. Whole messages are given without copying where they lie in one
/// segment. A message longer than `limit` is not buffered: its first `limit` bytes are given with `cut` true and the
/// rest is skipped.
class FramedParser : public Parser {
 public:
  static constexpr std::size_t kMore = 0;
  static constexpr std::size_t kBad = SIZE_MAX;
  ~FramedParser() override;
  void stream(Context& context, Direction direction, Bytes data) final;
  void gap(Context& context, Direction direction, std::uint64_t bytes) override;

 protected:
  explicit FramedParser(std::size_t limit) : limit_(limit) {}
  virtual std::size_t frame(Direction direction, Bytes so_far) = 0;
  virtual void message(Context& context, Direction direction, Bytes message, bool cut) = 0;
  /// The stream ran into a gap that the current message could not bridge; by default the parser gives up.
  virtual void lost(Context& context, Direction direction, std::uint64_t bytes);
  /// Bytes buffered of a direction, for end-of-stream handling.
  Bytes buffered(Direction direction) const;
  /// Forgets partial messages and what is to be skipped.
  void resynchronise(Direction direction);

 private:
  struct Side {
    std::vector<std::uint8_t> buffer;
    std::uint64_t skip = 0;  // bytes of a message too long that are still to come
  };
  void take(Context& context, Direction direction, Side& side, Bytes data);
  std::size_t limit_;
  std::unique_ptr<Side> sides_[2];
  base::MemoryAccountant* memory_ = nullptr;
  std::size_t counted_ = 0;
};

}  // namespace whodunit::protocol
