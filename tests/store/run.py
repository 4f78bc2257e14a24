#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests of the store and the console daemon that run here, without a hypervisor: `make test-store`.

    run.py STUB TOOLS DEBIAN_XENSTORED DIRECTORY_OF_XENSTORE_UTILS
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def main():
    stub, tools, debian, utils = sys.argv[1:]
    store = f'{tools}/xenstored'
    tests = {
        'the same answers as Debian\'s daemon': ['compare.py', stub, store, debian, '--ops', '2500'],
        'the same answers as oxenstored': ['compare.py', stub, store, str(pathlib.Path(debian).with_name('oxenstored')), '--ops', '1500'],
        'killed under load': ['crash.py', stub, store, 'kill', '--times', '25'],
        'live updates under load': ['crash.py', stub, store, 'update', '--times', '25'],
        'what the journal costs, and rings that are lost': ['journal.py', stub, store],
        'killed again and again': ['twice.py', stub, store, '--times', '25'],
        'what the next daemon knows': ['recovery.py', stub, store],
        'domains come and go': ['cycles.py', stub, store, '50'],
        'xenstore-* with each option': ['tools.py', stub, store, debian, utils],
        'consoles': ['console.py', stub, store, f'{tools}/xenconsoled'],
    }
    failed = 0
    for name, (script, *args) in tests.items():
        print(f'---- {name}', flush=True)
        failed += bool(subprocess.run([sys.executable, str(HERE / script), *args], timeout=300, check=False).returncode)
    print(f'{len(tests) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    raise SystemExit(main())
