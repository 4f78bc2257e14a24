# SPDX-License-Identifier: GPL-2.0-or-later
"""Machine checks that the machine survives reach domain 0: one left over from before the start, and one while it runs, by VIRQ_MCA."""
import machine as machines
import pytest

pytestmark = pytest.mark.xenios_only

# As tests/guest/machine_checks.c expects them. SDM 3B 15.3.2.2: a corrected error; an uncorrected one, without "enabled": it need not be acted upon.
LEFT_OVER, URGENT = 0x8c00000000010090, 0xa400000000020091
RIP_VALID_AND_IN_PROGRESS = 5


def test_records(machine, log_name):
    guest = str(machines.build_dir() / 'guests' / 'machine_checks-pv64')
    described = machine.replace(kernel=guest, initrd='', memory=256, dom0_mem='64M', dom0_args=('injected', 'smp=1'), devices=('-S',))
    with described.boot(log_name) as run:
        run.monitor(f'mce 0 2 {LEFT_OVER:#x} 0 0x11223000 0x86')
        run.monitor('cont')
        run.expect('KIT WAITS for a machine check')
        run.monitor(f'mce 0 1 {URGENT:#x} {RIP_VALID_AND_IN_PROGRESS} 0x33445000 0')
        run.expect(r'TEST urgent: ok')
        run.expect(r'KIT RESULT pass')
        assert 'TEST left_over: ok' in run.text()
