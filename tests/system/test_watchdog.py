# SPDX-License-Identifier: GPL-2.0-or-later
"""The watchdog: a processor that stops with interrupts off is named, shown, and ends the machine; one that works is let be."""
import re

import machine as machines
import pytest

pytestmark = pytest.mark.xenios_only

# Who hangs among how many, and who can see it: processor 0 alone by the 8254's NMIs, another by its neighbour as well.
HANGS = {'alone': (1, 0), 'first': (2, 0), 'second': (2, 1), 'last': (4, 3)}


@pytest.mark.parametrize('case', HANGS)
def test_names_who_hangs(machine, log_name, case):
    processors, hanging = HANGS[case]
    options = ('watchdog', 'watchdog_timeout=3', f'hang={hanging}', 'noreboot')
    with machine.replace(smp=processors, options=options).boot(log_name) as run:
        run.expect(r'Watchdog: 3 seconds, by NMIs from the 8254')
        run.expect(rf'\(XEN\)[^\r\n]*CPU {hanging} will hang')
        # Also where another waits for its answer meanwhile, and is noticed first.
        assert run.expect(r'Watchdog: CPU (\d+) has made no progress for 3 seconds', 120, fatal=False).group(1) == str(hanging)
        run.expect(r'RIP:[^\r\n]*hang_now', 20, fatal=False)
        run.expect(rf'Panic on CPU {hanging}:[\r\n]+[^\r\n]*Watchdog: CPU {hanging} hangs at hang_now', 20, fatal=False)


def test_lets_work_be(machine, log_name):
    """A boot with everything that it does, and dumps by keys, is no hang."""
    with machine.replace(smp=2, options=('watchdog',), dom0_args=('xtest=shell',)).boot(log_name) as run:
        run.expect_init()
        run.switch_input()
        run.type('*')
        run.type('i')
        beats = int(run.expect(r'\(XEN\)   CPU 1: (\d+) beats').group(1))
        ticks = int(re.search(r'Watchdog: 5 seconds, (\d+) NMIs', run.text()).group(1))
        assert beats > 0 and ticks > 18
        run.switch_input()
        run.type('poweroff\n')
        run.expect_poweroff()
        assert 'no progress' not in run.text()


# Guests that change the root all the time: a processor puts away what it holds while it idles, and one domain gives way to another.
SWITCHING = {'idle': ('time', 'qemu64', ('test=first_sleeper_sees_new_tables', 'rounds=5000')),
             'idle-copies': ('time', 'Nehalem', ('test=first_sleeper_sees_new_tables', 'rounds=5000')),
             'domains': ('foreign', 'qemu64', ())}


@pytest.mark.parametrize('case', SWITCHING)
def test_nmis_at_any_moment(machine, log_name, case):
    """An NMI finds its way between any two instructions of ours; where it does not, the machine resets without a word."""
    area, cpu, words = SWITCHING[case]
    guest = str(machines.build_dir() / 'guests' / f'{area}-pv64')
    described = machine.replace(kernel=guest, initrd='', smp=2, at_once=True, cpu=cpu, dom0_mem='128M', options=('watchdog',), dom0_args=('smp=2',) + words)
    with described.boot(log_name) as run:
        run.expect(r'Watchdog: 5 seconds, by NMIs from the 8254')
        with run.repeat('nmi') as sent:
            run.expect(r'KIT RESULT pass')
        assert len(sent) > 100    # a storm it was: how many come in the time is the host's affair
