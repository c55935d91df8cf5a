#!/bin/sh
# Makes what an image with AWS's runtime client for Node is put together from, as its
# documentation has a Dockerfile do it: a system with Node, and a folder in which npm has
# compiled the client.
#
#   build.sh OUT VERSION    writes OUT/base.tar and OUT/function.tar
set -eu
out=$1 version=$2 suite=trixie
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

packages() { # packages ARCHIVE NAME… : unpacked, not configured
  archive=$1; shift
  mmdebstrap --quiet --variant=extract --format=tar --include="$(echo "$@" | tr ' ' ,)" "$suite" "$archive"
}
packages "$work/base.tar" base-files dash nodejs &
packages "$work/build.tar" base-files ca-certificates cmake coreutils dash diffutils findutils gawk g++ grep gzip \
  libnode-dev libpython3-stdlib make nodejs npm python3-minimal sed tar xz-utils
wait $!
mkdir "$work/base"
tar -xf "$work/base.tar" -C "$work/base" --exclude './dev/*' --exclude './var/cache/*'
tar -cf "$out/base.tar" -C "$work/base" .

root=$work/root
mkdir -p "$root/function"
tar -xf "$work/build.tar" -C "$root" --exclude './dev/*'
mknod -m 666 "$root/dev/null" c 1 3
cp /etc/resolv.conf /etc/hosts "$root/etc/"
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  mkdir -p "$root/etc/ssl/certs" && cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
if [ -f "${HOME:-/root}/.npmrc" ]; then cp "${HOME:-/root}/.npmrc" "$root/tmp/.npmrc"; fi
echo '{"name":"function","version":"1.0.0"}' >"$root/function/package.json"
install() {
  HOME=/tmp CC=gcc CXX=g++ PATH=/usr/bin:/bin:/usr/sbin npm_config_nodedir=/usr npm_config_maxsockets=4 \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt npm_config_cafile=/etc/ssl/certs/ca-certificates.crt \
    chroot "$root" /bin/sh -c "cd /function && rm -rf node_modules && npm install --foreground-scripts --no-audit --no-fund --no-update-notifier aws-lambda-ric@$version"
}
install || install # npm 9 gives up now and then ("Exit handler never called")
tar -cf "$out/function.tar" -C "$root" function
