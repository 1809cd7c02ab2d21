#include "engine/dispatcher.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "connection/conn_record.h"
#include "protocol/files/files.h"

namespace whodunit::engine {
namespace {

using connection::Direction;
using connection::End;
using protocol::Definition;
using protocol::Match;

// Bytes of a direction after which a connection that matched nothing is given up, and datagrams likewise.
constexpr std::size_t kRecogniseBytes = 2048;
constexpr int kRecogniseDatagrams = 16;  // STUN comes before DTLS and RTP
// Pieces of an unknown conversation in which one that begins late is looked for.
constexpr int kLatePieces = 24;
// Values of a slot that are no pointer: nothing is looked for in this connection any more.
constexpr std::uint64_t kGivenUp = 1;

}  // namespace

/// What a connection's slot points to.
struct Dispatcher::Flow {
  // Bytes kept until the protocol is known, in order of arrival.
  struct Held {
    struct Chunk {
      Direction direction;
      std::uint32_t size;
      packet::Origin at;  // the packet that brought it: what is read from it is its
    };
    std::vector<std::uint8_t> bytes;
    std::vector<Chunk> chunks;

    // What the accountant was told, in bytes.
    std::size_t cost() const { return bytes.size() + chunks.size() * sizeof(Chunk); }
    std::size_t size_of(Direction d) const {
      std::size_t n = 0;
      for (const Chunk& chunk : chunks) n += chunk.direction == d ? chunk.size : 0;
      return n;
    }
    void append_side(Direction d, std::vector<std::uint8_t>& out) const {
      std::size_t at = 0;
      for (const Chunk& chunk : chunks) {
        if (chunk.direction == d) {
          const base::Bytes part = base::slice(bytes, at, chunk.size);
          out.insert(out.end(), part.begin(), part.end());
        }
        at += chunk.size;
      }
    }
  };

