#!/usr/bin/env python3
"""Compares whodunit's records with Zeek's, field by field, over a corpus of captures.

  compare.py --program build/whodunit [--corpus DIR] [--log NAME …] [--file SUBSTRING] [--field NAME] [--show N]
             [--markdown FILE] [--check]

Every capture of the corpus goes through `whodunit logs FILE --format json`; the rows of each log are matched with
Zeek's of the same connection (endpoints and protocol), in time order, and compared after canonicalising (CANON says how
and why, per field). --show prints that many differences per field; --check fails where a field with 200 or more values
agrees in less than 98 %, after the waivers in waivers.tsv.
"""
import argparse, collections, concurrent.futures, gzip, json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# Identifiers that each program makes for itself; when written down they cannot agree.
OWN = {"uid", "fuid", "tunnel_parents", "resp_fuids", "orig_fuids", "cert_chain_fuids", "client_cert_chain_fuids",
       "parent_fuid", "analyzers", "conn_uids",
       # of a weird: bookkeeping of Zeek's, not the packets' ("peer" is the cluster node's name)
       "notice", "peer"}


def as_set(value):
    return sorted(value) if isinstance(value, list) else value


# Analysers that the reference's Zeek was built without.
SPICY = {"quic", "ldap", "postgresql", "redis"}


def services(value):
    return sorted(set(value.split(",")) - SPICY) or None if isinstance(value, str) else value


# (log, field) -> (function of the value, why). "*" is any log.
CANON = {
    ("conn", "service"): (services, "a set: the order of recognition carries no meaning; less what the reference was built without"),
    ("*", "san.dns"): (as_set, "a set"),
    ("http", "resp_mime_types"): (as_set, "a list in order of files, compared as a set"),
}


# How rows of one log on one connection are told apart, beyond their order in time.
KEYS = {
    "conn": ("proto",),
    "dns": ("trans_id", "query", "qtype"),
    "http": ("method", "uri"),
    "files": ("source", "is_orig"),
    "x509": ("fingerprint", "host_cert", "client_cert"),
    "weird": ("name",),
    "dce_rpc": ("operation",),
    "ntp": ("mode",),
}


def canon(log, field, value):
    for key in ((log, field), ("*", field)):
        if key in CANON:
            return CANON[key][0](value)
    return value


def equal(a, b):
    if a == b:
        return True
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        return abs(a - b) <= 2e-6 * max(1.0, abs(a) * 1e-9)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    return False


def endpoints(row):
    return (row.get("id.orig_h"), row.get("id.orig_p"), row.get("id.resp_h"), row.get("id.resp_p"))


def either_way(row):
    e = endpoints(row)
    a, b = (str(e[0]), str(e[1])), (str(e[2]), str(e[3]))
    return (a, b) if a <= b else (b, a)


# Zeek's rows of these logs name no connection and are written once a day for each key: the first of ours stands for it.
ONCE = {"x509"}


def groups(log, rows):
    out = collections.defaultdict(list)
    for row in rows:
        key = () if log in ONCE else either_way(row)
        key += tuple(str(row.get(k)) for k in KEYS.get(log, ()))
        out[key].append(row)
    for key in out:
        out[key].sort(key=lambda r: r.get("ts", 0))
        if log in ONCE:
            del out[key][1:]
    return out


def pair(mine, theirs):
    """Matches rows of one group: by place in time; where the numbers differ, by nearest time."""
    if len(mine) == len(theirs):
        return list(zip(mine, theirs)), [], []
    pairs, used = [], set()
    for row in theirs:
        best = None
        for i, other in enumerate(mine):
            if i in used:
                continue
            d = abs(other.get("ts", 0) - row.get("ts", 0))
            if d < 1.0 and (best is None or d < best[0]):
                best = (d, i)
        if best:
            used.add(best[1])
            pairs.append((mine[best[1]], row))
    matched = {id(r) for _, r in pairs}
    return pairs, [m for i, m in enumerate(mine) if i not in used], [t for t in theirs if id(t) not in matched]


