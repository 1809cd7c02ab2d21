#!/usr/bin/env python3
"""Makes the seeds of capture_pcap, capture_pcapng, capture_packed and packet_decode, all from nothing.

Run in fuzz/seeds; the files are kept in the repository, so that fuzzing does not need this script.
"""
import gzip
import lzma
import struct
import subprocess

LINK_TYPES = [1, 1, 1, 1, 101, 101, 0, 108, 9, 50, 104, 105, 107, 113, 119, 127, 163, 192, 219, 228, 229, 239, 258, 276,
              10, 6, 100, 109, 122, 123, 166, 204, 274, 51]


def be(value, size):
    return value.to_bytes(size, "big")


def ip4(protocol, payload, fragment=0, ident=1):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0, b"\x0a\0\0\1", b"\x0a\0\0\2") + payload


def ip6(following, payload):
    return struct.pack(">IHBB", 0x60000000, len(payload), following, 64) + b"\x20\x01\x0d\xb8" + bytes(11) + b"\1" + \
        b"\x20\x01\x0d\xb8" + bytes(11) + b"\2" + payload


def udp(source, destination, payload):
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def tcp(payload):
    return struct.pack(">HHIIBBHHH", 1000, 80, 1, 2, 0x60, 0x18, 512, 0, 0) + b"\2\4\5\xb4" + payload


def ethernet(kind, payload):
    return b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + be(kind, 2) + payload


def pcap(packets, order="<", magic=0xA1B2C3D4):
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for i, p in enumerate(packets):
        out += struct.pack(order + "IIII", 1000 + i, i, len(p), len(p)) + p
    return out


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(packets, order="<"):
    out = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(order, 1, struct.pack(order + "HHI", 1, 0, 65535) + struct.pack(order + "HHBxxx", 9, 1, 9))
    for i, p in enumerate(packets):
        out += block(order, 6, struct.pack(order + "IIIII", 0, 1, i, len(p), len(p)) + p)
    out += block(order, 3, struct.pack(order + "I", len(packets[0])) + packets[0])
    out += block(order, 2, struct.pack(order + "HHIIII", 0, 0, 1, 2, len(packets[0]), 99) + packets[0])
    return out + block(order, 4, b"names")


def decode(link_type, *packets):
    out = bytes([LINK_TYPES.index(link_type)])
    for p in packets:
        units = min(255, -(-len(p) // 6))
        out += bytes([units, 0x10]) + p.ljust(units * 6, b"\0")
    return out


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


four, six = ip4(17, udp(1000, 53, b"inside")), ip6(17, udp(1000, 53, b"inside"))
snap = b"\xaa\xaa\3\0\0\0\x08\0"
station = b"\x08\2" + bytes(22)
samples = [ethernet(0x0800, ip4(6, tcp(b"hello"))), ethernet(0x86DD, six), ethernet(0x8100, b"\0\5\x08\0" + four)]

for name, order, magic in (("little", "<", 0xA1B2C3D4), ("big", ">", 0xA1B2C3D4), ("nano", "<", 0xA1B23C4D)):
    write(f"capture_pcap/{name}", pcap(samples, order, magic))
for name, order in (("little", "<"), ("big", ">")):
    write(f"capture_pcapng/{name}", pcapng(samples, order))
write("capture_pcapng/two_sections", pcapng(samples) + pcapng(samples, ">"))

for name, plain in (("pcap", pcap(samples)), ("pcapng", pcapng(samples))):
    write(f"capture_packed/{name}", plain)
    write(f"capture_packed/{name}.gz", gzip.compress(plain, mtime=0))
    write(f"capture_packed/{name}.xz", lzma.compress(plain))
    for tool in ("zstd", "lz4"):
        write(f"capture_packed/{name}.{tool}", subprocess.run([tool, "-c"], input=plain, capture_output=True, check=True).stdout)

datagram = udp(1000, 2000, bytes(range(120)))
seeds = {
    "tcp": (1, *samples),
    "fragments": (1, ethernet(0x0800, ip4(17, datagram[:64], 0x2000)), ethernet(0x0800, ip4(17, datagram[56:], 7)),
                  ethernet(0x0800, ip4(17, datagram[64:], 8))),
    "fragments6": (1, ethernet(0x86DD, ip6(44, b"\x3c\0\0\1\0\0\0\1" + b"\x11\0" + bytes(6) + datagram[:56])),
                   ethernet(0x86DD, ip6(44, b"\x3c\0\0\x40\0\0\0\1" + datagram[56:]))),
    "extensions": (1, ethernet(0x86DD, ip6(0, b"\x3c\0" + bytes(6) + b"\x2b\0" + bytes(6) + b"\x33\2" + bytes(6) + b"\x11\1" + bytes(10) + datagram))),
    "gre": (101, ip4(47, b"\x30\0\x08\0" + bytes(8) + four), ip4(47, b"\x10\0\x88\xbe" + bytes(12) + ethernet(0x0800, four))),
    "ipip": (101, ip4(4, four), ip4(41, six), ip6(4, four)),
    "vxlan": (1, ethernet(0x0800, ip4(17, udp(5, 4789, b"\x08" + bytes(7) + ethernet(0x0800, four))))),
    "geneve": (1, ethernet(0x0800, ip4(17, udp(5, 6081, b"\1\0\x65\x58" + bytes(8) + ethernet(0x0800, four))))),
    "gtp": (1, ethernet(0x0800, ip4(17, udp(2152, 2152, b"\x34\xff" + be(8 + len(four), 2) + bytes(7) + b"\x85\1\0\0\0" + four)))),
    "teredo": (1, ethernet(0x0800, ip4(17, udp(3544, 5, bytes(8) + six)))),
    "qinq_mpls_pppoe": (1, ethernet(0x88A8, b"\0\5\x81\0\0\6\x08\0" + four), ethernet(0x8847, b"\0\1\1\x40" + four),
                        ethernet(0x8864, b"\x11\0\0\7" + be(2 + len(four), 2) + b"\0\x21" + four)),
    "arp": (1, ethernet(0x0806, b"\0\1\x08\0\6\4\0\1" + bytes(20))),
    "null": (0, struct.pack("<I", 2) + four, struct.pack(">I", 30) + six),
    "ppp": (9, b"\xff\3\0\x21" + four, b"\x57" + six),
    "cooked": (113, bytes(14) + b"\x08\0" + four),
    "cooked2": (276, b"\x86\xdd" + bytes(18) + six),
    "radiotap": (127, b"\0\0\x09\0\2\0\0\0\x10" + station + snap + four + b"FCS!"),
    "wireless": (105, station + snap + four, b"\x88\2" + bytes(22) + b"\x80\0" + bytes(12) + be(8 + len(four), 2) + snap + four),
    "frame_relay": (107, b"\x18\x41\3\xcc" + four),
    "nflog": (239, b"\2\0\0\0" + struct.pack("<HH", 4 + len(four), 9) + four),
    "pktap": (258, struct.pack("<III", 108, 1, 1) + bytes(96) + samples[0]),
    "hdlc": (104, b"\x0f\0\x08\0" + four),
}
for name, (link_type, *packets) in seeds.items():
    write(f"packet_decode/{name}", decode(link_type, *packets))
