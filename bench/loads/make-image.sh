#!/bin/sh
# Makes what `npm run bench:loads` and `npm run soak` boot: a Debian 12 root with the tools the loads use, once as a folder (for the
# native peer's chroot) and once as an ext4 image (for the guests), both with this folder's files and the data they work on.
# Nothing is mounted; debootstrap needs root. Made in two steps, so that a changed load does not cost a debootstrap.
# Usage: make-image.sh DIRECTORY   gets base/ (debootstrap's), root/ and disk.ext4; about a minute each and 2 GB
# Environment: MIRROR (default: the archive in the first Debian apt source here)
set -eu

case ${1--h} in -*) sed -n '2,7s/^# //p' "$0" >&2; exit 2 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
suite=bookworm
packages=perl,python3,gcc,libc6-dev,xz-utils,sqlite3,git
# For the dpkg load: many files, no scripts that would have to run before unpacking.
debs="perl-modules-5.36 libpython3.11-stdlib linux-libc-dev libc6-dev git-man"
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

for tool in debootstrap mke2fs chroot; do
  command -v $tool > /dev/null || { echo "make-image.sh: '$tool' is missing (apt-get install debootstrap e2fsprogs)" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "make-image.sh: debootstrap needs root" >&2; exit 1; }
mkdir -p "$1"
cd "$1"

if [ ! -e base ]; then
  rm -rf base.new
  mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 2> /dev/null | awk '$2 == "'$suite'" { print $1; exit }')}
  debootstrap --variant=minbase --include=$packages $suite base.new "${mirror:-http://deb.debian.org/debian}" > log 2>&1 ||
    { tail -n 20 log base.new/debootstrap/debootstrap.log 2> /dev/null >&2; exit 1; }
  mkdir -p base.new/loads/debs
  for deb in $debs; do
    cp base.new/var/cache/apt/archives/"$deb"_*.deb base.new/loads/debs/
  done
  rm -rf base.new/var/cache/apt/archives/*.deb base.new/var/lib/apt/lists/* base.new/var/log/*.log
  echo loads > base.new/etc/hostname
  : > base.new/etc/machine-id
  : > base.new/etc/resolv.conf
  mv base.new base
fi

rm -rf root root.new disk.new
cp -a base root.new
cp "$here"/guest/* root.new/loads/
mkdir root.new/work
chroot root.new /usr/bin/python3 /loads/make-data.py /loads/data
mke2fs -q -t ext4 -L loads -m 1 -E root_owner=0:0,hash_seed=00000000-0000-0000-0000-000000000001 -d root.new disk.new 3G
mv disk.new disk.ext4
mv root.new root
