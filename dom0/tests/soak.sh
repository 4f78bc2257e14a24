# SPDX-License-Identifier: GPL-2.0-or-later
# Load for xtest.seconds: hashing, forking, disk and network at once. Every round checks what it got; prints how many rounds of each, and
# how many were wrong.
coldplug
disk=${XTEST_disk:-vda}
seconds=${XTEST_seconds:-600}
wait_for 20 test -b "/dev/$disk" || fail "no /dev/$disk"
wait_for 20 test -d /sys/class/net/eth0 || fail "no eth0"
ip link set lo up
ip link set eth0 up
udhcpc -q -n -t 10 -T 2 -i eth0 -s /etc/udhcpc.script >/dev/null 2>&1 || fail "no lease"
mkdir -p /tmp/soak
now() { cut -d. -f1 /proc/uptime; }
end=$(($(now) + seconds))

# repeat NAME: runs round_NAME until the time is over.
repeat() {
    rounds=0 wrong=0
    while [ "$(now)" -lt $end ]; do
        "round_$1" || wrong=$((wrong + 1))
        rounds=$((rounds + 1))
    done
    echo "$1 rounds=$rounds wrong=$wrong" >"/tmp/soak/$1.result"
}

dd if=/dev/urandom of=/tmp/soak/data bs=1M count=4 2>/dev/null
expected=$(sha </tmp/soak/data)
blob=$(wget -q -O - "http://10.0.2.2:${XTEST_port:?}/blob" | sha)

round_hash() {
    [ "$(sha </tmp/soak/data)" = "$expected" ]
}
round_fork() {
    n=0
    for i in 1 2 3 4 5 6 7 8 9 10; do
        n=$((n + $(echo 1 | cat)))
    done
    [ $n = 10 ]
}
round_disk() {
    dd if=/tmp/soak/data of="/dev/$disk" bs=64k oflag=direct 2>/dev/null &&
        [ "$(dd if="/dev/$disk" bs=64k count=64 iflag=direct 2>/dev/null | sha)" = "$expected" ]
}
round_net() {
    [ "$(wget -q -O - "http://10.0.2.2:$XTEST_port/blob" | sha)" = "$blob" ]
}

for kind in hash fork disk net; do
    repeat $kind &
done
wait
sed 's/^/SOAK /' /tmp/soak/*.result
dmesg -r | grep -E '^<[0-3]>' | sed 's/^/SOAK-ERROR /'
:
