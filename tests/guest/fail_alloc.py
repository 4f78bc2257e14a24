#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a guest with `fail-alloc=n` for n = 1, 2, ... until the n-th allocation never comes, and requires each time that the hypervisor
lives and that its audit is clean. What the guest's own tests say does not matter: a call may fail for want of memory.

`--sample SECONDS` leaves out numbers, more and more towards the end, and stops after so long; `N passed, N failed` is the last line.
"""
import argparse
import importlib.util
import os
import sys
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))
FIRED = 'fail-alloc: this allocation fails'
MOST = 5000     # a counter that never runs out


def runner():
    spec = importlib.util.spec_from_file_location('guest_runner', os.path.join(HERE, 'run.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def boot(run, arguments, area, n):
    """Returns (fired, why it is a failure or '')."""
    tests, options = run.load(area)
    options['xen'] = f'fail-alloc={n}'
    group = run.Group(area, [name for name, alone in tests if not alone], False, options)
    settings = types.SimpleNamespace(build=arguments.build, seed=1, guest_args=None, sched=None, cpu=None, smp=None, qemu=None,
                                     hypervisor=arguments.hypervisor, patience=arguments.patience, debug=False)
    machine = run.Boot(settings, group)
    machine.run()
    os.makedirs(arguments.logs, exist_ok=True)
    with open(os.path.join(arguments.logs, f'{area}-{n}.log'), 'w', encoding='utf-8') as log:
        log.write('\n'.join(machine.lines) + '\n')
    fired = any(FIRED in line for line in machine.lines)
    panicked = next((line for line in machine.lines if run.PANIC.search(line)), None)
    audit = machine.audit().get('audit')
    if panicked:
        return fired, f'the hypervisor died: {panicked}'
    if audit is None:
        crashed = next((line for line in machine.lines if run.CRASHED.search(line)), None)
        return fired, f'no audit: {crashed or ("timeout" if machine.timed_out else "the machine ended")}'
    return fired, '' if audit[0] == 'ok' else f'audit: {audit[1].splitlines()[0]}'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hypervisor', default='build/xenios')
    parser.add_argument('--build', default='build')
    parser.add_argument('--sample', type=float, help='seconds after which to stop')
    parser.add_argument('--first', type=int, default=1)
    parser.add_argument('--patience', type=float, default=1.0)
    parser.add_argument('areas', nargs='*', default=['smoke'])
    arguments = parser.parse_args()
    arguments.logs = os.path.join(arguments.build, 'fail-alloc-logs')
    run, begin, passed, failed = runner(), time.monotonic(), 0, 0
    for area in arguments.areas or ['smoke']:
        n, fired = arguments.first, True
        while fired and n < MOST:
            if arguments.sample and time.monotonic() - begin > arguments.sample:
                break
            fired, why = boot(run, arguments, area, n)
            passed += not why
            failed += bool(why)
            if why:
                print(f'FAIL {area} fail-alloc={n}: {why}', flush=True)
            elif not fired:
                print(f'ok   {area}: fewer than {n} allocations', flush=True)
            n += max(1, n // 3) if arguments.sample else 1
        if fired:
            print(f'{area}: up to fail-alloc={n - 1}, not exhausted', flush=True)
            failed += not arguments.sample
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
