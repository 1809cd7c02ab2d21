#!/usr/bin/env python3
"""Precision and recall of the detectors on the corpus' truth.tsv, by class, with Wilson intervals.

  detection.py --program build/whodunit [--corpus DIR] [--markdown FILE] [--show] [--check]

A capture of an attack counts as found where a finding above "informational" shows one of its expected techniques (or
their parents or children), or, where none is given, any of its class' phases. A benign capture counts as a false alarm
for a detector where that detector says anything above "informational". Captures of indicators (class ioc) are run with
a feed of the indicators that their label gives: it is the matching that is measured, not what is in somebody's feed. Captures whose label the packets contradict
stand in corrections.tsv with the reason, and are counted as corrected. Why the captures are missed that are, stands in
missed.tsv.
"""
import argparse, collections, concurrent.futures, csv, json, math, os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# What each of the first six detectors is meant to find, by class of truth.tsv and technique.
SIX = {
    "scan": lambda r: r["class"] in ("recon",) and not r["expected_techniques"].startswith("T1595.003"),
    "brute_force": lambda r: r["class"] == "bruteforce",
    "web_attack": lambda r: (r["class"] == "exploit" and "T1190" in r["expected_techniques"] and any(w in (r["file"] + r["expected_finding"]).lower() for w in ("log4", "xss", "sql", "apache", "22954", "web"))) or "T1595.003" in r["expected_techniques"],
    "beacon": lambda r: r["class"] == "c2_beacon" and "T1071" in r["expected_techniques"] and "T1071.001" not in r["expected_techniques"],
    "dns_tunnel": lambda r: r["class"] == "dns_tunnel",
    "indicator": lambda r: r["class"] == "ioc",
}
PHASES = {"ad_discovery": {"door-rattling"}, "lateral": {"spread", "entry", "assault"}, "exploit": {"assault", "entry"}}


def wilson(k, n, z=1.96):
    if n == 0:
        return (0.0, 1.0)
    p = k / n
    d = 1 + z * z / n
    c = (p + z * z / (2 * n)) / d
    h = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
    return (max(0, c - h), min(1, c + h))


