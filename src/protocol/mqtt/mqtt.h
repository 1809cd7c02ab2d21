// MQTT 3.1, 3.1.1 and 5 (OASIS): who connects, what is published and subscribed to.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::mqtt {

using record::Counts;
using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_MQTT_CONNECT_FIELDS(FIELD)                                             \
  FIELD(1, Text, proto_name, "proto_name", "MQTT or MQIsdp.")                           \
  FIELD(1, Text, proto_version, "proto_version", "3.1, 3.1.1 or 5.0.")                  \
  FIELD(1, Text, client_id, "client_id", "The client's identifier.")                    \
  FIELD(1, Text, connect_status, "connect_status", "The server's answer.")              \
  FIELD(1, Text, will_topic, "will_topic", "Where to publish when the client is gone.") \
  FIELD(1, Text, will_payload, "will_payload", "What to publish then.")                 \
  FIELD(1, Text, user, "user", "The account.")
WHODUNIT_RECORD(MqttConnect, "mqtt_connect", 1, "An MQTT client that connects.", WHODUNIT_MQTT_CONNECT_FIELDS)

#define WHODUNIT_MQTT_PUBLISH_FIELDS(FIELD)                                                           \
  FIELD(1, bool, from_client, "from_client", "Published by the client, or to it.")                    \
  FIELD(1, bool, retain, "retain", "The server is to keep the message.")                              \
  FIELD(1, Text, qos, "qos", "at most once, at least once, exactly once.")                            \
  FIELD(1, Text, status, "status", "ok, or incomplete_qos where the acknowledgements were not seen.") \
  FIELD(1, Text, topic, "topic", "The topic.")                                                        \
  FIELD(1, Text, payload, "payload", "The message's first 100 bytes.")                                \
  FIELD(1, std::uint64_t, payload_len, "payload_len", "The message's size, bytes.")
WHODUNIT_RECORD(MqttPublish, "mqtt_publish", 1, "A message that is published.", WHODUNIT_MQTT_PUBLISH_FIELDS)

#define WHODUNIT_MQTT_SUBSCRIBE_FIELDS(FIELD)                                            \
  FIELD(1, Text, action, "action", "MQTT::SUBSCRIBE or MQTT::UNSUBSCRIBE.")              \
  FIELD(1, Texts, topics, "topics", "The topics.")                                       \
  FIELD(1, Counts, qos_levels, "qos_levels", "Levels asked for.")                        \
  FIELD(1, Opt<std::uint64_t>, granted_qos_level, "granted_qos_level", "Level granted.") \
  FIELD(1, bool, ack, "ack", "The server acknowledged.")
WHODUNIT_RECORD(MqttSubscribe, "mqtt_subscribe", 1, "Topics that are subscribed to.", WHODUNIT_MQTT_SUBSCRIBE_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::mqtt
