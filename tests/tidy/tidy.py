#!/usr/bin/env python3
"""Checks of the tree that no compiler makes: house style, layers, orphans, links.

    tests/tidy/tidy.py [ROOT]        one line per finding; exit 1 when there is one

Standard library only. Every rule is a function of a Tree that yields findings, is listed in RULES,
and has a sample in tidy_test.py that it must report.
"""

import ast
import os
import re
import subprocess
import sys
from collections import namedtuple

import cpp_text
import layers

Finding = namedtuple('Finding', 'rule path line text')

COLUMNS = 100
FUNCTION_LINES = 70
OURS = ('services/', 'clients/', 'tests/')
TOP_FOLDERS = ('.ci/', 'clients/', 'deploy/', 'proto/', 'services/', 'tests/')
# Written after other people's definitions, or data.
FOREIGN = ('proto/google/', 'tests/data/')
# This folder holds the bad samples.
SELF = ('tests/tidy/tidy.py', 'tests/tidy/tidy_test.py')

# Under tests/, but no tests: this checker, and load generators, which pace themselves.
NO_TESTS = ('tests/tidy/', 'tests/bench/')

# What tests share, and nobody else includes.
TESTING = 'services/common/testing/'

# Sleeps that synchronise nothing: path -> reason. One that is not used is a finding.
ALLOWED_SLEEPS = {
    'services/inference/projector/projector_test.cc':
        'draws the moment of a kill -9 at random; the test waits for nothing by it',
    'tests/e2e/cli_test.py':
        'looks again for the port file of a server that is starting, until it is there',
    'tests/e2e/joining_test.py':
        'looks again whether a running server has taken up what was pinned, until it has',
    'tests/integration/demonstration_test.cc':
        'spares the processor between two questions for a map; bounded',
}


class Tree:
    """The files of a checkout: what git tracks or would track, or a given list."""

    def __init__(self, root, paths=None):
        self.root = root
        self.paths = sorted(paths if paths is not None else self._listed())
        self._texts = {}
        self._code = {}

    def _listed(self):
        command = ['git', '-C', self.root, 'ls-files', '-co', '--exclude-standard']
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        names = set(done.stdout.splitlines())
        return [n for n in names if os.path.isfile(os.path.join(self.root, n))]

    def text(self, path):
        """The text of a file; empty for one that is not UTF-8."""
        if path not in self._texts:
            with open(os.path.join(self.root, path), 'rb') as file:
                content = file.read()
            try:
                self._texts[path] = content.decode('utf-8')
            except UnicodeDecodeError:
                self._texts[path] = ''
        return self._texts[path]

    def code(self, path):
        """C++ with comments, literals and preprocessor lines blanked."""
        if path not in self._code:
            self._code[path] = cpp_text.code_only(self.text(path))
        return self._code[path]

    def ending(self, *endings, under=None):
        return [p for p in self.paths if p.endswith(endings) and not p.startswith(FOREIGN)
                and (under is None or p.startswith(under))]

    def exists(self, path):
        path = os.path.normpath(path)
        return path in self.paths + ['.'] or any(p.startswith(path + '/') for p in self.paths)


def matches(tree, path, pattern, flags=0):
    """(line, match) of every match in the whole text."""
    text = tree.text(path)
    for match in re.finditer(pattern, text, flags):
        yield cpp_text.line_of(text, match.start()), match


# --- text ---

def columns(tree):
    for path in tree.ending('.cc', '.h', '.py', '.proto'):
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            if len(line) > COLUMNS:
                yield Finding('columns', path, number, f'{len(line)} columns, at most {COLUMNS}')


def function_length(tree):
    for path in tree.ending('.cc', '.h'):
        for first, last, head in cpp_text.functions(tree.code(path)):
            if last - first + 1 > FUNCTION_LINES:
                yield Finding('function_length', path, first, _too_long(first, last, head))
    for path in tree.ending('.py'):
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if node.end_lineno - node.lineno + 1 > FUNCTION_LINES:
                    text = _too_long(node.lineno, node.end_lineno, node.name)
                    yield Finding('function_length', path, node.lineno, text)


def _too_long(first, last, head):
    return f'{last - first + 1} lines, at most {FUNCTION_LINES}: {head[:60]}'


