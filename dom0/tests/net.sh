# SPDX-License-Identifier: GPL-2.0-or-later
# One network card on QEMU's user network: an address by DHCP, a download from and an upload to the server that the host runs.
# xtest.port is the server's, xtest.irq a pattern for the card's lines in /proc/interrupts.
coldplug
wait_for 20 test -d /sys/class/net/eth0 || fail "no eth0"
ip link set lo up
ip link set eth0 up
udhcpc -q -n -t 10 -T 2 -i eth0 -s /etc/udhcpc.script >/dev/null 2>&1 || fail "no lease"
echo "NET-ADDRESS $(ip -4 -o addr show dev eth0 | tr -s ' ' | cut -d' ' -f4)"
echo "NET-DRIVER $(basename "$(readlink /sys/class/net/eth0/device/driver)")"
wget -q -O /tmp/down "http://10.0.2.2:${XTEST_port:?}/blob" || fail "download failed"
echo "NET-DOWN $(sha </tmp/down)"
dd if=/dev/urandom bs=64k count=16 2>/dev/null | base64 >/tmp/up
echo "NET-UP $(sha </tmp/up)"
wget -q -O /tmp/answer --post-file /tmp/up "http://10.0.2.2:$XTEST_port/up" || fail "upload failed"
echo "NET-SERVER-SAW $(cat /tmp/answer)"
interrupts "${XTEST_irq:?}"