  std::unique_ptr<protocol::Parser> parser;
  std::unique_ptr<protocol::Parser> shadow;
  std::unique_ptr<Held> held;
  std::uint64_t candidates = 0;         // definitions still possible
  std::uint64_t confirmed = 0;          // definitions that said "recognised"
  std::uint64_t hinted = 0;             // definitions at whose home port this is
  std::array<std::uint8_t, 8> order{};  // confirmed ones in order of confirmation
  std::uint8_t orders = 0;
  std::uint8_t current = 0xff;    // definition of `parser`
  std::uint8_t announced = 0xff;  // what another connection said that this one is
  std::uint8_t awaited = 0xff;    // what `parser` hands over to, once its first bytes are seen
  std::uint8_t changes = 0;       // how often a protocol handed over to another: bounded
  std::uint8_t datagrams = 0;
  bool late = false;  // matched nothing, but a protocol may still begin in the middle
  bool given_up = false;
  bool ended[2] = {false, false};
  std::unique_ptr<Flow> within;   // the stream that `parser` carries in its messages
  std::uint8_t shadow_of = 0xff;  // definition of `shadow`
  bool shadow_over = false;
};

Dispatcher::Dispatcher(const protocol::Plan& plan, record::Sink& sink, base::MemoryAccountant& memory)
    : plan_(plan), sink_(sink), memory_(memory), files_(std::make_unique<protocol::FileSink>(plan, memory)) {
  const auto all = protocol::definitions();
  for (std::size_t i = 0; i < all.size() && i < 64; ++i) {
    if (all[i]->stream) stream_definitions_ |= 1ull << i;
    if (all[i]->datagram) datagram_definitions_ |= 1ull << i;
    if (all[i]->late) late_definitions_ |= 1ull << i;
    if (all[i]->make_shadow != nullptr) shadow_definitions_ |= 1ull << i;
    for (const std::uint16_t port : all[i]->ports) homes_.emplace_back(port, 1ull << i);
  }
  std::sort(homes_.begin(), homes_.end());
  std::vector<bool> wanted(static_cast<std::size_t>(connection::Weird::schema.id) + 1);
  wanted.back() = sink.wants(connection::Weird::schema);
  if (!wanted.back()) shadow_definitions_ = 0;
  anomalies_ = record::Sink(std::move(wanted));
}

Dispatcher::~Dispatcher() = default;

std::uint64_t Dispatcher::at_home(std::uint16_t port) const {
  std::uint64_t definitions = 0;
  for (auto it = std::lower_bound(homes_.begin(), homes_.end(), std::pair{port, std::uint64_t{0}});
       it != homes_.end() && it->first == port; ++it)
    definitions |= it->second;
  return definitions;
}

protocol::Context Dispatcher::context(const connection::View& connection, const packet::Origin& at, const Flow* flow) {
  protocol::Context c(connection, at, sink_, plan_, memory_, files_.get(), shared_);
  if (flow != nullptr) {
    if (flow->current != 0xff) c.weird_source = protocol::definitions()[flow->current]->name;
    c.generation = flow->changes;
    c.within_wanted = !flow->within || !flow->within->given_up;
  }
  return c;
}

Dispatcher::Flow* Dispatcher::flow_of(const connection::View& connection, std::uint64_t& slot, bool datagram,
                                      const packet::Origin& at) {
  if (slot == kGivenUp) return nullptr;
  if (slot != 0) return reinterpret_cast<Flow*>(slot);
  if (!memory_.take(base::MemoryUse::kParsers, sizeof(Flow), connection.saw_responder)) {
    slot = kGivenUp;
    return nullptr;
  }
  auto* flow = new Flow;
  flow->candidates = datagram ? datagram_definitions_ : stream_definitions_;
  flow->hinted = at_home(connection.id.resp_p.value) | at_home(connection.id.orig_p.value);
  if (!datagram && !announced_.empty()) flow->announced = take_announced(connection, at.time);
  slot = reinterpret_cast<std::uint64_t>(flow);
  return flow;
}

void Dispatcher::forget_held(Flow& flow) {
  if (flow.held) memory_.give_back(base::MemoryUse::kParsers, flow.held->cost());
  flow.held.reset();
}

void Dispatcher::forget_within(Flow& flow) {
  if (!flow.within) return;
  forget_held(*flow.within);
  memory_.give_back(base::MemoryUse::kParsers, sizeof(Flow));
  flow.within.reset();
}

void Dispatcher::drop(Flow* flow, std::uint64_t& slot, std::uint64_t next) {
  forget_within(*flow);
  forget_held(*flow);
  memory_.give_back(base::MemoryUse::kParsers, sizeof(Flow));
  delete flow;
  slot = next;
}

void Dispatcher::start(protocol::Context& context, Flow& flow, std::size_t definition) {
  flow.current = static_cast<std::uint8_t>(definition);
  flow.parser = protocol::definitions()[definition]->make();
  flow.candidates = 0;
  context.weird_source = protocol::definitions()[definition]->name;
}

void Dispatcher::confirm(Flow& flow, std::size_t definition) {
  if (definition >= 64 || (flow.confirmed >> definition & 1) != 0) return;
  flow.confirmed |= 1ull << definition;
  for (std::uint8_t i = 0; i < flow.orders; ++i)  // HTTP/1 and /2 are one service
    if (protocol::definitions()[flow.order[i]]->name == protocol::definitions()[definition]->name) return;
  if (flow.orders < flow.order.size()) flow.order[flow.orders++] = static_cast<std::uint8_t>(definition);
}

void Dispatcher::announce(const protocol::Context& context, const protocol::Context::Expected& expected) {
  constexpr std::size_t kMostPerPair = 16, kMostPairs = 65536;
  const auto& id = context.connection().id;
  // Only between the two hosts that announce it: others may be looked at by another worker.
  if (expected.port == 0 || (expected.responder != id.orig_h && expected.responder != id.resp_h)) return;
  const auto all = protocol::definitions();
  std::size_t definition = 0;
  while (definition < all.size() && all[definition]->name != expected.name) ++definition;
  if (definition >= all.size() || definition >= 64) return;
  const auto pair = std::minmax(id.orig_h, id.resp_h);
  if (announced_.size() >= kMostPairs && announced_.find(pair) == announced_.end()) return;
  std::vector<Announced>& list = announced_[pair];
  if (list.size() >= kMostPerPair) list.erase(list.begin());
  list.push_back(
      {expected.responder, expected.port, static_cast<std::uint8_t>(definition), context.now() + base::seconds(300)});
}

std::uint8_t Dispatcher::take_announced(const connection::View& connection, base::Time now) {
  const auto it = announced_.find(std::minmax(connection.id.orig_h, connection.id.resp_h));
  if (it == announced_.end()) return 0xff;
  std::uint8_t found = 0xff;
  std::erase_if(it->second, [&](const Announced& a) {
    if (a.until < now) return true;
    if (found != 0xff || a.responder != connection.id.resp_h || a.port != connection.id.resp_p.value) return false;
    found = a.definition;
    return true;
  });
  if (it->second.empty()) announced_.erase(it);
  return found;
}

void Dispatcher::note_services(protocol::Context& context, Flow& flow) {
  if (context.recognised && flow.current != 0xff) confirm(flow, flow.current);
  context.recognised = false;
  for (const std::string_view name : context.carried()) {
    if (name.empty()) break;
    const auto all = protocol::definitions();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i]->name == name) {
        confirm(flow, i);
        break;
      }
  }
  if (!context.carried().front().empty()) context.clear_carried();
  const protocol::Context::Expected expected = context.take_expected();
  if (!expected.name.empty()) announce(context, expected);
}

