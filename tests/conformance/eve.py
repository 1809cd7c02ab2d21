#!/usr/bin/env python3
"""Compares `whodunit logs --format eve` with what Suricata 7 wrote of the same captures (the corpus' reference).

  eve.py --program build/whodunit [--captures N] [--check] [--show N]

Events are matched by type, endpoints and a key of their own; each field's agreement is counted over the matched ones.
Suricata runs no stream without a handshake and gives up on some protocols: an event that only one side has is counted
apart (found = ours among theirs). Captures are every k-th of those that the reference has, in the order of names."""
import argparse, collections, gzip, json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "..", "shared", "corpus")

# Per event type: its key beside the endpoints, and the fields that are compared. Left out, with the reason:
#   flow.start, end, age: Suricata's flow ends when it times out or is shut down, Zeek's connection at its last packet.
#   flow.bytes_*: frames' padding and link headers other than Ethernet's are not in records.
#   tcp flags: only of flows that begin with a handshake; not rst, as Suricata notes no flags once a stream is closed.
#   dns.aa, dns.ra: only of answers that hold records, as Zeek notes them there.
#   tls.version: not where Suricata could not determine it.
#   http.length: Suricata counts the body as carried, records hold it decoded.
FIELDS = {
    "flow": (lambda e: (), ["flow.pkts_toserver", "flow.pkts_toclient", "tcp.syn", "tcp.fin"]),
    "dns": (lambda e: (e["dns"]["type"], e["dns"].get("id"), e["dns"].get("rrname")),
            ["dns.rrtype", "dns.rcode", "dns.opcode", "dns.aa", "dns.ra"]),
    "http": (lambda e: (e["http"].get("http_method"), e["http"].get("url")),
             ["http.hostname", "http.http_user_agent", "http.http_refer", "http.status", "http.protocol",
              "http.http_content_type", "http.redirect"]),
    "tls": (lambda e: (), ["tls.sni", "tls.version", "tls.subject", "tls.issuerdn", "tls.serial", "tls.fingerprint",
                           "tls.notbefore", "tls.notafter"]),
    "ssh": (lambda e: (), ["ssh.client.proto_version", "ssh.client.software_version", "ssh.server.proto_version",
                           "ssh.server.software_version"]),
}
# The least agreement that --check takes: of fields with 200 values or more, and of those with 20 or more (of a few dozen
# values, names that OpenSSL and Suricata spell otherwise and types without a name weigh much).
LEAST, LEAST_OF_FEW = 0.97, 0.85


def value(e, path):
    for part in path.split("."):
        e = e.get(part) if isinstance(e, dict) else None
    return e.lower() if isinstance(e, str) else e


def ends(e):
    a, b = (e.get("src_ip"), e.get("src_port")), (e.get("dest_ip"), e.get("dest_port"))
    return tuple(sorted([a, b], key=str))


def keyed(events):
    """First event of each key; keys that come more than once with other contents are left out."""
    out, twice = {}, set()
    for e in events:
        kind = e["event_type"]
        if kind not in FIELDS:
            continue
        key = (kind, e.get("proto"), ends(e)) + FIELDS[kind][0](e)
        if key in out:
            twice.add(key)
        out.setdefault(key, e)
    return {k: e for k, e in out.items() if k not in twice}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--captures", type=int, default=120)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--show", type=int, default=0)
    a = parser.parse_args()
    reference = os.path.join(CORPUS, "reference", "suricata.ndjson.gz")
    if not os.path.exists(reference):
        print("skipped: no corpus")
        return 77
    theirs = collections.defaultdict(list)
    with gzip.open(reference, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            theirs[row["file"]].append(row["row"])
    names = sorted(f for f, events in theirs.items() if any(e["event_type"] in FIELDS and e["event_type"] != "flow" for e in events))
    names = names[::max(1, len(names) // a.captures)]
    agree, total, found, there = (collections.Counter() for _ in range(4))
    shown = collections.Counter()
    for name in names:
        path = os.path.join(CORPUS, "captures", name)
        run = subprocess.run([a.program, "logs", path, "--format", "eve", "--quiet", "--progress", "never"],
                             capture_output=True, timeout=300)
        ours = keyed(json.loads(line) for line in run.stdout.splitlines())
        for key, e in keyed(theirs[name]).items():
            there[key[0]] += 1
            mine = ours.get(key)
            if mine is None:
                continue
            found[key[0]] += 1
            for field in FIELDS[key[0]][1]:
                v, w = value(e, field), value(mine, field)
                if v is None and w is None or v == "undetermined":
                    continue
                if field.startswith("tcp.") and (e["tcp"].get("tcp_flags_ts", "00")[-1] not in "2367abef" or
                                                 e["tcp"].get("tcp_flags_tc", "00")[-1] not in "2367abef"):
                    continue
                if field in ("dns.aa", "dns.ra") and not e["dns"].get("answers"):
                    continue
                total[field] += 1
                if v == w:
                    agree[field] += 1
                elif shown[field] < a.show:
                    shown[field] += 1
                    print(f"{name} {key[1:]} {field}: theirs {v!r}, ours {w!r}")
    print(f"{len(names)} captures")
    bad = []
    for kind, (_, fields) in FIELDS.items():
        print(f"{kind}: {found[kind]} of {there[kind]} events of Suricata's found")
        for field in fields:
            if total[field] == 0:
                continue
            share = agree[field] / total[field]
            print(f"  {field:<30} {agree[field]:>6} of {total[field]:<6} {share:.3f}")
            if total[field] >= 20 and share < (LEAST if total[field] >= 200 else LEAST_OF_FEW):
                bad.append(field)
    if a.check and bad:
        print("too few agree:", ", ".join(bad))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
