#!/usr/bin/env python3
"""Compares whodunit's records with Zeek's, field by field, over a corpus of captures; and with what others state (others.py).

  compare.py --program build/whodunit [--corpus DIR] [--log NAME …] [--file SUBSTRING] [--field NAME] [--show N]
             [--markdown FILE] [--check] [--brief]

Every capture of the corpus goes through `whodunit logs FILE --format json`; the rows of each log are matched with
Zeek's of the same connection (endpoints and protocol), in time order, and compared after canonicalising (CANON says how
and why, per field). --show prints that many differences per field; --markdown writes docs/conformance.md. --check
fails where a field with 200 or more values (or a log's rows) agrees in less than 98 %, or a smaller one in all but one, unless
waivers.tsv (the standard is with us: at most 0.01 of the values each) or open.tsv has it. What stands in open.tsv is
below the bar and known to be; it is printed as open, and --check fails where its share falls below the one written there.
"""
import argparse, collections, concurrent.futures, functools, gzip, hashlib, json, math, os, re, struct, subprocess, sys, tempfile

import others

HERE = os.path.dirname(os.path.abspath(__file__))

# Identifiers that each program makes for itself; when written down they cannot agree.
OWN = {"uid", "fuid", "tunnel_parents", "resp_fuids", "orig_fuids", "cert_chain_fuids", "client_cert_chain_fuids",
       "parent_fuid", "analyzers", "conn_uids",
       "fuids", "uids",
       # of a weird: bookkeeping of Zeek's, not the packets' ("peer" is the cluster node's name)
       "notice", "peer"}


# The file's id, in logs about a file.
OWN_OF_LOG = {("pe", "id"), ("ocsp", "id"), ("x509", "id")}


def as_set(value):
    return sorted(value, key=str) if isinstance(value, list) else value


# Analysers that the reference's Zeek was built without.
SPICY = {"quic", "ldap", "postgresql", "redis"}


def services(value):
    return sorted(set(value.split(",")) - SPICY) or None if isinstance(value, str) else value


def unsigned_fraction(value):
    return value + 1 if isinstance(value, float) and value < 0 else value


def literals_hidden(value):
    return re.sub(r"'[^']*'|\"[^\"]*\"|\b\d+(\.\d+)?\b", "?", value) if isinstance(value, str) else value


def credential_hidden(value):
    return ["authorization.bearer.***" if v.startswith("authorization.bearer.") else v for v in value] if isinstance(value, list) else value


def community_hashed(value):
    if not isinstance(value, str) or value.startswith("sha256:") or value.lower() in ("public", "private"):
        return value
    return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def irc_words(value):
    """`mode host real name`: of the real name the words run together; of JOIN's addition the key is not compared."""
    if not isinstance(value, str):
        return value
    key = re.fullmatch(r"( with channel key: )'.*'", value)
    if key:
        return key.group(1)
    head = value.split(" ", 2)
    return " ".join([*head[:2], head[2].replace(" ", "")] if len(head) > 2 else head) or None


def six_octets(value):
    return value[:17] if isinstance(value, str) else value


def unless_unknown(value):
    return None if value == "<unknown>" else value


def no_trailing_zeros(value):
    return re.sub(r"(\\x00)+$", "", value) if isinstance(value, str) else value


def unless_zero(value):
    return None if value == 0 else value


def unless_empty(value):
    return None if value == "" else value


