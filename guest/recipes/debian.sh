#!/bin/sh
# Makes a Debian 12 root file system as an ext4 image: debootstrap (minbase, with compilers and interpreters to try a
# machine with), then mke2fs -d. Nothing is mounted; debootstrap needs root. The image is a cache, never part of the repository.
# Usage: debian.sh [IMAGE]   default: $XDG_CACHE_HOME/hearth/debian.ext4
# Environment: MIRROR (default: the archive in the first Debian apt source here), SIZE (default 1G)
set -eu

case ${1-} in -*) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;; esac
suite=bookworm
image=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/hearth/debian.ext4}
packages=perl,python3-minimal,gcc,libc6-dev,openssl

for tool in debootstrap mke2fs; do
  PATH=$PATH:/usr/sbin:/sbin command -v $tool > /dev/null || { echo "debian.sh: '$tool' is missing (apt-get install debootstrap e2fsprogs)" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "debian.sh: debootstrap needs root" >&2; exit 1; }

mkdir -p "$(dirname "$image")"
work=$(mktemp -d "$(dirname "$image")/debian.XXXXXX")
trap 'rm -rf "$work"' EXIT
mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 2> /dev/null | awk '$2 == "'$suite'" { print $1; exit }')}

debootstrap --variant=minbase --include=$packages $suite "$work/root" "${mirror:-http://deb.debian.org/debian}" > "$work/log" 2>&1 ||
  { tail -n 20 "$work/log" "$work/root/debootstrap/debootstrap.log" 2> /dev/null >&2; exit 1; }

rm -rf "$work/root/var/cache/apt/archives" "$work"/root/var/lib/apt/lists/* "$work"/root/var/log/*.log
mkdir -p "$work/root/var/cache/apt/archives/partial"
echo debian > "$work/root/etc/hostname"
: > "$work/root/etc/machine-id"
: > "$work/root/etc/resolv.conf"

PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -L debian -m 1 -d "$work/root" "$work/image" "${SIZE:-1G}"
mv "$work/image" "$image"
echo "$image"
