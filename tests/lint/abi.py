# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema of structures whose layout depends on the guest's width, against what the compiler makes of Xen's headers."""
import re
import subprocess
import sys


def abi_layouts(tree):
    """Every structure whose -m32 and -m64 layouts differ is in abi/schema, or exempt with a reason, and its wire form is as gcc -m32 has it."""
    if 'abi/layouts.py' not in tree.names:
        return
    done = subprocess.run([sys.executable, tree.root / 'abi' / 'layouts.py', '--check'], check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        yield from (line for line in done.stdout.splitlines() if line)


PRIVILEGE = re.compile(r'\bis_privileged\s*\((?!const)')


def privilege(tree):
    """Who may do what is asked in core/authority only (docs/design/authority.md, A1)."""
    for name in tree.files('.c', '.h'):
        if name.startswith('hypervisor/') and not name.startswith('hypervisor/core/authority'):
            for number, line in tree.lines(name):
                if PRIVILEGE.search(line):
                    yield f'{name}:{number}: decides by itself who may: authorise() does'


CHECKS = [abi_layouts, privilege]
