#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench-storms`: what a domain on one processor loses by a hostile one on another, which shares only the hypervisor's locks with it.

The guest is tests/guest/neighbour/across.c, in QEMU with a thread for each processor, so that they do run at once. Measured is what the
worker's processor executes for a unit of the worker's work, in instructions: the rest of the machine's load does not count, waiting for
a lock does (it spins), and so does what other processors interrupt it for. It is compared with the same beside a domain that only
computes. Since a thread that holds a lock may be put aside by this machine, which no processor is, the best of several runs counts.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKER = 1  # its processor
TARGET = 0.98
LIMIT = 300


def run(build, hypervisor, plugin):
    """One boot: {(work, storm): (units, instructions of the worker's processor in the hypervisor, elsewhere)}."""
    guest, counts, marks = build / 'guests' / 'neighbour-pv64', build / 'bench' / 'storms.counts', build / 'bench' / 'storms.marks'
    symbols = subprocess.run(['nm', guest], check=True, stdout=subprocess.PIPE, text=True).stdout
    begin, end = (re.search(rf'^([0-9a-f]+) t bench_{which}_across$', symbols, re.M).group(1) for which in ('begin', 'end'))
    marks.write_text(f'{begin}\n{end}\n', encoding='utf-8')
    counts.unlink(missing_ok=True)
    command = ['qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'max,-smap,-rdtscp', '-m', '512', '-smp', '3', '-display', 'none', '-vga', 'none',
               '-nic', 'none', '-no-reboot', '-serial', 'stdio', '-monitor', 'none', '-kernel', str(hypervisor),
               '-append', 'console=com1 com1=115200 dom0_mem=128M sched=credit', '-initrd', f'{guest} seed=1 across test=across_computing:across_calling',
               '-plugin', f'{plugin},marks={marks},out={counts}']
    text = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT).stdout.decode(errors='replace')
    lines = re.findall(r'^ACROSS (\S+) (\S+) (\d+)\r?$', text, re.M)
    regions = [[int(n) for n in line.split()[2:]] for line in counts.read_text().splitlines() if int(line.split()[1], 16) == int(begin, 16)]
    if not lines or len(lines) != len(regions) or 'FAIL' in text:
        raise SystemExit(f'storms: {len(lines)} lines, {len(regions)} regions\n{text[-3000:]}')
    return {(work, storm): (int(units), *region[2 * WORKER:2 * WORKER + 2]) for (work, storm, units), region in zip(lines, regions)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hypervisor', required=True)
    parser.add_argument('--oracle', required=True)
    parser.add_argument('--side', action='append', choices=['xen', 'xenios'], help='only these')
    parser.add_argument('--runs', type=int, default=5)
    arguments = parser.parse_args()
    build, missed = pathlib.Path(os.environ.get('B', 'build')), 0
    for side, hypervisor in (('xen', arguments.oracle), ('xenios', arguments.hypervisor)):
        if arguments.side and side not in arguments.side:
            continue
        runs = [run(build, hypervisor, build / 'bench' / 'vcpu_count.so') for _ in range(arguments.runs)]
        for case in runs[0]:
            cost = {key: min(sum(one[key][1:]) / max(one[key][0], 1) for one in runs) for key in (case, (case[0], 'computing'))}
            share = cost[(case[0], 'computing')] / cost[case]
            fails = side == 'xenios' and share < TARGET
            missed += fails
            print(f'{side}: {case[0]} beside {case[1]}: {cost[case]:,.1f} instructions a unit, throughput {share:.1%}' + (' MISSED' if fails else ''))
    print(f'{missed} miss the target (at least {TARGET:.0%})')
    return 1 if missed else 0


sys.exit(main())