def markers(tree):
    """What is left to do is an issue, not a comment."""
    for path in tree.paths:
        if path in SELF or path.startswith(FOREIGN):
            continue
        for line, match in matches(tree, path, r'\b(?:TODO|FIXME|HACK)\b'):
            yield Finding('markers', path, line, f'{match[0]}: finish it, or file an issue')


def machine_paths(tree):
    for path in tree.paths:
        if path in SELF:
            continue
        for line, match in matches(tree, path, r'(?<![\w.~/$}])/(?:work|root|home)(?:/[\w.-]*|\b)'):
            yield Finding('machine_paths', path, line, f'{match[0]}: no path of one machine')


# --- C++ ---

def co_await_operand(tree):
    """g++ 12 destroys temporaries of an awaited expression twice."""
    for path in tree.ending('.cc', '.h'):
        for line, operand in cpp_text.operands(tree.code(path)):
            if '{' in operand or cpp_text.has_capture(operand):
                text = 'the operand of co_await has a { or a lambda: build it on the line above'
                yield Finding('co_await_operand', path, line, text)


def header_guard(tree):
    for path in tree.ending('.h'):
        if not tree.text(path).startswith('#pragma once\n'):
            yield Finding('header_guard', path, 1, 'the first line is #pragma once')


def header_comment(tree):
    """A header opens with its contract, which says from which threads it may be used."""
    for path in tree.ending('.h', under=('services/', 'clients/')):
        rest = re.sub(r'\A#pragma once\s*', '', tree.text(path))
        comment = re.match(r'(?:[ \t]*//[^\n]*\n)*', rest)[0]
        if not re.search(r'\b[Tt]hread', comment):
            text = 'the comment under #pragma once says what it is for and its thread safety'
            yield Finding('header_comment', path, 2, text)


def _includes(tree, path):
    pattern = r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]'
    text = cpp_text.without_comments(tree.text(path))
    for match in re.finditer(pattern, text, re.M):
        yield cpp_text.line_of(text, match.start(1)), match[1]


def _in_folder(path, folder):
    """`folder` may be a path, a file, or the beginning of file names; `x/` is the folder only."""
    return path == folder or path.startswith(folder if folder.endswith('/') else folder + '/') or (
        os.path.dirname(path) == os.path.dirname(folder) and not folder.endswith('/')
        and os.path.splitext(path)[0] == folder)


def _row(path):
    rows = [row for row in layers.ALLOWED if _in_folder(path, row)]
    return max(rows, key=len) if rows else None


def layer_includes(tree):
    for path in tree.ending('.cc', '.h', under=OURS):
        row = _row(path)
        if row is None:
            yield Finding('layer_includes', path, 1, 'no row in tests/tidy/layers.py')
            continue
        for line, name in _includes(tree, path):
            if name.startswith(OURS) and not _may_include(path, row, name):
                yield Finding('layer_includes', path, line, f'{row} does not include {name}')


def _may_include(path, row, name):
    if name.startswith(TESTING):
        return bool(_is_test(path)) or path.startswith(TESTING)
    own = os.path.dirname(path) + '/'
    return name.startswith((own, row + '/')) or any(
        _in_folder(name, allowed) for allowed in layers.ALLOWED[row])


def message_includes(tree):
    """Who may know which package of generated messages; stored records stay in their service."""
    for path in tree.ending('.cc', '.h', under=OURS):
        if path.startswith(('tests/', 'services/waterlined/')):
            continue
        for line, name in _includes(tree, path):
            match = re.match(r'waterline/(\w+)/(storage/)?v1/\w+(\.grpc)?\.pb\.h$', name)
            if match and not _may_know(path, match[1], match[2]):
                yield Finding('message_includes', path, line, f'this folder does not know {name}')
            if match and match[3] and not path.startswith('clients/'):
                yield Finding('message_includes', path, line, f'stubs are for clients: {name}')


def _may_know(path, package, stored):
    if stored:
        return path.startswith(f'services/{package}/')
    return any(_in_folder(path, folder) for folder in layers.MESSAGES[package])


def library_includes(tree):
    for path in tree.ending('.cc', '.h', under=OURS):
        for line, name in _includes(tree, path):
            library = next((lib for lib in layers.LIBRARIES if re.match(lib + r'(?:pp|_entry)?[/.]',
                                                                        name)), None)
            if library is None:
                continue
            folders, headers = layers.LIBRARIES[library]
            fine = any(_in_folder(path, f) for f in folders) and (
                not path.endswith('.h') or any(path.startswith(h) for h in headers))
            if not fine:
                yield Finding('library_includes', path, line, f'<{name}> is not for this file')


