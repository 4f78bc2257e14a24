# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands in docs/design/speculation.md about page tables, seen from outside: what is mapped while a guest's code runs."""
import re

import pytest

from machine import Machine

# On a processor that is open to Meltdown by its family and model; and the same machine told to leave that alone.
CASES = {'split': ((), False), 'xpti-off': (('xpti=off',), True)}
DIRECT_MAP = 0xffff830000100000
GUEST_STATES = 40


def mapped(run, address):
    return 'Cannot access' not in run.monitor(f'x /1gx {address:#x}')


def nmi_door(run, registers):
    """The end of the stack on which the processor pushes an NMI's frame: TSS.IST2."""
    tss = int(re.search(r'^TR *=\w+ ([0-9a-f]+)', registers, re.M).group(1), 16)
    return int(re.search(r': (0x[0-9a-f]+)', run.monitor(f'x /1gx {tss + 44:#x}')).group(1), 16)


@pytest.mark.parametrize('case', CASES)
def test_what_a_guest_could_read(hypervisor, case, smp=2):
    """The machine is stopped at random moments while domain 0 computes; whenever its code runs, our memory is mapped or it is not."""
    options, expected = CASES[case]
    machine = Machine(hypervisor=hypervisor, cpu='Nehalem', smp=smp, options=options, dom0_args=('xtest=shell',))
    if machine.is_oracle:
        pytest.skip('our layout')
    with machine.boot(f'speculation-{case}') as run:
        run.expect_init()
        run.expect('dom0:')
        run.type('while :; do :; done &\n' + 'while :; do cat /proc/stat; done >/dev/null &\n' * smp)
        user = kernel = 0
        for _ in range(20 * GUEST_STATES):
            if user and kernel and user + kernel >= GUEST_STATES:
                break
            run.monitor('stop')
            registers = run.monitor('info registers')
            if re.search(r'CPL=3', registers):
                is_kernel = int(re.search(r'RIP=([0-9a-f]+)', registers).group(1), 16) >> 47
                assert mapped(run, DIRECT_MAP) == expected
                door = nmi_door(run, registers)
                assert mapped(run, door - 8)
                assert mapped(run, (door & -4096) + 4096) == expected # where the handler goes on
                user, kernel = user + (not is_kernel), kernel + bool(is_kernel)
            run.monitor('cont')
        assert user and kernel, (user, kernel)
        run.type('kill $(jobs -p); echo still $((40 + 2))\n')
        run.expect('still 42')
