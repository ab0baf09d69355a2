#!/usr/bin/env python3
"""verify_ledger.py and ed25519.py on vectors of others: the C2SP example, Tessera's log,
Wycheproof, CCTV. They are read in place from the folder named by WATERLINE_VECTORS, by default
../shared/vectors beside the project; the project's own notes are always read, and ledger.proto, of
which the verifier has a table. Standard library only. Runs in the project's root.
"""

import hashlib
import json
import os
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import ed25519  # noqa: E402
import verify_ledger  # noqa: E402

VECTORS = pathlib.Path(os.environ.get("WATERLINE_VECTORS") or "../shared/vectors")


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def opens(note, key):
    try:
        return verify_ledger.open_note(note, key) is not None
    except verify_ledger.Bad:
        return False


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def shapes():
    """The table of the verifier is that of ledger.proto."""
    proto = pathlib.Path("proto/waterline/accountability/v1/ledger.proto").read_text()
    messages = dict(re.findall(r"^message (\w+) \{\n(.*?)^\}", proto, re.S | re.M))
    field = r"^ +(optional |repeated |)([\w.]+) \w+ = (\d+)[ ;]"

    def shape_of(name):
        if name == "google.protobuf.Timestamp":
            return dict(enumerate("nn", 1))
        found = {}
        for label, kind, number in re.findall(field, messages[name], re.M):
            known = {"bytes": "d", "string": "t"}.get(kind)
            is_message = kind in messages or kind.startswith("google.")
            listed = "l" if label == "repeated " else "n"
            found[int(number)] = known or (shape_of(kind) if is_message else listed)
        return found

    expect(shape_of("Entry") == verify_ledger.ENTRY, f"an entry is {shape_of('Entry')}")


def own_notes():
    file = load(pathlib.Path("tests/data/signed_notes/notes.json"))
    trees = load(pathlib.Path("tests/data/rfc6962/leaves_and_roots.json"))
    key = verify_ledger.parse_key(file["vkey"])
    for vector in file["notes"]:
        expect(opens(vector["note"].encode(), key) == vector["verifies"], vector["what"])
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in trees["leaves"]]
    for size, note in enumerate(file["checkpoints"]):
        wanted = ("vectors.example/accountability/1", size, verify_ledger.root_of(hashes[:size]))
        expect(verify_ledger.open_checkpoint(note.encode(), key) == wanted, f"size {size}")
    return len(file["notes"]) + len(file["checkpoints"])


def c2sp(folder):
    key = verify_ledger.parse_key((folder / "signed-note-example.vkey").read_text().strip())
    note = (folder / "signed-note-example.txt").read_bytes()
    expect(verify_ledger.open_note(note, key) == "This is an example message.", "the example")
    for bit in range(len(note) * 8):
        changed = bytearray(note)
        changed[bit // 8] ^= 1 << bit % 8
        expect(not opens(bytes(changed), key), f"bit {bit}")
    return 1 + len(note) * 8


def tessera(folder):
    script = (folder / "testdata/build_log.sh").read_text()
    key = verify_ledger.parse_key(re.search('LOG_PUBLIC_KEY="([^"]+)"', script)[1])
    log = folder / "testdata/log"
    for size in range(16):
        checkpoint = verify_ledger.open_checkpoint((log / f"checkpoint.{size}").read_bytes(), key)
        bundle, hashes = b"", b""
        if size > 0:
            bundle = (log / f"tile/entries/000.p/{size}").read_bytes()
            hashes = (log / f"tile/0/000.p/{size}").read_bytes()
        leaves = []
        while bundle:
            end = 2 + int.from_bytes(bundle[:2], "big")
            leaves.append(leaf_hash(bundle[2:end]))
            bundle = bundle[end:]
        expect(b"".join(leaves) == hashes, f"the tile of size {size}")
        wanted = ("example.com/log/testdata", size, verify_ledger.root_of(leaves))
        expect(checkpoint == wanted, f"size {size}")
    return 16


def wycheproof(folder):
    count = 0
    for group in load(folder / "ed25519_test.json")["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            good = ed25519.verify(key, message, signature)
            expect(good == (test["result"] == "valid"), f"case {test['tcId']}")
            count += 1
    expect(count == 151, f"{count} cases")
    return count


def cctv(folder):
    """As OpenSSL, Go and ref10 do: refuse a non-canonical R and a low-order residue, no others."""
    tests = load(folder / "ed25519vectors.json")
    for test in tests:
        key, signature = bytes.fromhex(test["key"]), bytes.fromhex(test["sig"])
        wanted = not {"non_canonical_R", "low_order_residue"} & set(test["flags"] or [])
        good = ed25519.verify(key, test["msg"].encode(), signature)
        expect(good == wanted, f"vector {test['number']}")
    expect(len(tests) == 914, f"{len(tests)} vectors")
    return len(tests)


def main():
    shapes()
    print(f"{own_notes()} notes of the project")
    folders = {c2sp: "c2sp", tessera: "tlog-tessera", wycheproof: "wycheproof", cctv: "cctv"}
    for check, name in folders.items():
        if (VECTORS / name).exists():
            print(f"{check(VECTORS / name)} of {name}, read in place")
        else:
            print(f"{VECTORS / name} is not there: these vectors were not read")
            expect("WATERLINE_VECTORS" not in os.environ, "WATERLINE_VECTORS names no vectors")


if __name__ == "__main__":
    main()
