/**
 * Waits, inside the job's container, until a service answers: one exec for the whole wait, with whatever the image has. Arguments:
 * host, port, path (empty = a TCP connect counts), address. Exit code 0 = healthy, 3 = the image has nothing to ask with. The smallest tools get
 * the address: a statically linked one often cannot look up names, and some wgets of
 * that kind crash altogether, so nc stands in.
 */
export const PROBE_SCRIPT = `
host=$1 port=$2 path=$3 address=$4
has() { command -v "$1" >/dev/null 2>&1; }
if has node; then
  exec node -e '
    const [host, port, path] = process.argv.slice(1), again = () => setTimeout(ask, 50);
    const ask = () => path
      ? require("http").get({ host, port, path, timeout: 2000 }, (r) => { r.resume(); r.statusCode >= 200 && r.statusCode < 300 ? process.exit(0) : again(); }).on("timeout", function () { this.destroy(); }).on("error", again)
      : require("net").connect({ host, port }).on("connect", () => process.exit(0)).on("error", again);
    ask();' "$host" "$port" "$path"
fi
if has python3; then
  exec python3 -c '
import http.client, socket, sys, time
host, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
while True:
    try:
        if not path:
            socket.create_connection((host, port), 2).close(); sys.exit(0)
        c = http.client.HTTPConnection(host, port, timeout=2); c.request("GET", path)
        if 200 <= c.getresponse().status < 300: sys.exit(0)
    except (OSError, http.client.HTTPException): pass
    time.sleep(0.05)' "$host" "$port" "$path"
fi
by_wget() { has wget && wget -q -T 2 -O /dev/null "http://$address:$port$path"; }
by_nc() {
  has nc && printf 'GET %s HTTP/1.0\\r\\nHost: %s:%s\\r\\n\\r\\n' "$path" "$host" "$port" | nc -w 2 "$address" "$port" | { read -r _ code _ && case $code in 2??*) true ;; *) false ;; esac; }
}
if [ -n "$path" ] && has curl; then try() { curl -fsS -m 2 -o /dev/null "http://$host:$port$path"; }
elif [ -n "$path" ] && { has wget || has nc; }; then try() { by_wget || by_nc; }
elif [ -z "$path" ] && has nc; then try() { nc -z -w 1 "$address" "$port" </dev/null || nc -w 1 "$address" "$port" </dev/null; }
elif [ -z "$path" ] && has bash; then try() { bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port"; }
elif [ -z "$path" ] && has curl; then try() { curl -s -m 2 -o /dev/null "telnet://$host:$port" </dev/null; }
else exit 3
fi
until try >/dev/null 2>&1; do sleep 0.1 2>/dev/null || sleep 1 || exit 3; done
`;
