# SPDX-License-Identifier: GPL-2.0-or-later
# The wall clock, and which clock source the kernel chose.
echo "WALLCLOCK $(date +%s)"
echo "CLOCKSOURCE $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
