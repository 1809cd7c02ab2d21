#!/usr/bin/env python3
"""Captures made to exhaust an analyser: floods.py PROGRAM [NAME…]

Each case makes its packets here, gives them to the program with a small memory limit, and asks that it ends well, within
its memory, and that what matters is still told: a flood must cost the flood, not those who were there before.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import time

CLIENT, SERVER = 0x0A000001, 0xC6336414  # 10.0.0.1, 198.51.100.20
SYN, ACK, PSH, FIN = 2, 16, 8, 1


class Capture:
    """A pcap file that grows; times in microseconds."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))  # raw IP
        self.now = 1_700_000_000_000_000

    def packet(self, data, step=1):
        self.now += step
        self.file.write(struct.pack("<IIII", self.now // 1_000_000, self.now % 1_000_000, len(data), len(data)) + data)

    def ip(self, source, destination, protocol, payload, ident=0, fragment=0, step=1):
        self.packet(struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0, source,
                                destination) + payload, step)

    def tcp(self, source, sport, destination, dport, seq, ack, flags, data=b"", step=1):
        self.ip(source, destination, 6, struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50,
                                                    flags, 65535, 0, 0) + data, step=step)

    def udp(self, source, sport, destination, dport, data, step=1):
        self.ip(source, destination, 17, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data, step=step)

    def open_http(self):
        """A connection of a client that asks for a page."""
        self.tcp(CLIENT, 40000, SERVER, 80, 1000, 0, SYN)
        self.tcp(SERVER, 80, CLIENT, 40000, 5000, 1001, SYN | ACK)
        self.tcp(CLIENT, 40000, SERVER, 80, 1001, 5001, ACK)
        request = b"GET /kept HTTP/1.1\r\nHost: www.example.test\r\n\r\n"
        self.tcp(CLIENT, 40000, SERVER, 80, 1001, 5001, ACK | PSH, request)
        self.asked = 1001 + len(request)

    def close_http(self):
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        self.tcp(SERVER, 80, CLIENT, 40000, 5001, self.asked, ACK | PSH, answer)
        end = 5001 + len(answer)
        self.tcp(CLIENT, 40000, SERVER, 80, self.asked, end, ACK | FIN)
        self.tcp(SERVER, 80, CLIENT, 40000, end, self.asked + 1, ACK | FIN)
        self.tcp(CLIENT, 40000, SERVER, 80, self.asked + 1, end + 1, ACK)


def run(program, arguments, seconds=240):
    """(exit code, stdout's path, peak memory in MiB); the output is in a file, since it may be large."""
    out = tempfile.NamedTemporaryFile(delete=False)
    environment = dict(os.environ, WHODUNIT_HOME=os.path.join(tempfile.gettempdir(), "whodunit-no-home"))
    child = subprocess.Popen(["timeout", str(seconds), program, *arguments], stdout=out, stderr=subprocess.PIPE, env=environment)
    errors = child.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 3):
        raise AssertionError(f"exit {child.returncode}: {errors[-500:]}")
    # timeout's child is its own: the largest of what it waited for.
    return child.returncode, out.name, usage.ru_maxrss / 1024


def rows(path, kind):
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if kind in line:
                yield json.loads(line)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def kept_connection(path):
    """The client's page and connection are told as if nothing else had been there."""
    pages = [r for r in rows(path, '"/kept"') if r.get("uri") == "/kept"]
    check(len(pages) == 1 and pages[0].get("status_code") == 200, f"the client's page: {pages}")
    conns = [r for r in rows(path, '"conn_state"') if r["uid"] == pages[0]["uid"]]
    check(len(conns) == 1 and conns[0]["conn_state"] == "SF" and conns[0]["service"] == "http", f"its connection: {conns}")


def connections(c):
    """300,000 clients that say one word each, within a second."""
    for i in range(300_000):
        c.tcp(0x0B000000 + i, 1024 + i % 60000, SERVER, 80, i, 0, SYN)


def established(c):
    """60,000 clients that do shake hands, send half a request, and stay."""
    for i in range(60_000):
        a = 0x0B000000 + i
        c.tcp(a, 2000, SERVER, 80, 1, 0, SYN)
        c.tcp(SERVER, 80, a, 2000, 9, 2, SYN | ACK)
        c.tcp(a, 2000, SERVER, 80, 2, 10, ACK, b"POST / HTTP/1.1\r\nX: " + b"a" * 400)


