#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cmocka programs and adds up their tests; the last line of the output is `N passed, N failed`.

A program that ends by a signal, by a sanitizer, or before its plan is fulfilled counts as one failure more than it admits.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

LIMIT = 600         # seconds for one program


def run(program):
    """Returns (program, passed, failed, output)."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT='TAP', UBSAN_OPTIONS='print_stacktrace=1:halt_on_error=1')
    try:
        done = subprocess.run([program], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=LIMIT, errors='replace', check=False)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as expired:
        output, status = (expired.stdout or b'').decode(errors='replace') + f'\nnot done after {LIMIT} s\n', 'timeout'
    planned = sum(int(number) for number in re.findall(r'^1\.\.(\d+)', output, re.M))
    skipped = len(re.findall(r'^ok \d+.*# SKIP', output, re.M))
    passed = len(re.findall(r'^ok \d+', output, re.M)) - skipped
    failed = len(re.findall(r'^not ok \d+', output, re.M))
    if passed + failed + skipped != planned or planned == 0 or (status != 0 and failed == 0):
        output += f'\n{program}: {passed + failed + skipped} of {planned} tests reported, status {status}\n'
        failed += 1
    return program, passed, failed, output


def main():
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, good, bad, output in pool.map(run, sys.argv[1:]):
            print(f'{"FAIL" if bad else "ok  "} {os.path.basename(program)}: {good} passed, {bad} failed')
            if bad:
                print(output)
            passed += good
            failed += bad
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


sys.exit(main())
