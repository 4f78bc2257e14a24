#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`make test-preempt`: how long the hypervisor keeps interrupts off, and how long it goes without a look at what is pending, in executed instructions, under the longest calls
that a guest can make (tests/guest/preempt.c), measured by the plugin stretch.c in QEMU with -icount: the same numbers in every run, whatever the machine does meanwhile.

Prints the table; a call that exceeds a bound, or that did too little to prove anything, is a failure. docs/design/hypercalls.md says why the bounds are what they are.
"""
import argparse
import bisect
import os
import pathlib
import re
import struct
import subprocess
import sys

OFF_BOUND = 2_500            # instructions with interrupts off
UNCHECKED_BOUND = 128_000    # instructions without a look at what is pending
# 2 MiB are exchanged as a whole or not at all: 512 pages.
ATOMIC_BOUND = 350_000
ATOMIC = ('exchange', 'exchange_back')
LEAST = {'pin': 5_000_000, 'unpin': 5_000_000, 'multicall': 20_000_000, 'exchange': 500_000, 'exchange_large': 4_000_000, 'hook_tree': 10_000_000, 'store_of_half_a_tree': 2_000_000,
         'grant_table': 200_000, 'grant_version': 180_000, 'grant_copy_overlapping': 400_000, 'send_to_pollers': 28_000, 'expand_events': 100_000, 'grant_resource': 1_500_000, 'destroy_domain': 2_000_000}
LIMIT = 300
# Who waits for the processor comes on in the middle of a long call, whether or not the domain has credit left just then.
TURNS = 'sched_credit_tslice_ms=1'


def run(words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def symbols(program):
    """[(address, name)] in the order of addresses."""
    return sorted((int(a, 16), name) for a, name in re.findall(r'^([0-9a-f]+) [a-zA-Z] (\S+)$', run(['nm', program]), re.M))


def named(table, address):
    at = bisect.bisect_right(table, (address, '\x7f')) - 1
    return f'{table[at][1]}+{address - table[at][0]:#x}' if at >= 0 and address - table[at][0] < 0x10000 else f'{address:#x}'


def checks(program, folder):
    """The addresses of the hypervisor's looks at what is pending."""
    section = folder / 'checks.bin'
    run(['objcopy', '-O', 'binary', '--only-section=.preemption_checks', '--set-section-flags', '.preemption_checks=alloc', program, str(section)])
    data = section.read_bytes()
    return [address for address, in struct.iter_unpack('<Q', data)]


def measure(arguments, folder, table, marks):
    """Runs the guest; returns the plugin's lines, and the guest's own results."""
    addresses = dict((name, address) for address, name in table)
    (folder / 'checks').write_text(''.join(f'{a:x}\n' for a in checks(arguments.symbols, folder)), encoding='utf-8')
    (folder / 'marks').write_text(''.join(f'{a:x}\n' for a in marks), encoding='utf-8')
    out, log = folder / 'stretches', folder / 'log'
    out.unlink(missing_ok=True)
    plugin = f'{arguments.plugin},marks={folder}/marks,checks={folder}/checks,out={out}'
    plugin += f',stubs={addresses["entry_stubs"]:x},guest_iret={addresses["exit_iretq"]:x}'
    command = ['qemu-system-x86_64', '-accel', 'tcg', '-icount', 'shift=0,sleep=off', '-cpu', 'max,-smap', '-m', '1536', '-smp', '1', '-nographic', '-vga', 'none', '-nic', 'none',
               '-no-reboot', '-rtc', 'base=2026-01-01T00:00:00,clock=vm', '-kernel', arguments.hypervisor, '-append', f'console=com1 dom0_mem=256M dom0_max_vcpus=32 {TURNS}', '-initrd',
               f'{arguments.guest} seed=1 smp=1 noaudit', '-plugin', plugin]
    with open(log, 'wb') as output:
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=LIMIT * arguments.patience, check=False)
        except subprocess.TimeoutExpired:
            pass
    text = log.read_text(encoding='utf-8', errors='replace')
    verdicts = dict(re.findall(r'^.*?TEST (\w+): (\w+)', text, re.M))
    return out.read_text(encoding='utf-8') if out.exists() else '', verdicts


REGION = re.compile(r'REGION (\w+) (\d+) off (\d+) (\w+) (\w+) unchecked (\d+) (\w+) (\w+) wrong (\d+)')


def judge(name, executed, off, unchecked, wrong, verdict):
    """Why this call's line is a failure, or ''."""
    if verdict != 'ok':
        return f'the guest says: {verdict}'
    if wrong:
        return f'{wrong} events contradict what the plugin believes of EFLAGS.IF'
    if executed < LEAST.get(name, 1000):
        return 'too little was executed: this proves nothing'
    if off > OFF_BOUND:
        return f'more than {OFF_BOUND:,} with interrupts off'
    bound = ATOMIC_BOUND if name in ATOMIC else UNCHECKED_BOUND
    if unchecked > bound:
        return f'more than {bound:,} without a look'
    return ''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hypervisor', required=True)
    parser.add_argument('--symbols', required=True, help='its ELF file with symbols')
    parser.add_argument('--guest', required=True)
    parser.add_argument('--plugin', required=True)
    parser.add_argument('--patience', type=float, default=float(os.environ.get('PATIENCE', '1')))
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.plugin).parent
    table = symbols(arguments.symbols)
    marks = {a: n[len('preempt_begin_'):] if n.startswith('preempt_begin_') else None for a, n in symbols(arguments.guest) if n.startswith('preempt_')}
    text, verdicts = measure(arguments, folder, table, marks)
    passed, failed, seen = 0, 0, set()
    print(f'{"call":20} {"executed":>12} {"irq off":>10} {"unchecked":>10}  the longest of each')
    for line in text.splitlines():
        words = REGION.match(line)
        name = words and marks.get(int(words.group(1), 16))
        if not name:
            continue
        executed, off, unchecked, wrong = (int(words.group(i)) for i in (2, 3, 6, 9))
        why = judge(name, executed, off, unchecked, wrong, verdicts.get(name, 'nothing'))
        places = ['-'.join(named(table, int(words.group(i), 16)) for i in pair) for pair in ((4, 5), (7, 8))]
        print(f'{name:20} {executed:12,} {off:10,} {unchecked:10,}  {", ".join(places)}' + (f'\n  FAIL {name}: {why}' if why else ''))
        seen.add(name)
        passed, failed = passed + (not why), failed + bool(why)
    for name in sorted(set(filter(None, marks.values())) - seen):
        print(f'  FAIL {name}: not measured, see {folder}/log')
        failed += 1
    print(f'bounds: {OFF_BOUND:,} instructions with interrupts off, {UNCHECKED_BOUND:,} without a look at what is pending, '
          f'{ATOMIC_BOUND:,} where 2 MiB are exchanged')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
