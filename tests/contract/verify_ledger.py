#!/usr/bin/env python3
"""Verifies a file of `waterline audit export` with nothing but Python 3 and a pinned key. It shares
no code with Waterline: it is written from services/accountability/README.md and from standards
(RFC 6962, C2SP signed-note and tlog-checkpoint, the protobuf wire format; RFC 8032 in ed25519.py).

    verify_ledger.py FILE KEY [SINCE]

KEY is the verifier key; SINCE a checkpoint kept from before, or an earlier export. Ends with 0 and
a sentence when the file verifies, with 1 and a sentence that says what does not, and where.
"""

import base64
import hashlib
import pathlib
import re
import sys

import ed25519

MAGIC = b"waterline-ledger-export v1\n"
# The fields of ledger.proto by number: d bytes, t text, n a number, l a list of numbers. An entry
# has an id, a time, and one body: access, epoch, network, agreement, standing, member.
SHAPES = ("nn", "tdttnttntnttlnnnndntndt", "ntndndt", "ttdnn", "ttntttdtdtntnt", "ttddtnnd",
          "dtdtn")
ENTRY = dict(enumerate(["d", *(dict(enumerate(shape, 1)) for shape in SHAPES)], 1))
ENTRY[8][1] = dict(enumerate("tnnnn", 1))  # What is known of a member.
BODY = set(ENTRY) - {1, 2}  # Of several the last one stands.


class Bad(Exception):
    """What does not verify, and where."""


def need(condition, what):
    if not condition:
        raise Bad(what)


def base64_bytes(text, what):
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except ValueError:
        raise Bad(what) from None
    need(base64.b64encode(data).decode() == text, what)
    return data


def parse_key(vkey):
    what = "the key is no verifier key: expected <name>+<8 hexadecimal digits>+<base64 key>"
    name, key_id, typed = (vkey.split("+", 2) + ["", ""])[:3]
    typed = base64_bytes(typed, what)
    wanted = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    need(name and len(typed) == 33 and typed[0] == 1 and wanted.hex() == key_id, what)
    return name, wanted, typed[1:]


def open_note(note, key):
    """The text of a note that `key` signed; signatures of other keys are passed over."""
    whole = note.decode(errors="replace")
    need(whole.encode() == note, "the signed note is not UTF-8")
    need(not re.search("[\0-\x09\x0b-\x1f]", whole), "the signed note has control characters")
    text, blank, signatures = whole.rpartition("\n\n")
    need(blank and signatures.endswith("\n"), "the signed note has no signature")
    for line in signatures[:-1].split("\n"):
        found = re.fullmatch("\u2014 ([^ +]+) ([^ ]+)", line)
        signature = base64_bytes(found[2] if found else "?", "a signature line is malformed")
        need(len(signature) > 4, "a signature line is malformed")
        if (found[1], signature[:4]) == key[:2]:
            signed = (text + "\n").encode()
            need(ed25519.verify(key[2], signed, signature[4:]), "the signature is wrong")
            return text
    raise Bad("the checkpoint is not signed by " + key[0])


def open_checkpoint(note, key):
    origin, size, root = (open_note(note, key).split("\n") + ["", ""])[:3]
    need(re.fullmatch("0|[1-9][0-9]{0,19}", size, re.A), "the checkpoint has a malformed size")
    root = base64_bytes(root, "the checkpoint has a malformed root")
    need(int(size) < 2**64 and len(root) == 32, "the checkpoint has a malformed size or root")
    return origin, int(size), root


def varint(data, at, longest=10):
    value = 0
    for i in range(longest):
        value |= (data[at + i] & 127) << 7 * i
        if data[at + i] < 128:
            return value & 2**64 - 1, at + i + 1
    raise Bad("an endless number")


def message(data, shape, at=0, group=0):
    """What `shape` knows of a message, or of a group to its end; all of it must be well formed."""
    found = {}
    while at < len(data):
        tag, at = varint(data, at, 5)
        number, wire, kind = (tag & 2**32 - 1) >> 3, tag & 7, shape.get((tag & 2**32 - 1) >> 3)
        need(number and wire < 6 and (wire != 4 or number == group), "no field")
        if wire == 4:
            return found, at
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 3:
            value, at = message(data, {}, at, number)
        else:
            size, at = varint(data, at, 5) if wire == 2 else (8 if wire == 1 else 4, at)
            value, at = data[at : at + size], at + size
            need(at <= len(data), "a field that is cut off")
        if wire == 2 and isinstance(kind, dict):
            if shape is ENTRY and number in BODY:
                found = {n: kept for n, kept in found.items() if n == number or n not in BODY}
            found[number] = found.get(number, {}) | message(value, kind)[0]
        elif (kind, wire) in (("n", 0), ("d", 2), ("t", 2)):
            found[number] = value.decode() if kind == "t" else value
        while (kind, wire) == ("l", 2) and value:
            value = value[varint(value, 0)[1] :]
    need(not group, "a group without its end")
    return found, at


