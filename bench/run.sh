#!/usr/bin/env bash
# Speed and memory beside other programs, in one run: bench/run.sh [WORKLOAD.pcap]   (./dev bench)
# Without an argument the workload is ../shared/bench's, built if it is not there (that takes minutes and root).
# Prints CPU seconds (user + system), peak memory, and the ratio to ndpiReader, medians of ROUNDS interleaved rounds. Asserts that every
# run gave the same answer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rounds=${ROUNDS:-5}
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
packets=$(capinfos -Trc "$workload" | tail -1 | cut -f2)
run() {  # run NAME COMMAND…
  local name=$1
  shift
  /usr/bin/time -f "%U %S %M" -o "$out/t" "$@" >"$out/stdout" 2>/dev/null
  awk -v n="$name" '{printf "%s %.3f %d\n", n, $1 + $2, $3}' "$out/t" >>"$out/rows"
}
answer=
for _ in $(seq "$rounds"); do
  run ndpiReader ndpiReader -i "$workload" -q
  run "whodunit logs" ./build/whodunit logs "$workload" --threads 1 --format json -o "$out/logs" --quiet --progress never
  rm -f "$out/w.case"
  run "whodunit investigate" ./build/whodunit investigate "$workload" --threads 1 --case "$out/w.case" --quiet --progress never
  this=$(./build/whodunit query "$out/w.case" "SELECT count(*), sum(orig_pkts + resp_pkts), sum(hash(uid)) FROM conn" --csv | tail -1)
  [ -z "$answer" ] || [ "$answer" = "$this" ] || { echo "the answer changed between runs: $answer / $this"; exit 1; }
  answer=$this
  if [ -n "${WITH_TSHARK:-}" ]; then run "tshark conversations" tshark -r "$workload" -q -z conv,tcp -z conv,udp; fi
  if command -v suricata >/dev/null; then mkdir -p "$out/s"; run suricata suricata -r "$workload" -l "$out/s" -S /dev/null --runmode single; fi
done
python3 - "$out/rows" "$packets" "$(stat -c %s "$workload")" <<'P'
import collections, statistics, sys
rows = collections.defaultdict(list)
for line in open(sys.argv[1]):
    name, cpu, kib = line.rsplit(None, 2)
    rows[name].append((float(cpu), int(kib)))
packets = int(sys.argv[2])
base = statistics.median(c for c, _ in rows["ndpiReader"])
print(f"{packets} packets, {int(sys.argv[3]) / 1e6:.0f} MB; medians of {len(rows['ndpiReader'])} rounds\n")
print("| program | CPU s | ratio to ndpiReader | ns per packet | peak MiB |\n|---|---:|---:|---:|---:|")
for name, values in rows.items():
    cpu = statistics.median(c for c, _ in values)
    print(f"| {name} | {cpu:.2f} | {cpu / base:.2f} | {cpu / packets * 1e9:.0f} | {max(k for _, k in values) / 1024:.0f} |")
if "whodunit investigate" in rows:
    a = statistics.median(c for c, _ in rows["whodunit investigate"])
    b = statistics.median(c for c, _ in rows["whodunit logs"])
    print(f"\nThe case's share (store, findings, verdict) beyond writing logs: {100 * (a - b) / a:.0f} % of investigate.")
P
