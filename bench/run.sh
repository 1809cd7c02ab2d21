#!/usr/bin/env bash
# Speed and memory beside other programs, in one run: bench/run.sh [WORKLOAD.pcap]   (./dev bench)
# Two captures: the workload of ../shared/bench (built if it is not there: minutes, and root), and one of our own with a million
# connections live at once, loss and reordering (bench/generate.cc). Prints for both CPU seconds (user + system), ratios to ndpiReader,
# nanoseconds per packet and per record, peak memory: medians of ROUNDS interleaved rounds; and memory by the capture's length. Fails where an answer is not what the generator
# wrote, or not the same in every round. Programs that are not installed are left out; the slow tshark runs in one round.
# Settings: ROUNDS (5; of the generated capture a third), CONNECTIONS (1000000; 0 leaves it out), TABLE=0 (not the table's own benchmark).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rounds=${ROUNDS:-5}
connections=${CONNECTIONS:-1000000}
build=${BUILD:-build}
workload=${1:-${WORKLOAD:-}}
if [ -z "$workload" ]; then
  workload=bench/workload/workload.pcap
  if [ ! -s "$workload" ]; then
    mkdir -p bench/workload
    [ -d ../shared/bench ] || { echo "no workload: give one, or put ../shared/bench beside the repository"; exit 1; }
    cp ../shared/bench/* bench/workload/
    (cd bench/workload && WORK=$PWD bash ./make_workload.sh "$PWD/workload.pcap")
  fi
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

run() {  # run NAME COMMAND…: a row "name cpu wall kib"
  local name=$1
  shift
  if ! /usr/bin/time -f "%U %S %M" -o "$out/t" "$@" >"$out/stdout" 2>"$out/stderr"; then
    echo "$name failed:"; tail -3 "$out/stderr"; exit 1
  fi
  tail -1 "$out/t" | awk -v n="$name" '{printf "%s %.3f %d\n", n, $1 + $2, $3}' >>"$out/rows"
}
ask() { ./"$build"/whodunit query "$out/w.case" "$1" --csv | tail -1 | tr -d '\r'; }
fail() { echo "WRONG: $*"; exit 1; }

measure() {  # measure CAPTURE ROUNDS [EXPECTED]: one table
  local capture=$1 n=$2 expected=${3:-} answer="" this round
  : >"$out/rows"
  for round in $(seq "$n"); do
    if command -v ndpiReader >/dev/null; then run ndpiReader ndpiReader -i "$capture" -q; fi
    run "whodunit logs" ./"$build"/whodunit logs "$capture" --threads 1 --format json -o "$out/logs" --quiet --progress never
    rm -rf "$out/logs"
    run "whodunit investigate, no case" ./"$build"/whodunit investigate "$capture" --threads 1 --no-case --quiet --progress never
    rm -f "$out/w.case"
    run "whodunit investigate" ./"$build"/whodunit investigate "$capture" --threads 1 --case "$out/w.case" --quiet --progress never
    this=$(ask "SELECT count(*), sum(orig_pkts + resp_pkts), sum(orig_bytes), sum(resp_bytes), sum(missed_bytes), sum(hash(uid)), (SELECT count(*) FROM http) FROM conn")
    [ -z "$answer" ] || [ "$answer" = "$this" ] || fail "the answer changed between rounds: $answer / $this"
    answer=$this
    if [ "$round" = 1 ]; then
      if command -v tshark >/dev/null; then run "tshark conversations" tshark -r "$capture" -q -z conv,tcp -z conv,udp; fi
    fi
    if command -v suricata >/dev/null; then
      mkdir -p "$out/s"
      run "suricata (no rules, EVE)" suricata -r "$capture" -l "$out/s" -S /dev/null --runmode single
      rm -rf "$out/s"
    fi
  done
  if [ -n "$expected" ]; then
    for key in connections packets orig_bytes resp_bytes missed_bytes; do declare "want_$key=$(awk -v k=$key '$1 == k {print $2}' "$expected")"; done
    # shellcheck disable=SC2154
    [ "$(echo "$answer" | cut -d, -f1-5)" = "$want_connections,$want_packets,$want_orig_bytes,$want_resp_bytes,$want_missed_bytes" ] ||
      fail "not what the generator wrote: $answer"
    [ "${answer##*,}" = "$(awk '$1 == "transactions" {print $2}' "$expected")" ] || fail "not as many HTTP transactions: $answer"
  fi
  local packets records
  packets=$(capinfos -Mcr "$capture" 2>/dev/null | awk '/Number of packets/ {print $NF}')
  records=$(ask "SELECT $(./"$build"/whodunit query "$out/w.case" "SELECT name FROM case_tables" --csv | tr -d '\r' | tail -n +2 |
    sed 's/.*/(SELECT count(*) FROM "&")/' | paste -sd+)")
  python3 - "$out/rows" "$packets" "$records" "$(stat -c %s "$capture")" <<'P'
