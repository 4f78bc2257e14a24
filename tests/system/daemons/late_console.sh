#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# late_console.sh NAME TEXT [TYPED]: attaches `xl console` to a domain that has long been up, types TYPED, waits until TEXT was on it and leaves by
# Ctrl-]. What it showed is in /run/late. xenconsole reads its input only from a terminal, which script makes; the fifo, open here, keeps that alive.
fifo=$(mktemp -u)
mkfifo "$fifo"
exec 3<>"$fifo"
rm "$fifo"
rm -f /run/late
script -q -f -c "xl console $1" /run/late <&3 >/dev/null 2>&1 &
[ -z "${3:-}" ] || printf '%s\n' "$3" >&3
for ((i = 0; i < 240; i++)); do
    grep -a -q -- "$2" /run/late 2>/dev/null && break
    kill -0 $! 2>/dev/null || break
    sleep 0.5
done
printf '\x1d' >&3
for ((i = 0; i < 40; i++)); do
    kill -0 $! 2>/dev/null || break
    sleep 0.5
done
kill $! 2>/dev/null && echo "Ctrl-] did not leave the console"
grep -a -q -- "$2" /run/late || { tail -n 20 /run/late; exit 1; }
