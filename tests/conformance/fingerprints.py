#!/usr/bin/env python3
"""Compares JA3, JA3S, JA4 and server names with what tshark and FoxIO's own program say of the corpus.

  fingerprints.py --program build/whodunit [--corpus DIR] [--show] [--check]

Values are compared as sets per capture: the other programs count messages (a hello sent again, the second one after a
HelloRetryRequest), a row of ours is a session. Lacking values are shown with --show; --check fails where more than 2 %
of a kind with 200 or more values, or more than one of a smaller kind, are lacking.
"""
import argparse, collections, concurrent.futures, glob, json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def expected(path):
    """{kind: (our field, set of values)}"""
    with open(path, encoding="utf-8") as f:
        said = json.load(f)["expected"]
    out = {}
    fields = (said.get("tshark_4.0.17") or {}).get("fields", {})
    for kind, name, field in (("JA3 (tshark)", "tls.handshake.ja3", "ja3"), ("JA3S (tshark)", "tls.handshake.ja3s", "ja3s"),
                              ("server_name (tshark)", "tls.handshake.extensions_server_name", "server_name")):
        if fields.get(name):
            out[kind] = (field, set(fields[name]))
    if isinstance(said.get("ja4_repo"), list):
        values = {v for flow in said["ja4_repo"] for k, v in flow.items() if k.startswith("JA4.")}
        if values:
            out["JA4 (FoxIO)"] = ("ja4", values)
    return out


def sessions(program, capture):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "logs", capture, "--format", "json", "-o", folder, "--quiet"], capture_output=True, timeout=300)
        path = os.path.join(folder, "ssl.ndjson")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            return [json.loads(line) for line in f if line.strip()]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default="build/whodunit")
    p.add_argument("--corpus", default=os.path.join(HERE, "../../../shared/corpus"))
    p.add_argument("--show", action="store_true")
    p.add_argument("--check", action="store_true")
    p.add_argument("--jobs", type=int, default=2)
    a = p.parse_args()
    paths = sorted(glob.glob(os.path.join(a.corpus, "expect/*.json")))
    if not paths:
        print("fingerprints: skipped, no corpus at", a.corpus)
        return 0
    wanted = [(os.path.basename(path)[:-5], kinds) for path in paths if (kinds := expected(path))]

    def one(item):
        return item, sessions(a.program, os.path.join(a.corpus, "captures", item[0]))

    good, total = collections.Counter(), collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for (name, kinds), rows in pool.map(one, wanted):
            for kind, (field, values) in kinds.items():
                ours = {r[field] for r in rows if r.get(field)}
                total[kind] += len(values)
                good[kind] += len(values & ours)
                for value in sorted(values - ours) if a.show else ():
                    print(f"{kind} {name} lacks {value}")
    print("| kind | values | found | share |\n|---|---:|---:|---:|")
    bad = []
    for kind in sorted(total):
        share = good[kind] / total[kind]
        print(f"| {kind} | {total[kind]} | {good[kind]} | {share:.4f} |")
        if (total[kind] >= 200 and share < 0.98) or (total[kind] < 200 and total[kind] - good[kind] > 1):
            bad.append(kind)
    if bad:
        print("below the bar:", ", ".join(bad))
    return 1 if a.check and bad else 0


if __name__ == "__main__":
    sys.exit(main())