def pure_code(tree):
    """domain and model are functions: no storage, no coroutine, no clock of their own."""
    for path in tree.ending('.cc', '.h', under=tuple(layers.PURE)):
        if re.search(r'_(?:test|benchmark)\.cc$', path):
            continue
        code = tree.code(path)
        for match in re.finditer(r'\bco_(?:await|return|yield)\b|\b(?:system|steady)_clock\b'
                                 r'|\bstd::(?:thread|mutex)\b|\bgrpc::', code):
            yield Finding('pure_code', path, cpp_text.line_of(code, match.start()),
                          f'{match[0]} in pure code')


def proto_imports(tree):
    """Public protos import no stored ones; common imports no service."""
    for path in tree.ending('.proto'):
        for line, match in matches(tree, path, r'^import (?:public )?"([^"]+)";', re.M):
            own = re.match(r'proto/waterline/(\w+)/(storage/)?', path)
            other = re.match(r'waterline/(\w+)/(storage/)?', match[1])
            if own and other and not _may_import(own, other):
                yield Finding('proto_imports', path, line, f'{match[1]} is not for this package')


def _may_import(own, other):
    if other[2] and not (own[2] and other[1] in (own[1], 'common')):
        return False
    allowed = {'common': {'common'}, 'accountability': {'common', 'accountability'}}
    return other[1] in allowed.get(own[1], {own[1], 'common', 'accountability', 'events'})


# --- orphans ---

def orphans(tree):
    """A file that nothing builds, includes or links is dead."""
    yield from _orphan_sources(tree)
    included = {name for p in tree.ending('.cc', '.h') for _, name in _includes(tree, p)}
    for path in tree.ending('.h'):
        if path not in included:
            yield Finding('orphans', path, 1, 'included nowhere')
    linked = {target for p in tree.ending('.md') for _, target in _links(tree, p)}
    for path in tree.ending('.md'):
        if os.path.basename(path) != 'README.md' and path not in linked:
            yield Finding('orphans', path, 1, 'no other document links to it')


def _orphan_sources(tree):
    lists = [p for p in tree.paths if os.path.basename(p) == 'CMakeLists.txt']
    named = set()
    for path in lists:
        words = re.sub(r'#[^\n]*', '', tree.text(path)).replace('(', ' ').replace(')', ' ').split()
        folder = os.path.dirname(path)
        named |= {os.path.normpath(os.path.join(folder, w)) for w in words
                  if w.endswith(('.cc', '.proto'))}
    for path in [p for p in tree.paths if p.endswith(('.cc', '.proto'))]:
        if path not in named:
            yield Finding('orphans', path, 1, 'in no CMakeLists.txt')


# --- documents ---

def _links(tree, path):
    """(line, repository path) of each relative link of a document, outside code."""
    text = re.sub(r'```.*?```|`[^`\n]*`', lambda m: re.sub(r'[^\n]', ' ', m[0]), tree.text(path),
                  flags=re.S)
    for match in re.finditer(r'\]\(([^)\s#]+)(?:#[^)\s]*)?\)', text):
        if not re.match(r'[a-z][a-z0-9+.-]*:', match[1]):
            target = os.path.normpath(os.path.join(os.path.dirname(path), match[1]))
            yield cpp_text.line_of(text, match.start()), target


def document_links(tree):
    for path in tree.ending('.md'):
        for line, target in _links(tree, path):
            if not tree.exists(target):
                yield Finding('document_links', path, line, f'{target} does not exist')


# Paths in prose are whole paths from the root, or end in a source ending and are relative.
_QUOTED = re.compile(r'`([\w.-]+(?:/[\w.-]+)*/?)`')
_SOURCE = ('.h', '.cc', '.py', '.md', '.proto', '.txt', '.cmake')


def document_paths(tree):
    for path in tree.ending('.md'):
        text = tree.text(path)
        for match in _QUOTED.finditer(text):
            name = match[1]
            whole = name.startswith(TOP_FOLDERS)
            if not whole and not ('/' in name and name.endswith(_SOURCE)):
                continue
            here = os.path.join(os.path.dirname(path), name)
            if not tree.exists(name) and (whole or not tree.exists(here)):
                yield Finding('document_paths', path, cpp_text.line_of(text, match.start()),
                              f'`{name}` does not exist')