def fragments(c):
    """200,000 beginnings of datagrams that never end, and ends that never began."""
    for i in range(200_000):
        c.ip(0x0B000000 + i // 7, SERVER, 17, b"x" * 512, ident=i & 0xFFFF, fragment=0x2000 if i % 2 else 0x2040)


def holes(c):
    """A stream of 200,000 segments with a hole before each."""
    c.tcp(0x0B000001, 2000, SERVER, 80, 0, 0, SYN)
    c.tcp(SERVER, 80, 0x0B000001, 2000, 9, 1, SYN | ACK)
    for i in range(200_000):
        c.tcp(0x0B000001, 2000, SERVER, 80, 1000 + 200 * i, 10, ACK, b"h" * 100)
        if i % 50 == 0:
            c.tcp(SERVER, 80, 0x0B000001, 2000, 10, 1, ACK)


def header(c):
    """Headers of 32 MiB, and lines of as much that never end."""
    for client, begin in ((0x0B000001, b"GET / HTTP/1.1\r\nX: "), (0x0B000002, b"GET /"), (0x0B000003, b"220 "),
                          (0x0B000004, b"GET / HTTP/1.1\r\n")):
        port = 21 if begin.startswith(b"220") else 80
        c.tcp(client, 2000, SERVER, port, 0, 0, SYN)
        c.tcp(SERVER, port, client, 2000, 9, 1, SYN | ACK)
        c.tcp(client, 2000, SERVER, port, 1, 10, ACK, begin)
        seq = 1 + len(begin)
        block = (b"X: y\r\n" * 10000 if client == 0x0B000004 else b"a" * 60000)[:60000]
        for _ in range(128 * 1024 * 1024 // 4 // 60000):
            c.tcp(client, 2000, SERVER, port, seq, 10, ACK, block, step=10)
            c.tcp(SERVER, port, client, 2000, 10, seq + len(block), ACK, step=10)
            seq += len(block)


def names(c):
    """100,000 names under as many domains, each asked for once and refused, by 1,000 hosts; then the verdict."""
    for i in range(100_000):
        label = b"n%07d" % i
        question = bytes([len(label)]) + label + bytes([8]) + b"x%07d" % i + b"\4test\0\0\1\0\1"
        host = 0x0B000000 + i % 1000
        c.udp(host, 1024 + i % 60000, SERVER, 53, struct.pack(">HHHHHH", i & 0xFFFF, 0x0100, 1, 0, 0, 0) + question)
        c.udp(SERVER, 53, host, 1024 + i % 60000, struct.pack(">HHHHHH", i & 0xFFFF, 0x8183, 1, 0, 0, 0) + question)


def scanners(c):
    """10,000 hosts that each knock at 20 doors: findings must not grow without limit, nor the time for them."""
    for i in range(10_000):
        for k in range(20):
            c.tcp(0x0B000000 + i, 1024 + k, SERVER + k, 22, i, 0, SYN)
            c.tcp(SERVER + k, 22, 0x0B000000 + i, 1024 + k, 0, i + 1, 4 | ACK)


def names_told(verdict):
    check(verdict["records"]["dns"] >= 100_000, str(verdict["records"]))
    check(any("memory was used up" in note for note in verdict["notes"]), f"nothing said of what was left out: {verdict['notes']}")


def scanners_told(verdict):
    check(len(verdict["findings"]) > 0, "no finding")


def logs(program, path, flood, most_mib, kept=True):
    """Between the client's question and its answer stands the flood; the logs must tell the client's page (if `kept`)."""
    c = Capture(path)
    c.open_http()
    flood(c)
    if kept:
        c.close_http()
    c.file.close()
    _, out, mib = run(program, ["logs", path, "--format", "json", "--memory", "64", "--quiet"])
    if kept:
        kept_connection(out)
    os.unlink(out)
    check(mib < most_mib, f"{mib:.0f} MiB")


def investigate(program, path, flood, most_mib, told, *options):
    """The same, with a verdict of which `told` must hold."""
    c = Capture(path)
    c.open_http()
    flood(c)
    c.close_http()
    c.file.close()
    _, out, mib = run(program, ["investigate", path, "--json", "--quiet", *options])
    with open(out, encoding="utf-8") as text:
        verdict = json.load(text)
    os.unlink(out)
    told(verdict)
    check(mib < most_mib, f"{mib:.0f} MiB")


CASES = {
    connections: lambda *where: logs(*where, 400),
    established: lambda *where: logs(*where, 400, kept=False),
    fragments: lambda *where: logs(*where, 400),
    holes: lambda *where: logs(*where, 400),
    header: lambda *where: logs(*where, 400),
    names: lambda *where: investigate(*where, 1200, names_told, "--memory", "128"),
    scanners: lambda *where: investigate(*where, 3000, scanners_told),
}


def main():
    program, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    failed = 0
    for flood, case in CASES.items():
        if wanted and flood.__name__ not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            begin = time.time()
            try:
                case(program, os.path.join(folder, "flood.pcap"), flood)
                print(f"ok      {flood.__name__} ({time.time() - begin:.1f} s)", flush=True)
            except (AssertionError, KeyError, ValueError) as problem:
                failed += 1
                print(f"FAILED  {flood.__name__} ({time.time() - begin:.1f} s): {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