void Dispatcher::hand_over(protocol::Context& context, Flow& flow, std::size_t next) {
  // The parser that hands over emits what it has first.
  flow.parser->closed(context, End::kFin);
  note_services(context, flow);
  flow.parser.reset();
  flow.awaited = 0xff;
  if (++flow.changes > 8) {
    flow.given_up = true;
    return;
  }
  context.generation = flow.changes;
  if (next < protocol::definitions().size()) {
    start(context, flow, next);
  } else {  // whatever its content says
    flow.current = 0xff;
    flow.candidates = stream_definitions_;
  }
}

void Dispatcher::settle(protocol::Context& context, Flow& flow, Direction direction) {
  note_services(context, flow);
  if (!context.within.empty()) {
    const base::Bytes bytes = std::exchange(context.within, {});
    if (context.depth == 0) feed_within(context, flow, direction, bytes);
  }
  if (!context.become.empty()) {
    const std::string_view next = std::exchange(context.become, {});
    const base::Bytes rest = std::exchange(context.become_rest, {});
    context.failed = false;
    const auto all = protocol::definitions();
    std::size_t i = all.size();
    if (next != "?") {
      i = 0;
      while (i < all.size() && all[i]->name != next) ++i;
      if (i == all.size()) {
        flow.parser->closed(context, End::kFin);
        flow.parser.reset();
        flow.given_up = true;
        return;
      }
    }
    if (i < all.size() && all[i]->late) {
      flow.awaited = static_cast<std::uint8_t>(i);  // its first bytes decide
    } else {
      hand_over(context, flow, i);
    }
    if (!rest.empty() && !flow.given_up) {
      const std::vector<std::uint8_t> copy(rest.begin(), rest.end());  // they can be of the parser that goes
      feed(context, flow, direction, copy);
    }
    return;
  }
  if (context.failed) {
    context.failed = false;
    close_within(context, flow, End::kEvicted);
    flow.parser->closed(context, End::kEvicted);
    flow.parser.reset();
    flow.given_up = true;
  }
}

void Dispatcher::feed_within(protocol::Context& context, Flow& flow, Direction direction, base::Bytes data) {
  if (!flow.within) {
    if (!memory_.take(base::MemoryUse::kParsers, sizeof(Flow), context.connection().saw_responder)) return;
    flow.within = std::make_unique<Flow>();
    flow.within->candidates = stream_definitions_;
    flow.within->changes = static_cast<std::uint8_t>(flow.changes + 1);
  }
  if (flow.within->given_up) return;
  protocol::Context inner = this->context(context.connection(), context.at(), flow.within.get());
  inner.depth = static_cast<std::uint8_t>(context.depth + 1);
  feed(inner, *flow.within, direction, data);
  adopt_services(flow);
}

void Dispatcher::close_within(protocol::Context& context, Flow& flow, End why) {
  if (!flow.within) return;
  if (flow.within->parser) {
    protocol::Context inner = this->context(context.connection(), context.at(), flow.within.get());
    close_within(inner, *flow.within, why);
    flow.within->parser->closed(inner, why);
    note_services(inner, *flow.within);
    adopt_services(flow);
  }
  forget_within(flow);
}

void Dispatcher::adopt_services(Flow& flow) {
  for (std::uint8_t i = 0; i < flow.within->orders; ++i) confirm(flow, flow.within->order[i]);
}

