#!/bin/sh
# The whole platform, as a user meets it: a server, an image, a request.
set -eu
PATH=/test:/bin
HOME=/root
NO_COLOR=1
export PATH HOME NO_COLOR

# The outside that egress leads to is a link with nobody behind it.
ip link add up0 type dummy
ip addr add 192.0.2.1/24 dev up0
ip link set up0 up
ip route add default via 192.0.2.2

slipway doctor --data /var/slipway

slipway serve --data /var/slipway --listen 127.0.0.1:8080 >/tmp/server 2>&1 &
server=$!
fail() {
  echo "$*"
  cat /tmp/server
  exit 1
}
tries=0
until wget -qO- http://127.0.0.1:8080/healthz >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 300 ] || fail "the server does not start"
  sleep 0.2
done

SLIPWAY_KEY=$(cat /var/slipway/admin.key)
export SLIPWAY_KEY
slipway deploy --image /test/hello.tar --name hello || fail "deploy"
for name in Ada Grace; do
  answer=$(wget -qO- "http://127.0.0.1:8080/fn/hello/?name=$name") || fail "no answer"
  [ "$answer" = "Hello, $name!" ] || fail "the answer is $answer"
done
kill $server
wait $server || fail "the server ends with status $?"
[ -z "$(cd /sys/fs/cgroup && ls -d slipway-* 2>/dev/null)" ] || fail "control groups are left"
echo "deployed, called and stopped"