import collections, statistics, sys
rows = collections.defaultdict(list)
for line in open(sys.argv[1]):
    name, cpu, kib = line.rsplit(None, 2)
    rows[name].append((float(cpu), int(kib)))
packets, records, size = (int(a) for a in sys.argv[2:])
median = {name: statistics.median(c for c, _ in values) for name, values in rows.items()}
base = median.get("ndpiReader")
print(f"{packets:,} packets, {size / 1e6:.0f} MB, {records:,} records; medians of {len(rows['whodunit investigate'])} rounds\n")
print("| program | CPU s | ratio to ndpiReader | ns per packet | ns per record | peak MiB |\n|---|---:|---:|---:|---:|---:|")
for name, values in rows.items():
    cpu = median[name]
    per_record = f"{cpu / records * 1e9:.0f}" if name.startswith("whodunit") else ""
    ratio = f"{cpu / base:.2f}" if base else ""
    print(f"| {name} | {cpu:.2f} | {ratio} | {cpu / packets * 1e9:.0f} | {per_record} | {max(k for _, k in values) / 1024:.0f} |")
whole, without = median["whodunit investigate"], median["whodunit investigate, no case"]
print(f"\nThe store's share: {100 * (whole - without) / whole:.0f} % of investigate, {(whole - without) / records * 1e9:.0f} ns per record.")
P
}

peak() {  # peak CAPTURE: the most memory that investigate took, the median of three runs, in KiB
  for _ in 1 2 3; do
    rm -f "$out/w.case"
    /usr/bin/time -f "%M" -o "$out/t" ./"$build"/whodunit investigate "$1" --threads 1 --case "$out/w.case" --quiet --progress never >/dev/null 2>&1
    tail -1 "$out/t"
  done | sort -n | sed -n 2p
}

length() {  # length CAPTURE: memory of its first half, of all, and of it twice over, an hour behind its own end
  local packets seconds half whole twice
  packets=$(capinfos -Mcr "$1" | awk '/Number of packets/ {print $NF}')
  seconds=$(capinfos -Mur "$1" | awk '/Capture duration/ {print int($(NF - 1)) + 3600}')
  editcap -F pcap -r "$1" "$out/half.pcap" "1-$((packets / 2))"
  half=$(peak "$out/half.pcap")
  rm "$out/half.pcap"
  whole=$(peak "$1")
  editcap -F pcap -t "$seconds" "$1" "$out/later.pcap"
  mergecap -F pcap -a -w "$out/twice.pcap" "$1" "$out/later.pcap"
  rm "$out/later.pcap"
  twice=$(peak "$out/twice.pcap")
  rm "$out/twice.pcap"
  awk -v h="$half" -v w="$whole" -v t="$twice" 'BEGIN {
    printf "\nMemory and length: the first half takes %.0f MiB, all %.0f (%.2f times), twice over %.0f (%.2f times).\n", h / 1024, w / 1024, w / h, t / 1024, t / w }'
}

echo "## The workload"
echo
measure "$workload" "$rounds"
if command -v mergecap >/dev/null; then length "$workload"; fi
if [ "$connections" != 0 ]; then
  echo
  echo "## $connections connections live at once, half with a parser, loss and reordering"
  echo
  ./"$build"/bench/generate "$out/live.pcap" "$connections" >"$out/expected"
  measure "$out/live.pcap" $(((rounds + 2) / 3)) "$out/expected"
  rm -f "$out/live.pcap"
fi
if [ "${TABLE:-1}" != 0 ]; then
  echo
  echo "## The table of connections and idle parsers, alone"
  echo
  ./"$build"/bench/connections_bench
  ./"$build"/bench/parsers_bench
fi
