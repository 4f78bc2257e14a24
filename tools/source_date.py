#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a header with the date and the name of the source: SOURCE_DATE_EPOCH, else the commit's, else unknown. Left alone if nothing changed."""
import os
import subprocess
import sys
import time


def git(*words):
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        done = subprocess.run(['git', '-C', top, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    except OSError:
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''


def described():
    epoch = os.environ.get('SOURCE_DATE_EPOCH') or git('log', '-1', '--format=%ct')
    date = time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(int(epoch))) if epoch else 'unknown'
    commit = git('rev-parse', '--short=12', 'HEAD')
    return date, f'{date} git:{commit}' if commit else 'unknown'


def main():
    date, changeset = described()
    text = f'#define SOURCE_DATE "{date}"\n#define SOURCE_CHANGESET "{changeset}"\n'
    path = sys.argv[1]
    try:
        with open(path, encoding='utf-8') as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


if __name__ == '__main__':
    main()
