# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot options whose effect is seen from outside of domain 0: what the machine does at its end, what is on its screen, and in its control registers. A small kernel of our own is domain 0."""
import re

import machine as machines
import pytest

# Kills itself at once: a trap for which it has no handler.
CRASH = ('test=trap_without_handler',)
# SDM 3B 15.3.2.2: valid, uncorrected, reporting enabled, address valid, context lost.
FATAL_MACHINE_CHECK = 'mce 0 1 0xb60000000000009f 5 0x23456000 0'
CR4 = {'SMEP': 1 << 20, 'OSXSAVE': 1 << 18}


def small(machine, guest, arguments, options=(), **changes):
    image = str(machines.build_dir() / 'guests' / f'{guest}-pv64')
    return machine.replace(kernel=image, initrd='', memory=256, dom0_mem='64M', dom0_args=arguments, options=options, **changes)


def screen(run):
    """The text of the VGA screen, 80 by 25 characters, each with its colours."""
    words = re.findall(r'0x([0-9a-f]{4})\b', run.monitor('xp /2000hx 0xb8000'))
    assert len(words) == 2000
    text = ''.join(chr(int(word, 16) & 0xff) for word in words)
    return '\n'.join(text[at:at + 80].rstrip() for at in range(0, 2000, 80))


def cr4(run):
    return int(re.search(r'CR4=([0-9a-f]+)', run.monitor('info registers')).group(1), 16)


def test_crash_of_domain_0_resets_the_machine(machine, log_name):
    with small(machine, 'traps', CRASH).boot(log_name) as run:
        run.expect(r'\(XEN\)[^\r\n]*[Cc]rashed: rebooting machine', fatal=False)
        run.expect_reset()


@pytest.mark.xenios_only
def test_panic_resets_the_machine(machine, log_name):
    with small(machine, 'machine_checks', ('injected',)).boot(log_name) as run:
        run.expect('KIT WAITS', fatal=False)
        run.monitor(FATAL_MACHINE_CHECK)
        run.expect(r'Panic on CPU 0', fatal=False)
        run.expect_reset()


@pytest.mark.xenios_only
@pytest.mark.parametrize('case', ['as they are', 'changed'])
def test_screen_and_registers(machine, log_name, case):
    """noreboot, in both cases: the machine stays to be looked at."""
    changed = case == 'changed'
    options = ('noreboot', 'console=com1,vga') + (('vga=keep', 'smep=off', 'xsave=off') if changed else ())
    described = small(machine, 'traps', CRASH, options, cpu='max,-smap')
    with described.boot(log_name) as run:
        run.expect(r"\(XEN\)[^\r\n]*[Cc]rashed: 'noreboot' set", fatal=False)
        run.expect_standstill(1)
        text = screen(run)
        assert ("'noreboot' set" in text) == changed, text
        assert '(XEN) ' in text, text
        for bit in CR4.values():
            assert bool(cr4(run) & bit) != changed


@pytest.mark.xenios_only
def test_domain_0_goes_on_behind_our_lines(machine, log_name):
    """The last screen of the boot, from its first line, and the cursor that domain 0 is told."""
    described = small(machine, 'smoke', ('test=screen', 'hold'), ('console=com1,vga',))
    with described.boot(log_name) as run:
        column, row = map(int, run.expect(r'SCREEN cursor (\d+),(\d+)').groups())
        run.expect('KIT WAITS')
        rows = screen(run).split('\n')
        said = re.findall(r'^\(XEN\) ([^\r\n]*)', run.text(), re.M)
    assert (column, row) == (0, 24)
    assert rows[24] == '' and rows[23].startswith('(XEN) The screen is domain 0')
    # What the serial line had, up to there, in lines of 80.
    last = next(i for i, line in enumerate(said) if line.startswith('The screen is'))
    wanted = [('(XEN) ' + line)[at:at + 80].rstrip() for line in said[:last + 1] for at in range(0, len('(XEN) ' + line), 80)]
    assert rows[:24] == wanted[-24:]
