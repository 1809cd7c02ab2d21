#!/usr/bin/env python3
"""Makes the seeds of attribution_evidence, base_text, files, gssapi, logs_eve, logs_zeek, report_document and x509. Run in fuzz/seeds, after
./dev build; the files are kept in the repository, so that fuzzing does not need this script."""
import base64
import json
import pathlib
import re
import struct
import subprocess


def put(target, name, data):
    folder = pathlib.Path(target)
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


put("base_text", "ip4", "192.0.2.1")
put("base_text", "ip6", "2001:db8::ffff:192.0.2.1")
put("base_text", "network", "192.0.2.0/24")
put("base_text", "network6", "2001:db8::/32")
put("base_text", "time", "2024-02-29T23:59:59.123456Z")
put("base_text", "base64", "aGVsbG8gd29ybGQ=")
put("base_text", "uid", "CAbcDefGhi12")

put("attribution_evidence", "facts", json.dumps({
    "time": "2024-02-29", "country": "NL", "sectors": ["energy"], "techniques": ["T1190", "T1071.001"], "tools": ["x"],
    "hours": [[8, 3]], "languages": ["ru"], "notes": "none"}))
put("attribution_evidence", "manual", json.dumps({"facts": [{"level": "operator", "grade": "B2", "text": "x", "for": "x"}]}))
put("attribution_evidence", "grade", "A1")

# A PE file's headers: DOS header, signature, COFF header, optional header, one section.
dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, 1, 0x5F000000, 0, 0, 224, 0x102)
optional = struct.pack("<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII", 0x10B, 14, 0, 512, 0, 0, 0x1000, 0x1000, 0x2000, 0x400000, 0x1000,
                       512, 6, 0, 0, 0, 6, 0, 0, 0x3000, 512, 0, 3, 0x140, 0, 0, 0, 0, 0, 16) + bytes(128)
section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", 512, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
put("files", "pe", dos + coff + optional + section)
put("files", "pieces", b"\xff\xfe\x05%PDF-" + b"\x00\x01\x041.4\n" + b"\xff\xff\x10" + b"\xff\xfe\x03end")
put("files", "html", "<!DOCTYPE html><html><body>x</body></html>")
put("files", "ocsp", bytes.fromhex("300a0a0100a003300100"))

ntlm1 = b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + bytes(16) + bytes.fromhex("0a00614a0000000f")


def der(tag, body):
    size = bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])
    return bytes([tag]) + size + body


spnego, ntlmssp = bytes.fromhex("06062b0601050502"), bytes.fromhex("060a2b06010401823702020a")
initial = der(0x60, spnego + der(0xA0, der(0x30, der(0xA0, der(0x30, ntlmssp)) + der(0xA2, der(4, ntlm1)))))
target = "D".encode("utf-16le")
challenge = b"NTLMSSP\0" + struct.pack("<IHHI", 2, 2, 2, 56) + struct.pack("<I", 0xE2898215) + bytes(16) + \
    struct.pack("<HHI", 8, 8, 58) + bytes(8) + target + struct.pack("<HH", 2, 0) + struct.pack("<HH", 0, 0)
answer = der(0xA1, der(0x30, der(0xA0, der(10, b"\1")) + der(0xA1, ntlmssp) + der(0xA2, der(4, challenge))))
user = "me".encode("utf-16le")
login = b"NTLMSSP\0" + struct.pack("<I", 3) + struct.pack("<HHI", 24, 24, 72) * 2 + struct.pack("<HHI", 2, 2, 64) + \
    struct.pack("<HHI", 4, 4, 66) + struct.pack("<HHI", 0, 0, 64) * 2 + struct.pack("<I", 0xE2888215) + target + user + bytes(28)
put("gssapi", "negotiation", b"\xf1\x9d\0" + initial + b"\xf1\x9d\1" + answer + b"\xf1\x9d\0" + login)
put("gssapi", "ntlm", b"\xf1\x9d\0" + ntlm1 + b"\xf1\x9d\1" + challenge + b"\xf1\x9d\0" + login)

certificates = pathlib.Path("../../tests/protocol/tls_certificates.h").read_text()
for name, text in re.findall(r"(k\w+Certificate)[^=]*=\s*((?:\"[^\"]*\"\s*)+|R\"\([^)]*\)\")", certificates):
    put("x509", name, base64.b64decode("".join(re.findall(r"[A-Za-z0-9+/=]{8,}", text))))

