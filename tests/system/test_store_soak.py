# SPDX-License-Identifier: GPL-2.0-or-later
"""Our xenstored in a Debian domain 0 dies, or updates itself, a thousand times under load (make soak-daemons): nobody notices.

The load is a guest's on its ring, the domain 0 kernel's on its own, and the socket's: tests/system/daemons/store_soak.py. SOAK_TIMES, SOAK_HOW and SEED in
the environment. make soak-store does it, faster, without a hypervisor.
"""
import os
import random

import debian_dom0
import pytest

TIMES = int(os.environ.get('SOAK_TIMES', '1000'))
SEED = int(os.environ.get('SEED', '0')) or random.randrange(1, 1 << 31)
CONFIG = 'name = "steady"\\nmemory = 32\\nkernel = "/guest/storeguest"\\ncmdline = "test=store mode=steady"\\non_reboot = "destroy"\\n'


@pytest.mark.soak
@pytest.mark.debian
def test_store_again_and_again(hypervisor, log_name):
    with debian_dom0.machine(hypervisor, daemons=True, smp=2).boot(log_name) as running:
        dom0 = debian_dom0.Dom0(running)
        dom0.ok(f"printf '{CONFIG}' >/run/steady.cfg")
        for how in os.environ.get('SOAK_HOW', 'update kill').split():
            dom0.ok('xl create -q /run/steady.cfg', 120)
            domid = dom0.ok('xl domid steady')
            dom0.wait(f'xenstore-read /local/domain/{domid}/data/rounds 2>/dev/null', 60)
            text = dom0.ok(f'store_soak.py {how} {TIMES} {SEED} {domid} 2>&1', 120 + 6 * TIMES)
            print(text.splitlines()[-1])
            dom0.ok('xl destroy steady')
            dom0.gone('steady')
            assert dom0.ok('xenstore-control check').strip() == 'OK'
