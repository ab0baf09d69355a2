#!/usr/bin/env python3
"""Every rule of tidy.py must report its bad sample, at its line, and accept the good one.

A check that cannot fail is a defect: a rule without a sample fails here too.
"""

import os
import sys
import tempfile
import unittest

import tidy

HEADER = '#pragma once\n\n// A thing. Thread safety: pure functions.\n\n'
ID_CC = 'services/common/text/id.cc'
ID_H = 'services/common/text/id.h'
API_CC = 'services/events/api/a.cc'
API_TEST = 'services/events/api/a_test.cc'
DOMAIN_CC = 'services/events/domain/d.cc'
E_PROTO = 'proto/waterline/events/v1/e.proto'
EVENTS_CMAKE = 'services/events/CMakeLists.txt'
README = 'services/README.md'
LOCK = 'tests/contract/package-lock.json'
LONG_BODY = '  Step();\n' * 69

# A tree that every rule accepts; samples are laid over it.
GOOD = {
    'README.md': 'See [how to build](CONTRIBUTING.md) and `services/events/api/a.h`.\n',
    'CONTRIBUTING.md': 'Build.\n',
    EVENTS_CMAKE:
        'waterline_library(NAME a SRCS api/a.cc)\nwaterline_test(NAME a_test SRCS api/a_test.cc)\n',
    'services/events/api/a.h': HEADER + '#include "services/common/text/id.h"\n',
    API_CC:
        '#include "services/events/api/a.h"\n'
        'Task<int> Get(int i) {\n'
        '  const auto text = "co_await Foo({1})";  // co_await Foo({1})\n'
        '  co_return co_await Load(ids[i], (*ids)[0], Names()[1]);\n'
        '}\n',
    API_TEST: '#include "services/events/api/a.h"\nTEST(A, Gets) {}\n',
    'services/common/text/CMakeLists.txt': 'waterline_library(NAME text SRCS id.cc)\n',
    ID_H: HEADER,
    ID_CC: '#include "services/common/text/id.h"\n',
    'proto/CMakeLists.txt': 'waterline_proto(NAME e PROTOS waterline/events/v1/e.proto)\n',
    E_PROTO: 'import "waterline/common/v1/types.proto";\n',
}

A_CC = GOOD[API_CC]
CMAKE = GOOD[EVENTS_CMAKE]


def with_domain(text):
    """A file of the domain layer, built and included."""
    return {DOMAIN_CC: text,
            EVENTS_CMAKE: CMAKE + 'add(domain/d.cc)\n'}