// Gives what was kept to the parser found, each piece as of the packet that brought it.
void Dispatcher::feed_held(protocol::Context& now, Flow& flow) {
  if (!flow.held) return;
  memory_.give_back(base::MemoryUse::kParsers, flow.held->cost());
  const std::unique_ptr<Flow::Held> held = std::move(flow.held);
  std::size_t at = 0;
  for (const Flow::Held::Chunk& chunk : held->chunks) {
    protocol::Context then = context(now.connection(), chunk.at, &flow);
    then.depth = now.depth;
    if (!flow.given_up) feed(then, flow, chunk.direction, base::slice(held->bytes, at, chunk.size));
    at += chunk.size;
  }
  if (flow.current != 0xff) now.weird_source = protocol::definitions()[flow.current]->name;
}

void Dispatcher::recognise(protocol::Context& context, Flow& flow, Direction direction, base::Bytes data) {
  const auto all = protocol::definitions();
  // What this direction sent so far, this piece included.
  std::vector<std::uint8_t> joined;
  base::Bytes so_far = data;
  if (flow.held && flow.held->size_of(direction) != 0) {
    flow.held->append_side(direction, joined);
    joined.insert(joined.end(), data.begin(), data.end());
    so_far = joined;
  }
  const bool other_spoke = flow.held && flow.held->size_of(connection::opposite(direction)) != 0;
  const bool last_chance = so_far.size() >= kRecogniseBytes;
  int chosen = -1;
  int maybe = -1;
  // The first that is sure has it: nobody behind it needs to look.
  for (std::uint64_t left = flow.candidates; left != 0 && chosen < 0; left &= left - 1) {
    const int i = std::countr_zero(left);
    const bool hint = (flow.hinted >> i & 1) != 0;
    switch (all[static_cast<std::size_t>(i)]->recognise(so_far, direction, hint)) {
      case Match::kNo:
        flow.candidates &= ~(1ull << i);
        break;
      case Match::kYes:
        chosen = i;
        break;
      case Match::kMaybe:
        // Weak by itself: enough at the protocol's home port, or once both directions agree.
        if ((hint || other_spoke) && (maybe < 0 || (hint && (flow.hinted >> maybe & 1) == 0))) maybe = i;
        break;
      case Match::kNeedMore:
        if (last_chance) flow.candidates &= ~(1ull << i);
        break;
    }
  }
  if (chosen < 0) chosen = maybe;
  if (chosen >= 0) {
    start(context, flow, static_cast<std::size_t>(chosen));
    feed_held(context, flow);
    if (!flow.given_up) feed(context, flow, direction, data);
    return;
  }
  if (flow.candidates == 0 || last_chance) {
    flow.late = true;
    flow.candidates = 0;
    flow.datagrams = 0;
    feed_held(context, flow);
    feed(context, flow, direction, data);
    return;
  }
  const std::size_t keep = std::min(data.size(), kRecogniseBytes);
  if (!memory_.take(base::MemoryUse::kParsers, keep + sizeof(Flow::Held::Chunk), context.connection().saw_responder)) {
    flow.given_up = true;
    forget_held(flow);
    return;
  }
  if (!flow.held) flow.held = std::make_unique<Flow::Held>();
  flow.held->bytes.insert(flow.held->bytes.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(keep));
  flow.held->chunks.push_back({direction, static_cast<std::uint32_t>(keep), context.at()});
}

void Dispatcher::recognise_late(protocol::Context& context, Flow& flow, Direction direction, base::Bytes data) {
  for (std::uint64_t left = late_definitions_; left != 0; left &= left - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(left));
    if (protocol::definitions()[i]->recognise(data, direction, false) != Match::kYes) continue;
    start(context, flow, i);
    feed(context, flow, direction, data);
    return;
  }
  if (++flow.datagrams >= kLatePieces) flow.given_up = true;
}

void Dispatcher::feed(protocol::Context& context, Flow& flow, Direction direction, base::Bytes data) {
  if (!flow.parser && flow.announced != 0xff && !flow.given_up && flow.current == 0xff)
    start(context, flow, flow.announced);
  if (!flow.parser) {
    if (flow.given_up) return;
    if (flow.late)
      recognise_late(context, flow, direction, data);
    else
      recognise(context, flow, direction, data);
    return;
  }
  if (flow.awaited != 0xff) {
    // What was agreed on begins here, or was taken away before the capture (a decrypted one goes on in clear).
    const std::size_t next = std::exchange(flow.awaited, std::uint8_t{0xff});
    if (protocol::definitions()[next]->recognise(data, direction, true) != Match::kNo) {
      hand_over(context, flow, next);
      if (flow.given_up) return;
    }
  }
  flow.parser->stream(context, direction, data);
  settle(context, flow, direction);
}

