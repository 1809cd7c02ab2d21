// The anomalies that the table notices, by Zeek's names. Those that Zeek notices but by default tells nobody of
// (spontaneous_FIN, spontaneous_RST, unsolicited_SYN_response, FIN_after_reset) are left out: `history` says as much.
#pragma once

#include <string_view>

namespace whodunit::connection {

#define WHODUNIT_TABLE_WEIRDS(X)                                  \
  X(kSynSeqJump, "SYN_seq_jump")                                  \
  X(kSynInsideConnection, "SYN_inside_connection")                \
  X(kSeqUnderflow, "TCP_seq_underflow_or_misorder")               \
  X(kAckUnderflow, "TCP_ack_underflow_or_misorder")               \
  X(kPossibleSplitRouting, "possible_split_routing")              \
  X(kChristmas, "TCP_christmas")                                  \
  X(kBaroqueSyn, "baroque_SYN")                                   \
  X(kSynWithData, "SYN_with_data")                                \
  X(kFinStorm, "FIN_storm")                                       \
  X(kRstStorm, "RST_storm")                                       \
  X(kOriginatorSynAck, "connection_originator_SYN_ack")           \
  X(kBadSynAck, "bad_SYN_ack")                                    \
  X(kSimultaneousOpen, "simultaneous_open")                       \
  X(kRepeatedSynWithAck, "repeated_SYN_with_ack")                 \
  X(kRepeatedSynReply, "repeated_SYN_reply_wo_ack")               \
  X(kInappropriateFin, "inappropriate_FIN")                       \
  X(kDataBeforeEstablished, "data_before_established")            \
  X(kSynAfterPartial, "SYN_after_partial")                        \
  X(kSynAfterClose, "SYN_after_close")                            \
  X(kFinAdvancedLastSeq, "FIN_advanced_last_seq")                 \
  X(kSynAfterReset, "SYN_after_reset")                            \
  X(kDataAfterReset, "data_after_reset")                          \
  X(kActiveReuse, "active_connection_reuse")                      \
  X(kPrematureReuse, "premature_connection_reuse")                \
  X(kTruncatedPayload, "truncated_tcp_payload")                   \
  X(kAboveHole, "above_hole_data_without_any_acks")               \
  X(kInconsistency, "retransmission_inconsistency")               \
  X(kWindowRecision, "window_recision")                           \
  X(kScaleRange, "TCP_scale_range")                               \
  X(kTunnelChanges, "tunnel_max_changes_per_connection_exceeded") \
  X(kBadChecksum, "")

enum class TableWeird : unsigned {
#define WHODUNIT_TABLE_WEIRD_ENUM(name, text) name,
  WHODUNIT_TABLE_WEIRDS(WHODUNIT_TABLE_WEIRD_ENUM)
#undef WHODUNIT_TABLE_WEIRD_ENUM
      kCount,
};
static_assert(static_cast<unsigned>(TableWeird::kCount) <= 32, "Entry::weirds has a bit for each");

inline std::string_view name_of(TableWeird weird) {
  static constexpr std::string_view kNames[] = {
#define WHODUNIT_TABLE_WEIRD_NAME(name, text) text,
      WHODUNIT_TABLE_WEIRDS(WHODUNIT_TABLE_WEIRD_NAME)
#undef WHODUNIT_TABLE_WEIRD_NAME
  };
  return kNames[static_cast<unsigned>(weird)];
}

}  // namespace whodunit::connection
