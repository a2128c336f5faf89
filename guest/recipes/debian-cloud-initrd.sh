#!/bin/sh
# Makes what a stock Debian kernel needs to boot as a microVM: vmlinuz of linux-image-cloud-amd64, as it is, and an
# initramfs of Hearth's own base plus the kernel's virtio, vsock and file system modules. hearth-init goes on from there:
# `root=/dev/vda` on the command line switches to that disk, else there is a shell.
# Usage: debian-cloud-initrd.sh [DIRECTORY]   default: $XDG_CACHE_HOME/hearth/debian-cloud; gets vmlinuz and initrd.gz
set -eu

case ${1-} in -*) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
output=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/hearth/debian-cloud}
wanted="virtio_mmio virtio_pci virtio_blk virtio_net virtio_rng vmw_vsock_virtio_transport ext4 squashfs erofs overlay"

for tool in apt-get apt-cache dpkg cpio gzip depmod modprobe; do
  PATH=$PATH:/usr/sbin:/sbin command -v $tool > /dev/null || { echo "debian-cloud-initrd.sh: '$tool' is missing (apt-get install cpio kmod)" >&2; exit 1; }
done
PATH=$PATH:/usr/sbin:/sbin

mkdir -p "$output"
work=$(mktemp -d "$output/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# linux-image-cloud-amd64 only depends on the package with the kernel in it.
kernel=$(apt-cache depends --no-recommends --no-suggests linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
apt-get download "$kernel" > /dev/null
dpkg -x "$kernel"_*.deb package
version=${kernel#linux-image-}
depmod -b package "$version"

mkdir root
gzip -dc "$here/../rootfs/base.cpio.gz" | (cd root && cpio --quiet -id)
mv root/init root/hearth-init

# The modules in an order that satisfies their dependencies, each once.
mkdir root/modules
for module in $wanted; do
  modprobe -d "$work/package" -S "$version" --show-depends $module | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' > order
: > root/modules/order
while read -r file; do
  cp "$file" root/modules/
  basename "$file" >> root/modules/order
done < order

cat > root/init << 'INIT'
#!/bin/sh
# Loads the modules, then becomes hearth-init. What the command line says for virtio_mmio is passed on to it.
mount -t proc proc /proc
devices=
for word in $(cat /proc/cmdline); do
  case $word in virtio_mmio.device=*) devices="$devices ${word#virtio_mmio.}" ;; esac
done
while read -r module; do
  case $module in
    virtio_mmio.ko) insmod /modules/$module $devices ;;
    *) insmod /modules/$module ;;
  esac
done < /modules/order
exec /hearth-init
INIT
chmod 755 root/init

(cd root && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0) | gzip -9n > initrd.gz
mv initrd.gz "$output/initrd.gz"
cp "package/boot/vmlinuz-$version" "$output/vmlinuz"
chmod 644 "$output/vmlinuz"
ls -l "$output/vmlinuz" "$output/initrd.gz"
