#!/bin/sh
# Builds guest/rootfs/base.cpio.gz: busybox (Debian's static build, the version that VERSION names), hearth-init as
# /init, and a minimal /etc. The same inputs give the same bytes: sorted names, one time, owner root.
# Usage: build.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
read -r package version < "$here/VERSION"
work=$(mktemp -d "${TMPDIR:-/tmp}/hearth-rootfs.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

for tool in cpio gzip musl-gcc; do
  command -v $tool > /dev/null || { echo "build.sh: '$tool' is missing (apt-get install cpio gzip musl-tools)" >&2; exit 1; }
done

umask 022
mkdir -p "$root" && cd "$root"
mkdir -p bin sbin usr/bin usr/sbin dev etc mnt proc root run sys tmp var/log
chmod 1777 tmp
chmod 700 root
cp -R "$here/files/." .

# busybox: the installed package if it has the right version, else downloaded without installing.
if [ "$(dpkg-query -W -f '${Version}' "$package" 2> /dev/null)" = "$version" ]; then
  cp /bin/busybox bin/busybox
else
  (cd "$work" && apt-get download "$package=$version" > /dev/null && dpkg -x "$package"_*.deb package)
  cp "$work/package/bin/busybox" bin/busybox
fi
for link in $(bin/busybox --list-full); do
  [ -e "$link" ] || ln -s /bin/busybox "$link"
done
"$here/../init/build.sh" "$root/init"

find . -exec touch -h -d '2026-01-01 00:00:00 UTC' {} +
# -n: no name and time in the gzip header. Whoever boots it may unpack it before, to save the guest the work.
find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0 | gzip -9n > "$work/base.cpio.gz"
mv "$work/base.cpio.gz" "$here/base.cpio.gz"
chmod 644 "$here/base.cpio.gz"
(cd "$here" && sha256sum base.cpio.gz > SHA256SUMS)
ls -l "$here/base.cpio.gz"
