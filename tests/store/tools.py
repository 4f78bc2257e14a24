#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's xenstore-* with each of their options, on our daemon and on Debian's: the same output, and the one that test_daemons.py expects in a domain 0.

    tools.py STUB XENSTORED DEBIAN_XENSTORED DIRECTORY_OF_TOOLS
"""
import os
import pathlib
import subprocess
import sys

from daemon import Daemon

DAEMONS = pathlib.Path(__file__).parents[1] / 'system' / 'daemons'


def answers(stub, program, tools):
    daemon = Daemon(stub, program)
    try:
        env = dict(os.environ, PATH=f'{pathlib.Path(tools).resolve()}:{os.environ["PATH"]}', XENSTORED_PATH=str(daemon.dir / 'socket'))
        return subprocess.run(['bash', DAEMONS / 'store_tools.sh'], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, check=False).stdout
    finally:
        daemon.stop()


def main():
    stub, ours, debian, tools = sys.argv[1:]
    expected = (DAEMONS / 'store_tools.expected').read_text()
    status = 0
    for program in (debian, ours):
        got = answers(stub, program, tools)
        print(f'{program}: {got.count("-- ")} commands', 'as expected' if got == expected else f'otherwise:\n{got}')
        status |= got != expected
    return status


if __name__ == '__main__':
    raise SystemExit(main())
