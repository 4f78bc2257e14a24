#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the guest of the XenStore tests runs: its own requests over its ring, through its kernel.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /run
for m in /lib/*.ko; do insmod "$m" 2>/dev/null; done
mount -t xenfs xenfs /proc/xen 2>/dev/null
export XENSTORED_PATH=/dev/xen/xenbus
echo "GUEST up, I am domain $(xenstore-read domid)"
xenstore-write data/hello from-the-guest && echo "GUEST wrote"
xenstore-write /local/domain/0/forbidden x 2>/dev/null && echo "GUEST FAIL: wrote to domain 0"
i=0
while [ $i -lt 200 ]; do
    xenstore-write data/count $i || echo "GUEST FAIL: count"
    i=$((i + 1))
done
[ "$(xenstore-read data/count)" = 199 ] && echo "GUEST counted"
xenstore-write data/ready 1
xenstore-watch -n 2 data/command >/dev/null
echo "GUEST told: $(xenstore-read data/command)"
case "$(xenstore-read data/command)" in
crash) echo c >/proc/sysrq-trigger ;;
esac
xenstore-write data/done 1
while :; do sleep 1; done
