# SPDX-License-Identifier: GPL-2.0-or-later
# The clock never steps back, whichever vcpu reads it. xtest.reads: how many reads in all.
echo "CLOCKSOURCE $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
timerecords "${XTEST_reads:-1000000}"