# rule -> samples: (files over GOOD, path reported, line reported)
BAD = {
    'columns': [
        ({ID_CC: '// ' + 'x' * 98 + '\n'}, ID_CC, 1),
        ({'tests/x.py': '\n# ' + 'é' * 99 + '\n'}, 'tests/x.py', 2),
        ({E_PROTO: '// ' + 'x' * 98}, E_PROTO,
         1),
    ],
    'function_length': [
        ({ID_CC: 'namespace a {\nint F(\n    int b) {\n' + LONG_BODY + '}\n}\n'},
         ID_CC, 2),
        ({ID_CC: 'class A {\n  template <class T>\n  T F() const {\n'
          + LONG_BODY + '  }\n};\n'}, ID_CC, 2),
        ({'tests/x.py': 'def f():\n' + '    x()\n' * 70}, 'tests/x.py', 1),
    ],
    'markers': [({'deploy/local/up': 'a\n# TO' + 'DO later\n'}, 'deploy/local/up', 2)],
    'machine_paths': [
        ({'deploy/local/up': 'cd /' + 'work/x\n'}, 'deploy/local/up', 1),
        ({'README.md': GOOD['README.md'] + 'in /' + 'root\n'}, 'README.md', 2),
        ({ID_CC: 'open("/' + 'home/a");\n'}, ID_CC, 1),
    ],
    'co_await_operand': [
        ({API_CC: A_CC + 'Task<int> B() {\n  co_await Put(\n      {.k = 1});\n}\n'},
         API_CC, 7),
        ({API_CC: A_CC + 'Task<int> B() {\n  co_await Run([a] () { return a; });\n}'},
         API_CC, 7),
        ({API_CC: A_CC + 'Task<int> B() {\n  Use(co_await Put(Record{1}), 2);\n}'},
         API_CC, 7),
        ({API_CC: A_CC + 'Task<int> B() { co_await Ask(1, {}, 2); }\n'},
         API_CC, 6),
    ],
    'header_guard': [
        ({ID_H: '#ifndef ID_H\n// A thread.\n#endif\n'},
         ID_H, 1),
    ],
    'header_comment': [
        ({ID_H: '#pragma once\n\n// Ids.\n\nint F();  // Thread safe.\n'},
         ID_H, 2),
        ({ID_H: '#pragma once\n\n#include <thread>\n'},
         ID_H, 2),
    ],
    'layer_includes': [
        (with_domain('#include "services/common/storage/store.h"\n'), DOMAIN_CC, 1),
        (with_domain('#include "services/events/store/keys.h"\n'), DOMAIN_CC, 1),
        ({API_CC: '#include "services/registry/domain/r.h"\n'},
         API_CC, 1),
        ({API_CC: '#include "services/common/testing/random.h"\n'},
         API_CC, 1),
        ({ID_CC: '#include "services/events/api/a.h"\n'},
         ID_CC, 1),
        ({'services/events/other/d.cc': '', EVENTS_CMAKE: CMAKE + 'x(other/d.cc)'},
         'services/events/other/d.cc', 1),
        ({'clients/cli/c.cc': '#include "services/events/api/a.h"\n',
          'clients/cli/CMakeLists.txt': 'x(c.cc)'}, 'clients/cli/c.cc', 1),
    ],
    'message_includes': [
        ({API_CC: '#include "waterline/registry/storage/v1/records.pb.h"\n'},
         API_CC, 1),
        ({API_CC: '#include "waterline/inference/v1/inference.pb.h"\n'},
         API_CC, 1),
        ({API_CC: '#include "waterline/events/v1/events_service.grpc.pb.h"\n'},
         API_CC, 1),
        ({ID_CC: '#include "waterline/registry/v1/registry.pb.h"\n'},
         ID_CC, 1),
    ],
    'library_includes': [
        ({API_CC: '#include <grpcpp/grpcpp.h>\n'}, API_CC, 1),
        ({'services/common/rpc/call.h': HEADER + '#include <grpcpp/server.h>\n',
          API_CC: '#include "services/common/rpc/call.h"\n'},
         'services/common/rpc/call.h', 5),
        ({ID_CC: '#include <openssl/evp.h>\n'}, ID_CC, 1),
        ({API_CC: '#include <rocksdb/db.h>\n'}, API_CC, 1),
    ],
    'pure_code': [
        (with_domain('auto f() { co_return 1; }\n'), DOMAIN_CC, 1),
        (with_domain('\nauto t = std::chrono::system_clock::now();\n'), DOMAIN_CC,
         2),
    ],
    'proto_imports': [
        ({E_PROTO: 'import "waterline/events/storage/v1/records.proto";\n'},
         E_PROTO, 1),
        ({'proto/waterline/common/v1/c.proto': 'import "waterline/events/v1/e.proto";\n',
          'proto/CMakeLists.txt': 'x(waterline/events/v1/e.proto waterline/common/v1/c.proto)\n'},
         'proto/waterline/common/v1/c.proto', 1),
    ],
    'orphans': [
        ({'services/events/api/b.cc': ''}, 'services/events/api/b.cc', 1),
        ({'services/events/api/b.cc': '', EVENTS_CMAKE: CMAKE + '# api/b.cc\n'},
         'services/events/api/b.cc', 1),
        ({'services/events/api/b.h': HEADER}, 'services/events/api/b.h', 1),
        ({'proto/waterline/events/v1/b.proto': ''}, 'proto/waterline/events/v1/b.proto', 1),
        ({'services/notes.md': 'Lost.\n'}, 'services/notes.md', 1),
    ],
    'document_links': [
        ({README: 'A\n[b](missing.md#part)\n'}, README, 2),
        ({README: '[b](/README.md)\n'}, README, 1),
    ],
    'document_paths': [
        ({README: 'A\n`services/events/gone.h`\n'}, README, 2),
        ({README: '`events/gone.h`\n'}, README, 1),
        ({README: '`proto/gone/`\n'}, README, 1),
    ],
    'comment_paths': [
        ({ID_CC: '\n// As services/common/gone.h says.\n'},
         ID_CC, 2),
    ],
    'sleeps': [
        ({API_TEST: 'std::this_thread::sleep_for(1s);\nTEST(A, Gets) {}\n'},
         API_TEST, 1),
        ({'tests/e2e/run': '#!/bin/sh\n  sleep 1\n'}, 'tests/e2e/run', 2),
        ({'tests/e2e/run.py': 'time.sleep(1)\n'}, 'tests/e2e/run.py', 1),
    ],
    'test_names': [
        ({API_TEST: 'TEST(A, Gets) {}\n\nTEST(A,\n     Gets) {}\n'},
         API_TEST, 3),
        ({EVENTS_CMAKE: CMAKE + 'waterline_test(NAME a_test SRCS api/a_test.cc)\n'},
         EVENTS_CMAKE, 3),
    ],
    'disabled_tests': [
        ({API_TEST: 'TEST(A, DISABLED_Gets) {}\n'},
         API_TEST, 1),
        ({API_TEST: 'TEST(A, Gets) { GTEST_SKIP() << "no Redis"; }\n'},
         API_TEST, 1),
    ],
    'lock_files': [
        ({LOCK: '{\n"resolved": ""}\n'},
         LOCK, 2),
        ({LOCK: '{"x": "https://a.b/c.tgz"}\n'},
         LOCK, 1),
    ],
}