# (log, field) -> (function of the value, why). "*" is any log.
CANON = {
    ("conn", "service"): (services, "a set: the order of recognition carries no meaning; less quic, ldap, postgresql and redis, which the reference was built without"),
    ("conn", "vlan"): (unless_zero, "VLAN 0 is a priority tag only (IEEE 802.1Q 9.6), no VLAN"),
    ("*", "san.dns"): (as_set, "a set"),
    ("http", "resp_mime_types"): (as_set, "a list in order of files, compared as a set"),
    ("smtp", "rcptto"): (as_set, "a set in Zeek: it has no order"),
    ("smtp", "to"): (as_set, "a set in Zeek: it has no order"),
    ("smtp", "cc"): (as_set, "a set in Zeek: it has no order"),
    ("ntp", "root_delay"): (unsigned_fraction, "the short format's fraction is unsigned (RFC 5905 6); Zeek reads 16 bits of it with a sign"),
    ("ntp", "root_disp"): (unsigned_fraction, "the short format's fraction is unsigned (RFC 5905 6); Zeek reads 16 bits of it with a sign"),
    ("mysql", "arg"): (literals_hidden, "literals of statements can be secrets and are written as ? here"),
    ("websocket", "client_protocols"): (credential_hidden, "a bearer token is a credential and is not written down here"),
    ("ftp", "mime_type"): (unless_unknown, "<unknown> is no type"),
    ("dhcp", "host_name"): (no_trailing_zeros, "a NUL at its end is deleted (RFC 2132 2)"),
    ("snmp", "community"): (community_hashed, "a community is a password; unless it is a default one, its SHA-256's first 16 digits are written down here"),
    ("irc", "addl"): (irc_words, "a channel's key is hidden here; Zeek joins the words of a real name and ends it in a space"),
    ("dhcp", "mac"): (six_octets, "hlen says that an Ethernet address has 6 octets (RFC 2131 2); Zeek writes what follows in chaddr, too"),
    ("rdp", "cookie"): (unless_empty, "no cookie is empty in Zeek and unset here"),
    ("rdp", "client_dig_product_id"): (unless_empty, "none is empty in Zeek and unset here"),
}

# Rows whose value is not compared: (log, field) -> (whether of this row of Zeek's, why).
UNLIKE = {
    ("tunnel", "ts"): (lambda row: row.get("action") != "Tunnel::DISCOVER", "of a tunnel's end: the time when Zeek's timer ran, here the time of its last packet"),
}

