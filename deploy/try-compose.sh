#!/usr/bin/env bash
# Tries docker-compose.yml where no registry can be reached: it makes the images on this
# machine, brings the cluster up, deploys examples, calls them, stops the invoker that
# answered and calls them again, and takes everything down.
#
#	deploy/try-compose.sh [example…]        (default: go-http)
#
# It needs a Docker daemon (at $DOCKER_HOST, if not the usual one) with Compose, and go,
# mmdebstrap and curl. The first run takes some minutes; the images slipway-try/* stay
# and make the next one quick.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly project=slipway-try
work=$(mktemp -d)
readonly work

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'try-compose: %s\n' "$*" >&2; exit 1; }
has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# until_ok SECONDS COMMAND… tries a command until it succeeds.
until_ok() {
  local end=$((SECONDS + $1)); shift
  until "$@" >"$work/until.log" 2>&1; do
    [ $SECONDS -lt $end ] || { cat "$work/until.log" >&2; fail "in vain: $*"; }
    sleep 0.5
  done
}

check_programs() {
  local program
  for program in docker go mmdebstrap curl; do
    command -v "$program" >/dev/null || fail "$program is needed, install it"
  done
  docker info >/dev/null || fail "no Docker daemon answers; start one, or set DOCKER_HOST"
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
  else
    fail "Compose is needed: the package docker-compose-plugin or docker-compose-v2"
  fi
  compose+=(--project-name "$project")
}

# What would come from a registry: Debian, and Go with the modules of go.mod.

make_debian() {
  has_image slipway-try/debian && return
  say "Debian, from its packages"
  local suite=stable
  if grep -qx ID=debian /etc/os-release; then suite=$(. /etc/os-release && echo "$VERSION_CODENAME"); fi
  mmdebstrap --quiet --variant=apt --include=ca-certificates,debian-archive-keyring,mmdebstrap "$suite" - |
    docker import - slipway-try/debian
}

make_go() {
  say "Go and the modules, from this machine"
  mkdir "$work/go"
  cp -rL "$(go env GOROOT)" "$work/go/go"
  GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" GOMODCACHE="$work/go/modules" \
    GOFLAGS=-modcacherw go mod download
  mv "$work/go/modules/cache/download" "$work/go/proxy"
  rm -r "$work/go/modules"
  cat >"$work/go/Dockerfile" <<'END'
FROM slipway-try/debian
COPY go /usr/local/go
COPY proxy /usr/local/share/goproxy
ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV GOPROXY=file:///usr/local/share/goproxy GOSUMDB=off GOTOOLCHAIN=local
END
  docker build --quiet --tag slipway-try/go "$work/go"
  rm -r "$work/go"
}

# The three images of the cluster.

make_slipway() {
  say "slipway, from deploy/Dockerfile"
  docker build --quiet --network host --file deploy/Dockerfile --tag slipway-try/slipway \
    --build-arg GO_IMAGE=slipway-try/go --build-arg BASE_IMAGE=slipway-try/debian \
    --build-arg "RELEASE=$(git describe --tags --always --dirty 2>/dev/null || echo dev)" .
}

make_nats() {
  has_image slipway-try/nats && return
  say "nats-server, from the module in go.mod"
  mkdir "$work/nats"
  CGO_ENABLED=0 go build -o "$work/nats/nats-server" github.com/nats-io/nats-server/v2
  printf 'FROM scratch\nCOPY nats-server /nats-server\nENTRYPOINT ["/nats-server"]\n' >"$work/nats/Dockerfile"
  docker build --quiet --tag slipway-try/nats "$work/nats"
}

make_postgres() {
  has_image slipway-try/postgres && return
  say "PostgreSQL, from Debian's packages"
  mkdir "$work/postgres"
  cat >"$work/postgres/entrypoint" <<'END'
#!/bin/sh
# Takes the variables that docker-compose.yml gives to the public image.
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
data=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then
  chown postgres: "$data"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0"
fi
if [ ! -s "$data/PG_VERSION" ]; then
  echo "$POSTGRES_PASSWORD" >/tmp/password
  initdb --pgdata="$data" --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C
  rm /tmp/password
  echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$data" postgres
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=
END
  chmod +x "$work/postgres/entrypoint"
  cat >"$work/postgres/Dockerfile" <<'END'
FROM slipway-try/debian
RUN mkdir -p /etc/postgresql-common \
 && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/*
COPY entrypoint /usr/local/bin/entrypoint
ENTRYPOINT ["entrypoint"]
END
  docker build --quiet --network host --tag slipway-try/postgres "$work/postgres"
}

cluster_up() {
  say "the cluster"
  export SLIPWAY_IMAGE=slipway-try/slipway POSTGRES_IMAGE=slipway-try/postgres NATS_IMAGE=slipway-try/nats
  export SLIPWAY_PORT=0 # any that is free
  trap cluster_down EXIT
  "${compose[@]}" up --detach --no-build
  SLIPWAY_URL=http://127.0.0.1:$("${compose[@]}" port gateway 8080 | sed 's/.*://')
  until_ok 60 curl -fsS "$SLIPWAY_URL/readyz"
  SLIPWAY_KEY=$("${compose[@]}" exec -T gateway cat /var/lib/slipway/admin.key)
  export SLIPWAY_URL SLIPWAY_KEY
  until_ok 60 has_invokers 2
  "$work/slipway" status
}

has_invokers() { [ "$(curl -fsS -H "Authorization: Bearer $SLIPWAY_KEY" "$SLIPWAY_URL/v1/status" | grep -o '"free_memory_mb"' | wc -l)" = "$1" ]; }

cluster_down() {
  local status=$?
  if [ $status != 0 ]; then "${compose[@]}" logs --no-color --tail=40 || true; fi
  say "down"
  "${compose[@]}" down --volumes --timeout 60
  rm -rf "$work"
  exit $status
}

try_example() {
  local name=$1 stopped
  say "examples/$name"
  "$work/slipway" deploy "examples/$name" --name "$name"
  call "$name"
  stopped=$(curl -fsS -H "Authorization: Bearer $SLIPWAY_KEY" "$SLIPWAY_URL/v1/functions/$name/instances" |
    grep -o '"invoker":"[^"]*"' | head -1 | cut -d'"' -f4)
  [ -n "$stopped" ] || fail "$name answers and has no instance"
  echo "stopping invoker $stopped: the other one must answer"
  "${compose[@]}" stop "invoker-$stopped"
  until_ok 30 has_invokers 1
  call "$name"
  "${compose[@]}" start "invoker-$stopped"
  until_ok 60 has_invokers 2
}

call() {
  curl -fsS -i --max-time 60 "$SLIPWAY_URL/fn/$1/" || fail "$1 did not answer"
  echo
}

main() {
  trap 'rm -rf "$work"' EXIT
  check_programs
  CGO_ENABLED=0 go build -o "$work/slipway" ./cmd/slipway
  make_debian
  make_go
  make_slipway
  make_nats
  make_postgres
  cluster_up
  local example
  for example in "${@:-go-http}"; do try_example "$example"; done
  say "the cluster works"
}

main "$@"
