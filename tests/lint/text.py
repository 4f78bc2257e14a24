# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of the text of files: licence line, machine paths, modes, links, scripts."""
import os
import re
import subprocess

LICENSED = ('.c', '.h', '.S', '.py', '.sh', '.lds')
SPDX = re.compile(r'SPDX-License-Identifier: (\S+)')
MIT_FOLDERS = ('guestkit/', 'abi/')
# Put together so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r'(?<![\w.$}*])/(?:' + '|'.join(['work', 'root', 'home']) + r')/[\w.]')
LINK = re.compile(r'(?<!!)\[[^\]]*\]\(([^)\s]+)\)')
COMMENT = re.compile(r'/\*.*?\*/', re.S)
NAMED_FILE = re.compile(r'(?<![\w./<>{}*~-])((?:[\w.-]+/)+[\w.-]+\.(?:c|h|S|py|mk|md|sh|lds))(?![\w/*])')
NAMED_FUNCTION = re.compile(r'(?<![\w.>-])(\w{3,})\(\)')
SHELLS = ('sh', 'bash', 'dash')


def spdx_line(tree):
    """Every source file names its licence in its first lines: MIT in guestkit/ and abi/, the GPL elsewhere."""
    for name in tree.files():
        if not (name.endswith(LICENSED) or tree.interpreter(name)) or not tree.text(name):
            continue
        match = SPDX.search('\n'.join(tree.text(name).splitlines()[:5]))
        wanted = 'MIT' if name.startswith(MIT_FOLDERS) else 'GPL-2.0-or-later'
        if not match:
            yield f'{name}:1: no SPDX-License-Identifier'
        elif match.group(1) != wanted and not (match.group(1) == 'MIT' and name.startswith('tests/guest/')):
            yield f'{name}:1: licence {match.group(1)}, expected {wanted}'


def machine_paths(tree):
    """No path of somebody's machine."""
    for name in tree.files():
        for number, line in tree.lines(name):
            match = MACHINE_PATH.search(line)
            if match:
                yield f'{name}:{number}: {match.group(0)}... is a path of one machine'


def file_modes(tree):
    """Executable exactly what has an interpreter line; no absolute link; text ends in a newline and has no carriage returns."""
    for name in tree.names:
        path = tree.root / name
        if path.is_symlink():
            if os.path.isabs(os.readlink(path)):
                yield f'{name}: links to an absolute path'
            continue
        if tree.is_executable(name) != (tree.interpreter(name) is not None):
            yield f'{name}: ' + ('executable without #! line' if tree.is_executable(name) else '#! line but not executable')
        text = tree.text(name)
        if text and not text.endswith('\n'):
            yield f'{name}: no newline at its end'
        if '\r\n' in text:
            yield f'{name}: carriage returns'


def conflict_marks(tree):
    """No merge was committed half done."""
    for name in tree.files():
        for number, line in tree.lines(name):
            if line.startswith(('<' * 7 + ' ', '>' * 7 + ' ')):
                yield f'{name}:{number}: a conflict mark'


def slugs(text):
    """The anchors that the headings of a Markdown page give."""
    found = set()
    for heading in re.findall(r'^#+\s+(.*)$', text, re.M):
        found.add(re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-'))
    return found


def document_links(tree):
    """A link in a Markdown page to a file of the tree leads to one, and an anchor to a heading."""
    for name in tree.files('.md'):
        fenced = False
        for number, line in tree.lines(name):
            if line.startswith('```'):
                fenced = not fenced
            for target in [] if fenced else LINK.findall(re.sub(r'`[^`]*`', '', line)):
                if re.match(r'[a-z]+:', target):
                    continue
                path, _, anchor = target.partition('#')
                where = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
                if not (tree.root / where).exists():
                    yield f'{name}:{number}: {target} leads nowhere'
                elif anchor and where.endswith('.md') and anchor not in slugs(tree.text(where)):
                    yield f'{name}:{number}: {where} has no heading #{anchor}'


def prose(tree):
    """(name, number, text) of the lines of Markdown pages and of the comments of C and assembly."""
    for name in tree.files('.md', '.c', '.h', '.S'):
        text = tree.text(name)
        if name.endswith('.md'):
            yield from ((name, number, line) for number, line in tree.lines(name))
            continue
        for comment in COMMENT.finditer(text):
            first = text.count('\n', 0, comment.start()) + 1
            yield from ((name, number, line) for number, line in enumerate(comment.group(0).splitlines(), first))


def names_exist(tree):
    """A file that prose names with its folder is there (its path may begin anywhere), and so is a function named with its parentheses."""
    paths, words = set(), set()
    for name in tree.names:
        parts = name.split('/')
        paths.update('/'.join(parts[first:]) for first in range(len(parts)))
    for name in tree.files():
        if not name.endswith('.md'):
            words.update(re.findall(r'\w+', COMMENT.sub('', tree.text(name)) if name.endswith(('.c', '.h', '.S')) else tree.text(name)))
    for name, number, line in prose(tree):
        for path in NAMED_FILE.findall(line):
            if re.search(r'(^|/)(xen|arch-x86)/|[A-Z]{4}', path):
                continue  # the public headers; a place holder
            if path not in paths and os.path.normpath(os.path.join(os.path.dirname(name), path)) not in paths:
                yield f'{name}:{number}: there is no {path}'
        for function in NAMED_FUNCTION.findall(line):
            if function not in words:
                yield f'{name}:{number}: nothing is called {function}()'


def shell_syntax(tree):
    """`sh -n` and shellcheck accept every shell script."""
    for name in tree.files():
        shell = tree.interpreter(name) or ('sh' if name.endswith('.sh') else None)
        if shell not in SHELLS:
            continue
        done = subprocess.run([shell, '-n', name], cwd=tree.root, stderr=subprocess.PIPE, check=False, text=True)
        if done.returncode:
            yield f'{name}: {done.stderr.strip()}'
            continue
        dialect = 'bash' if shell == 'bash' else 'sh'
        done = subprocess.run(['shellcheck', '-s', dialect, '-S', 'error', '-f', 'gcc', name], cwd=tree.root, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        yield from done.stdout.splitlines()


def python_syntax(tree):
    """Every Python file compiles."""
    for name in tree.files():
        if name.endswith('.py') or (tree.interpreter(name) or '').startswith('python'):
            try:
                compile(tree.text(name), name, 'exec')
            except SyntaxError as error:
                yield f'{name}:{error.lineno}: {error.msg}'


CHECKS = [spdx_line, machine_paths, file_modes, conflict_marks, document_links, names_exist, shell_syntax, python_syntax]
