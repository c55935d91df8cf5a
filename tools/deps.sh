#!/usr/bin/env bash
# Installs what tests and demo need and this machine lacks; with the argument vm, what the
# tests in a virtual machine need. It does nothing when everything is there, and says what
# to install where it may not do it itself.
set -euo pipefail

declare -A for_tests=(
  [mmdebstrap]=mmdebstrap    # base images for Python and Node where no registry is reached
  [skopeo]=skopeo            # images by somebody else's tools
  [buildah]=buildah
  [runc]=runc                # sandboxes by other runtimes
  [crun]=crun
  [nft]=nftables
  [ip]=iproute2
  [curl]=curl
  [gcc]=gcc                  # the race detector
  [newuidmap]=uidmap         # servers of ordinary users
  [python3]=python3
  [node]=nodejs
)
declare -A for_vm=(
  [qemu-system-x86_64]=qemu-system-x86
  [mke2fs]=e2fsprogs
  [runc]=runc
  [crun]=crun
  [xz]=xz-utils              # some kernels' modules are compressed
  [zstd]=zstd
)
declare -n package_of="for_${1:-tests}"
missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
if [ "${1:-tests}" = tests ]; then
  ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=(postgresql)
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "Install these with your package manager, then try again: ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "Run this once, then try again: sudo apt-get install -y ${missing[*]}" >&2
  exit 1
fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Policy 101: packages that bring a service do not start it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
