#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`make mutation`: applies the breakages of mutants.py one at a time to a copy of the tree and requires the named test to turn red.

The tests named are first run on the unbroken copy, where they must be green: a test that is red anyway proves nothing. A breakage whose
old line is gone, that does not build, or that no named test notices is a failure. The last line is `N passed, N failed`.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
from mutants import MUTANTS  # noqa: E402

PARTS = ('Makefile', 'abi', 'hypervisor', 'guestkit', 'tests', 'tools', 'dom0', 'toolstack')
BUILD_LIMIT, TEST_LIMIT = 400, 300


class Bad(Exception):
    """Why a breakage proves nothing."""


def command(tree, words, limit):
    try:
        done = subprocess.run(words, cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit,
                              errors='replace', check=False)
    except subprocess.TimeoutExpired as expired:
        return 'timeout', (expired.stdout or b'').decode(errors='replace')
    return done.returncode, done.stdout


def copy_tree(tree):
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tree / part, symlinks=True, ignore=shutil.ignore_patterns('__pycache__'))
        elif source.exists():
            shutil.copy2(source, tree / part)


def apply(path, old, new, behind):
    """Returns the file's text and the broken one."""
    text = path.read_text(encoding='utf-8')
    lines = text.split('\n')
    start = next((i for i, line in enumerate(lines) if behind in line), None) if behind else 0
    if start is None:
        raise Bad(f'no line contains {behind!r}')
    at = [i for i in range(start, len(lines)) if lines[i].strip() == old]
    if not at:
        raise Bad(f'the line is gone: {old}')
    if len(at) > 1 and not behind:
        raise Bad(f'{len(at)} such lines: {old}')
    line = lines[at[0]]
    lines[at[0]] = line[:len(line) - len(line.lstrip())] + new
    return text, '\n'.join(lines)


def build(tree, test):
    target = f'build/tests/unit/{test[5:]}' if test.startswith('unit:') else 'build/xenios'
    status, output = command(tree, ['make', f'-j{os.cpu_count()}', 'B=build', target], BUILD_LIMIT)
    if status:
        raise Bad('does not build:\n' + '\n'.join(output.splitlines()[-8:]))


def run(tree, test, arguments):
    """True if the test is green; and what it said."""
    if test.startswith('unit:'):
        status, output = command(tree, [sys.executable, 'tests/unit/run.py', f'build/tests/unit/{test[5:]}'], TEST_LIMIT)
    else:
        words = [sys.executable, str(ROOT / 'tests/guest/run.py'), '--hypervisor', 'build/xenios', '--build', str(arguments.build.resolve()),
                 '--logs', 'build/logs', *test[6:].split()]
        status, output = command(tree, words, TEST_LIMIT)
    if not re.search(r'^\d+ passed, \d+ failed$', output, re.M) and status != 'timeout':
        raise Bad('the test did not run:\n' + output[-600:])
    return status == 0, output


def who(output):
    """The first test that failed."""
    found = re.search(r'^(?:not ok \d+ - (\S+)|(\S+): FAIL)', output, re.M)
    return (found.group(1) or found.group(2)) if found else 'no test by name'


def try_one(tree, mutant, green, arguments):
    name, file, old, new, test, _, *rest = mutant
    path = tree / file
    text, broken = apply(path, old, new, rest[0] if rest else None)
    if test not in green:
        build(tree, test)
        green[test] = run(tree, test, arguments)
    if not green[test][0]:
        raise Bad(f'{test} is red without the breakage ({who(green[test][1])})')
    try:
        path.write_text(broken, encoding='utf-8')
        build(tree, test)
        survived, output = run(tree, test, arguments)
    finally:
        path.write_text(text, encoding='utf-8')
    if survived:
        raise Bad(f'{test} stays green')
    return who(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', type=pathlib.Path, default=pathlib.Path('build'), help='where the guests are')
    parser.add_argument('--list', action='store_true', help='print the table and stop')
    parser.add_argument('names', nargs='*', help='words; only breakages whose name, file or test contains one')
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if not arguments.names or any(n in m[0] + m[1] + m[4] for n in arguments.names)]
    if arguments.list:
        for name, file, old, new, test, why, *_ in chosen:
            print(f'{name}\n  {file}\n  - {old}\n  + {new}\n  {test}: {why}')
        return 0
    tree = arguments.build.resolve() / 'mutation'
    copy_tree(tree)
    green, passed, failed = {}, 0, 0
    for mutant in chosen:
        begin = time.monotonic()
        try:
            red = try_one(tree, mutant, green, arguments)
            passed += 1
            print(f'ok   {mutant[0]}: {red} in {mutant[4].split(":")[0]} turns red ({time.monotonic() - begin:.0f} s)', flush=True)
        except Bad as bad:
            failed += 1
            print(f'FAIL {mutant[0]} ({mutant[1]}): {bad}', flush=True)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
