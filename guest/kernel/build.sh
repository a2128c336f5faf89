#!/bin/sh
# Builds guest/kernel/vmlinuz from Debian's kernel source package, in the version that VERSION names.
# The same source and compiler give the same bytes: user, host, time and paths of the build are fixed.
# Usage: build.sh [--keep DIR]   DIR is the working directory to use and to leave behind
set -eu

here=$(cd "$(dirname "$0")" && pwd)
read -r package version < "$here/VERSION"

work=
case ${1-} in
  --keep) work=$2; mkdir -p "$work" ;;
  '') work=$(mktemp -d "${TMPDIR:-/tmp}/hearth-kernel.XXXXXX"); trap 'rm -rf "$work"' EXIT ;;
  *) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
esac

for tool in make gcc ld flex bison bc perl xz zstd; do
  command -v $tool > /dev/null || { echo "build.sh: '$tool' is missing (apt-get install build-essential flex bison bc libelf-dev xz-utils zstd)" >&2; exit 1; }
done

# The source: the installed package if it has the right version, else downloaded without installing.
source_archive() {
  archive=/usr/src/$package.tar.xz
  if [ -f "$archive" ] && [ "$(dpkg-query -W -f '${Version}' "$package" 2> /dev/null)" = "$version" ]; then
    echo "$archive"
    return
  fi
  (cd "$work" && apt-get download "$package=$version" >&2 && dpkg -x "$package"_*.deb package)
  echo "$work/package/usr/src/$package.tar.xz"
}

# A line of the configuration that the kernel's rules overrode is a mistake, not a detail.
check_config() {
  lost=0
  while IFS= read -r line; do
    case $line in
      CONFIG_*=n) ! grep -q "^${line%=n}=" .config || { echo "build.sh: not off: $line" >&2; lost=1; } ;;
      CONFIG_*) grep -qxF "$line" .config || { echo "build.sh: not taken: $line" >&2; lost=1; } ;;
    esac
  done < "$here/config"
  return $lost
}

tree=$work/$package
[ -d "$tree" ] || tar -C "$work" -xf "$(source_archive)" --transform "s,^linux-source-[^/]*,$package,"
cd "$tree"

export ARCH=x86_64 KBUILD_BUILD_USER=hearth KBUILD_BUILD_HOST=hearth KBUILD_BUILD_VERSION=1
export KBUILD_BUILD_TIMESTAMP='2026-01-01 00:00:00 UTC' LC_ALL=C TZ=UTC
make -s KCONFIG_ALLCONFIG="$here/config" allnoconfig > /dev/null
check_config
make -s -j"${JOBS:-$(nproc)}" bzImage

cp arch/x86/boot/bzImage "$here/vmlinuz"
chmod 644 "$here/vmlinuz"
(cd "$here" && sha256sum vmlinuz > SHA256SUMS)
ls -l "$here/vmlinuz"
