# SPDX-License-Identifier: GPL-2.0-or-later
"""Bootable media: an ISO image with GRUB for BIOS and for UEFI that starts a hypervisor by multiboot 2."""
import os
import shutil
import subprocess

import machine as machines

GRUB_CFG = '''\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
set gfxpayload=text
menuentry "domain 0" {{
    multiboot2 /boot/hypervisor {options}
    module2 /boot/vmlinuz {kernel}
    module2 /boot/dom0.cpio.gz
}}
'''


def grub_iso(described, folder):
    """Writes an ISO for the hypervisor, kernel and initrd of `described` into `folder`; returns its path."""
    build = machines.build_dir()
    boot = folder / 'iso' / 'boot'
    (boot / 'grub').mkdir(parents=True)
    shutil.copy(described.hypervisor, boot / 'hypervisor')
    shutil.copy(described.kernel or build / 'vmlinuz', boot / 'vmlinuz')
    shutil.copy(described.initrd or build / 'dom0.cpio.gz', boot / 'dom0.cpio.gz')
    (boot / 'grub' / 'grub.cfg').write_text(GRUB_CFG.format(options=described.hypervisor_arguments(),
                                                            kernel=described.kernel_arguments()), encoding='utf-8')
    image = folder / 'grub.iso'
    made = subprocess.run(['grub-mkrescue', '-o', image, folder / 'iso'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env=dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin'))
    assert made.returncode == 0 and image.exists(), made.stdout
    return image
