#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# late_console.sh NAME TEXT [TYPED]: attaches `xl console` to a domain that has long been up, types TYPED, and waits until TEXT was on it; what
# it showed is in /run/late. The far end of a fifo keeps xl's input open, without anything in it.
fifo=$(mktemp -u)
mkfifo "$fifo"
exec 3<>"$fifo"
rm "$fifo"
xl console "$1" <&3 >/run/late 2>/run/late.errors &
[ -z "${3:-}" ] || printf '%s\n' "$3" >&3
for ((i = 0; i < 240; i++)); do
    grep -a -q -- "$2" /run/late && break
    kill -0 $! 2>/dev/null || break
    sleep 0.5
done
kill $! 2>/dev/null
wait $! 2>/dev/null
cat /run/late.errors
grep -a -q -- "$2" /run/late
