"""What Suricata, tshark, nDPI, Arkime and FoxIO say of the corpus, beside the records; used by compare.py.

Their logs are cut differently from ours (an event a message, a count a field), so that rows cannot be matched one to
one. What is compared is each raw value that they state: it is found where a record of ours of the same capture (and,
for Suricata, between the same two ends) holds it, too."""
import collections, glob, gzip, hashlib, json, os, re, urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
NO_VALUE = re.compile(r"<[^>]*>$")


def text(value):
    """Letters without escapes of either program, in lower case."""
    if value is None:
        return None
    value = str(value)
    value = re.sub(r"\\x[0-9a-fA-F]{2}|[^\x20-\x7e]|\ufffd", "", value)
    return value.strip().lower() or None


def each(value):
    return value if isinstance(value, list) else [value]


def uri(value):
    """Zeek unescapes URIs and so do we; the others do not."""
    if not value or "libhtp::" in str(value):  # Suricata's word for a request that it did not see
        return None
    value = str(value)
    for _ in range(3):  # what was escaped twice is so on one side only
        value = urllib.parse.unquote(value, errors="replace")
    value = text(value)
    # Of a URI in absolute form (RFC 9112 3.2.2) what follows the host.
    return re.sub(r"^[a-z]+://[^/]*", "", value) or "/" if value else None


def host(value):
    value = text(value)
    return re.sub(r":\d+$", "", value) if value else None


def name(value):
    """A domain name: without the root's dot, and NetBIOS' names without their padding and kind."""
    value = text(value)
    return re.sub(r"<[0-9a-f]{2}>$|\s+$", "", value).rstrip(".").strip() or None if value else None


def path(value):
    value = text(value)
    return value.replace("/", "\\").strip("\\") or None if value else None


def account(value):
    """Kerberos: user/REALM here, the user alone there."""
    value = text(value)
    return value.split("/")[0] or None if value else None


def principal(value):
    value = text(value)
    return value.split("@")[0] or None if value else None


def software(value):
    """SSH-2.0-software comment (RFC 4253 4.2)."""
    value = text(value)
    m = re.match(r"ssh-[0-9.]+-([^ ]*)", value) if value else None
    return m.group(1) if m else value