def related(a, b):
    return a == b or a.split(".")[0] == b.split(".")[0]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default="build/whodunit")
    p.add_argument("--corpus", default=os.path.join(HERE, "../../../shared/corpus"))
    p.add_argument("--markdown")
    p.add_argument("--show", action="store_true")
    p.add_argument("--check", action="store_true")
    p.add_argument("--jobs", type=int, default=2)
    a = p.parse_args()
    truth_file = os.path.join(a.corpus, "truth.tsv")
    if not os.path.exists(truth_file):
        print("detection: skipped, no corpus at", a.corpus)
        return 77
    corrections = {}
    path = os.path.join(HERE, "corrections.tsv")
    for line in open(path, encoding="utf-8") if os.path.exists(path) else ():
        if line.strip() and not line.startswith("#"):
            name, label, why = line.rstrip("\n").split("\t")
            corrections[name] = (label, why)
    rows = list(csv.DictReader(open(truth_file, encoding="utf-8"), delimiter="\t"))
    usable = [r for r in rows if os.path.isfile(os.path.join(a.corpus, "captures", r["file"])) and r["file"].split(".")[-1] in ("pcap", "pcapng", "cap", "trace", "log", "json", "labeled")]
    skipped = [r["file"] for r in rows if r not in usable]

    def one(r):
        command = [a.program, "investigate", os.path.join(a.corpus, "captures", r["file"]), "--json", "--quiet"]
        with tempfile.TemporaryDirectory() as folder:
            values = re.search(r"manifest expect: (.+)$", r["expected_finding"]) if r["class"] == "ioc" else None
            if values:
                feed = os.path.join(folder, "feed.txt")
                open(feed, "w", encoding="utf-8").write("\n".join(v for v in values[1].split("|") if "." in v and "/" not in v) + "\n")
                subprocess.run([a.program, "intel", "add", feed, "--intel", os.path.join(folder, "intel")], capture_output=True, timeout=60)
                command += ["--intel", os.path.join(folder, "intel")]
            done = subprocess.run(command, capture_output=True, timeout=300)
        try:
            return json.loads(done.stdout)["findings"]
        except ValueError:
            return None

    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        found = list(pool.map(one, usable))
    by_class = collections.defaultdict(lambda: [0, 0])
    six_hit, six_all = collections.Counter(), collections.Counter()
    missed = []
    false_alarms, benign, broken = collections.Counter(), 0, []
    benign_with_any = 0
    for r, findings in zip(usable, found):
        if findings is None:
            broken.append(r["file"])
            continue
        loud = [f for f in findings if f["severity"] != "informational"]
        label = corrections.get(r["file"], (None, ""))[0]
        if (r["class"] == "benign" or r["benign"] == "yes") and label is None or label == "benign":
            benign += 1
            benign_with_any += bool(loud)
            for d in {f["detector"] for f in loud}:
                false_alarms[d] += 1
                if a.show:
                    print("false alarm", r["file"], d, [f["statement"] for f in loud if f["detector"] == d][:1])
            continue
        if r["class"] == "benign":
            continue
        wanted = [t for t in r["expected_techniques"].split(";") if t]
        hit = any(related(t, w) for f in loud for t in f["techniques"] for w in wanted) if wanted else any(f["phase"] in PHASES.get(r["class"], ()) for f in loud)
        if "backscatter" in r["file"]:
            hit = any(f["facts"].get("backscatter") for f in findings) and not any(f["detector"] == "scan" for f in loud)
        by_class[r["class"]][0] += hit
        by_class[r["class"]][1] += 1
        for name, mine in SIX.items():
            if mine(r):
                six_all[name] += 1
                six_hit[name] += any(f["detector"] == name for f in findings) if "backscatter" in r["file"] else any(f["detector"] == name for f in loud)
        if not hit:
            missed.append((r["class"], r["file"]))
        if a.show and not hit:
            print("missed", r["class"], r["file"], wanted, [(f["detector"], f["techniques"]) for f in loud][:4])
    out = [f"{len(usable)} captures and logs of truth.tsv, {len(skipped)} labels without a file that can be read, {len(corrections)} labels corrected (corrections.tsv), {len(broken)} runs without an answer. Class ioc is run with a feed made of the indicators that each label states: it measures the matching, not a feed.\n"]
    out.append("| class | found | of | recall | 95 % interval |\n|---|---:|---:|---:|---|")
    for c, (k, n) in sorted(by_class.items()):
        lo, hi = wilson(k, n)
        out.append(f"| {c} | {k} | {n} | {k / n:.2f} | {lo:.2f}–{hi:.2f} |")
    k, n = sum(v[0] for v in by_class.values()), sum(v[1] for v in by_class.values())
    lo, hi = wilson(k, n)
    out.append(f"| **all** | {k} | {n} | {k / max(1, n):.2f} | {lo:.2f}–{hi:.2f} |")
    out.append("\n| detector | recall on its own class | 95 % interval | precision (alarms on attacks of its class / those + benign captures with an alarm) | 95 % interval | benign captures with an alarm |\n|---|---|---|---|---|---|")
    for name in SIX:
        k, n, fp = six_hit[name], six_all[name], false_alarms[name]
        lo, hi = wilson(k, n)
        plo, phi = wilson(k, k + fp)
        precision = f"{k / (k + fp):.2f}" if k + fp else "–"
        out.append(f"| {name} | {f'{k}/{n}' if n else 'no capture of its class'} | {lo:.2f}–{hi:.2f} | {precision} | {plo:.2f}–{phi:.2f} | {fp} of {benign} |")
    others = ", ".join(f"{d} {n}" for d, n in sorted(false_alarms.items()) if d not in SIX)
    out.append(f"\nBenign captures: {benign}; with any alarm above informational: {benign_with_any}" + (f" (other detectors: {others})" if others else "") + ".")
    why = dict(l.rstrip("\n").split("\t", 1) for l in open(os.path.join(HERE, "missed.tsv"), encoding="utf-8") if l.strip() and not l.startswith("#"))
    if missed:
        out.append("\nMissed, and why (missed.tsv):\n\n| class | capture | why |\n|---|---|---|")
        out += [f"| {c} | {f} | {why.get(f, 'not explained')} |" for c, f in sorted(missed)]
    text = "\n".join(out)
    print(text)
    if a.markdown:
        open(a.markdown, "w", encoding="utf-8").write("Made by `tests/conformance/detection.py --markdown FILE`.\n\n" + text + "\n")
    if broken:
        print("no answer:", broken)
    # A floor that a change must not fall through: far below what is measured, above what chance would give.
    ok = not broken and benign_with_any <= 0.1 * max(1, benign) and sum(v[0] for v in by_class.values()) >= 0.4 * max(1, n and sum(v[1] for v in by_class.values()))
    return 0 if ok or not a.check else 1


if __name__ == "__main__":
    sys.exit(main())