template <class Call>
void Dispatcher::ask_shadow(protocol::Context& now, Flow& flow, Call&& call) {
  protocol::Context c(now.connection(), now.at(), anomalies_, plan_, memory_, nullptr, shared_);
  c.weird_source = protocol::definitions()[flow.shadow_of]->name;
  call(*flow.shadow, c);
  record::Batch& told = anomalies_.batch(connection::Weird::schema);
  for (std::size_t i = 0; i < told.rows(); ++i) sink_.emit(connection::Weird::read(told, i));
  told.clear();
  if (c.failed || !c.become.empty()) {
    flow.shadow.reset();
    flow.shadow_over = true;
  }
}

void Dispatcher::shadow(protocol::Context& context, Flow& flow, Direction direction, base::Bytes data) {
  if (flow.shadow_over) return;
  const auto all = protocol::definitions();
  if (!flow.shadow) {
    std::uint64_t at_home = flow.hinted & shadow_definitions_;
    if (at_home == 0) {
      if (direction == Direction::kResponder) return;  // its first words decide
      for (std::uint64_t left = shadow_definitions_; left != 0; left &= left - 1)
        if (const int i = std::countr_zero(left); all[static_cast<std::size_t>(i)]->resembles(data))
          at_home |= 1ull << i;
    }
    flow.shadow_of = static_cast<std::uint8_t>(at_home == 0 ? 0xff : std::countr_zero(at_home));
  }
  const bool own = flow.shadow_of < 64 && (flow.current == flow.shadow_of || (flow.confirmed >> flow.shadow_of & 1));
  if (flow.shadow_of == 0xff || own) {
    // Behind another protocol (SOCKS) its first words go on with what it could not read before.
    if (flow.shadow && flow.changes > 0)
      ask_shadow(context, flow, [&](protocol::Parser& p, protocol::Context& c) { p.stream(c, direction, data); });
    flow.shadow.reset();
    flow.shadow_over = true;
    return;
  }
  if (!flow.shadow) flow.shadow = all[flow.shadow_of]->make_shadow();
  ask_shadow(context, flow, [&](protocol::Parser& p, protocol::Context& c) { p.stream(c, direction, data); });
}

void Dispatcher::stream(const connection::View& connection, std::uint64_t& slot, Direction direction, base::Bytes data,
                        const packet::Origin& at) {
  Flow* flow = flow_of(connection, slot, false, at);
  if (flow == nullptr || flow->given_up || data.empty()) return;
  protocol::Context c = context(connection, at, flow);
  feed(c, *flow, direction, data);
  shadow(c, *flow, direction, data);
  if (flow->given_up && flow->confirmed == 0) drop(flow, slot, kGivenUp);
}

void Dispatcher::gap(const connection::View& connection, std::uint64_t& slot, Direction direction, std::uint64_t bytes,
                     const packet::Origin& at) {
  Flow* flow = flow_of(connection, slot, false, at);
  if (flow == nullptr || flow->given_up) return;
  if (flow->shadow) {
    flow->shadow.reset();
    flow->shadow_over = true;
  }
  if (!flow->parser) {
    forget_held(*flow);  // what follows the hole may still begin with a message
    return;
  }
  protocol::Context c = context(connection, at, flow);
  if (flow->awaited != 0xff) {
    hand_over(c, *flow, flow->awaited);
    if (flow->given_up) return;
  }
  flow->parser->gap(c, direction, bytes);
  if (c.within_gap != 0 && flow->within) {
    if (flow->within->parser) {
      protocol::Context inner = context(connection, at, flow->within.get());
      inner.depth = 1;
      flow->within->parser->gap(inner, direction, c.within_gap);
      settle(inner, *flow->within, direction);
      adopt_services(*flow);
    } else {
      forget_held(*flow->within);
    }
  }
  settle(c, *flow, direction);
  if (flow->given_up && flow->confirmed == 0) drop(flow, slot, kGivenUp);
}

