#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the system tests with pytest; the last line of the output is `N passed, N failed`. Arguments go to pytest."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent


def main():
    jobs = os.environ.get('JOBS', '2')
    command = [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', '-q', '-rfEs', '--durations=0', '--durations-min=20', '--tb=short']
    if jobs != '1' and importlib.util.find_spec('xdist'):
        command += ['-n', jobs, '--dist', 'loadgroup']    # tests that share a boot stay together
    with tempfile.NamedTemporaryFile(suffix='.xml') as report:
        status = subprocess.call(command + [f'--junitxml={report.name}'] + sys.argv[1:] + [str(HERE)], cwd=HERE.parents[1])
        try:
            suites = xml.etree.ElementTree.parse(report.name).getroot().iter('testsuite')
            totals = [{key: int(suite.get(key)) for key in ('tests', 'failures', 'errors', 'skipped')} for suite in suites]
        except xml.etree.ElementTree.ParseError:
            totals = []
    failed = sum(total['failures'] + total['errors'] for total in totals)
    passed = sum(total['tests'] - total['failures'] - total['errors'] - total['skipped'] for total in totals)
    # Statuses other than 0 and 1: interrupted, wrong use, nothing collected.
    if status not in (0, 1) or passed + failed == 0:
        failed = max(failed, 1)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
