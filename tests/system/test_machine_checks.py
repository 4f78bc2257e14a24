# SPDX-License-Identifier: GPL-2.0-or-later
"""Machine checks, which QEMU puts into a processor's banks: one that nobody can go on from ends the machine and says so."""
import pytest

pytestmark = pytest.mark.xenios_only

# SDM 3B 15.3.2.2: valid, uncorrected, reporting enabled, address valid, the processor's context lost, a read error of memory. Of the whole: in progress, RIP valid.
FATAL, GLOBAL_STATUS = 0xb60000000000009f, 5


# Valid, uncorrected, address valid; reporting is not enabled, so nobody need stop for it.
HARMLESS = 0xa400000000000090


def test_fatal(machine, log_name):
    with machine.replace(smp=2, options=('noreboot',), dom0_args=('xtest=shell',)).boot(log_name) as run:
        run.expect_init()
        # The handler waits for no lock that its own processor may hold: here mostly the console's.
        run.switch_input()
        for turn in range(30):
            run.type('h' * 20)
            run.monitor(f'mce 0 1 {HARMLESS:#x} {GLOBAL_STATUS} {0x1000 * turn:#x} 0')
            run.expect(rf'Machine check on CPU 0, bank 1: status {HARMLESS:016x} address {0x1000 * turn:016x} [^\r\n]*uncorrected\)', 20)
        run.type('h' * 20)
        run.monitor(f'mce 0 1 {FATAL:#x} {GLOBAL_STATUS} 0x23456000 0')
        run.expect(rf'Machine check on CPU 0, bank 1: status {FATAL:016x} address 0000000023456000 [^\r\n]*uncorrected, context lost', 60, fatal=False)
        run.expect(r'Machine check on CPU 0: the processor cannot go on', 20, fatal=False)
