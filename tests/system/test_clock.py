# SPDX-License-Identifier: GPL-2.0-or-later
"""The wall clock comes from the machine's, and time never steps back between vcpus."""
import calendar
import time

import bochs
import machine as machines
import media
import pytest

# In domain 0 Linux prefers a TSC that it takes for stable to the hypervisor's clock.
XEN_CLOCK = 'clocksource=xen'


def test_wall_clock_follows_the_machines(machine, log_name):
    """The machine's clock starts at a date of its own, so that no other source of time can give the right answer."""
    described = machine.replace(devices=('-rtc', 'base=2031-05-04T03:02:01'), dom0_args=('xtest=clock', XEN_CLOCK))
    base = calendar.timegm((2031, 5, 4, 3, 2, 1))
    with described.boot(log_name) as run:
        facts = run.expect_test('clock')
        elapsed = time.monotonic() - run.started
        run.expect_poweroff()
    seen = int(facts['WALLCLOCK'][0])
    # Between power-on and the moment that we read the answer, and a second for what the clock cannot show.
    assert base - 1 <= seen <= base + elapsed + 1, (seen - base, elapsed)
    assert facts['CLOCKSOURCE'] == ['xen']


@pytest.mark.matrix
def test_time_records_never_step_back(machine, log_name, request):
    """Ten million reads in make test-matrix, a sample of them in make test."""
    reads = 10_000_000 if request.config.getoption('--matrix') else 400_000
    described = machine.replace(smp=4, at_once=True, dom0_args=('xtest=time', XEN_CLOCK, f'xtest.reads={reads}'))
    with described.boot(log_name) as run:
        assert run.expect_init()[0] == 4
        facts = run.expect_test('time', 1800)
        run.expect_poweroff()
    assert facts['CLOCKSOURCE'] == ['xen']
    assert facts['TIME'] == [f'reads={reads} threads=4 steps-back=0 worst=0']


@pytest.mark.parametrize('option', ['', 'tsc=unstable'])
def test_told_of_the_tsc(machine, log_name, tmp_path, option):
    """An invariant TSC is declared to guests, unless the option says that it is not to be relied on: QEMU's TCG has none, Bochs has."""
    guest = str(machines.build_dir() / 'guests' / 'tsc-pv64')
    described = machine.replace(kernel=guest, initrd=guest, dom0_mem='64M', options=(option,) if option else (),
                                dom0_args=('smp=1', 'unstable') if option else ('smp=1',))
    with bochs.Bochs('corei7_skylake_x', media.grub_iso(described, tmp_path), tmp_path, log_name, memory=256) as run:
        end = time.monotonic() + 120 * machines.PATIENCE
        while 'KIT RESULT' not in run.text() and time.monotonic() < end:
            time.sleep(.2)
        text = run.text()
    assert 'TSC invariant, not stable' in text if option else 'TSC invariant, stable' in text
    assert 'KIT RESULT pass' in text, text[-2000:]