verdict = json.loads(subprocess.run(["../../build/whodunit", "investigate", "../../tests/data/intrusion.pcap", "--json", "--quiet"],
                                    stdout=subprocess.PIPE, check=False).stdout)
put("report_document", "verdict", json.dumps(verdict))

# EVE: an event of each type that is read, and lines that are none.
flow = {"timestamp": "2021-06-06T15:59:48.0+0200", "flow_id": 1, "src_ip": "198.51.100.9", "src_port": 51698,
        "dest_ip": "192.0.2.1", "dest_port": 445, "proto": "TCP"}
events = {
    "flow": {"pkts_toserver": 3, "pkts_toclient": 2, "bytes_toserver": 500, "bytes_toclient": 400,
             "start": "2021-06-06T15:59:46.0+0200", "end": "2021-06-06T15:59:47.0+0200"},
    "alert": {"action": "allowed", "signature_id": 24, "signature": "Something", "category": "Web Application Attack",
              "severity": 1, "metadata": {"mitre_technique_id": ["T1190"]}, "source": {"ip": "198.51.100.9"}},
    "http": {"hostname": "a.example", "url": "/", "http_method": "GET", "protocol": "HTTP/1.1", "status": 200, "length": 7,
             "http_content_type": "text/html; charset=x"},
    "tls": {"sni": "a.example", "version": "TLS 1.2", "subject": "CN=a", "issuerdn": "CN=b", "fingerprint": "ab:cd",
            "serial": "01", "notbefore": "2015-01-01T00:00:00", "ja3": {"hash": "x"}, "client_alpns": ["h2"]},
    "ssh": {"client": {"proto_version": "2.0", "software_version": "x", "hassh": {"hash": "y", "string": "z"}}},
    "krb5": {"msg_type": "KRB_AS_REP", "cname": "a", "realm": "B", "sname": "krbtgt/B", "encryption": "rc4-hmac"},
    "smb": {"command": "SMB2_COMMAND_TREE_CONNECT", "share": "\\\\a\\c$", "status_code": "0x0", "share_type": "FILE"},
    "ftp": {"command": "USER", "command_data": "a", "completion_code": ["331"], "reply": ["x"]},
    "smtp": {"helo": "a", "mail_from": "<a@b>", "rcpt_to": ["<c@d>"]},
    "rdp": {"cookie": "a", "client": {"client_name": "n"}},
    "quic": {"version": "1", "sni": "a.example"},
    "fileinfo": {"filename": "a", "size": 3, "sha256": "00"},
    "anomaly": {"event": "x", "layer": "proto_parser", "app_proto": "http"},
}
lines = [json.dumps({**flow, "event_type": k, k: v, "tcp": {"tcp_flags_ts": "1b", "tcp_flags_tc": "13"}, "vlan": [5]})
         for k, v in events.items()]
for kind in ("query", "answer", "request", "response"):
    lines.append(json.dumps({**flow, "event_type": "dns", "dns": {
        "type": kind, "id": 7, "rrname": "a.example", "rrtype": "A", "rcode": "NOERROR", "queries": [{"rrname": "b", "rrtype": "TXT"}],
        "answers": [{"rrname": "a", "rrtype": "SRV", "ttl": 1, "srv": {"name": "s"}}, {"rdata": "192.0.2.1"}]}}))
put("logs_eve", "all", "\n".join(lines + ["", "[]", "{", '{"event_type":"stats","timestamp":"2021-06-06T15:59:48Z"}']))

# Zeek's logs, as our own program writes them from our own capture.
program = pathlib.Path("../../build/whodunit")
for form, ending in (("zeek", "log"), ("json", "ndjson")):
    subprocess.run([program, "logs", "../../tests/data/intrusion.pcap", "--format", form, "-o", f"/tmp/seeds_{form}"], check=True)
    for name in ("conn", "dns", "http", "ssh"):
        text = pathlib.Path(f"/tmp/seeds_{form}/{name}.{ending}").read_text().splitlines()
        put("logs_zeek", f"{name}.{ending}", "\n".join(text[:14]) + "\n")