# What must not be reported: (rule, files over GOOD).
FINE = [
    ('document_links', {README: 'An id is `^[a-z]([a-z0-9-]{0,61})`, a link `[a](b.md)`.\n'}),
    ('function_length', {ID_CC: 'int F() {\n' + '  Step();\n' * 68 + '}\n'}),
    ('function_length', {ID_CC: 'namespace {\n' + 'int a;\n' * 99 + '}\n'}),
    ('machine_paths', {'deploy/local/up': 'cd "$PWD/work" ../shared/work /usr/share\n'}),
    ('co_await_operand', {API_CC: A_CC + 'void F() { if (co_await X()) { y(); } }'}),
    ('disabled_tests', {API_TEST:
                        'TEST(A, G) { GTEST_SKIP() << "the data are not beside the project"; }\n'}),
    ('layer_includes', {'tests/integration/t.cc': '#include "services/events/api/a.h"\n',
                        'tests/integration/CMakeLists.txt': 'x(t.cc)'}),
]


def findings(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)) or root, exist_ok=True)
            with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
                file.write(text)
        return tidy.check(tidy.Tree(root, list(files)))


class TidyTest(unittest.TestCase):
    def test_good_tree_has_no_finding(self):
        self.assertEqual(findings(GOOD), [])

    def test_every_rule_has_a_sample(self):
        self.assertEqual(sorted(BAD), sorted(rule.__name__ for rule in tidy.RULES))

    def test_bad_samples_are_reported(self):
        for rule, samples in BAD.items():
            for number, (files, path, line) in enumerate(samples):
                with self.subTest(rule=rule, sample=number):
                    found = findings({**GOOD, **files})
                    found = [(f.path, f.line) for f in found if f.rule == rule]
                    self.assertEqual(found, [(path, line)])

    def test_fine_samples_are_not_reported(self):
        for rule, files in FINE:
            with self.subTest(rule=rule, files=list(files)):
                self.assertEqual([f for f in findings({**GOOD, **files}) if f.rule == rule], [])

    def test_unused_allowance_is_reported(self):
        path = next(iter(tidy.ALLOWED_SLEEPS))
        self.assertIn('sleeps', [f.rule for f in findings({path: 'TEST(A, B) {}\n'})])


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
