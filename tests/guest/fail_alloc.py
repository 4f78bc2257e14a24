#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a guest with `fail-alloc=n` for n = 1, 2, ... until the n-th allocation never comes. It is counted from where domain 0 is built. Each time the hypervisor must live and its audit be clean, or, if there was no memory
for domain 0, say so in one line and stop; anything else is a failure. What the guest's own tests say does not matter: a call may fail for want of memory.

The area `alloc` allocates in every part of the hypervisor, in a boot of half a second; `alloc_domains` makes and ends domains, and says LEAK if not every page comes back.
`AREA:n` takes each n-th allocation only. `N passed, N failed` is the last line.
"""
import argparse
import concurrent.futures
import importlib.util
import os
import re
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
FIRED = 'fail-alloc: this allocation fails'
STOPPED = re.compile(r'\(XEN\) Cannot boot: .*(memory|dom0_mem)')
MOST = 5000     # a counter that never runs out


def runner():
    spec = importlib.util.spec_from_file_location('guest_runner', os.path.join(HERE, 'run.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def why_failed(run, machine, fired):
    """What is wrong with this boot, or ''."""
    panicked = next((line for line in machine.lines if run.PANIC.search(line)), None)
    if panicked:
        return f'the hypervisor died: {panicked}'
    stopped = [line for line in machine.lines if 'Cannot boot' in line]
    if stopped:
        clear = fired and len(stopped) == 1 and STOPPED.search(stopped[0])
        return '' if clear and not machine.timed_out else f'no clear end: {stopped}'
    leaked = next((line for line in machine.lines if line.startswith('LEAK ')), None)
    if leaked:
        return leaked
    audit = machine.audit().get('audit')
    if audit is None:
        crashed = next((line for line in machine.lines if run.CRASHED.search(line)), None)
        return f'no audit: {crashed or ("timeout" if machine.timed_out else "the machine ended")}'
    return '' if audit[0] == 'ok' else f'audit: {audit[1].splitlines()[0]}'


def boot(run, arguments, area, n):
    """Returns (n, fired, whether domain 0 was built, why it is a failure or '')."""
    tests, options = run.load(area)
    options['xen'] = ';'.join(filter(None, (options.get('xen'), f'fail-alloc={n}')))
    group = run.Group(area, [name for name, alone in tests if not alone], False, options)
    settings = types.SimpleNamespace(build=arguments.build, seed=1, guest_args=None, sched=None, cpu=None, smp=None, qemu=None,
                                     hypervisor=arguments.hypervisor, patience=arguments.patience, debug=False)
    machine = run.Boot(settings, group)
    machine.run()
    with open(os.path.join(arguments.logs, f'{area}-{n}.log'), 'w', encoding='utf-8') as log:
        log.write('\n'.join(machine.lines) + '\n')
    fired = any(FIRED in line for line in machine.lines)
    built = any('KIT start' in line for line in machine.lines)
    return n, fired, built, why_failed(run, machine, fired)


def exhaust(run, arguments, area, step):
    """Every n in turn, some at a time; returns how many passed and failed."""
    passed = failed = before = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for first in range(arguments.first, MOST, arguments.jobs * step):
            turns = range(first, first + arguments.jobs * step, step)
            results = list(pool.map(lambda n: boot(run, arguments, area, n), turns))
            for n, fired, built, why in results:
                if why:
                    print(f'FAIL {area} fail-alloc={n}: {why}', flush=True)
                passed, failed, before = passed + (not why), failed + bool(why), before + (fired and not built)
                if not fired:
                    print(f'{"FAIL" if n == 1 else "ok  "} {area}: {"" if step == 1 else "a sample of fewer than "}{n - 1} allocations, {before} of them before the guest ran', flush=True)
                    return passed, failed + (n == 1)
    print(f'FAIL {area}: not exhausted at fail-alloc={MOST}')
    return passed, failed + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hypervisor', default='build/xenios')
    parser.add_argument('--build', default='build')
    parser.add_argument('--first', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='machines at a time')
    parser.add_argument('--patience', type=float, default=float(os.environ.get('PATIENCE', '1')))
    parser.add_argument('areas', nargs='*', default=['alloc'])
    arguments = parser.parse_args()
    arguments.logs = os.path.join(arguments.build, 'fail-alloc-logs')
    os.makedirs(arguments.logs, exist_ok=True)
    run, passed, failed = runner(), 0, 0
    for area in arguments.areas:
        area, _, step = area.partition(':')
        good, bad = exhaust(run, arguments, area, int(step or 1))
        passed, failed = passed + good, failed + bad
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