def packet_times(path):
    """The times of a capture's packets in microseconds, in their order; none where it is neither pcap nor pcapng."""
    with open(path, "rb") as f:
        data = f.read()
    magic, times, at = data[:4], [], 24
    kinds = {b"\xd4\xc3\xb2\xa1": ("<", 1), b"\xa1\xb2\xc3\xd4": (">", 1), b"\x4d\x3c\xb2\xa1": ("<", 1000), b"\xa1\xb2\x3c\x4d": (">", 1000)}
    if magic in kinds:
        order, parts = kinds[magic]
        while at + 16 <= len(data):
            seconds, fraction, size, _ = struct.unpack_from(order + "IiII", data, at)
            times.append(seconds * 1000000 + int(fraction / parts))
            at += 16 + size
    elif magic == b"\x0a\x0d\x0d\x0a":
        at, order, units = 0, "<", []
        while at + 12 <= len(data):
            if data[at:at + 4] == magic:
                order, units = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">", []
            kind, size = struct.unpack_from(order + "II", data, at)
            if size < 12:
                break
            if kind == 1:
                unit, option = 1000000, at + 16
                while option + 4 <= at + size - 4:
                    code, length = struct.unpack_from(order + "HH", data, option)
                    if code == 9 and length == 1:
                        power = data[option + 4]
                        unit = 2 ** (power & 127) if power & 128 else 10 ** power
                    option += 4 + (length + 3) // 4 * 4
                    if code == 0:
                        break
                units.append(unit)
            elif kind == 6 and at + 20 <= len(data):
                interface, high, low = struct.unpack_from(order + "III", data, at + 8)
                times.append(((high << 32) + low) * 1000000 // (units[interface] if interface < len(units) else 1000000))
            at += size
    return times


# Where a capture's clock goes back: times -> the highest times so far at packets of that time.
@functools.lru_cache(maxsize=None)
def highest_so_far(path):
    times, highest, out = packet_times(path), 1000000, collections.defaultdict(set)  # it begins at one second
    if all(a <= b for a, b in zip([highest, *times], times)):
        return {}
    for time in times:
        highest = max(highest, time)
        out[time].add(highest)
    return out


def same_clock(path, here, there):
    """Whether `there` is Zeek's time of a packet of the time `here`: its clock only goes forward."""
    if not isinstance(here, (int, float)) or not isinstance(there, (int, float)) or there <= here:
        return False
    times = highest_so_far(path)
    if not times:
        return False
    near = lambda value: (round(value * 1e6) + d for d in (-1, 0, 1))
    return any(t in times and any(h in times[t] for h in near(there)) for t in near(here))


# Ports at which the reference's Zeek looks for protocols that it has no signature for.
PORTS = {"dns": {53, 137, 5353, 5355}}


# Logs of protocols whose name is another's in conn.service.
LOG_OF = {"mqtt": "mqtt_connect", "krb": "kerberos", "krb_tcp": "kerberos", "dtls": "ssl"}


def service_unseen(row, has_row):
    """Why Zeek names no service of a connection where its packets show one; None where nothing explains it."""
    ports, history = {row.get("id.orig_p"), row.get("id.resp_p")}, row.get("history") or ""

    def why(ours):
        names = ours.split(",")
        if all(has_row(LOG_OF.get(name, name)) for name in names):
            return "Zeek's own log of the protocol has the connection; a later violation took its name away"
        if row.get("proto") == "tcp" and not ("S" in history and "h" in history):
            return "TCP connections joined after their beginning: Zeek's analysers leave most of them alone"
        if not row.get("orig_bytes") or not row.get("resp_bytes"):
            return "one side silent: Zeek's analysers confirm most protocols only by the answer"
        if names[0] in PORTS and not ports & PORTS[names[0]]:
            return "on a port where Zeek does not look for the protocol (DNS)"
        if names == ["imap"]:
            return "IMAP without STARTTLS: Zeek's analyser only follows that command"
        if names == ["sip"] and row.get("proto") == "tcp":
            return "SIP over TCP (RFC 3261 18): Zeek only has it over UDP"
        return None

    return why


def digest_user(*_):
    return lambda ours: "user name of a Digest authorization (RFC 7616 3.4): Zeek only reads Basic"


def stream_name(row, _):
    return lambda ours: "a named stream of a file, from its CREATE (MS-FSCC 2.1.5.3): Zeek leaves it without a name" if row.get("source") == "SMB" and ":" in ours else None


def smb_size(row, _):
    return lambda ours: "EndofFile of the CREATE response (MS-SMB2 2.2.14), also where Zeek did not see the file's beginning" if row.get("source") == "SMB" else None


def stated_elsewhere(text):
    return lambda *_: lambda ours: text


# Where Zeek's row has no value and ours does, for a reason: such values are not compared but counted as "only here".
# (log, field) -> function of Zeek's row and of which of its logs have the connection -> function of our value -> the reason, or None where it is a difference.
ONLY_HERE = {
    ("conn", "service"): service_unseen,
    ("http", "username"): digest_user,
    ("files", "filename"): stream_name,
    ("files", "total_bytes"): smb_size,
    ("ftp", "mime_type"): stated_elsewhere("the file that crossed the data connection announced last (RFC 959 3.2); Zeek's row often is written before it knows"),
    ("radius", "framed_addr"): stated_elsewhere("Framed-IP-Address of an Access-Accept (RFC 2865 5.8, 5.44): Zeek only logs one where an Access-Challenge came before"),
    ("smb_files", "path"): stated_elsewhere("the tree that the request's TID names (MS-CIFS 2.2.4.7)"),
    ("weird", "source"): stated_elsewhere("the layer that it was seen in; Zeek leaves it out for most of its own"),
    **{("weird", "id." + end): stated_elsewhere("the ends, as far as the packet has them; Zeek leaves them out of what it tells about IP's headers")
       for end in ("orig_h", "orig_p", "resp_h", "resp_p")},
}


# Ports where Zeek looks for a protocol from the first byte. Elsewhere it has to recognise it, and its row begins later.
HOME = {"smtp": {25, 587}, "ssh": {22}, "irc": {6666, 6667, 6668, 6669}, "rdp": {3389}}


def late(log):
    return lambda mine, row: row.get("id.resp_p") not in HOME[log] and row.get("ts", 0) > mine.get("ts", 0)


# Which commands a reply can answer (RFC 959 5.4), of codes that answer few.
ANSWERS = {220: {"REIN"}, 230: {"USER", "PASS", "ACCT"}, 257: {"PWD", "MKD", "XPWD", "XMKD"}}


def no_answer(mine, row):
    """Zeek's row has a reply that cannot be its command's, ours has none."""
    return mine.get("reply_code") is None and row.get("command") not in ANSWERS.get(row.get("reply_code"), {row.get("command")})


def own_channel(mine, row):
    """Our PORT or EPRT row holds the end that its own argument names."""
    return mine.get("command") in ("PORT", "EPRT") and mine.get("data_channel.passive") is False


# Differences that are known and no fault here, of fields with fewer than 200 values: they are counted and listed instead
# of being compared. (log, field) -> (function of our row and Zeek's, why, by which standard, and a packet).
EXPLAINED = {
    **{(log, "ts"): (late(log), f"Off its port Zeek recognises the protocol some packets late, and its row begins then; here with the first message ({rfc}): {packet}")
       for log, rfc, packet in (("smtp", "RFC 5321 3.1", "suriverify__smtp-url-base64_smtp-url-b64.pcap packet 5"),
                                ("ssh", "RFC 4253 4.2", "zeek__ssh_ssh-on-port-80.pcap packet 4"),
                                ("irc", "RFC 2812 3.1", "ndpi__irc.pcap packet 4"),
                                ("rdp", "MS-RDPBCGR 2.2.1.1", "arkime__socks5-rdp.pcap packet 8"))},
    **{("ftp", f"data_channel.{name}"): (own_channel, "Each PORT names the end of a connection of its own (RFC 959 4.1.2); Zeek keeps the last one of a session and writes it with the first row that comes: zeek__ftp_ftp-many-port-expected.pcap packet 6")
       for name in ("passive", "orig_h", "resp_h", "resp_p")},
    **{("ftp", name): (no_answer,
                       "Commands that got no reply of those that they can have (RFC 959 5.4); Zeek's row repeats the last reply of the session: zeek__ftp_ftp-many-port-expected.pcap packet 6, zeek__ftp_ftp-invalid-reply-code.pcap packet 14")
       for name in ("reply_code", "reply_msg")},
    **{("sip", name): (lambda mine, row: 100 <= (row.get("status_code") or 0) < 200 <= (mine.get("status_code") or 0),
                       "The final answer (RFC 3261 7.2) followed the provisional one; Zeek stopped reading the connection between them: bruteshark__FAX-Call-t38-CA-TDM-SIP-FB-1.pcap packets 165, 180")
       for name in ("content_type",)},
    ("http", "orig_mime_types"): (lambda mine, row: mine.get("method") == "GET" and not mine.get("request_body_len"),
                                  "A GET that announces no body has none, and what follows is the next request (RFC 9112 6.3), also where the server says that it closes: suriverify__http-gap-beyond-body_input.pcap packets 5, 10"),
    ("kerberos", "request_type"): (lambda mine, row: mine.get("request_type") == "AS" and row.get("request_type") == "TGS" and row.get("client"),
                                   "Two requests sent without waiting are two rows here; Zeek writes the second over the first, and only an AS request names the client in clear (RFC 4120 5.4.1): suriverify__bug-8278-krb5-01_evasion.1.flow.1.segment.pcap packet 4"),
    ("smtp", "last_reply"): (lambda mine, row: "\r\n" in row.get("last_reply", "") or row.get("last_reply", "").startswith("221 ") and mine.get("last_reply", "").startswith("250 "),
                             "A reply ends with its line (RFC 5321 4.2); behind a STARTTLS that was decrypted Zeek does not split lines: arkime__smtp-decrypted.pcap packet 33. And 221 answers QUIT, not a mail (4.2.2): suriverify__detect-email-received_input.pcap packets 4, 60, 64, whose greeting does not end, so that Zeek is one reply behind"),
    ("irc", "addl"): (lambda mine, row: row.get("command") == "NICK",
                      "NICK has one parameter (RFC 2812 3.1.2); Zeek's row repeats what an earlier command left there: zeek__irc-more-commands.pcap packet 70"),
    ("irc", "value"): (lambda mine, row: row.get("command") == "DCC",
                       "Zeek's row of a DCC offer repeats an earlier command's value; here the kind of offer (CTCP, DCC SEND): malcolm__IRC.pcap packet 109"),
    ("dnp3", "ts"): (lambda mine, row: 0 < row.get("ts", 0) - mine.get("ts", 0) < 0.1,
                     "here the time of the response's first segment, which names the function; in Zeek that of the last (IEEE 1815 8): suriverify__dnp3_dnp3-eve_input.pcap packets 16, 18"),
    ("smb_files", "ts"): (lambda mine, row: row.get("action") in ("SMB::FILE_RENAME", "SMB::FILE_DELETE") and row.get("ts", 0) < mine.get("ts", 0),
                          "here the time of the request that renames or deletes (MS-SMB2 2.2.39); Zeek repeats that of the file's opening: suriverify__smb2-async_input.pcap packet 5"),
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
    "dhcp": ("mac",),
    "ocsp": ("serialNumber", "thisUpdate"),
    "pe": ("compile_ts", "machine"),
    "smb_files": ("name",),
    "tunnel": ("tunnel_type", "action"),
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
# Zeek's rows of these logs name no connection.
NO_ENDPOINTS = {"x509", "dhcp", "ocsp", "pe"}


def groups(log, rows):
    out = collections.defaultdict(list)
    for row in rows:
        key = () if log in NO_ENDPOINTS else either_way(row)
        key += tuple(str(canon(log, k, row.get(k))) for k in KEYS.get(log, ()))
        if log == "files":  # one of which nothing was seen is not the same as one that was
            key += (bool(row.get("seen_bytes")),)
        out[key].append(row)
    for key in out:
        out[key].sort(key=lambda r: r.get("ts", 0))
        if log in ONCE:
            del out[key][1:]
    return out


def likeness(log, a, b):
    """How many of the fields that both have agree."""
    return sum(1 for field in a.keys() & b.keys() if equal(canon(log, field, a[field]), canon(log, field, b[field])))


def behind_their_connection(logs):
    """The rows of a capture whose time lies behind the end of their own connection, by id()."""
    ends = {row["uid"]: row["ts"] + (row.get("duration") or 0) for row in logs.get("conn", ()) if "uid" in row}
    return {id(row) for log, rows in logs.items() if log != "conn" for row in rows if row.get("ts", 0) > ends.get(row.get("uid"), row.get("ts", 0)) + 3600}


def pair(log, mine, theirs, leaped=frozenset()):
    """Matches rows of one group: those of one time by likeness, then by place in time or, where the numbers differ, by
    nearest time."""
    if len(mine) == 1 and len(theirs) == 1:
        return [(mine[0], theirs[0])], [], []
    pairs, rest, taken, first = [], [], set(), 0
    for row in theirs:  # both are in time order
        ts = row.get("ts", 0)
        while first < len(mine) and (first in taken or mine[first].get("ts", 0) < ts - 2e-6):
            first += 1
        near, i = [], first
        while i < len(mine) and len(near) < 8 and mine[i].get("ts", 0) <= ts + 2e-6:
            if i not in taken:
                near.append(i)
            i += 1
        if near:
            best = max(near, key=lambda i: likeness(log, mine[i], row)) if len(near) > 1 else near[0]
            taken.add(best)
            pairs.append((mine[best], row))
        else:
            rest.append(row)
    left = [m for i, m in enumerate(mine) if i not in taken]
    more, mine_only, theirs_only = pair_by_time(left, rest)
    # Zeek's clock never goes back: in a capture whose times do, its row stands far behind its own connection. Such are
    # matched in order.
    for row in [t for t in theirs_only if id(t) in leaped]:
        if mine_only:
            more.append((mine_only.pop(0), row))
            theirs_only.remove(row)
    return pairs + more, mine_only, theirs_only


def pair_by_time(mine, theirs):
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


def endless(matched):
    """Zeek leaves the ends out of what it tells about headers; here they stand where the packet has them. Such rows
    match by name and time."""
    left = collections.defaultdict(list)
    for _, only_mine, _ in matched:
        for row in only_mine:
            left[(row["name"], round(row["ts"], 5))].append(row)
    more, used = [], set()
    for _, _, only_theirs in matched:
        for row in list(only_theirs):
            candidates = left.get((row["name"], round(row["ts"], 5))) if "id.orig_h" not in row else None
            if candidates:
                more.append((candidates.pop(0), row))
                used.add(id(more[-1][0]))
                only_theirs.remove(row)
    return [(p, [m for m in mine if id(m) not in used], theirs) for p, mine, theirs in matched] + [(more, [], [])]


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
    captures_there = len(reference)
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
    only_here = collections.Counter()  # (log, field, reason)
    explained = collections.Counter()  # (log, field)

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
        leaped = behind_their_connection(theirs_all)
        in_logs = {(log, row["uid"]) for log, rows in theirs_all.items() for row in rows if log != "conn" and "uid" in row}
        for log in set(theirs_all) | set(mine):
            if a.log and log not in a.log or log not in made:
                continue
            g_mine, g_theirs = groups(log, mine.get(log, [])), groups(log, theirs_all.get(log, []))
            matched = [pair(log, g_mine.get(key, []), g_theirs.get(key, []), leaped) for key in sorted(set(g_mine) | set(g_theirs))]
            if log == "weird":
                matched = endless(matched)
            for pairs, only_mine, only_theirs in matched:
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
                        if field in OWN or (log, field) in OWN_OF_LOG:
                            continue
                        if field not in theirs_fields[log]:
                            continue
                        if (log, field) in UNLIKE and UNLIKE[(log, field)][0](t):
                            continue
                        here, there = canon(log, field, m.get(field)), canon(log, field, t.get(field))
                        if there in (None, []) and here not in (None, []) and (log, field) in ONLY_HERE:
                            reason = ONLY_HERE[(log, field)](t, lambda other: (other, t.get("uid")) in in_logs)(m.get(field))
                            if reason:
                                only_here[(log, field, reason)] += 1
                                continue
                        if here is None and there is None and field not in ("ts",):
                            continue  # nothing was said after all
                        if (log, field) in EXPLAINED and not equal(here, there) and EXPLAINED[(log, field)][0](m, t):
                            explained[(log, field)] += 1
                            continue
                        total[(log, field)] += 1
                        if equal(here, there) or (field == "ts" and same_clock(os.path.join(a.corpus, "captures", name), here, there)):
                            good[(log, field)] += 1
                        elif a.field in (None, field) and shown[(log, field)] < a.show:
                            shown[(log, field)] += 1
                            print(f"{log}.{field} {name} {endpoints(t)} ts={t.get('ts')}\n   here {m.get(field)!r}\n   Zeek {t.get(field)!r}")
    waivers = table("waivers.tsv")
    known = table("open.tsv")
    for (log, field), (share, why) in waivers.items():
        if share > 0.01:
            print(f"waivers.tsv: {log}.{field} waives {share}, more than 0.01")
            return 1
    out, below, still_open, worse, better = [], [], [], [], []
    out.append("| log | field | values | agree | share | |\n|---|---|---:|---:|---:|---|")
    for key in explained:
        if total[key] >= 200:
            print(f"EXPLAINED: {key[0]}.{key[1]} has {total[key]} values; only waivers of 0.01 are for such")
            return 1

    def judge(log, field, count, agree):
        share, lacking = agree / count if count else 1.0, count - agree
        waived, reason = waivers.get((log, field), (0.0, ""))
        meets = share + waived >= 0.98 if count >= 200 else lacking <= 1 or lacking <= 1 + math.ceil(waived * count)
        note = "waiver" if waived else ""
        if (log, field) in known:
            least = known[(log, field)][0]
            if meets:
                better.append(f"{log}.{field}")
            else:
                note = "open"
                still_open.append(f"{log}.{field} {agree}/{count}")
            if round(share, 4) < least:
                worse.append(f"{log}.{field} {share:.4f} < {least}")
        elif not meets:
            note = "below the bar"
            below.append(f"{log}.{field} {agree}/{count}")
        out.append(f"| {log} | {field} | {count} | {agree} | {share:.4f} | {note} |")

    for log in set(rows_both) | set(rows_theirs):
        if rows_both[log] + rows_theirs[log]:
            good[(log, "(rows)")], total[(log, "(rows)")] = rows_both[log], rows_both[log] + rows_theirs[log]
    for log in sorted({l for l, _ in total}):
        n = rows_both[log] + rows_theirs[log]
        if n == 0:
            continue
        judge(log, "(rows)", n, rows_both[log])
        out[-1] = out[-1][:-2] + f" only here {rows_mine[log]}, only Zeek {rows_theirs[log]} |"
        for (l, field), count in sorted(total.items()):
            if l != log or field == "(rows)":
                continue
            judge(l, field, count, good[(l, field)])
    tally = None
    if not a.log or "others" in a.log:
        tally = others.compare(a.corpus, results, a.file)
        for program, field, capture, value in tally.lacking:
            if a.field in (None, field) and shown[(program, field)] < a.show:
                shown[(program, field)] += 1
                print(f"{program} {field} {capture} lacks {value[:200]!r}")
        out.append("")
        for program, field in sorted(set(tally.total) | set(tally.explained)):
            judge(program, field, tally.total[(program, field)], tally.found[(program, field)])
            total[(program, field)], good[(program, field)] = tally.total[(program, field)], tally.found[(program, field)]
            if tally.explained[(program, field)]:
                out[-1] = out[-1][:-2] + f" {tally.explained[(program, field)]} more are explained |"
    if a.markdown:
        with open(a.markdown, "w", encoding="utf-8") as f:
            f.write(page(out, files, crashed, captures_there, rows_both, rows_mine, rows_theirs, only_here, explained, waivers, known, good, total, below, tally))
    def shown_in_brief(line):
        cells = line.split("|")
        return len(cells) < 6 or not cells[5].strip()[:1].isdigit() or float(cells[5]) < 0.995

    print("\n".join(l for l in out if not a.brief or shown_in_brief(l)))
    for name, code, err in crashed:
        print(f"FAILED {name}: exit {code}: {err.strip()}")
    for what, items in (("open", still_open), ("worse than open.tsv says", worse), ("meets the bar, strike it from open.tsv", better), ("below the bar", below)):
        if items:
            print(f"{what}: {', '.join(items)}")
    print(f"{len(files)} captures, {len(crashed)} failed; {len(total)} fields: {len(below)} below the bar, {len(still_open)} open")
    return 1 if a.check and (crashed or below or worse) else 0


def table(name):
    """{(log, field): (share, why)} of a file of tab-separated values beside this one."""
    path, out = os.path.join(HERE, name), {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    log, field, share, why = line.rstrip("\n").split("\t")
                    out[(log, field)] = (float(share), why)
    return out


def page(lines, files, crashed, captures_there, both, mine, theirs, only_here, explained, waivers, known, good, total, below, tally):
    """docs/conformance.md."""
    big = [k for k in total if total[k] >= 200]
    text = f"""# Conformance with Zeek

Made by `tests/conformance/compare.py --markdown docs/conformance.md`; do not edit by hand.

Whodunit's records of {len(files)} captures ({len(crashed)} of which it failed on) beside every log row of Zeek 8.2.2
(JSON logs, `-C`: checksums not checked, built without Spicy) of the same captures; Zeek has rows of {captures_there} of them. Rows of
one log are matched by their connection's endpoints and what tells them apart, in time order; {sum(both.values())} rows are in
both, {sum(mine.values())} only here, {sum(theirs.values())} only in Zeek's logs. Fields that only Whodunit has are not compared, nor are identifiers that each
program makes for itself ({", ".join(f"`{name}`" for name in sorted(OWN))}).

The bar: a field with 200 values or more agrees in at least 98 % of them, one with fewer in all but one; and as many of the
rows that Zeek has are here, too. Of {len(total)} fields
({len(big)} with 200 values or more), {len(total) - len(below) - len([k for k in known if k in total])} meet it, of which {len([k for k in waivers if k in total])} have a waiver; {len([k for k in known if k in total])} are known to be open, {len(below)} are below it otherwise.
Agreement with another program is no proof: both can be wrong. Where the two differ and the standard is with us, a waiver says so.

## How values are made comparable

| log | field | why |
|---|---|---|
"""
    clock = [(("any", "ts"), (None, "where a capture's clock goes back: Zeek's only goes forward, so that its rows have the highest time so far; here they have the packet's own"))]
    rules = [*CANON.items(), *clock, *(((l, f), (_, "not compared " + why)) for (l, f), (_, why) in UNLIKE.items())]
    text += "".join(f"| {'any' if l == '*' else l} | {f} | {why} |\n" for (l, f), (_, why) in sorted(rules, key=lambda r: r[0]))
    text += """
## Values that only Whodunit has

Zeek's row is there, its field is empty, and the packets show a value. They are counted here instead of being compared.

| log | field | values | why |
|---|---|---:|---|
"""
    text += "".join(f"| {l} | {f} | {n} | {why} |\n" for (l, f, why), n in sorted(only_here.items()))
    text += """
## Differences explained

Of fields with fewer than 200 values; counted here instead of being compared.

| log | field | values | why |
|---|---|---:|---|
"""
    text += "".join(f"| {l} | {f} | {n} | {EXPLAINED[(l, f)][1]} |\n" for (l, f), n in sorted(explained.items()))
    text += """
## Waivers

The share of a field's values that may differ because the standard is with us.

| log | field | share | why |
|---|---|---:|---|
"""
    text += "".join(f"| {l} | {f} | {share} | {why} |\n" for (l, f), (share, why) in sorted(waivers.items()))
    text += """
## Beside Suricata, tshark, nDPI, Arkime and FoxIO

Their logs are cut in another way: what is compared is each raw value that they state, found where a record of the same
capture (of Suricata's: between the same ends) has it. The table of all fields has them at its end. Left out:

| program | field | capture | why |
|---|---|---|---|
"""
    text += "".join(f"| tshark | {start}* | any with {layer} | {why} |\n" for layer, start, why in others.APART)
    if tally is not None:
        text += "".join(f"| {p} | {f} | {c} | {why} |\n" for (p, f, c), why in sorted(tally.known.items()))
        text += "\nEach line explains as many values as others.tsv says, and no more.\n"
    text += """
## Open

Fields below the bar that are known to be: the share that they must not fall under, and the cause as far as it is known.

| log | field | agree | of | at least | cause |
|---|---|---:|---:|---:|---|
"""
    text += "".join(f"| {l} | {f} | {good[(l, f)]} | {total[(l, f)]} | {share} | {why} |\n" for (l, f), (share, why) in sorted(known.items()) if (l, f) in total)
    return text + "\n## All fields\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
