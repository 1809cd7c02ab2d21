// From a connection's bytes to its parsers: recognises protocols by content, owns the parsers, keeps the services.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/memory.h"
#include "connection/connection.h"
#include "protocol/parser.h"
#include "protocol/plan.h"

namespace whodunit::engine {

/// The consumer of one worker's connections. Deterministic: what a connection gives depends on its own bytes alone.
class Dispatcher : public connection::Consumer {
 public:
  /// All references must outlive it.
  Dispatcher(const protocol::Plan& plan, record::Sink& sink, base::MemoryAccountant& memory);
  ~Dispatcher() override;

  void stream(const connection::View& connection, std::uint64_t& slot, connection::Direction direction,
              base::Bytes data, const packet::Origin& at) override;
  void gap(const connection::View& connection, std::uint64_t& slot, connection::Direction direction,
           std::uint64_t bytes, const packet::Origin& at) override;
  void datagram(const connection::View& connection, std::uint64_t& slot, connection::Direction direction,
                const packet::Packet& packet) override;
  void end(const connection::View& connection, std::uint64_t& slot, connection::Direction direction,
           connection::End why, const packet::Origin& at) override;
  std::string_view closed(const connection::View& connection, std::uint64_t& slot, connection::End why,
                          const packet::Origin& at) override;
  void weird(const connection::View* connection, std::string_view name, std::string_view detail,
             const packet::Origin& at) override;

 private:
  struct Flow;
  Flow* flow_of(const connection::View& connection, std::uint64_t& slot, bool datagram, const packet::Origin& at);
  void recognise(protocol::Context& context, Flow& flow, connection::Direction direction, base::Bytes data);
  /// As `recognise`, in a conversation that matched nothing at its beginning.
  void recognise_late(protocol::Context& context, Flow& flow, connection::Direction direction, base::Bytes data);
  /// The definition that a datagram belongs to; -1 for none.
  int recognise_datagram(const connection::View& connection, const Flow& flow, connection::Direction direction,
                         const packet::Packet& packet) const;
  void start(protocol::Context& context, Flow& flow, std::size_t definition);
  void feed_held(protocol::Context& now, Flow& flow);
  void feed(protocol::Context& context, Flow& flow, connection::Direction direction, base::Bytes data);
  /// Acts on what the parser said in the context.
  void settle(protocol::Context& context, Flow& flow, connection::Direction direction);
  /// The parser gives way to `next`, or to whatever the content says where that is no definition's number.
  void hand_over(protocol::Context& context, Flow& flow, std::size_t next);
  /// Bytes of the stream that the parser carries (Context::within).
  void feed_within(protocol::Context& context, Flow& flow, connection::Direction direction, base::Bytes data);
  void close_within(protocol::Context& context, Flow& flow, connection::End why);
  void forget_within(Flow& flow);
  /// What was recognised within is the connection's service, too.
  void adopt_services(Flow& flow);
  /// What the protocol at whose home port this is says against a connection of another (or of none).
  template <class Call>
  void ask_shadow(protocol::Context& context, Flow& flow, Call&& call);
  void shadow(protocol::Context& context, Flow& flow, connection::Direction direction, base::Bytes data);
  void confirm(Flow& flow, std::size_t definition);
  /// What the parser recognised, and what it carried within.
  void note_services(protocol::Context& context, Flow& flow);
  void announce(const protocol::Context& context, const protocol::Context::Expected& expected);
  /// The definition that was announced for a connection; 0xff for none.
  std::uint8_t take_announced(const connection::View& connection, base::Time now);
  void forget_held(Flow& flow);
  protocol::Context context(const connection::View& connection, const packet::Origin& at, const Flow* flow);
  void drop(Flow* flow, std::uint64_t& slot, std::uint64_t next);

  const protocol::Plan& plan_;
  record::Sink& sink_;
  base::MemoryAccountant& memory_;
  std::unique_ptr<protocol::FileSink> files_;
  protocol::Shared shared_;
  std::string services_;
  // Connections that others announced (FTP's data), by their two hosts; both lie on this worker.
  struct Announced {
    base::Address responder;
    std::uint16_t port;
    std::uint8_t definition;
    base::Time until;
  };
  std::map<std::pair<base::Address, base::Address>, std::vector<Announced>> announced_;
  /// The definitions at home at this port, as bits.
  std::uint64_t at_home(std::uint16_t port) const;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> homes_;  // by port
  std::uint64_t stream_definitions_ = 0;                        // bit i: definitions()[i] runs over TCP
  std::uint64_t datagram_definitions_ = 0;
  std::uint64_t late_definitions_ = 0;
  std::uint64_t shadow_definitions_ = 0;
  record::Sink anomalies_;  // what a shadow makes: anomalies, which go on to `sink_`
};

}  // namespace whodunit::engine
