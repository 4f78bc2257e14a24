# SPDX-License-Identifier: GPL-2.0-or-later
"""The console: a shell in domain 0, and the hypervisor's own keys behind Ctrl-A three times."""
import re

import machine as machines
import pytest

PROMPT = 'dom0:~# '


def shell(machine, **changes):
    return machine.replace(smp=2, dom0_args=('xtest=shell',), **changes)


def to_prompt(run):
    run.expect_init()
    run.expect(PROMPT)


def test_shell_on_the_console(machine, log_name):
    """What `make run` shows: a shell that reads what is typed and powers off."""
    with shell(machine).boot(log_name) as run:
        to_prompt(run)
        run.type('echo $((6 * 7))-answered; nproc\n')
        run.expect('42-answered\r+\n2\r')
        run.type('poweroff\n')
        run.expect_poweroff()


def test_keys_answer_while_domain_0_runs(machine, log_name):
    with shell(machine).boot(log_name) as run:
        to_prompt(run)
        run.switch_input()
        run.type('h')
        # pexpect lets a dot match line ends, too.
        run.expect(r"\(XEN\)[^\r\n]*'R'[^\r\n]*[\r\n]")
        run.switch_input()
        run.type('echo back-$((1 + 1))\n')
        run.expect('back-2\r')
        run.type('poweroff\n')
        run.expect_poweroff()


def test_reboot_key_resets_the_machine(machine, log_name):
    with shell(machine).boot(log_name) as run:
        to_prompt(run)
        run.switch_input()
        run.type('R')
        run.expect_reset()


def test_rebooting_from_domain_0_resets_the_machine(machine, log_name):
    with shell(machine).boot(log_name) as run:
        to_prompt(run)
        run.type('reboot\n')
        run.expect_reset()


@pytest.mark.xenios_only
@pytest.mark.parametrize('irq', [0, 5])
def test_a_line_without_interrupts(machine, log_name, irq):
    """None by the option, or one that never comes: nothing that is printed is lost, and what is typed arrives."""
    guest = str(machines.build_dir() / 'guests' / 'time-pv64')
    options = (f'com1=115200,8n1,0x3f8,{irq}',)
    with machine.replace(smp=2, kernel=guest, initrd=guest, dom0_mem='64M', dom0_args=('smp=2',), options=options).boot(log_name) as run:
        run.expect(rf'\(XEN\) Serial line: no interrupt {irq} comes')
        run.switch_input()
        run.type('h')
        run.expect(r"\(XEN\)  'h': this help[^\r\n]*[\r\n]")
        run.expect('KIT RESULT pass')
        begun, ended = (re.findall(rf'^{word} (\w+)', run.text(), re.M) for word in ('RUN', 'TEST'))
        assert begun and begun == ended


@pytest.mark.xenios_only
def test_audit_of_a_booted_machine_is_clean(machine, log_name):
    with shell(machine).boot(log_name) as run:
        to_prompt(run)
        run.switch_input()
        run.type('A')
        assert run.expect(r'\(XEN\).*Audit: (\d+) violations').group(1) == '0'
        # The bound: less than 16 MiB and 48 bytes per frame, with domain 0 running.
        run.type('m')
        held, frames = map(int, run.expect(r'\(XEN\) Heap: [^\r\n]*the hypervisor (\d+) of the machine\'s (\d+)').groups())
        assert held << 12 < (16 << 20) + 48 * frames, f'{held} of {frames} pages'
        print(f'the hypervisor holds {held} of {frames} pages')
