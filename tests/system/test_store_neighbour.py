# SPDX-License-Identifier: GPL-2.0-or-later
"""Ten minutes beside a hostile guest (make soak-daemons): the store answers a good guest in at most twice the time, at the median.

Under -icount, so that times are instructions and not what this machine has besides to do; the domains have a processor each. SOAK_SECONDS
and SEED as elsewhere.
"""
import os
import random

import debian_dom0
import machine as machines
import neighbour_store
import pytest

SECONDS = int(os.environ.get('SOAK_SECONDS', '600'))
SEED = int(os.environ.get('SEED', '0')) or random.randrange(1, 1 << 31)


@pytest.mark.soak
@pytest.mark.debian
def test_hostile_neighbour(hypervisor, log_name):
    disk = machines.build_dir() / 'debian' / 'daemons.img'
    machine = debian_dom0.machine(hypervisor, smp=3, options=('dom0_max_vcpus=1', 'dom0_vcpus_pin'))
    machine = machine.replace(devices=machine.devices + ('-drive', f'file={disk},format=raw,if=virtio,snapshot=on', '-icount', 'shift=3,sleep=off'))
    with machine.boot(log_name) as running:
        dom0 = debian_dom0.Dom0(running)
        piece = min(SECONDS, 30)
        calm, attacked = neighbour_store.compare(dom0, (1, 2), piece * 1000, max(1, SECONDS // piece), log_name, SEED)
        assert attacked <= 2 * calm, (calm, attacked, SEED)
