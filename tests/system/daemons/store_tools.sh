#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# xenstore-* with each of their options. Prints what they print; test_daemons.py knows what that is to be, whoever's daemon answers.
base=/tool/tools
watched=$(mktemp)
trap 'rm "$watched"' EXIT
say() { printf '%s\n' "-- $*"; "$@" 2>&1 | cat -v; echo "= ${PIPESTATUS[0]}"; }
xenstore-rm $base 2>/dev/null
say xenstore-write $base/a 1 $base/b/c 'two words'
say xenstore-write -s $base/s x
say xenstore-write -R $base/raw '\x01\\\t\x7f'
say xenstore-read $base/a $base/b/c
say xenstore-read -p $base/a
say xenstore-read -s $base/s
say xenstore-read $base/raw
xenstore-read -R $base/raw | od -An -c | tr -s ' '
say xenstore-write $base/esc '\x01\\\t'
say xenstore-read $base/esc
say xenstore-read $base/none
say xenstore-exists $base/a
say xenstore-exists -s $base/none
say xenstore-list $base
say xenstore-list -p $base
say xenstore-list -s $base/b
say xenstore-chmod $base/b b0
say xenstore-chmod -r $base/b r0
say xenstore-chmod -u $base/b/c n0
say xenstore-chmod -s $base/a w0
say xenstore-ls $base
say xenstore-ls -f $base
say xenstore-ls -p $base
say xenstore-ls -f -p $base/b
xenstore-watch -n 3 $base/w >"$watched" &
until grep -q w "$watched"; do sleep 0.1; done
xenstore-write $base/w 1
until [ "$(wc -l <"$watched")" = 2 ]; do sleep 0.1; done
xenstore-rm $base/w
wait $!
cat "$watched"
say xenstore-write $base/deep/er/est 1
say xenstore-rm -t $base/deep/er/est
say xenstore-exists $base/deep
say xenstore-rm -s $base/s
say xenstore-rm $base
say xenstore-list $base
say xenstore ls $base
say xenstore-ls -s /tool/xenstored