def run(program, path, extra):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([program, "logs", path, "--format", "json", "-o", folder, "--quiet", *extra],
                              capture_output=True, timeout=300)
        rows = collections.defaultdict(list)
        for name in os.listdir(folder):
            if name.endswith(".ndjson"):
                with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as f:
                    rows[name[:-7]] = [json.loads(line) for line in f if line.strip()]
        return done.returncode, done.stderr.decode("utf-8", "replace")[-300:], rows


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default="build/whodunit")
    p.add_argument("--corpus", default=os.path.join(HERE, "../../../shared/corpus"))
    p.add_argument("--log", action="append")
    p.add_argument("--file", default="")
    p.add_argument("--field")
    p.add_argument("--show", type=int, default=0)
    p.add_argument("--markdown")
    p.add_argument("--check", action="store_true")
    p.add_argument("--brief", action="store_true", help="only fields below 99.5 %%")
    p.add_argument("--jobs", type=int, default=2)
    a = p.parse_args()
    reference_file = os.path.join(a.corpus, "reference/zeek.ndjson.gz")
    if not os.path.exists(reference_file):
        print("conformance: skipped, no corpus at", a.corpus)
        return 77
    reference = collections.defaultdict(lambda: collections.defaultdict(list))
    with gzip.open(reference_file, "rt", encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            d = json.loads(line)
            reference[d["file"]][d["log"]].append(d["row"])
    # The fields that Zeek's log has in this reference: others are ours alone and are not compared.
    theirs_fields = collections.defaultdict(set)
    for logs in reference.values():
        for log, rows in logs.items():
            for row in rows:
                theirs_fields[log].update(row)
    files = sorted(n for n in os.listdir(os.path.join(a.corpus, "captures")) if a.file in n)
    good, total, shown = collections.Counter(), collections.Counter(), collections.Counter()
    rows_both, rows_mine, rows_theirs = collections.Counter(), collections.Counter(), collections.Counter()
    crashed, made = [], set()

    def one(name):
        return name, run(a.program, os.path.join(a.corpus, "captures", name), [])

    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        results = list(pool.map(one, files))
    for _, (_, _, mine) in results:
        made.update(mine)
    for name, (code, err, mine) in results:
        if code not in (0, 3, 4) or (code == 4 and "conn" in reference[name]):
            crashed.append((name, code, err))
        theirs_all = reference[name]
        for log in set(theirs_all) | set(mine):
            if a.log and log not in a.log or log not in made:
                continue
            g_mine, g_theirs = groups(log, mine.get(log, [])), groups(log, theirs_all.get(log, []))
            for key in set(g_mine) | set(g_theirs):
                pairs, only_mine, only_theirs = pair(g_mine.get(key, []), g_theirs.get(key, []))
                rows_both[log] += len(pairs)
                rows_mine[log] += len(only_mine)
                rows_theirs[log] += len(only_theirs)
                for what, rows, counter in (("only here", only_mine, rows_mine), ("only Zeek", only_theirs, rows_theirs)):
                    for row in rows:
                        if a.field in (None, "rows") and shown[(log, what)] < a.show:
                            shown[(log, what)] += 1
                            print(f"{log} {what} {name} {json.dumps(row)[:400]}")
                for m, t in pairs:
                    for field in set(m) | set(t):
                        if field in OWN:
                            continue
                        if field not in theirs_fields[log]:
                            continue
                        total[(log, field)] += 1
                        if equal(canon(log, field, m.get(field)), canon(log, field, t.get(field))):
                            good[(log, field)] += 1
                        elif a.field in (None, field) and shown[(log, field)] < a.show:
                            shown[(log, field)] += 1
                            print(f"{log}.{field} {name} {endpoints(t)} ts={t.get('ts')}\n   here {m.get(field)!r}\n   Zeek {t.get(field)!r}")
    waivers = {}
    waiver_file = os.path.join(HERE, "waivers.tsv")
    if os.path.exists(waiver_file):
        for line in open(waiver_file):
            if line.strip() and not line.startswith("#"):
                log, field, share, why = line.rstrip("\n").split("\t")
                waivers[(log, field)] = (float(share), why)
    out, bad = [], []
    out.append("| log | field | values | agree | share |\n|---|---|---:|---:|---:|")
    for log in sorted({l for l, _ in total} | set(rows_theirs)):
        n = rows_both[log] + rows_theirs[log]
        if n == 0:
            continue
        out.append(f"| {log} | (rows) | {n} | {rows_both[log]} | {rows_both[log] / n:.4f} |  <!-- only here {rows_mine[log]} -->")
        for (l, field), count in sorted(total.items()):
            if l != log:
                continue
            share = good[(l, field)] / count
            out.append(f"| {l} | {field} | {count} | {good[(l, field)]} | {share:.4f} |")
            waived = waivers.get((l, field), (0, ""))[0]
            if (count >= 200 and share + waived < 0.98) or (count < 200 and count - good[(l, field)] > 1 and waived == 0):
                bad.append(f"{l}.{field} {good[(l, field)]}/{count}")
    text = "\n".join(out)
    if a.markdown:
        with open(a.markdown, "w") as f:
            f.write(text + "\n")
    print("\n".join(l for l in out if not a.brief or not l.startswith("|") or float(l.split("|")[5].split()[0] if l.split("|")[5].strip()[:1].isdigit() else 0) < 0.995))
    for name, code, err in crashed:
        print(f"FAILED {name}: exit {code}: {err.strip()}")
    below = [b for b in bad]
    print(f"{len(files)} captures, {len(crashed)} failed; {len(below)} fields below the bar: {', '.join(below)}")
    return 1 if a.check and (crashed or below) else 0


if __name__ == "__main__":
    sys.exit(main())
