# SPDX-License-Identifier: GPL-2.0-or-later
# One disk of each kind: read what the host wrote into its first megabytes, write something else behind it, read that back past the
# page cache. xtest.disk names the device (vda, sda, nvme0n1), xtest.mb the size of each half in MiB.
coldplug
disk=${XTEST_disk:?}
mb=${XTEST_mb:-8}
wait_for 20 test -b "/dev/$disk" || fail "no /dev/$disk"

echo "DISK-READ $(dd if="/dev/$disk" bs=1M count="$mb" iflag=direct 2>/dev/null | sha)"
dd if=/dev/urandom of=/tmp/data bs=1M count="$mb" 2>/dev/null
echo "DISK-WROTE $(sha </tmp/data)"
dd if=/tmp/data of="/dev/$disk" bs=64k seek=$((mb * 16)) oflag=direct 2>/dev/null || fail "write failed"
sync
echo 3 >/proc/sys/vm/drop_caches
echo "DISK-REREAD $(dd if="/dev/$disk" bs=64k skip=$((mb * 16)) count=$((mb * 16)) iflag=direct 2>/dev/null | sha)"
# Many requests at once, on every processor.
for n in 0 1 2 3; do
    dd if="/dev/$disk" of=/dev/null bs=16k skip=$((n * mb * 16)) count=$((mb * 8)) iflag=direct 2>/dev/null &
done
wait
interrupts "${XTEST_irq:?}"
