# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels in every wrapping that distributions ship, and another version of Debian's."""
import gzip
import os
import subprocess

import kernels
import machine as machines
import pytest

WRAPPINGS = {
    'bzimage-gzip': lambda image, elf: kernels.rewrap(image, kernels.compressed('gzip', elf)),
    'bzimage-xz': lambda image, elf: kernels.rewrap(image, kernels.compressed('xz', elf)),
    'bzimage-zstd': lambda image, elf: kernels.rewrap(image, kernels.compressed('zstd', elf)),
    'bzimage-lz4': lambda image, elf: kernels.rewrap(image, kernels.compressed('lz4', elf)),
    'elf': lambda image, elf: elf,
    'elf-gzip': lambda image, elf: gzip.compress(elf, 1, mtime=0),
}


def reaches_init(machine, log_name, kernel, memory=1024):
    described = machine.replace(kernel=str(kernel), memory=memory, dom0_args=('xtest=poweroff',))
    with described.boot(log_name) as run:
        release = run.expect_init()[1]
        run.expect_poweroff()
    return release


@pytest.mark.parametrize('wrapping', WRAPPINGS)
def test_wrapping(machine, log_name, tmp_path, wrapping):
    image = kernels.debian_kernel()
    made = tmp_path / wrapping
    made.write_bytes(WRAPPINGS[wrapping](image, kernels.vmlinux(image)))
    reaches_init(machine, log_name, made)


def test_another_version(machine, log_name):
    """Debian 12 has a newer kernel beside its own: it boots too."""
    package = 'linux-image-6.12-amd64'
    target = machines.build_dir() / 'cache' / package
    if not (target / 'version').exists():
        subprocess.run(['tools/fetch-deb', package, str(target)], check=True)
    kernel = next((target / 'boot').glob('vmlinuz-*'))
    assert reaches_init(machine, log_name, os.path.relpath(kernel)).startswith('6.12.')
