#!/usr/bin/env python3
"""Makes the seeds of attribution_evidence, base_text, files, gssapi, report_document and x509. Run in fuzz/seeds, after
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
