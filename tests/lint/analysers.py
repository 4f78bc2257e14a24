# SPDX-License-Identifier: GPL-2.0-or-later
"""clang-format, cppcheck and clang-tidy over the C files."""
import concurrent.futures
import os
import subprocess

# Flags under which a file of each part compiles, close enough for an analyser. `make` decides the real ones.
COMMON = ['-std=gnu11', '-D__XEN_TOOLS__', '-I.', '-Wno-everything']
FLAGS = {
    'hypervisor/': ['-ffreestanding', '-mno-red-zone', '-mgeneral-regs-only', '-fvisibility=hidden', '-Ihypervisor',
                    '-Ihypervisor/include', '-Ibuild/hv/include'],
    'abi/': ['-ffreestanding', '-Ihypervisor', '-Ihypervisor/include'],
    'guestkit/': ['-ffreestanding', '-mcmodel=kernel', '-mno-red-zone', '-mgeneral-regs-only', '-Iguestkit/include'],
    'tests/guest/': ['-ffreestanding', '-mcmodel=kernel', '-mno-red-zone', '-mgeneral-regs-only', '-Iguestkit/include'],
    'dom0/': [],
}
TIDY = ('-*,bugprone-suspicious-*,bugprone-sizeof-*,bugprone-infinite-loop,bugprone-too-small-loop-variable,bugprone-use-after-move,'
        'bugprone-not-null-terminated-result,clang-analyzer-core.*,clang-analyzer-unix.Malloc')


def run(tree, command, names, batch):
    """Runs `command` over the files, `batch` at a time on every processor; yields (status, output)."""
    groups = [names[start:start + batch] for start in range(0, len(names), batch)]

    def one(group):
        done = subprocess.run(command + group, cwd=tree.root, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(one, groups)


def clang_format(tree):
    """The tree's .clang-format decides the spacing."""
    for status, output in run(tree, ['clang-format-14', '--dry-run', '-Werror', '-ferror-limit=1'], tree.files('.c', '.h'), 8):
        lines = [line for line in output.splitlines() if ' error: ' in line]
        yield from (line.split(' error: ')[0] + ': not as clang-format has it' for line in lines)
        if status and not lines:
            yield output


def cppcheck(tree):
    """cppcheck finds neither an error nor something that is wrong on another machine."""
    names = tree.files('.c')
    if not names:
        return
    command = ['cppcheck', '--quiet', '--enable=portability', '--inline-suppr', '--std=c11', '--platform=unix64', '--max-configs=1',
               '--template={file}:{line}: {severity}: {message} [{id}]', '--error-exitcode=9',
               '--suppress=arithOperationsOnVoidPointer', '--suppress=comparePointers', '--suppress=syntaxError:*.h',
               '--suppress=unknownMacro', '--suppress=internalAstError',
               '--suppress=uninitvar', '--suppress=objectIndex', '--suppress=nullPointer', '--suppress=preprocessorErrorDirective', f'-j{os.cpu_count()}', '-D__XEN_TOOLS__',
               '-D__x86_64__', '-D__GNUC__=12', '-I.', '-Ihypervisor', '-Ihypervisor/include', '-Iguestkit/include']
    for status, output in run(tree, command, names, len(names)):
        yield from output.splitlines()
        if status not in (0, 9) and not output:
            yield f'cppcheck ended with status {status}'


def clang_tidy(tree):
    """The few checks of clang-tidy that find bugs and hardly ever anything else."""
    def one(name):
        part = next((part for part in FLAGS if name.startswith(part)), None)
        command = ['clang-tidy-14', '--quiet', f'--checks={TIDY}', '--warnings-as-errors=*', name, '--'] + COMMON + FLAGS[part]
        done = subprocess.run(command, cwd=tree.root, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        found = [line for line in done.stdout.splitlines() if ' error: ' in line or ' warning: ' in line]
        return found or ([f'{name}: clang-tidy ended with status {done.returncode}'] if done.returncode else [])
    names = [name for name in tree.files('.c') if any(name.startswith(part) for part in FLAGS)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(one, names):
            for line in found:
                yield line.replace(str(tree.root.resolve()) + '/', '')


CHECKS = [clang_format, cppcheck]
SLOW_CHECKS = [clang_tidy]
