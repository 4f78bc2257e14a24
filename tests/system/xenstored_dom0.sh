#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Domain 0's /init for the XenStore tests: our xenstored (or, with xstore=c or xstore=ocaml on the kernel's command line, one of Debian's) under
# Debian's xl. Prints "XS ..." lines; the last is "XS END".
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /run /var/log/xen /var/lib/xen /run/xen
mount -t devpts devpts /dev/pts
mount -t tmpfs run /run
mkdir -p /run/xenstored /run/xen /run/lock
exec </dev/console >/dev/console 2>&1
export PATH=/bin:/sbin LD_LIBRARY_PATH=/lib/x86_64-linux-gnu
for m in /lib/*.ko; do insmod "$m" 2>/dev/null; done
mount -t xenfs xenfs /proc/xen
daemon=/ours/xenstored
grep -q xstore=c /proc/cmdline && daemon=/usr/lib/xen-4.17/bin/xenstored
grep -q xstore=ocaml /proc/cmdline && daemon=/bin/oxenstored
check() { # $1: name; the rest: a command that must succeed
    what=$1
    shift
    if "$@"; then echo "XS ok $what"; else echo "XS FAIL $what"; fi
}
wait_for() { # $1: path, $2: value
    n=0
    while [ "$(xenstore-read "$1" 2>/dev/null)" != "$2" ]; do
        n=$((n + 1))
        [ $n -gt 2400 ] && return 1
        usleep 100000
    done
}
gone() { # no domain but ours
    n=0
    while [ "$(xl list | wc -l)" != 2 ]; do
        n=$((n + 1))
        [ $n -gt 1200 ] && return 1
        usleep 100000
    done
}
check start $daemon --pid-file /run/xenstore.pid -T /run/xs.log
check twice sh -c "! $daemon --pid-file /run/other.pid 2>/dev/null"
check init xen-init-dom0
check "dom0 name" [ "$(xenstore-read /local/domain/0/name)" = Domain-0 ]
check "kernel's ring" env XENSTORED_PATH=/dev/xen/xenbus xenstore-write /kernel/ring works
check "seen by socket" [ "$(xenstore-read /kernel/ring)" = works ]
xenstore-watch -n 3 @releaseDomain >/run/release &
consoled=/ours/xenconsoled
grep -q xconsole=debian /proc/cmdline && consoled=xenconsoled
$consoled --pid-file=/run/xenconsoled.pid --log=guest
cat >/etc/guest.cfg <<CFG
name = "guest"
memory = 128
kernel = "/vmlinuz"
ramdisk = "/guest.gz"
cmdline = "console=hvc0"
CFG
outlive() { # the guest's ring outlives its daemon's program, and its daemon
    check "live update" xenstore-control live-update /ours/xenstored
    check "node after it" [ "$(xenstore-read "/local/domain/$id/data/hello")" = from-the-guest ]
    kill -9 "$(cat /run/xenstore.pid)"
    check "start after kill -9" $daemon --pid-file /run/xenstore.pid -T /run/xs.log
    check "node after kill -9" [ "$(xenstore-read "/local/domain/$id/data/hello")" = from-the-guest ]
    check "kernel's ring after kill -9" env XENSTORED_PATH=/dev/xen/xenbus xenstore-write /kernel/ring again
    # xenconsoled's and the tools' sockets are gone: that is theirs to know
}
life() { # $1: the guest's end
    check "create ($1)" xl create -q /etc/guest.cfg
    id=$(xl domid guest)
    check "guest ready ($1)" wait_for "/local/domain/$id/data/ready" 1
    check "hello ($1)" [ "$(xenstore-read "/local/domain/$id/data/hello")" = from-the-guest ]
    check "owner ($1)" sh -c "xenstore-ls -p /local/domain/$id | grep -q 'hello.*(n$id'"
    [ "$1" != end ] || [ "$daemon" != /ours/xenstored ] || outlive
    xenstore-write "/local/domain/$id/data/command" "$1"
}
life end
check "guest done" wait_for "/local/domain/$id/data/done" 1
(sleep 30; echo) | timeout 35 xl console guest >/run/late 2>/dev/null
check "late console from the first line" grep -q 'Linux version' /run/late
check pause xl pause guest
check unpause xl unpause guest
check destroy xl destroy guest
check "gone after destroy" gone
check "nodes collected" sh -c "! xenstore-exists /local/domain/$id/data"
echo "on_crash = 'destroy'" >>/etc/guest.cfg
life crash
check "gone after crash" gone
check "release events" [ "$(grep -c @releaseDomain /run/release)" -ge 2 ]
check audit xenstore-control check
for file in /var/log/xen/console/guest-guest.log; do
    check "console log" grep -q 'GUEST counted' "$file"
    grep GUEST "$file"
done
[ -x /ours/extra.sh ] && . /ours/extra.sh
tail -n 3 /run/xs.log
echo "XS END"
poweroff -f
