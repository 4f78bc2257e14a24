# SPDX-License-Identifier: GPL-2.0-or-later
# Everything the kernel logged, with its levels; the drivers are loaded first so that their complaints are in it.
coldplug
sleep 1
dmesg -r | sed 's/^/DMESG /'