def community(value):
    if value is None or str(value).lower() in ("public", "private") or str(value).startswith("sha256:"):
        return text(value)
    return "sha256:" + hashlib.sha256(str(value).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def serial(value):
    value = text(value)
    return value.replace(":", "").lstrip("0") or "0" if value else None


def dig(event, key):
    for part in key.split("."):
        if isinstance(event, list):
            event = [e[part] for e in event if isinstance(e, dict) and part in e]
        else:
            event = event.get(part) if isinstance(event, dict) else None
        if event is None:
            return []
    return each(event)


def mail(value):
    value = text(value)
    return value.strip("<> ") or None if value else None


def sip_address(value):
    """The URI in a From (RFC 3261 20.20), without a display name and parameters."""
    found = re.search(r"sips?:[^>;\s\"]*", text(value) or "")
    return found.group(0) if found else None


def is_http(event):
    """What Suricata takes for HTTP of RTSP and SIP is none."""
    return re.match(r"HTTP/[012]", str(event["http"].get("protocol") or "HTTP/1.1")) is not None


# (event type, its field, our log, our fields, how the values are made comparable, whether of this event).
EVE = [
    ("dns", "dns.rrname", "dns", ("query", "question"), name, None),
    ("http", "http.hostname", "http", ("host",), host, lambda e: is_http(e) and e["http"].get("http_method") != "CONNECT"),
    ("http", "http.url", "http", ("uri",), uri, is_http),
    ("http", "http.http_method", "http", ("method",), text, is_http),
    ("http", "http.status", "http", ("status_code", "info_code"), text, is_http),
    ("http", "http.http_user_agent", "http", ("user_agent",), text, is_http),
    ("http", "http.http_refer", "http", ("referrer",), text, is_http),
    ("tls", "tls.sni", "ssl", ("server_name",), name, None),
    ("tls", "tls.serial", "x509", ("certificate.serial",), serial, None),
    ("quic", "quic.sni", "quic", ("server_name",), name, None),
    ("ssh", "ssh.client.software_version", "ssh", ("client",), software, None),
    ("ssh", "ssh.server.software_version", "ssh", ("server",), software, None),
    ("smb", "smb.filename", "smb_files", ("name", "prev_name"), path, lambda e: e["smb"].get("command") in ("SMB2_COMMAND_CREATE", "SMB1_COMMAND_NT_CREATE_ANDX") and e["smb"].get("status") == "STATUS_SUCCESS"),
    ("smb", "smb.share", "smb_mapping", ("path",), path, None),
    ("dcerpc", "dcerpc.req.opnum", "dce_rpc", ("opnum",), text, None),
    ("krb5", "krb5.cname", "kerberos", ("client",), account, lambda e: e["krb5"].get("cname") != "<empty>"),
    ("krb5", "krb5.sname", "kerberos", ("service", "shown_service"), principal, lambda e: e["krb5"].get("sname") != "<empty>"),
    ("dhcp", "dhcp.id", "dhcp", ("xid",), text, None),
    ("dhcp", "dhcp.client_mac", "dhcp", ("mac",), text, None),
    ("dhcp", "dhcp.assigned_ip", "dhcp", ("assigned_addr",), text, lambda e: e["dhcp"].get("assigned_ip") != "0.0.0.0"),
    ("smtp", "smtp.helo", "smtp", ("helo",), text, None),
    ("smtp", "smtp.mail_from", "smtp", ("mailfrom",), mail, None),
    ("smtp", "smtp.rcpt_to", "smtp", ("rcptto",), mail, None),
    ("smtp", "email.subject", "smtp", ("subject",), text, None),
    ("rfb", "rfb.framebuffer.width", "rfb", ("width",), text, None),
    ("rfb", "rfb.framebuffer.height", "rfb", ("height",), text, None),
    ("mqtt", "mqtt.publish.topic", "mqtt_publish", ("topic",), text, None),
    ("mqtt", "mqtt.connect.client_id", "mqtt_connect", ("client_id",), text, None),
    ("mqtt", "mqtt.subscribe.topics.topic", "mqtt_subscribe", ("topics",), text, None),
    ("sip", "sip.method", "sip", ("method",), text, lambda e: e["sip"].get("method") != "ACK"),
    ("sip", "sip.uri", "sip", ("uri",), text, None),
    ("sip", "sip.code", "sip", ("status_code",), text, None),
    ("snmp", "snmp.community", "snmp", ("community",), community, None),
    ("rdp", "rdp.cookie", "rdp", ("cookie",), text, None),
    ("rdp", "rdp.client.client_name", "rdp", ("client_name",), text, None),
    ("ftp_data", "ftp_data.filename", "ftp", ("arg",), lambda v: (text(v) or "").rsplit("/", 1)[-1] or None, None),
]

# tshark's field, our log, our fields, how.
TSHARK = [
    ("dns.qry.name", "dns", ("query", "question"), name),
    ("http.request.uri", "http", ("uri",), uri),
    ("http.host", "http", ("host",), host),
    ("http.request.method", "http", ("method",), text),
    ("http.response.code", "http", ("status_code", "info_code"), text),
    ("http.user_agent", "http", ("user_agent",), text),
    ("tls.handshake.ja3", "ssl", ("ja3",), text),
    ("tls.handshake.ja3s", "ssl", ("ja3s",), text),
    ("tls.handshake.extensions_server_name", "ssl", ("server_name",), name),
    ("dcerpc.opnum", "dce_rpc", ("opnum",), text),
    ("smb2.filename", "smb_files", ("name", "prev_name"), path),
    ("smb2.tree", "smb_mapping", ("path",), path),
    ("smb.path", "smb_mapping", ("path",), path),
    ("sip.Method", "sip", ("method",), text),
    ("ssh.kex.hassh", "ssh", ("hassh",), text),
    ("ssh.kex.hasshserver", "ssh", ("hassh_server", "hasshServer"), text),
    ("ldap.baseObject", "ldap_search", ("base_object",), text),
    ("mysql.user", "mysql", ("arg",), text),
    ("radius.User_Name", "radius", ("username",), text),
    ("rdp.rt_cookie", "rdp", ("cookie",), lambda v: (text(v) or "").replace("cookie: mstshash=", "") or None),
    ("rdp.client.name", "rdp", ("client_name",), text),
    ("mqtt.topic", "mqtt_publish", ("topic",), text),
    ("ntlmssp.auth.username", "ntlm", ("username",), text),
    ("ntlmssp.auth.domain", "ntlm", ("domainname",), text),
    ("ntlmssp.auth.hostname", "ntlm", ("hostname",), text),
    ("snmp.community", "snmp", ("community",), community),
    ("kerberos.CNameString", "kerberos", ("client",), account),
    ("ssh.protocol", "ssh", ("client", "server"), text),
    ("sip.from.addr", "sip", ("request_from", "response_from"), sip_address),
    ("mysql.version", "mysql", ("server_version",), text),
    ("http2.headers.path", "http", ("uri",), uri),
    ("http2.headers.authority", "http", ("host",), lambda v: host(str(v).rsplit("@", 1)[-1]) if v else None),
    ("ldap.name", "ldap", ("object",), text),
]


# Where tshark's field also holds what is none of the record's: (layer in the capture, beginning of the field, why).
APART = [
    ("mdns", "dns.", "a message of mDNS asks several questions (RFC 6762 5.3) and answers others' on its own; a record has one"),
    ("ssdp", "http.", "SSDP writes messages like HTTP's into datagrams (UPnP Device Architecture 1.1)"),
    ("dcerpc:pn", "dcerpc.", "DCE/RPC in datagrams ([C706] 12.5), as PROFINET has it, is not followed"),
    ("udp:dcerpc", "dcerpc.", "DCE/RPC in datagrams ([C706] 12.5), as PROFINET has it, is not followed"),
]


def values(rows, fields, how):
    out = set()
    for row in rows:
        for field in fields:
            for v in each(row.get(field)):
                v = how(v)
                if v is not None:
                    out.add(v)
    return out


def ends(row, a="id.orig_h", b="id.resp_h"):
    return tuple(sorted((str(row.get(a)), str(row.get(b)))))


class Tally:
    """(program, field) -> values stated and found, and those that are explained (others.tsv)."""

    def __init__(self):
        self.total, self.found, self.lacking, self.explained = collections.Counter(), collections.Counter(), [], collections.Counter()
        self.known, self.left = {}, {}  # `left`: how many values a line may still explain; what comes beyond counts
        with open(os.path.join(HERE, "others.tsv"), encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    program, field, capture, most, why = line.rstrip("\n").split("\t")
                    self.known[(program, field, capture)] = why
                    self.left[(program, field, capture)] = int(most)

    def add(self, program, field, capture, stated, ours):
        for v in sorted(stated):
            key = next(((p, f, capture) for p in (program, "*") for f in (field, "*") if self.left.get((p, f, capture), 0) > 0), None)
            if v not in ours and key is not None:
                self.left[key] -= 1
                self.explained[(program, field)] += 1
                continue
            self.total[(program, field)] += 1
            # The corpus cuts long values.
            if v in ours or (len(v) >= 200 and any(o.startswith(v) for o in ours)):
                self.found[(program, field)] += 1
            else:
                self.lacking.append((program, field, capture, v))


def suricata(corpus, results, tally, only):
    events = collections.defaultdict(lambda: collections.defaultdict(set))  # capture -> (field index, ends) -> values
    kinds = collections.defaultdict(list)
    for i, spec in enumerate(EVE):
        kinds[spec[0]].append(i)
    with gzip.open(os.path.join(corpus, "reference/suricata.ndjson.gz"), "rt", encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            d = json.loads(line)
            if only not in d["file"]:
                continue
            for i in kinds.get(d["log"], ()):
                _, field, _, _, how, when = EVE[i]
                row = d["row"]
                try:
                    if when is not None and not when(row):
                        continue
                except KeyError:
                    continue
                key = () if d["log"] == "dhcp" else ends(row, "src_ip", "dest_ip")  # an exchange lies on several ends
                for v in dig(row, field):
                    v = how(v)
                    if v is not None:
                        events[d["file"]][(i, key)].add(v)
    for capture, (_, _, rows) in results:
        for (i, key), stated in sorted(events.get(capture, {}).items(), key=str):
            kind, field, log, fields, how, _ = EVE[i]
            mine = rows.get(log, ())
            if key and log != "x509":
                mine = [r for r in mine if normal(ends(r)) == normal(key)]
            tally.add("Suricata", field, capture, stated, values(mine, fields, how))


def normal(pair):
    """Suricata writes IPv6 addresses in full."""
    import ipaddress
    out = []
    for a in pair:
        try:
            out.append(str(ipaddress.ip_address(a)))
        except ValueError:
            out.append(a)
    return tuple(sorted(out))


def expected(corpus, results, tally):
    for capture, (_, _, rows) in results:
        file = os.path.join(corpus, "expect", capture + ".json")
        if not os.path.exists(file):
            continue
        with open(file, encoding="utf-8") as f:
            said = json.load(f)["expected"]
        fields = (said.get("tshark_4.0.17") or {}).get("fields") or {}
        layers = " ".join(fields.get("frame.protocols", ()))
        for field, log, ours, how in TSHARK:
            if any(layer in layers and field.startswith(start) for layer, start, _ in APART):
                continue
            # A value with a comma may be cut (the corpus' README); NULL is tshark's word for none, and <…> for what is no
            # name (the root, one longer than 255 octets, a label of no known kind: RFC 1035 2.3.4, RFC 6891 5); an ACK is
            # no request that is answered (RFC 3261 17.1.1.3); three digits make a status code (RFC 9110 15).
            stated = {v for v in (how(v) for v in fields.get(field, ()) if "," not in v and v not in ("NULL", "ACK") and not NO_VALUE.match(v)) if v is not None}
            if stated:
                tally.add("tshark", field, capture, stated, values(rows.get(log, ()), ours, how))
        flows = said.get("ja4_repo")
        if isinstance(flows, list):
            stated = {v for flow in flows for k, v in flow.items() if k.startswith("JA4.")}
            tally.add("FoxIO", "JA4", capture, stated, values(rows.get("ssl", ()), ("ja4",), text))
        # Not nDPI's JA4: that release wrote the first two letters of ALPN where JA4 has the first and the last.
        for program, key, ours in (("nDPI", "ja3c", "ja3"),):
            stated = {text(flow[key]) for flow in (said.get("ndpi") or {}).get("flows") or [] if flow.get(key)}
            tally.add(program, key, capture, stated - {None}, values(rows.get("ssl", ()), (ours,), text))
        stated = {text(s["body"]["network"]["community_id"]) for s in (said.get("arkime") or {}).get("sessions3", [])
                  if (s.get("body", {}).get("network") or {}).get("community_id")}
        tally.add("Arkime", "network.community_id", capture, stated - {None}, values(rows.get("conn", ()), ("community_id",), text))


def compare(corpus, results, only=""):
    tally = Tally()
    suricata(corpus, results, tally, only)
    expected(corpus, results, tally)
    return tally
