#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the checks over the tree, first proving that each can fail; the last line is `N passed, N failed`.

    tests/lint/run.py [--slow] [CHECK ...]
"""
import fnmatch
import pathlib
import sys
import time

import abi
import analysers
import includes
import selftest
import text
import tree as trees

HERE = pathlib.Path(__file__).resolve().parent


def read_exceptions():
    """[(check, pattern, whole line)]; a line without a reason is a mistake."""
    result = []
    for line in (HERE / 'exceptions').read_text(encoding='utf-8').splitlines():
        if not line.strip() or line.startswith('#'):
            continue
        rule, _, reason = line.partition(' # ')
        if not reason.strip():
            sys.exit(f'tests/lint/exceptions: no reason: {line}')
        check, pattern = rule.split(None, 1)
        result.append((check, pattern.strip(), line))
    return result


def judge(check, tree, exceptions):
    """The problems that no exception covers, and exceptions that cover nothing."""
    mine = [exception for exception in exceptions if exception[0] == check.__name__]
    used, problems = set(), []
    for problem in check(tree):
        covered = [line for _, pattern, line in mine if fnmatch.fnmatch(problem, pattern)]
        used.update(covered)
        if not covered:
            problems.append(problem)
    return problems + [f'tests/lint/exceptions: covers nothing: {line}' for _, _, line in mine if line not in used]


def main():
    words = sys.argv[1:]
    checks = includes.CHECKS + text.CHECKS + abi.CHECKS + analysers.CHECKS
    if '--slow' in words:
        words.remove('--slow')
        checks = analysers.SLOW_CHECKS
    checks = [check for check in checks if not words or check.__name__ in words]
    tree, exceptions = trees.Tree(HERE.parents[1]), read_exceptions()
    passed = failed = 0
    for check in checks:
        begin = time.monotonic()
        problems = [] if selftest.finds(check) else [f'tests/lint/selftest.py: {check.__name__} did not find the fault seeded for it']
        problems += judge(check, tree, exceptions)
        print(f'{"FAIL" if problems else "ok  "} {check.__name__} ({time.monotonic() - begin:.1f} s)', flush=True)
        for problem in problems:
            print('     ' + problem)
        passed, failed = passed + (not problems), failed + bool(problems)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


sys.exit(main())