def comment_paths(tree):
    """A comment that names a file of the tree names one that is there."""
    pattern = r'\b(?:%s)[\w./-]*\w\.(?:h|cc|py|md|proto|txt)\b' % '|'.join(TOP_FOLDERS[1:])
    for path in tree.ending('.cc', '.h', '.py', '.proto', 'CMakeLists.txt'):
        if path in SELF:
            continue
        for line, match in matches(tree, path, r'(?://|#)(?!include)[^\n]*'):
            for name in re.findall(pattern, match[0]):
                if not tree.exists(name):
                    yield Finding('comment_paths', path, line, f'{name} does not exist')


# --- tests ---

def _is_test(path):
    return path.startswith('tests/') or re.search(r'(_test\.(cc|py)|conformance\.h)$', path)


def sleeps(tree):
    """A test waits for a condition, not for a time."""
    pattern = (r'\b(?:sleep_for|sleep_until|usleep|nanosleep|SleepFor|time\.sleep)\b'
               r'|^\s*sleep\s+[\d.$"]')
    used = set()
    for path in tree.paths:
        if not _is_test(path) or path.startswith(FOREIGN + NO_TESTS):
            continue
        for line, match in matches(tree, path, pattern, re.M):
            if path in ALLOWED_SLEEPS:
                used.add(path)
            else:
                yield Finding('sleeps', path, line, f'{match[0].strip()}: wait for a condition, or '
                              'give the reason in ALLOWED_SLEEPS of tests/tidy/tidy.py')
    for path in sorted(set(ALLOWED_SLEEPS) & set(tree.paths) - used):
        yield Finding('sleeps', path, 1, 'ALLOWED_SLEEPS lists this file, which does not sleep')


def test_names(tree):
    seen = {}
    for path in tree.ending('.cc', '.h'):
        code = cpp_text.without_comments(tree.text(path))
        pattern = r'^\s*(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)'
        for match in re.finditer(pattern, code, re.M):
            yield from _once(seen, 'test_names', f'{match[1]}.{match[2]}', path,
                             cpp_text.line_of(code, match.start(1)))
    for path in [p for p in tree.paths if os.path.basename(p) == 'CMakeLists.txt']:
        for line, match in matches(tree, path, r'^\s*waterline_test\(\s*NAME\s+(\w+)', re.M):
            yield from _once(seen, 'test_names', match[1], path, line)


def _once(seen, rule, name, path, line):
    if name in seen:
        yield Finding(rule, path, line, f'{name} is also in {seen[name]}')
    seen.setdefault(name, f'{path}:{line}')


def disabled_tests(tree):
    """Nothing is skipped, but what reads the material that may lie beside the project."""
    for path in tree.ending('.cc', '.h'):
        code = cpp_text.without_comments(tree.text(path))
        for match in re.finditer(r'\bDISABLED_\w+|\bGTEST_SKIP\b[^;]*', code):
            if 'beside the project' not in match[0]:
                line = cpp_text.line_of(code, match.start())
                yield Finding('disabled_tests', path, line, match[0][:40])


def lock_files(tree):
    """A lock file names versions and digests, never where packages come from."""
    for path in tree.paths:
        if os.path.basename(path) == 'package-lock.json':
            for line, match in matches(tree, path, r'https?://[^"\s]*|"resolved"'):
                yield Finding('lock_files', path, line, f'{match[0]}: no package host')


RULES = [columns, function_length, markers, machine_paths, co_await_operand, header_guard,
         header_comment, layer_includes, message_includes, library_includes, pure_code,
         proto_imports, orphans, document_links, document_paths, comment_paths, sleeps, test_names,
         disabled_tests, lock_files]


def check(tree):
    return [finding for rule in RULES for finding in rule(tree)]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, '..', '..'))
    findings = check(tree)
    for finding in findings:
        print(f'{finding.path}:{finding.line}: {finding.text} [{finding.rule}]')
    print(f'{len(tree.paths)} files, {len(RULES)} rules, {len(findings)} findings')
    return 1 if findings or not tree.paths else 0


if __name__ == '__main__':
    sys.exit(main())
