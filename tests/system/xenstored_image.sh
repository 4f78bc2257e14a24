#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/system/xenstored_image.sh KERNEL_ROOT DEBIAN_ROOT TOOLS OUTPUT [SCRIPT]
# An initramfs for a domain 0 under Debian's Xen: busybox, Debian's xl and store tools (unpacked packages below DEBIAN_ROOT, never
# installed) with the libraries they need, our daemons from TOOLS, and SCRIPT as what /init runs. A guest's image lies inside it.
set -eu
kernel=$1
debian=$2
tools=$3
output=$4
script=${5:-tests/system/xenstored_dom0.sh}
release=$(basename "$(echo "$kernel"/lib/modules/*)")
root=$(mktemp -d "$output.XXXXXX")
trap 'rm -rf "$root"' EXIT
PATH="$PATH:/usr/sbin:/sbin"

base() { # $1: the root to fill
    mkdir -p "$1/bin" "$1/sbin" "$1/dev" "$1/proc" "$1/sys" "$1/run" "$1/tmp" "$1/etc" "$1/lib/x86_64-linux-gnu" "$1/lib64" "$1/var"
    ln -sf /run "$1/var/run"
    cp /bin/busybox "$1/bin/busybox"
    for applet in sh mount mkdir cat echo ls sleep insmod kill ps grep poweroff halt reboot sync date head tail wc seq timeout ln rm dmesg \
        mv cp sed cut tr test expr env true false usleep uname find sort diff cmp stty setsid; do
        ln -sf busybox "$1/bin/$applet"
    done
    for module in fs/xenfs/xenfs drivers/xen/xenfs/xenfs drivers/xen/xen-privcmd drivers/xen/xen-evtchn drivers/xen/xen-gntdev \
        drivers/xen/xen-gntalloc; do
        file=$kernel/lib/modules/$release/kernel/$module.ko
        [ -e "$file" ] && cp "$file" "$1/lib/"
    done
    true
}
program() { # $1: the root, then programs: copied with the libraries they need
    where=$1
    shift
    for file in "$@"; do
        install -m 755 "$file" "$where/bin/"
        ldd "$file" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[ \t]*\(\/lib64[^ ]*\).*/\1/p' | while read -r lib; do
            case $lib in
            /lib64/*) cp -L "$lib" "$where/lib64/" ;;
            *) cp -L "$lib" "$where/lib/x86_64-linux-gnu/" ;;
            esac
        done
    done
}

mkdir -p "$root/guest" "$root/dom0"
base "$root/guest"
program "$root/guest" "$debian"/usr/bin/xenstore-read "$debian"/usr/bin/xenstore-write "$debian"/usr/bin/xenstore-ls \
    "$debian"/usr/bin/xenstore-watch "$debian"/usr/bin/xenstore-rm
install -m 755 tests/system/xenstored_guest.sh "$root/guest/init"
base "$root/dom0"
bin=$debian/usr/lib/xen-4.17/bin
program "$root/dom0" "$bin"/xl "$bin"/libxl-save-helper "$bin"/xenstored "$bin"/oxenstored "$bin"/xenconsoled "$bin"/xenconsole \
    "$bin"/xen-init-dom0 "$debian"/usr/bin/xenstore-*
program "$root/dom0" "$bin"/xenstore-control
mkdir -p "$root/dom0/usr/lib/xen-4.17/bin" "$root/dom0/ours"
for name in xl libxl-save-helper xenconsole xenconsoled; do
    ln -s "/bin/$name" "$root/dom0/usr/lib/xen-4.17/bin/$name"
done
cp -L /lib/x86_64-linux-gnu/libgcc_s.so.1 "$root/dom0/lib/x86_64-linux-gnu/" # pthread_cancel loads it at run time
mkdir -p "$root/dom0/etc/xen" "$root/dom0/var/log/xen/console"
: >"$root/dom0/etc/xen/xl.conf"
mv "$root/dom0/bin/xenstored" "$root/dom0/usr/lib/xen-4.17/bin/"
install -m 755 "$tools"/* "$root/dom0/ours/"
cp "$kernel"/boot/vmlinuz-* "$root/dom0/vmlinuz"
install -m 755 "$script" "$root/dom0/init"
(cd "$root/guest" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -n -1 >"$root/dom0/guest.gz"
(cd "$root/dom0" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -n -1 >"$output.tmp"
mv "$output.tmp" "$output"
