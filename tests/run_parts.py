#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the parts of `make test`, each a make target, one after the other, whatever becomes of the one before.

A part ends its output with a line `N passed, N failed`; a part that ran nothing, or whose status and numbers disagree, counts as one
failure more. The last line printed, alone, is the sum. `+TARGET` names a part without numbers of its own (building): it counts as one
test. What the failed parts said of their failures is said once more before the sums: the output is long, and who looks at its end wants to know.
"""
import os
import pathlib
import re
import subprocess
import sys
import time

TELLS_OF_FAILURE = re.compile(r'\b(FAIL|FAILED|ERROR|Error|error|not ok)\b')
LINES_AFTER = 20
EXCERPT = 200       # lines of one part

def run(target, log, building):
    """Runs `make target` with its output here and in `log`; returns (status, last line)."""
    last = ''
    jobs = [f'-j{os.cpu_count()}'] if building else []
    with subprocess.Popen([os.environ.get('MAKE', 'make'), '--no-print-directory', *jobs, target], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace') as child:
        for line in child.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            log.write(line)
            # What make says about a recipe that failed is not the part's.
            if line.strip() and not re.match(r'make(\[\d+\])?: ', line):
                last = line.strip()
        return child.wait(), last


def judge(target, status, last):
    """What a part's end means: (passed, failed, remark)."""
    if target.startswith('+'):
        return (0, 1, f'status {status}') if status else (1, 0, '')
    numbers = re.fullmatch(r'(\d+) passed, (\d+) failed', last)
    passed, failed = map(int, numbers.groups()) if numbers else (0, 0)
    if not numbers:
        return passed, failed + 1, f'no numbers at its end (status {status})'
    if passed + failed == 0:
        return passed, failed + 1, 'ran nothing'
    if (status != 0) != (failed != 0):
        return passed, failed + 1, f'status {status} does not fit its numbers'
    return passed, failed, ''


def excerpt(log):
    """The lines of a log that tell of a failure, each with what follows it; the log's end if none does."""
    lines = log.splitlines()
    near = set()
    for number, line in enumerate(lines):
        if TELLS_OF_FAILURE.search(line):
            near.update(range(number, min(number + LINES_AFTER, len(lines))))
    return [lines[number] for number in sorted(near)][:EXCERPT] or lines[-LINES_AFTER:]


def main():
    logs = pathlib.Path(sys.argv[1]) / 'logs'
    logs.mkdir(parents=True, exist_ok=True)
    results = []
    for target in sys.argv[2:]:
        name = target.lstrip('+')
        print(f'==== {name}', flush=True)
        begin = time.monotonic()
        with open(logs / f'{name}.log', 'w', encoding='utf-8') as log:
            status, last = run(name, log, target.startswith('+'))
        results.append((name, *judge(target, status, last), time.monotonic() - begin))
    for name, _, failed, _, _ in results:
        if failed:
            print(f'==== once more, of {name}')
            print('\n'.join(excerpt((logs / f'{name}.log').read_text(encoding='utf-8'))))
    print('====')
    for name, passed, failed, remark, seconds in results:
        print(f'{"FAIL" if failed else "ok  "} {name:24} {passed:6} passed {failed:4} failed {seconds:7.0f} s  {remark}')
    failed = sum(result[2] for result in results)
    print(f'{sum(result[1] for result in results)} passed, {failed} failed', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
