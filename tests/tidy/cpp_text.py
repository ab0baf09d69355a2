"""What the rules need to know of C++ text: comments and literals blanked, functions, operands.

Not a parser: it knows brackets, comments and literals, which is enough for a formatted tree.
"""

import re

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^\s()\\]{0,16})\(.*?\)(?P=d)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'',
    re.S,
)
_SCOPE = re.compile(r'\b(?:namespace|class|struct|union|enum|extern)\b')


def _blank(text):
    return re.sub(r'[^\n]', ' ', text)


def without_comments(text):
    """Comments become blanks, literals stay; every character keeps its place."""
    return _TOKEN.sub(lambda m: _blank(m[0]) if m[0].startswith('/') else m[0], text)


def code_only(text):
    """Comments, literals and preprocessor lines become blanks; every character keeps its place."""
    text = _TOKEN.sub(lambda m: _blank(m[0]), text)
    return re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', lambda m: _blank(m[0]), text, flags=re.M)


def line_of(text, position):
    return text.count('\n', 0, position) + 1


def _is_function(head):
    """`head` is what stands between the last ; { or } and an opening brace."""
    return '(' in head and not _SCOPE.match(re.sub(r'template\s*<[^{}]*?>\s*', '', head).strip())


def functions(code):
    """(first line, last line, head) of each outermost function of `code_only` text."""
    found, head_start, depth, body = [], 0, 0, None
    for match in re.finditer(r'[;{}]', code):
        char, position = match[0], match.start()
        if char == '{':
            head = code[head_start:position]
            if body is None and _is_function(head):
                body = (depth, head_start + len(head) - len(head.lstrip()), ' '.join(head.split()))
            depth += 1
        elif char == '}':
            depth -= 1
            if body is not None and depth == body[0]:
                found.append((line_of(code, body[1]), line_of(code, position), body[2]))
                body = None
        head_start = position + 1
    return found


def operands(code, keyword='co_await'):
    """(line, text) of what follows each `keyword`, up to the end of its expression."""
    for match in re.finditer(r'(?<!operator )\b%s\b' % keyword, code):
        depth, end = 0, match.end()
        while end < len(code):
            char = code[end]
            if char in '([{':
                depth += 1
            elif char in ')]}':
                depth -= 1
            if depth < 0 or (depth == 0 and char in ';,'):
                break
            end += 1
        yield line_of(code, match.start()), code[match.end():end]


def has_capture(expression):
    """A `[` that does not follow a value is a lambda's."""
    opens = (m.start() for m in re.finditer(r'\[', expression))
    return any(not re.search(r'[\w)\]"]\s*$', expression[:start]) for start in opens)
