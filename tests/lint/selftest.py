# SPDX-License-Identifier: GPL-2.0-or-later
"""For each check a little tree with one fault in it, which the check must find, and none without the fault."""
import pathlib
import tempfile

import tree as trees

SPDX = '/* SPDX-License-Identifier: GPL-2.0-or-later */\n'
FORMAT = pathlib.Path(__file__).resolve().parents[2] / '.clang-format'
LAYOUTS = FORMAT.parent / 'abi' / 'layouts.py'

# check: ({name: text of a good tree}, {name: text that spoils it}); a name ending in + is executable.
SEEDS = {
    'include_direction': ({'hypervisor/core/a.h': SPDX, 'hypervisor/pv/b.c': '#include "core/a.h"\n'},
                          {'hypervisor/core/c.c': '#include "pv/b.h"\n', 'hypervisor/pv/b.h': SPDX}),
    'include_cycles': ({'hypervisor/core/a.h': '#include "core/b.h"\n', 'hypervisor/core/b.h': SPDX},
                       {'hypervisor/core/b.h': '#include "core/a.h"\n'}),
    'spdx_line': ({'a.c': SPDX, 'abi/b.h': SPDX.replace('GPL-2.0-or-later', 'MIT')}, {'c.c': 'int x;\n'}),
    'machine_paths': ({'a.md': 'see docs/home/x and "$root/root/x"\n'}, {'b.md': 'see ' + '/'.join(['', 'home', 'somebody']) + '\n'}),
    'file_modes': ({'a.sh+': '#!/bin/sh\n:\n', 'b.c': SPDX}, {'c.py': '#!/usr/bin/python3\n'}),
    'conflict_marks': ({'a.c': SPDX}, {'b.c': '<' * 7 + ' HEAD\n'}),
    'document_links': ({'a.md': '# One thing\n[b](#one-thing) [c](docs/c.md)\n', 'docs/c.md': 'x\n'}, {'docs/d.md': '[e](missing.md)\n'}),
    'names_exist': ({'a/b.c': '/* As in a/b.c and b.c: see run(). */\nvoid run(void);\n', 'c.md': '`a/b.c` has `run()`.\n'},
                    {'d.c': '/* As in a/e.c. */\n', 'f.md': '`walk()` is gone.\n'}),
    'shell_syntax': ({'a.sh': 'echo "$1"\n'}, {'b.sh': 'if true; then\n'}),
    'python_syntax': ({'a.py': 'x = 1\n'}, {'b.py': 'x = = 1\n'}),
    'abi_layouts': ({'abi/a.h': SPDX},
                    {'abi/layouts.py': LAYOUTS.read_text(encoding='utf-8'), 'abi/schema/exempt': '',
                     'abi/schema.h': '#define ABI_NOTHING(s)\n#define ABI_STRUCTURES(plain, handles, part, layout, choice)\n'}),
    'privilege': ({'hypervisor/core/authority.c': 'return is_privileged(d);\n'}, {'hypervisor/a.c': 'return is_privileged(d);\n'}),
    'clang_format': ({'a.c': 'int x;\n'}, {'b.c': 'int   x  ;\n'}),
    'cppcheck': ({'a.c': 'int f(void)\n{\n    return 1;\n}\n'},
                 {'b.c': 'int g(void)\n{\n    int a[4];\n    a[4] = 1;\n    return a[4];\n}\n'}),
    'clang_tidy': ({'hypervisor/a.c': 'int f(void)\n{\n    return 1;\n}\n'},
                   {'hypervisor/b.c': 'int g(void)\n{\n    int *p = 0;\n    return *p;\n}\n'}),
}


def problems(check, files):
    with tempfile.TemporaryDirectory(prefix='xenios-lint-') as root:
        (pathlib.Path(root) / '.clang-format').write_text(FORMAT.read_text(encoding='utf-8'), encoding='utf-8')
        names = []
        for name, content in files.items():
            path = pathlib.Path(root) / name.rstrip('+')
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding='utf-8')
            path.chmod(0o755 if name.endswith('+') else 0o644)
            names.append(name.rstrip('+'))
        return list(check(trees.Tree(root, names)))


def finds(check):
    """True if the check is silent on its good tree and speaks up on the spoilt one."""
    good, fault = SEEDS[check.__name__]
    return not problems(check, good) and bool(problems(check, {**good, **fault}))
