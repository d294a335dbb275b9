# A server of `ferric` with fake hardware, for the scripts here. Sourced, after `ferric` names the program.
# shellcheck shell=bash disable=SC2154

state=$(mktemp -d)
server=

finish() {
  stop_server
  rm -rf "$state"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

stop_server() {
  [ -n "$server" ] || return 0
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

url=http://127.0.0.1:$(free_port)
machines=127.0.0.1:$(free_port)

# On the state that the last one left, at the same address.
start_server() {
  "$ferric" serve --state "$state/store" --listen "${url#http://}" --provision-listen "$machines" >>"$state/log" 2>&1 &
  server=$!
  for _ in $(seq 600); do
    curl --noproxy '*' --silent --fail --output /dev/null "$url/" && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "clients: the server did not start:" >&2
  tail -n 20 "$state/log" >&2
  exit 1
}
