#!/usr/bin/env python3
"""Ordinary traffic and ordinary crime name nobody: attribution on captures of the corpus' truth.tsv.

  attribution.py --program build/whodunit [--corpus DIR] [--every 6] [--jobs 2]
  attribution.py --program build/whodunit --full     every capture; docs/attribution.md tells the last result

No capture there is tied to a group by its source, so naming one would be invented. Without --full: every sixth benign
capture, and every second one of ordinary crime (controllers, exfiltration, tunnels, several stages).

Of every assessment: no named group above 0.20, and each of the three levels sums to 1.
"""
import argparse, collections, concurrent.futures, csv, json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
LEVELS = {"infrastructure", "operator", "sponsor"}
# Hypotheses at the level of the operator that name no group.
NO_GROUP = {"cannot-tell", "unknown", "another-known", "opportunists", "insiders", "posing"}
MOST = 0.20
CRIME = {"c2_beacon", "exfil", "multi_stage", "dns_tunnel", "icmp_tunnel"}


def problems_of(report):
    """What is wrong with the assessments of one report, in words; and how many there were."""
    out = []
    levels_of = collections.defaultdict(set)
    for assessment in report["assessments"]:
        subject, level, hypotheses = assessment["subject"], assessment["level"], assessment["hypotheses"]
        levels_of[subject].add(level)
        total = sum(h["probability"] for h in hypotheses)
        if abs(total - 1) > 1e-3:
            out.append(f"{subject}: {level} sums to {total:.6f}")
        for h in hypotheses:
            if not 0 <= h["probability"] <= 1:
                out.append(f"{subject}: {level}: {h['name']} at {h['probability']}")
            if level == "operator" and h["key"] not in NO_GROUP and h["probability"] > MOST:
                out.append(f"{subject}: {h['name']} at {h['probability']:.3f}")
    for subject, levels in levels_of.items():
        if levels != LEVELS:
            out.append(f"{subject}: levels {sorted(levels)}")
    if not levels_of:
        out.append("no assessment at all")
    return out, len(report["assessments"])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default="build/whodunit")
    p.add_argument("--corpus", default=os.path.join(HERE, "../../../shared/corpus"))
    p.add_argument("--every", type=int, default=6)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--full", action="store_true", help="every capture, benign or not")
    a = p.parse_args()
    truth_file = os.path.join(a.corpus, "truth.tsv")
    if not os.path.exists(truth_file):
        print("attribution: skipped, no corpus at", a.corpus)
        return 77
    with open(truth_file, encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    rows = [r for r in rows if r["file"].split(".")[-1] in ("pcap", "pcapng", "cap", "trace") and os.path.isfile(os.path.join(a.corpus, "captures", r["file"]))]
    benign = [r["file"] for r in rows if r["benign"] == "yes"]
    crime = [r["file"] for r in rows if r["benign"] == "no" and r["class"] in CRIME]
    chosen = [r["file"] for r in rows] if a.full else benign[:: a.every] + crime[::2]
    if not benign or not crime:
        print("attribution: truth.tsv names no benign capture, or none of crime, that is there")
        return 1

    def one(name):
        done = subprocess.run([a.program, "investigate", os.path.join(a.corpus, "captures", name), "--json", "--quiet"], capture_output=True, timeout=300)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            return name, [f"no JSON (exit {done.returncode}): {done.stderr[-200:]!r}"], 0
        return (name, *problems_of(report))

    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        results = list(pool.map(one, chosen))
    bad = [(name, problem) for name, problems, _ in results for problem in problems]
    for name, problem in bad:
        print(f"{name}: {problem}")
    print(f"{len(chosen)} captures ({sum(f in benign for f in chosen)} benign), {sum(n for _, _, n in results)} assessments, {len(bad)} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
