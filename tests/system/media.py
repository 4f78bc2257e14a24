# SPDX-License-Identifier: GPL-2.0-or-later
"""Bootable media: an ISO image with GRUB for BIOS and for UEFI that starts a hypervisor by multiboot 2, in the words of Debian's entries (/etc/grub.d/20_linux_xen)."""
import os
import shutil
import subprocess

import machine as machines

# On UEFI GRUB sets a video mode, as with Debian's load_video.
GRUB_CFG = '''\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
if [ "$grub_platform" = "efi" ]; then
    insmod all_video
else
    set gfxpayload=text
fi
menuentry "domain 0" {{
    if [ "$grub_platform" = "pc" -o "$grub_platform" = "" ]; then
        xen_rm_opts=
    else
        xen_rm_opts="no-real-mode edd=off"
    fi
    multiboot2 /boot/hypervisor placeholder {options} ${{xen_rm_opts}}
{modules}}}
'''
MODULES = '''\
    module2 /boot/vmlinuz placeholder {kernel}
    module2 --nounzip /boot/dom0.cpio.gz
'''


def grub_iso(described, folder, domain0=True):
    """Writes an ISO for the hypervisor of `described`, and its kernel and initrd unless told not to, into `folder`; returns its path."""
    build = machines.build_dir()
    boot = folder / 'iso' / 'boot'
    (boot / 'grub').mkdir(parents=True)
    shutil.copy(described.hypervisor, boot / 'hypervisor')
    modules = ''
    if domain0:
        shutil.copy(described.kernel or build / 'vmlinuz', boot / 'vmlinuz')
        shutil.copy(described.initrd or build / 'dom0.cpio.gz', boot / 'dom0.cpio.gz')
        modules = MODULES.format(kernel=described.kernel_arguments())
    (boot / 'grub' / 'grub.cfg').write_text(GRUB_CFG.format(options=described.hypervisor_arguments(), modules=modules), encoding='utf-8')
    image = folder / 'grub.iso'
    made = subprocess.run(['grub-mkrescue', '-o', image, folder / 'iso'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env=dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin'))
    assert made.returncode == 0 and image.exists(), made.stdout
    return image
