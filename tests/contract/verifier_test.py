#!/usr/bin/env python3
"""Two verifiers that share no code, one verdict: `waterline audit verify` and verify_ledger.py, on
the exports of a real waterlined and on hundreds of copies that were tampered with, by an outsider
and by an operator who holds the signing key. Standard library only.

Usage: verifier_test.py WATERLINE WATERLINED [SEED]
"""

import base64
import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "e2e"))

# Beside this file and in tests/e2e; nothing is written beside the sources.
sys.dont_write_bytecode = True
import ed25519  # noqa: E402
import verify_ledger  # noqa: E402
from cli_test import HOST, Cli, Server, expect  # noqa: E402

OTHER = "ods-x99999"
VERIFIES, REFUSED, EITHER = "verifies", "is refused", "the two agree"


@dataclasses.dataclass
class Export:
    """The parts of an export file."""

    note: bytes
    entries: list  # (kind, bytes)

    @staticmethod
    def parse(content):
        note, at = verify_ledger.checkpoint_of(content)
        entries = []
        while at < len(content):
            kind, (data, end) = content[at], verify_ledger.take(content, at + 1, "cut off")
            entries.append((kind, data))
            at = end
        return Export(note, entries)

    def bytes(self):
        out = verify_ledger.MAGIC + len(self.note).to_bytes(4, "big") + self.note
        for kind, data in self.entries:
            out += bytes([kind]) + len(data).to_bytes(4, "big") + data
        return out

    def hashes(self):
        return [data if kind == 0 else hashlib.sha256(b"\0" + data).digest()
                for kind, data in self.entries]  # fmt: skip


@dataclasses.dataclass
class Signer:
    """An operator gone bad: signs what it likes with the log's real key."""

    seed: bytes
    vkey: str
    origin: str

    def sign(self, text):
        name, key_id, _ = verify_ledger.parse_key(self.vkey)
        signature = base64.b64encode(key_id + ed25519.sign(self.seed, text.encode())).decode()
        return f"{text}\n\u2014 {name} {signature}\n".encode()

    def checkpoint(self, size, root, origin=None):
        root = base64.b64encode(root).decode()
        return self.sign(f"{origin or self.origin}\n{size}\n{root}\n")

    def export(self, entries, origin=None):
        """Entries under a checkpoint that fits them."""
        made = Export(b"", list(entries))
        root = verify_ledger.root_of(made.hashes())
        return Export(self.checkpoint(len(entries), root, origin), made.entries).bytes()


@dataclasses.dataclass
class Case:
    name: str
    content: bytes
    wanted: str
    key: str = ""  # Empty: the right one.
    since: bytes = b""


@dataclasses.dataclass
class Log:
    """What a real log leaves behind."""

    key: str
    signer: Signer
    early: bytes  # An export of the same epoch, from before.
    whole: bytes  # By the host, who sees nearly everything.
    hashed: bytes  # By another organisation, who sees little.
    second: bytes  # Of the epoch after a restore.


def use(cli, count):
    for i in range(count):
        name = f"Place {i} {time.monotonic_ns()}"
        cli.steward("place", "create", name, "--accountable-body", HOST)
        cli.run("org", "get", f"nobody-{i}", code=3)


def make_log(program, server_program, folder):
    """A network, two organisations, refusals, a restore: everything over the command line."""
    cli = Cli(program, folder)
    data, restored = str(folder / "data"), str(folder / "restored")
    cli.run("admin", "init", "--data", data, "--development", "--demonstration", "--administrator",
            "stella")  # fmt: skip
    server = Server(server_program, data, folder)
    as_other = ["--org", OTHER]
    try:
        cli.run("context", "set", "local", "--server", server.address, "--org", HOST, "--actor",
                "ann", "--role", "engagement_lead", "--purpose", "practice_learning")  # fmt: skip
        cli.steward("org", "create", "--title", "Quay Surgery", "--type", "gp_practice",
                    "--identifier", "ods:X99999")  # fmt: skip
        cli.steward("org", "member", "add", "Quay Surgery")
        key = cli.json("whoami")["ledger_key"]
        use(cli, 5)
        cli.run("audit", "export", "early")
        use(cli, 5)
        cli.run("place", "list", *as_other)
        cli.run("audit", "export", "whole")
        cli.run("audit", "export", "hashed", *as_other)
    finally:
        expect(server.stop() == 0, "waterlined ends cleanly")
    cli.run("admin", "backup", "backup", "--data", data)
    cli.run("admin", "restore", "backup", "--data", restored, "--reason", "a rehearsal")
    server = Server(server_program, restored, folder)
    try:
        use(cli_at(cli, server), 2)
        cli.run("audit", "export", "second", "--server", server.address)
    finally:
        expect(server.stop() == 0, "waterlined ends cleanly after a restore")
    names = ("early", "whole", "hashed", "second")
    content = {name: (folder / name).read_bytes() for name in names}
    seed = bytes.fromhex((folder / "data/keys/origin.key").read_text().strip())
    origin = Export.parse(content["whole"]).note.decode().split("\n")[0]
    return Log(key, Signer(seed, key, origin), **content)


