#!/usr/bin/env bash
# Installs what building and testing tenure needs on Debian 12; quick when everything is there.
# Needs root or sudo only when something is missing. Extra packages can be named as arguments.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config
  libsqlite3-dev nlohmann-json3-dev libboost-filesystem-dev libssl-dev libxxhash-dev libcli11-dev libfmt-dev
  "$@"
)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install these first (no sudo here): ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing: ${missing[*]}" >&2
install=("${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}")
"${install[@]}" >/dev/null 2>&1 || { "${as_root[@]}" apt-get update -qq >&2 && "${install[@]}" >/dev/null; }
