# SPDX-License-Identifier: GPL-2.0-or-later
# Everything the kernel logged, with its levels; the drivers are loaded first so that their complaints are in it, until a second brings no more.
coldplug
lines=
until [ "$lines" = "$(dmesg | wc -l)" ]; do
    lines=$(dmesg | wc -l)
    sleep 1
done
dmesg -r | sed 's/^/DMESG /'
