"""Who may include whom (architecture: api -> store -> common/storage, api -> domain).

Each folder with C++ code has one row; a folder without a row is a finding, so that a new folder is
a decision. The longest matching path wins. A folder may always include itself.
"""

COMMON_BASE = ['common/clock', 'common/coro', 'common/crypto', 'common/data', 'common/status',
               'common/text']
COMMON_STORE = COMMON_BASE + ['common/privacy', 'common/records', 'common/storage']
COMMON_API = COMMON_STORE + ['common/gate', 'common/log', 'common/rpc']
DOMAIN = ['common/clock', 'common/crypto', 'common/data', 'common/status', 'common/text']


def _services(*names):
    return ['services/' + name for name in names]


# Pure rules and mathematics: neither gRPC, nor storage, nor coroutines.
PURE = ['services/registry/domain', 'services/events/domain', 'services/inference/domain',
        'services/inference/model', 'services/accountability/domain']

CLIENT = _services(*DOMAIN, 'common/coro', 'common/log', 'common/rpc/status_wire.h')

ALLOWED = {
    # common never includes a service.
    'services/common/clock': [],
    'services/common/coro': [],
    'services/common/crypto': [],
    'services/common/data': _services('common/status', 'common/text'),
    'services/common/log': [],
    'services/common/testing': [],
    # status and text: error.h formats with text/absl.h, text answers with status.
    'services/common/status': _services('common/text'),
    'services/common/text': _services('common/status'),
    'services/common/storage': _services(*COMMON_BASE),
    'services/common/privacy': _services(*COMMON_BASE, 'common/storage'),
    # rpc/call.h is data without gRPC: who asks. gate and records take it as a parameter.
    'services/common/records': _services(*COMMON_STORE, 'common/rpc/call.h',
                                         'common/rpc/limits.h'),
    'services/common/gate': _services(*COMMON_STORE, 'common/rpc/call.h'),
    'services/common/identity': _services(*DOMAIN),
    'services/common/rpc': _services(*COMMON_BASE, 'common/gate', 'common/identity', 'common/log'),

    'services/registry/domain': _services(*DOMAIN),
    'services/registry/store': _services(*COMMON_STORE),
    # What an organisation hands in to join is checked as identity says.
    'services/registry/api': _services(*COMMON_API, 'common/identity/joining.h',
                                       'common/identity/spiffe.h', 'registry/domain',
                                       'registry/store'),

    'services/events/domain': _services(*DOMAIN),
    'services/events/store': _services(*COMMON_STORE),
    'services/events/api': _services(*COMMON_API, 'events/domain', 'events/store'),

    'services/events/import_benchmark.cc': _services(*COMMON_STORE, 'events/domain',
                                                     'events/store'),

    'services/inference/domain': _services(*DOMAIN),
    'services/inference/model': _services('common/data', 'common/status'),
    'services/inference/store': _services(*COMMON_STORE),
    'services/inference/projector': _services(*COMMON_STORE, 'common/log', 'inference/domain',
                                              'inference/store'),
    # The projector's only door to the mathematics.
    'services/inference/projector/model_adapter': _services(
        *COMMON_STORE, 'inference/domain', 'inference/model', 'inference/projector'),
    'services/inference/projector/projection_benchmark.cc': _services(
        *COMMON_STORE, 'inference/model', 'inference/projector'),
    'services/inference/api': _services(*COMMON_API, 'inference/domain', 'inference/projector',
                                        'inference/store'),

    'services/accountability/domain': _services(*DOMAIN, 'common/privacy/small_numbers.h'),
    'services/accountability/ledger': _services(*COMMON_BASE, 'common/storage'),
    # The gate's seam: Recorder is the Decider of a process that holds the ledger.
    'services/accountability/policy': _services(*COMMON_STORE, 'common/gate/decider.h',
                                                'common/rpc/network.h', 'common/rpc/standing.h',
                                                'accountability/domain', 'accountability/ledger'),
    'services/accountability/api': _services(*COMMON_API, 'accountability/domain',
                                             'accountability/ledger', 'accountability/policy'),

    # All four in one process: the only code that sees more than one service.
    'services/waterlined': _services(*COMMON_API, 'common/identity', 'registry', 'events',
                                     'inference/api', 'inference/projector', 'inference/store',
                                     'accountability'),

    # Each service's program: what it is made of stands in waterlined, for all in one way.
    **{'services/%s/main.cc' % service: _services('waterlined/program.h')
       for service in ('registry', 'events', 'inference', 'accountability')},

    # Clients speak the API. `admin` and offline verification work on a stopped deployment's files.
    'clients': CLIENT + ['clients'],
    'clients/cli': CLIENT + _services(
        'common/identity', 'common/rpc/client.h', 'common/rpc/limits.h',
        'common/rpc/status_wire.h', 'common/rpc/tls.h', 'common/rpc/wire.h',
        'accountability/ledger/export.h', 'accountability/ledger/merkle.h',
        'accountability/ledger/note.h', 'accountability/ledger/verify.h',
        'waterlined/deployment.h'),
    'clients/cli/credentials_test.cc': CLIENT + _services('common/identity', 'common/rpc') + [
        'clients/cli'],
    'clients/cli/partner_test.cc': CLIENT + _services('common/identity', 'common/rpc') + [
        'clients/cli'],
    # Tests: what the form prints is what the import reads; maps as inference really makes them.
    'clients/cli/form_test.cc': CLIENT + _services('events/domain/response_file.h') + [
        'clients/cli'],
    'clients/demonstration/generator_test.cc': CLIENT + _services(
        'events/domain', 'registry/domain') + ['clients/demonstration'],
    'clients/cli/map_samples.h': CLIENT + _services(
        'inference/api/practice_map.h', 'inference/domain', 'inference/projector') + [
            'clients/cli'],

    'tests': ['services', 'clients', 'tests'],
}

# What a package of generated messages may be used by, beyond tests and waterlined.
# gRPC arrows: all -> accountability; events -> registry; inference -> events.
MESSAGES = {
    'common': ['services', 'clients'],
    'accountability': ['services', 'clients'],
    'registry': ['services/registry', 'services/events/api', 'clients'],
    'events': ['services/events', 'services/inference', 'clients'],
    'inference': ['services/inference', 'clients'],
}

# Headers of libraries that only some folders may know: prefix -> (folders, header files allowed).
# An empty header list means that no header may include it, so that it does not spread.
LIBRARIES = {
    'grpc': (['services/common/rpc', 'clients', 'tests'],
             ['services/common/rpc/calls.h', 'services/common/rpc/status_wire.h',
              'services/common/rpc/wire.h', 'clients/', 'tests/']),
    'rocksdb': (['services/common/storage/rocksdb',
                 'services/common/storage/store_conformance_test.cc',
                 'services/accountability/ledger/verify.cc', 'tests'],
                ['services/common/storage/rocksdb/']),
    # Certificates are read and made by identity; all other cryptography is in crypto.
    'openssl': (['services/common/crypto', 'services/common/identity/certificate.cc',
                 'services/common/identity/throwaway.cc'], []),
    'prometheus': (['services/common/rpc'], []),
    'spdlog': (['services/common/log'], []),
    'archive': (['services/waterlined/archive.cc'], []),
    'CLI': (['services/waterlined/program.cc', 'clients', 'tests'], ['clients/', 'tests/']),
    'Eigen': (['services/inference/model', 'services/inference/projector/model_adapter.cc'],
              ['services/inference/model/']),
}
