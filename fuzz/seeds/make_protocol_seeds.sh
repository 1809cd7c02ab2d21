#!/usr/bin/env bash
# Makes the seeds of the protocols' targets out of the conversations that the protocols' tests hold (tests/protocol), which
# are all our own. Run after ./dev build; the files are kept in the repository, so that fuzzing does not need this script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
ninja -C ../../build protocol_test
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
WHODUNIT_SEEDS=$said ../../build/tests/protocol_test --gtest_brief=1
# Some targets read what several protocols say.
for protocol in "$said"/*/; do
  name=$(basename "$protocol")
  case $name in
    ssl | dtls) target=tls ;;
    krb_tcp) target=krb ;;
    pop3 | imap) target=mailbox ;;
    ftp-data) target=ftp ;;
    dnp3_tcp | dnp3_udp) target=dnp3 ;;
    *) target=$name ;;
  esac
  [ -f "../${target}_fuzz.cc" ] || { echo "no target for $name" >&2; continue; }
  mkdir -p "$target"
  for seed in "$protocol"*; do
    # HTTP/2 is HTTP by its name.
    if [ "$name" = http ] && grep -q 'PRI \* HTTP/2' "$seed"; then
      mkdir -p http2
      cp "$seed" http2/
    else
      cp "$seed" "$target/"
    fi
  done
  # A few for the dispatcher, which recognises them by their content: any stream, at a port of no protocol.
  mkdir -p engine_dispatch
  for seed in $(ls -S "$protocol" | head -2); do
    case $name in
      dns | dtls | quic | icmp | krb | ntp | snmp | dhcp | radius | syslog | dnp3_udp) kind='\x80' ;;
      *) kind='\x00' ;;
    esac
    { printf "$kind"; cat "$protocol$seed"; } >"engine_dispatch/$name-$seed"
  done
done
