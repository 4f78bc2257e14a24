# SPDX-License-Identifier: GPL-2.0-or-later
# EFI's variables through the hypervisor: names, attributes and values as the firmware has them; one is made, changed, read and deleted.
vars=/sys/firmware/efi/efivars
modprobe efivarfs 2>/dev/null
mkdir -p $vars
grep -q efivarfs /proc/mounts || mount -t efivarfs none $vars || fail "efivarfs cannot be mounted"
cd $vars || fail "no $vars"
echo "VARIABLES $(ls | wc -l)"
guid=8be4df61-93ca-11d2-aa0d-00e098032b8c
echo "BOOTORDER $(od -An -tx1 BootOrder-$guid | tr -d ' \n')"
echo "BOOTCURRENT $(od -An -tx1 BootCurrent-$guid | tr -d ' \n')"
# Of this vendor any variable may be changed; others are immutable files once they exist (linux/fs/efivarfs).
mine=XeniosTest-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0
printf '\007\000\000\000first' >$mine || fail "cannot make a variable"
echo "FIRST $(tail -c +5 $mine)"
printf '\007\000\000\000second value' >$mine || fail "cannot change a variable"
echo "SECOND $(tail -c +5 $mine)"
echo "ATTRIBUTES $(od -An -tx1 -N4 $mine | tr -d ' \n')"
rm $mine || fail "cannot delete a variable"
[ -e $mine ] && echo "STILL there" || echo "DELETED yes"
dd if=/dev/urandom bs=1000 count=1 2>/dev/null >/tmp/v
{ printf '\007\000\000\000'; cat /tmp/v; } >/tmp/w
dd if=/tmp/w of=$mine bs=2000 2>/dev/null || fail "cannot make a large variable"
[ "$(sha <$mine)" = "$(sha </tmp/w)" ] && echo "LARGE equal" || echo "LARGE differs"
rm $mine
