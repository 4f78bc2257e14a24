# SPDX-License-Identifier: GPL-2.0-or-later
"""What Linux warns about in domain 0 is what it warns about on Debian's Xen, on the same machine, and no more."""
import re

import conftest
import pytest

WARNING = 4         # kernel log levels 0 (emergency) to 4 (warning)


def normalise(line):
    """A warning without what differs from run to run: times, addresses, numbers, the names of tasks."""
    line = re.sub(r'^\[\s*\d+\.\d+\]\s*', '', line)
    line = re.sub(r'\b(0x)?[0-9a-f]{8,16}\b', 'HEX', line)
    line = re.sub(r'\b0x[0-9a-f]+\b', 'HEX', line)
    return re.sub(r'\d+', 'N', line).strip()


def warnings(machine, name):
    """The normalised warnings of one run, each once."""
    with machine.boot(name) as run:
        run.expect_init()
        facts = run.expect_test('dmesg')
        run.expect_poweroff()
    found = set()
    for line in facts['DMESG']:
        match = re.match(r'<(\d+)>(.*)', line)
        # The facility is in the upper bits; user space's own messages are not the kernel's.
        if match and int(match.group(1)) >> 3 == 0 and int(match.group(1)) & 7 <= WARNING:
            found.add(normalise(match.group(2)))
    return found


@pytest.mark.xenios_only
@pytest.mark.parametrize('board', ['pc', 'q35'])
def test_no_warning_that_xen_does_not_give(machine, log_name, board):
    described = machine.replace(machine=board, smp=2, dom0_args=('xtest=dmesg',),
                                devices=('-nic', 'user,model=virtio-net-pci'))
    ours = warnings(described, log_name)
    theirs = warnings(described.replace(hypervisor=conftest.ORACLE), log_name + '-beside-oracle')
    more = sorted(ours - theirs)
    assert not more, 'warnings that Debian\'s Xen does not cause:\n' + '\n'.join(more)


def test_warnings_are_read(machine, log_name):
    """A warning that is provoked is seen: otherwise the comparison would be one of two empty sets."""
    found = warnings(machine.replace(dom0_args=('xtest=dmesg', 'pause_on_oops=banana')), log_name)
    assert "Booting kernel: `banana' invalid for parameter `pause_on_oops'" in found, sorted(found)