def cli_at(cli, server):
    cli.run("context", "set", "restored", "--use", "--server", server.address, "--org", HOST,
            "--actor", "ann", "--role", "engagement_lead",
            "--purpose", "practice_learning")  # fmt: skip
    return cli


# ---- What an outsider can do ---------------------------------------------------------------------


def flip(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def outsider(log, rng):
    exports = {"whole": log.whole, "hashed": log.hashed, "second": log.second}
    for name, content in exports.items():
        note_ends = len(verify_ledger.MAGIC) + 4 + len(Export.parse(content).note)
        for bit in rng.sample(range(len(content) * 8), 20) + rng.sample(range(note_ends * 8), 20):
            yield Case(f"bit {bit} of {name} flipped", flip(content, bit), REFUSED)
        for size in [0, 1, note_ends, len(content) - 1] + rng.sample(range(len(content)), 8):
            yield Case(f"{name} cut to {size} bytes", content[:size], REFUSED)
        yield Case(f"{name} and a byte", content + b"\0", REFUSED)
        yield from rearranged(name, Export.parse(content), rng)
    yield from notes(log)


def rearranged(name, export, rng):
    size = len(export.entries)
    for _ in range(7):
        i, j = rng.sample(range(size), 2)
        entries = list(export.entries)
        entries[i], entries[j] = entries[j], entries[i]
        yield Case(f"{name}: {i} and {j} swapped", Export(export.note, entries).bytes(), REFUSED)
        del entries[i]
        yield Case(f"{name}: one left out", Export(export.note, entries).bytes(), REFUSED)
        entries = export.entries[:i] + [export.entries[j]] + export.entries[i:]
        yield Case(f"{name}: {j} twice", Export(export.note, entries).bytes(), REFUSED)
    hashes = export.hashes()
    for i in range(1, size, 3):
        entries = list(export.entries)
        entries[i] = (0, hashes[i])
        closed = Export(export.note, entries).bytes()
        yield Case(f"{name}: {i} as its hash proves as much", closed, VERIFIES)
        entries[i] = (0, hashes[i][:31])
        yield Case(f"{name}: {i} as a short hash", Export(export.note, entries).bytes(), REFUSED)
        entries[i] = (2, export.entries[i][1])
        odd = Export(export.note, entries).bytes()
        yield Case(f"{name}: {i} of a kind that is none", odd, REFUSED)
    closed = [(0, hashes[0])] + export.entries[1:]
    yield Case(f"{name}: entry 0 as its hash", Export(export.note, closed).bytes(), REFUSED)


def notes(log):
    whole, name = Export.parse(log.whole), log.key.split("+")[0]
    stranger = base64.b64encode(b"strangers signature").decode()
    other_seed = bytes(range(32))
    typed = b"\1" + ed25519.public_key(other_seed)
    other_id = hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
    other_vkey = f"{name}+{other_id}+{base64.b64encode(typed).decode()}"
    root = verify_ledger.root_of(whole.hashes())
    forged = Signer(other_seed, other_vkey, log.signer.origin).checkpoint(len(whole.entries), root)
    text, signature = whole.note.decode().split("\n\n")
    swap = {
        "of an earlier size": (Export.parse(log.early).note, REFUSED),
        "of another epoch": (Export.parse(log.second).note, REFUSED),
        "signed by another key of this name": (forged, REFUSED),
        "with a stranger's line after": (
            whole.note + f"\u2014 some.one {stranger}\n".encode(), VERIFIES),
        "with a stranger's line before": (
            f"{text}\n\n\u2014 some.one {stranger}\n{signature}".encode(), VERIFIES),
        "with both keys' lines": (forged + signature.encode(), VERIFIES),
        "with a line without a name": (
            f"{text}\n\n\u2014  {stranger}\n{signature}".encode(), REFUSED),
        "with a line that is not base64": (
            f"{text}\n\n\u2014 some.one !\n{signature}".encode(), REFUSED),
        "with a short signature": (
            f"{text}\n\n\u2014 some.one AAAA\n{signature}".encode(), REFUSED),
        "with a plus in a name": (
            f"{text}\n\n\u2014 some+one {stranger}\n{signature}".encode(), REFUSED),
        "with no UTF-8": (whole.note + b"\xe2\x80\x94 some.\xff AAAAAAA=\n", REFUSED),
        "with a control character": (
            f"{text}\n\n\u2014 some\x07one {stranger}\n{signature}".encode(), REFUSED),
        "without signature": (text.encode() + b"\n\n", REFUSED),
        "without its last line feed": (whole.note[:-1], REFUSED),
        "that is empty": (b"", REFUSED),
    }
    for what, (note, wanted) in swap.items():
        yield Case("a note " + what, Export(note, whole.entries).bytes(), wanted)
    damaged = log.key[:-2] + ("A" if log.key[-2] != "A" else "B") + log.key[-1]
    for key in (other_vkey, damaged, log.key.replace("+", "-"), "x" + log.key, log.key + "=", "x"):
        yield Case("another key", log.whole, REFUSED, key=key)


# ---- What an operator with the key can do -------------------------------------------------------


def operator(log, rng):
    """Everything here is properly signed, so only what an entry must be can give it away."""
    export = Export.parse(log.whole)
    entries, signer, last = export.entries, log.signer, len(export.entries) - 1
    yield Case("the same log, signed again", signer.export(entries), VERIFIES)
    yield Case("the same log, signed longer ago", signer.export(entries[:3]), VERIFIES)
    other = signer.origin.rsplit("/", 1)[0]
    origins = ("/2", "/01", "/0", "/", "/-1", "/x", "", "x/1", "/18446744073709551617")
    for ending in origins:
        made = signer.export(entries, other + ending)
        yield Case("the log under another origin: " + ending, made, REFUSED)
    empty = Export(signer.checkpoint(0, verify_ledger.root_of([])), []).bytes()
    yield Case("a log without entry 0", empty, REFUSED)
    for size in (f"0{len(entries)}", f"+{len(entries)}", f"{len(entries)} ", "x", "", "9" * 20):
        note = signer.checkpoint(size, verify_ledger.root_of(export.hashes()))
        yield Case(f"a size of {size!r}", Export(note, entries).bytes(), REFUSED)
    short = Export(signer.checkpoint(len(entries), b"short"), entries).bytes()
    yield Case("a root that is too short", short, REFUSED)
    yield Case("entry 0 elsewhere", signer.export([entries[1], entries[0], *entries[2:]]), REFUSED)
    yield Case("two starts", signer.export([*entries, entries[0]]), REFUSED)
    yield Case("no start", signer.export(entries[1:]), REFUSED)
    backwards = [entries[0], entries[last], *entries[1:last]]
    yield Case("a time that goes back", signer.export(backwards), REFUSED)
    leaf = entries[1][1]  # The id takes 34 bytes, the time 2 and as many as it says.
    time_ends = 36 + leaf[35]
    for what, (changed, wanted) in {
        "an empty entry": (b"", REFUSED),
        "no entry": (b"\xff", REFUSED),
        "an entry without id": (leaf[34:], REFUSED),
        "an entry without time": (leaf[:34] + leaf[time_ends:], REFUSED),
        "an entry with a group": (leaf + b"\x83\x06\x08\x01\x84\x06", VERIFIES),
        "an entry with an open group": (leaf + b"\x83\x06\x08\x01", REFUSED),
        "an entry of a newer version": (leaf[:time_ends] + b"\xfa\x01\x01x", VERIFIES),
        "an entry that is cut off": (leaf + b"\xfa\x01\x05x", REFUSED),
        "an entry with a field 0": (leaf + b"\x02\x01x", REFUSED),
        "a time of too many nanoseconds": (
            leaf[:34] + b"\x12\x0c\x08\xff\xff\xff\xff\x07\x10\x80\x94\xeb\xdc\x03", REFUSED),
        "a text that is not UTF-8": (leaf[:time_ends] + b"\x1a\x03\x0a\x01\xff", REFUSED),
    }.items():
        yield Case(what, signer.export([entries[0], (1, changed), *entries[2:]]), wanted)
    for _ in range(150):
        i = rng.randrange(len(entries))
        leaf = entries[i][1]
        if entries[i][0] == 1:
            for _ in range(rng.randint(1, 3)):
                leaf = flip(leaf, rng.randrange(len(leaf) * 8))
            made = signer.export([*entries[:i], (1, leaf), *entries[i + 1 :]])
            yield Case(f"bits of entry {i} flipped and signed", made, EITHER)


def forks(log):
    """Two heads signed: who holds one of them must refuse the other."""
    export, signer = Export.parse(log.whole), log.signer
    early, size = Export.parse(log.early), len(export.entries)
    branched = [*export.entries[:2], *export.entries[3:], export.entries[-1]]
    fork = signer.export(branched)
    yield Case("the other of two heads, alone", fork, VERIFIES)
    yield Case("two heads of one size", fork, REFUSED, since=export.note)
    yield Case("two heads of one size, as an export", fork, REFUSED, since=log.whole)
    yield Case("a head that grew from another", fork, REFUSED, since=early.note)
    yield Case("grown since", log.whole, VERIFIES, since=early.note)
    yield Case("grown since an export", log.whole, VERIFIES, since=log.early)
    yield Case("grown since, seen by another", log.hashed, VERIFIES, since=log.whole)
    yield Case("the same", log.whole, VERIFIES, since=export.note)
    yield Case("cut back", log.early, REFUSED, since=export.note)
    yield Case("another epoch", log.second, REFUSED, since=export.note)
    for first in range(1, size):
        head = signer.checkpoint(first, verify_ledger.root_of(export.hashes()[:first]))
        yield Case(f"grown since {first}", log.whole, VERIFIES, since=head)
        wanted = VERIFIES if first <= 2 else REFUSED
        yield Case(f"branched off before {first}", fork, wanted, since=head)
    yield Case("since what nobody signed", log.whole, REFUSED, since=flip(export.note, 900))
    yield Case("since nonsense", log.whole, REFUSED, since=b"nonsense")


# ---- Both verifiers ----------------------------------------------------------------------------


def by_python(case, key):
    try:
        return True, verify_ledger.verify(case.content, key, case.since or None)
    except verify_ledger.Bad as bad:
        return False, str(bad)


def by_waterline(program, folder, number, case, key):
    path, since = folder / f"case-{number}", folder / f"since-{number}"
    path.write_bytes(case.content)
    since.write_bytes(case.since)
    command = [program, "audit", "verify", path, "--key", key]
    command += ["--since", since] if case.since else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    path.unlink()
    since.unlink()
    if done.returncode not in (0, 5, 8):
        return None, f"exit code {done.returncode}: {done.stderr}"
    said = done.stdout.removeprefix(f"{path} verifies: ").split("\n")[0]
    return done.returncode == 0, said if done.returncode == 0 else done.stderr


ENTRY_NAMED = re.compile(r"entry (\d+)")


def judge(program, folder, log, number, case):
    """Why the two verdicts are not what they must be; nothing when they are."""
    key = case.key or log.key
    python, waterline = by_python(case, key), by_waterline(program, folder, number, case, key)
    both = f"{case.name}:\n  waterline {waterline}\n  python    {python}"
    if python[0] != waterline[0]:
        return "they differ on " + both
    if case.wanted != EITHER and python[0] != (case.wanted == VERIFIES):
        return f"not {case.wanted}: " + both
    if python[0] and python[1] != waterline[1]:
        return "they describe differently " + both
    if ENTRY_NAMED.findall(python[1])[:1] != ENTRY_NAMED.findall(waterline[1])[:1]:
        return "they name different entries on " + both
    return None


def command_line(folder, log):
    """verify_ledger.py as a person runs it."""
    good, bad = folder / "good", folder / "bad"
    good.write_bytes(log.whole)
    bad.write_bytes(log.whole[:-1])
    for path, code, word in ((good, 0, "verifies: "), (bad, 1, "does not verify: ")):
        done = subprocess.run([sys.executable, "-B", HERE / "verify_ledger.py", path, log.key],
                              capture_output=True, text=True, check=False)  # fmt: skip
        said = done.stdout + done.stderr
        expect(done.returncode == code and f"{path} {word}" in said and said.count("\n") == 1, said)


def main():
    programs = [os.path.abspath(path) for path in sys.argv[1:3]]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="waterline-verifier-"))
    log, rng = make_log(*programs, folder), random.Random(seed)
    command_line(folder, log)
    cases = [Case(name, content, VERIFIES) for name, content in dataclasses.asdict(log).items()
             if isinstance(content, bytes)]  # fmt: skip
    cases += [*outsider(log, rng), *operator(log, rng), *forks(log)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda item: judge(programs[0], folder, log, *item), enumerate(cases))
        problems = [problem for problem in found if problem]
    print("\n".join(problems[:20]))
    verified = sum(by_python(case, case.key or log.key)[0] for case in cases)
    shutil.rmtree(folder)
    print(f"{len(cases)} files, of which {verified} verify: {len(problems)} disagreements")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