int Dispatcher::recognise_datagram(const connection::View& connection, const Flow& flow, Direction direction,
                                   const packet::Packet& packet) const {
  const auto all = protocol::definitions();
  for (std::size_t i = 0; i < all.size() && i < 64; ++i) {
    const auto own = all[i]->ip_protocols;
    if (std::find(own.begin(), own.end(), connection.protocol) != own.end()) return static_cast<int>(i);
  }
  if ((connection.protocol != packet::kUdp && connection.protocol != packet::kSctp) || packet.payload.empty())
    return -1;
  int maybe = -1;
  for (std::uint64_t left = flow.candidates; left != 0; left &= left - 1) {
    const int i = std::countr_zero(left);
    const Definition& d = *all[static_cast<std::size_t>(i)];
    if (d.recognise == nullptr) continue;
    const bool hint = (flow.hinted >> i & 1) != 0;
    const Match match = d.recognise(packet.payload, direction, hint);
    if (match == Match::kYes) return i;
    if (match == Match::kMaybe && hint && maybe < 0) maybe = i;
  }
  return maybe;
}

void Dispatcher::datagram(const connection::View& connection, std::uint64_t& slot, Direction direction,
                          const packet::Packet& packet) {
  Flow* flow = flow_of(connection, slot, true, packet.origin);
  if (flow == nullptr || flow->given_up) return;
  protocol::Context c = context(connection, packet.origin, flow);
  if (!flow->parser) {
    const int chosen = recognise_datagram(connection, *flow, direction, packet);
    if (chosen < 0) {
      if (++flow->datagrams >= kRecogniseDatagrams) drop(flow, slot, kGivenUp);
      return;
    }
    start(c, *flow, static_cast<std::size_t>(chosen));
  }
  flow->parser->datagram(c, direction, packet);
  settle(c, *flow, direction);
  if (flow->given_up && flow->confirmed == 0) drop(flow, slot, kGivenUp);
}

void Dispatcher::end(const connection::View& connection, std::uint64_t& slot, Direction direction, connection::End why,
                     const packet::Origin& at) {
  if (slot == 0 || slot == kGivenUp) return;
  auto* flow = reinterpret_cast<Flow*>(slot);
  if (flow->ended[connection::index(direction)] || (!flow->parser && !flow->shadow)) return;
  flow->ended[connection::index(direction)] = true;
  protocol::Context c = context(connection, at, flow);
  if (flow->within && flow->within->parser) {
    protocol::Context inner = context(connection, at, flow->within.get());
    inner.depth = 1;
    flow->within->parser->end(inner, direction, why);
    settle(inner, *flow->within, direction);
    adopt_services(*flow);
  }
  if (flow->shadow)
    ask_shadow(c, *flow, [&](protocol::Parser& p, protocol::Context& own) { p.end(own, direction, why); });
  if (!flow->parser) return;
  flow->parser->end(c, direction, why);
  settle(c, *flow, direction);
}

std::string_view Dispatcher::closed(const connection::View& connection, std::uint64_t& slot, connection::End why,
                                    const packet::Origin& at) {
  services_.clear();
  if (slot != 0 && slot != kGivenUp) {
    auto* flow = reinterpret_cast<Flow*>(slot);
    if (flow->shadow) {
      protocol::Context c = context(connection, at, flow);
      ask_shadow(c, *flow, [&](protocol::Parser& p, protocol::Context& own) { p.closed(own, why); });
    }
    if (flow->parser) {
      protocol::Context c = context(connection, at, flow);
      close_within(c, *flow, why);
      flow->parser->closed(c, why);
      note_services(c, *flow);
      flow->parser.reset();
    }
    for (std::uint8_t i = 0; i < flow->orders; ++i) {
      if (i != 0) services_ += ',';
      services_ += protocol::definitions()[flow->order[i]]->name;
    }
    drop(flow, slot, 0);
  }
  slot = 0;
  return services_;
}

void Dispatcher::weird(const connection::View* connection, std::string_view name, std::string_view detail,
                       const packet::Origin& at) {
  connection::Weird row;
  row.head.ts = at.time;
  row.head.place = {at.number, at.number, at.capture, at.capture};
  if (connection != nullptr) {
    row.head.uid = connection->uid;
    row.head.id = connection->id;
  }
  row.name = name;
  row.addl = detail;
  row.source = "packet";
  if (connection != nullptr) {
    switch (connection->protocol) {
      case packet::kTcp:
        row.source = "TCP";
        break;
      case packet::kUdp:
        row.source = "UDP";
        break;
      case packet::kIcmp:
      case packet::kIcmp6:
        row.source = "ICMP";
        break;
      default:
        row.source = "IP";
        break;
    }
  }
  sink_.emit(row);
}

}  // namespace whodunit::engine