def check_entry(leaf, index, origin, last):
    """The time of an entry that stands at `index`, no earlier than `last`."""
    try:
        entry = message(leaf, ENTRY)[0]
    except (Bad, IndexError, UnicodeDecodeError, RecursionError):
        raise Bad(f"entry {index} is no entry") from None
    need(len(entry.get(1, b"")) == 32 and 2 in entry, f"entry {index} has no id or no time")
    need((4 in entry) == (index == 0), f"entry {index}: an epoch starts at entry 0 and only there")
    start = entry.get(4, {2: origin, 1: origin.split("/")[-1]})
    own = start.get(2) == origin and origin.endswith(f"/{start.get(1)}")
    need(own, "entry 0 starts another epoch than the one that was signed")
    time = ((entry[2].get(1, 0) ^ 2**63) - 2**63, entry[2].get(2, 0) & 2**32 - 1)
    need(time[1] < 10**9, f"entry {index} has no time that there is")
    need(last is None or time >= last, f"entry {index} is of an earlier time than one before it")
    return time


def root_of(hashes):
    """RFC 6962 2.1 from the leaves upwards: a node without a neighbour rises as it is."""
    level = list(hashes) or [hashlib.sha256(b"").digest()]
    while len(level) > 1:
        pairs, odd = zip(level[::2], level[1::2]), level[len(level) & ~1 :]
        level = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def take(content, at, what):
    end = at + 4 + int.from_bytes(content[at : at + 4], "big")
    need(end <= len(content), what)
    return content[at + 4 : end], end


def checkpoint_of(content):
    need(content.startswith(MAGIC), "it is not a waterline ledger export, version 1")
    return take(content, len(MAGIC), "it ends inside the checkpoint")


def read_entries(content, at, origin, size):
    hashes, whole, last = [], 0, None
    for index in range(size):
        kind, at = content[at : at + 1], at + 1
        need(kind in (b"\0", b"\1"), f"entry {index} is missing or malformed")
        data, at = take(content, at, f"it ends inside entry {index}")
        need(kind == b"\1" or index and len(data) == 32, f"entry {index} is no entry and no hash")
        if kind == b"\1":
            whole, last = whole + 1, check_entry(data, index, origin, last)
            data = hashlib.sha256(b"\0" + data).digest()
        hashes.append(data)
    need(at == len(content), "bytes follow the last entry")
    return hashes, whole


def verify(content, vkey, since=None):
    """What the export holds, as a sentence; Bad says what is wrong."""
    key = parse_key(vkey)
    note, at = checkpoint_of(content)
    origin, size, root = open_checkpoint(note, key)
    own = re.fullmatch(re.escape(key[0]) + "/([1-9][0-9]{0,19})", origin, re.A)
    need(own and int(own[1]) < 2**64, "its checkpoint is of no epoch of this key")
    hashes, whole = read_entries(content, at, origin, size)
    need(hashes, "it has no entry 0, which every epoch starts with")
    need(root_of(hashes) == root, "the entries do not make the root that was signed")
    if since is not None:
        held = open_checkpoint(checkpoint_of(since)[0] if since.startswith(MAGIC) else since, key)
        need(held[0] == origin, "the checkpoint held is of another epoch: " + held[0])
        need(held[1] <= size, f"it ends before entry {size}; the checkpoint held covers {held[1]}")
        same = root_of(hashes[: held[1]]) == held[2]
        need(same, f"its first {held[1]} entries are not those of the checkpoint held")
    return f"{size} entries of {origin}, {whole} of them readable, signed by {key[0]}."


if __name__ == "__main__":
    given = [pathlib.Path(path).read_bytes() for path in sys.argv[1:2] + sys.argv[3:4]]
    try:
        print(f"{sys.argv[1]} verifies: " + verify(given[0], sys.argv[2], *given[1:]))
    except Bad as bad:
        sys.exit(f"{sys.argv[1]} does not verify: {bad}")
