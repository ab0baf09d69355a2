#!/usr/bin/env python3
"""Runs real `waterline` commands against a real `waterlined`, as a person would: from an empty data
folder to an exported, verified ledger, and every exit code. Standard library only.

Usage: cli_test.py WATERLINE WATERLINED
"""

import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HOST = "local-demonstration-board"
PARENT = "organisations/" + HOST


class Failure(Exception):
    pass


class Cli:
    """The program with an environment of its own."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith("WATERLINE_")
        }
        self.environment["XDG_CONFIG_HOME"] = str(folder / "config")

    def run(self, *arguments, code=0, stdin="", **environment):
        """Runs a command, fails unless it ends with `code`, gives what it wrote."""
        done = subprocess.run(
            [self.program, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            env={**self.environment, **environment},
            cwd=self.folder,
            timeout=120,
            check=False,
        )
        if done.returncode != code:
            raise Failure(
                f"`waterline {' '.join(map(str, arguments))}` ended with {done.returncode}, "
                f"not {code}\nstdout: {done.stdout}\nstderr: {done.stderr}"
            )
        return done

    def json(self, *arguments, **environment):
        return json.loads(self.run(*arguments, "-o", "json", **environment).stdout)

    def steward(self, *arguments):
        """As the one who writes the directory."""
        return self.json(
            *arguments, "--role", "network_steward", "--purpose", "system_administration"
        )


class Server:
    """A waterlined on a free port."""

    def __init__(self, program, data, folder):
        self.port_file = folder / "port"
        self.port_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [program, "--data", data, "--listen", "127.0.0.1:0"]
            + ["--port-file", self.port_file, "--log", folder / "log"]
        )
        deadline = time.monotonic() + 60
        while not self.port_file.exists():  # It appears in one step, once calls are answered.
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failure("waterlined does not start")
            time.sleep(0.02)
        self.address = "127.0.0.1:" + self.port_file.read_text().strip()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)


def expect(condition, what):
    if not condition:
        raise Failure(what)


def expect_in(part, whole):
    expect(part in whole, f"{part!r} is not in {whole!r}")


def contexts(cli, server):
    cli.run("context", "use", "nowhere", code=3)
    cli.run("context", "set", "Bad Name", "--org", "x", code=5)
    cli.run("context", "set", "empty", code=5)
    why = ["--justification", "A child may be in danger at home."]
    refused = cli.run("context", "set", "why", "--org", HOST, *why, code=5).stderr
    expect_in("--justification is of one command", refused)
    expect(cli.json("context", "list") == [], "what is refused is not kept in part")
    cli.run("context", "set", "local", "--server", server.address, "--org", HOST, "--actor", "ann",
            "--role", "engagement_lead", "--purpose", "practice_learning")  # fmt: skip
    cli.run("context", "set", "other", "--server", "127.0.0.1:1", WATERLINE_ORG="ods-xxx")
    rows = {row["context"]: row for row in cli.json("context", "list")}
    expect(rows["local"]["in_use"] == "yes", "the first context is in use")
    expect(rows["other"]["org"] == "", "the environment is not kept in a context")
    cli.run("context", "set", "third", "--server", "127.0.0.1:1", "--use")
    rows = {row["context"]: row["in_use"] for row in cli.json("context", "list")}
    expect(rows == {"local": "no", "other": "no", "third": "yes"}, f"--use: {rows}")
    cli.run("context", "use", "local")
    near = cli.run("context", "use", "locall", code=3).stderr
    expect_in("did you mean local", near)
    shown = {row["setting"]: row["value"] for row in cli.json("context", "show")}
    expect(shown["server"] == server.address and shown["actor"] == "ann", "context show")
    mode = (cli.folder / "config/waterline/context").stat().st_mode
    expect(mode & 0o777 == 0o600, "only its owner reads the contexts")


def settings_come_from_flag_then_environment_then_context(cli, _server):
    expect(cli.json("whoami")["actor"] == "ann", "from the context")
    expect(cli.json("whoami", WATERLINE_ACTOR="bob")["actor"] == "bob", "from the environment")
    both = cli.json("whoami", "--actor", "cleo", WATERLINE_ACTOR="bob")
    expect(both["actor"] == "cleo", "from the flag")
    accents = "A child may be in danger at Zo\xeb's home."
    refused = cli.run("whoami", "--justification", accents, code=5).stderr
    expect_in("--justification is not printable ASCII", refused)
    refused = cli.run("whoami", "--actor", "Zo\xeb", code=5).stderr
    expect_in("--actor is not printable ASCII", refused)
    cli.run("whoami", WATERLINE_JUSTIFICATION=accents)  # No variable gives it.
    cli.run("status", "--context", "other", code=7)
    cli.run("status", WATERLINE_CONTEXT="other", code=7)
    csv_output = cli.run("codes", "purpose", WATERLINE_OUTPUT="csv").stdout
    expect(csv_output.startswith("code,label,note\n"), "-o from the environment")


def status_and_codes(cli, server):
    status = cli.json("status")
    services = status["services"]
    expect(len(services) == 4 and set(services.values()) == {"serving"}, "four services serve")
    expect(status["demonstration"] is True and status["server"] == server.address, "status")
    expect_in("DEMONSTRATION", cli.run("status").stdout)
    expect(any(one["id"] == "purpose" for one in cli.json("codes")), "code lists")
    expect(any(one["code"] == "patient" for one in cli.json("codes", "participant_role")), "codes")
    expect_in("did you mean purpose", cli.run("codes", "purpos", code=3).stderr)


def organisations_and_places(cli, _server):
    made = cli.steward("org", "create", "--title", "Quay Surgery", "--type", "gp_practice",
                       "--identifier", "ods:X99999", "--relation", "part_of=" + HOST,
                       "--accountable-body", HOST)  # fmt: skip
    expect(made["name"] == "organisations/ods-x99999", "named after its first identifier")
    expect(made["relations"][0]["organisation"] == PARENT, "a relation is resolved")
    cli.steward("org", "create", "--title", "Sea Air Trust", "--type", "vcse", "--identifier",
                "chc:1234567")  # fmt: skip
    for typed in ("organisations/ods-x99999", "ods-x99999", "X99999", "x99999", "quay surgery"):
        expect(cli.json("org", "get", typed)["title"] == "Quay Surgery", typed)
    expect(cli.json("org", "get", "1234567")["title"] == "Sea Air Trust", "by charity number")
    expect_in("did you mean Quay Surgery", cli.run("org", "get", "Quay Surgry", code=3).stderr)
    names = [one["name"] for one in cli.json("org", "list")]
    expect(len(names) == 3, "three organisations")
    expect(len(cli.json("org", "list", "--limit", 1)) == 1, "--limit")
    expect(len(cli.json("org", "list", "--type", "vcse")) == 1, "--type")
    lines = cli.run("org", "list", "-o", "ndjson").stdout.splitlines()
    expect([json.loads(line)["name"] for line in lines] == names, "the same as NDJSON")
    rows = list(csv.DictReader(io.StringIO(cli.run("org", "list", "-o", "csv").stdout)))
    expect([row["name"] for row in rows] == names, "the same as CSV")
    cli.steward("org", "member", "add", "Quay Surgery")
    expect(len(cli.json("org", "member", "list")) == 2, "two members")
    place = cli.steward("place", "create", "Harbour", "--accountable-body", HOST)
    expect(place["name"] == "places/harbour", "a place is named after its title")
    joined = cli.steward("place", "join", "harbour", "X99999", "--on", "2026-01-01")
    expect(joined["memberships"][0]["organisation"] == "organisations/ods-x99999", "joined")
    left = cli.steward("place", "leave", "Harbour", "X99999", "--on", "2026-02-01")
    expect(left["memberships"][0]["left_on"] == "2026-02-01", "left")
    expect_in("did you mean Harbour", cli.run("place", "get", "Harbor", code=3).stderr)


def participants(cli, _server):
    made = cli.json("participant", "register", "--participant-role", "carer@X99999", "--full-name",
                    "Petra Planted", "--age-band", "45_54", "--source-id", "p-1")  # fmt: skip
    expect(made["roles"][0]["organisation"] == "organisations/ods-x99999", "a role for whom")
    identifier = made["name"].split("/")[-1]
    expect(cli.json("participant", "get", identifier)["full_name"] == "Petra Planted", "get")
    listed = cli.run("participant", "list").stdout
    expect(identifier in listed and "Petra" not in listed, "a list shows no names")
    expect(len(cli.json("participant", "list")) == 1, "one participant")


def event_life_cycle(cli, _server):
    programme = cli.json("programme", "create", "--title", "Letters", "--function",
                         "commissions=" + HOST, "--function", "provides=Quay Surgery")  # fmt: skip
    expect(len(programme["functions"]) == 2, "two functions")
    changed = cli.json("programme", "update", "letters", "--topic", "access", "--topic", "words")
    expect(changed["topics"] == ["access", "words"] and len(changed["functions"]) == 2, "update")
    draft = cli.json("event", "create", "--title", "Workshop", "--programme", "Letters", "--method",
                     "co_design_workshop", "--mode", "in_person", "--starts-at",
                     "2026-03-02T10:00:00Z", "--ends-at", "2026-03-02T12:00:00Z", "--venue",
                     "Quay Hall", "--venue-postcode", "BN1 1AA", "--question",
                     "What would make the letter clear?", "--level-promised", "iap2:involve",
                     "--place", "Harbour")  # fmt: skip
    expect(draft["programme"] == programme["name"], "the programme is resolved")
    expect(draft["places"] == ["places/harbour"], "the place is resolved")
    refused = cli.run("event", "publish", "Workshop", code=5).stderr
    expect_in("INVALID_FIELDS", refused)
    changed = cli.json("event", "update", "workshop", "--event-purpose",
                       "To shape the letters that invite people to appointments.", "--open-point",
                       "The wording", "--notice-version", "1", "--recruitment-route",
                       "Practice lists", "--venue", "Harbour Hall")  # fmt: skip
    expect(changed["venue"]["title"] == "Harbour Hall", "a part of a field is changed")
    expect(changed["venue"]["postcode"] == "BN1 1AA", "and the rest of it stays")
    cli.run("event", "update", "workshop", code=5)
    expect_in("STATE_FORBIDS", cli.run("event", "open", "Workshop", code=6).stderr)
    expect(cli.json("event", "publish", "Workshop")["state"] == "STATE_PUBLISHED", "published")
    expect(cli.json("event", "open", "Workshop")["state"] == "STATE_OPEN", "open")
    said = cli.json("contribution", "add", "Workshop", "--text", "-", "--verbatim", "true",
                    "--request-id", "said-1", stdin="Plain words, please.")  # fmt: skip
    again = cli.json("contribution", "add", "Workshop", "--text", "-", "--verbatim", "true",
                     "--request-id", "said-1", stdin="Plain words, please.")  # fmt: skip
    expect(said["name"] == again["name"], "the same request id is the same contribution")
    expect(cli.json("contribution", "get", said["name"])["text"] == "Plain words, please.", "get")
    expect(len(cli.json("contribution", "list", "Workshop")) == 1, "one contribution")
    short = said["name"].split("/")[-1]
    by_id = cli.json("contribution", "get", short, "--event", "Workshop")
    expect(by_id == said, "a contribution by its id")
    cli.run("contribution", "get", short, code=5)
    expect_in(short, cli.run("contribution", "list", "Workshop").stdout)
    held = cli.json("event", "hold", "Workshop", "--tally", "patient=14", "--tally", "carer=3",
                    "--feedback-due-on", "2026-04-01", "--level-delivered",
                    "iap2:consult")  # fmt: skip
    expect([one["count"] for one in held["tallies"]] == [14, 3], "who came")
    expect(cli.json("event", "report", "Workshop")["state"] == "STATE_REPORTED", "reported")
    cli.run("event", "cancel", "Workshop", "--reason", "rain", code=6)
    expect(len(cli.json("event", "list", "--programme", "Letters")) == 1, "events of a programme")
    for title in ("Twice", "twice"):
        cli.json("event", "create", "--title", title, "--method", "focus_group", "--mode", "online",
                 "--starts-at", "2026-03-02T10:00:00Z", "--ends-at",
                 "2026-03-02T12:00:00Z")  # fmt: skip
    twice = cli.run("event", "get", "Twice", code=5).stderr
    expect(twice.count(PARENT + "/events/") == 2, "both events of one title are named: " + twice)


POLIS = {
    "comments.csv": "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,"
    "comment-body\n"
    "1700000000000,x,0,0,1,1,1,Buses should run later\n"
    "1700000100000,x,1,1,1,0,1,\"Letters, in plain words\"\n",
    "votes.csv": "timestamp,datetime,comment-id,voter-id,vote\n"
    "1700000200000,x,0,0,1\n1700000201000,x,0,1,-1\n1700000202000,x,1,0,1\n1700000300000,x,0,1,1\n"
    "1700000301000,x,9,1,1\n",
    "participants-votes.csv": "participant,group-id,n-comments,n-votes,n-agree,n-disagree,0,1\n"
    "0,,1,2,2,0,1,1\n1,,1,1,0,1,-1,\n",
    "summary.csv": "topic,\"Buses\"\nurl,http://x\nvoters,2\n",
}  # fmt: skip


def polis(cli, _server):
    folder = cli.folder / "conversation"
    folder.mkdir()
    cli.run("import", "polis", folder, code=3)
    for name, content in POLIS.items():
        (folder / name).write_text(content)
    done = cli.json("import", "polis", folder)
    report = done["report"]
    expect(report["contributions"]["created"] == "2", f"two statements: {report}")
    expect(report["reactions"]["rows_read"] == "5", f"five votes: {report}")
    expect(report["reactions"]["rejected"] == "1", "a vote on no statement is rejected")
    problem = report["reactions"]["problems"][0]
    expect(problem["file"] == "votes.csv" and problem["row"] == "6", f"{problem}")
    again = cli.json("import", "polis", folder)
    expect(again["name"] == done["name"], "the same files are the same import")
    expect(again["report"]["contributions"]["created"] == "0", "nothing is made twice")
    tally = cli.json("reaction", "tally", done["event"])
    expect(int(tally["total"]["agree"]) == 3, f"the last vote wins: {tally}")
    expect(len(cli.json("reaction", "list", "Buses")) == 3, "current reactions")
    table = cli.run("import", "get", done["name"].split("/")[-1]).stdout
    for word in ("read", "created", "unchanged", "repeated", "superseded", "rejected", "votes.csv"):
        expect_in(word, table)
    expect(cli.json("import", "list")[0]["file_name"] == "conversation", "listed by its folder")
    cli.run("import", "polis", folder, "--event", "Bosses", code=3)
    reverted = cli.json("import", "revert", done["name"].split("/")[-1])
    expect(reverted["state"] == "STATE_REVERTED", "reverted")


def a_large_file_of_practices(cli, _server):
    """Many pieces of 64 KiB, and a report that adds up."""
    source = pathlib.Path(__file__).parents[3] / "shared/data/nhs-organisations/practices.csv"
    if not source.exists():
        print("     ../shared/data is absent: the practices were not imported")
        return
    done = cli.steward("org", "import", source)
    rows = done["rows"]
    parts = ("created", "unchanged", "repeated_rows", "superseded", "rejected")
    total = sum(int(rows.get(part, 0)) for part in parts)
    expect(int(rows["rows_read"]) == total and total > 5000, f"the report adds up: {total}")
    everything = cli.json("org", "list")
    expect(len(everything) > 5000, "a list reads all its pages")


def map_and_form(cli, _server):
    answer = cli.json("map", "Harbour")
    for key in ("scope", "as_of", "model_version", "map_version", "evidence_version", "basis",
                "cells", "practices", "surface", "notice"):  # fmt: skip
        expect(key in answer, key)
    expect(answer["scope"] == "places/harbour", "the scope by title")
    expect(cli.json("map", "Workshop")["scope"].startswith(PARENT + "/events/"), "an event")
    expect(cli.json("map", "X99999", "--org", "X99999")["scope"].endswith("x99999"), "own")
    cli.run("map", "Harbor", code=3)
    expect_in("Harbour", cli.run("map", "Harbour").stdout)
    cli.run("map", "Harbour", "--svg", "map.svg")
    expect((cli.folder / "map.svg").read_text().startswith(("<svg", "<?xml")), "a picture")
    page = cli.run("form", "Workshop", "--full").stdout
    expect(page.lstrip().lower().startswith("<!doctype html"), "a page to print")
    cli.run("form", "Workshop", "--full", "--short", code=2)
    cli.run("form", "Workshop", "-o", "json", code=5)
    rows = list(csv.DictReader(io.StringIO(cli.run("form", "Workshop", "-o", "csv").stdout)))
    expect(len({row["indicator"] for row in rows}) == 12, "twelve questions in the short form")


def form_can_be_imported(cli, _server):
    """What `form -o csv` writes is what `import responses` takes."""
    cli.json("event", "create", "--title", "Survey", "--method", "survey_online", "--mode",
             "online", "--starts-at", "2026-03-02T10:00:00Z", "--ends-at", "2026-03-03T10:00:00Z",
             "--event-purpose", "To hear how it is to be invited to appointments.", "--question",
             "How was it?", "--open-point", "All of it", "--level-promised", "iap2:consult",
             "--notice-version", "1", "--recruitment-route", "Practice lists")  # fmt: skip
    cli.run("event", "publish", "Survey")
    cli.run("event", "open", "Survey")
    text = cli.run("form", "Survey", "--short", "-o", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    rows[0]["value"] = "1"
    with open(cli.folder / "answers.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    done = cli.json("import", "responses", "answers.csv", "--event", "Survey")
    expect(done["report"]["responses"]["created"] == "1", f"one answer: {done['report']}")
    cli.run("import", "responses", "absent.csv", "--event", "Survey", code=3)
    cli.run("import", "responses", "answers.csv", code=2)


def receipts(cli, _server):
    shown = cli.run("place", "get", "places/harbour", "--receipt").stderr
    expect("receipt: epoch 1, entry " in shown and "identity dev" in shown, shown)
    expect_in("DEMONSTRATION", shown)
    quiet = cli.run("place", "get", "places/harbour").stderr
    expect("receipt:" not in quiet and "DEMONSTRATION" in quiet, quiet)
    refused = cli.run("place", "get", "places/harbour", "--receipt", "--purpose", "none", code=4)
    expect_in("PURPOSE_REQUIRED", refused.stderr)


def wrong_calls(cli, server):
    expect_in("did you mean org", cli.run("orgg", code=2).stderr)
    expect_in("did you mean list", cli.run("org", "lst", code=2).stderr)
    cli.run(code=2)
    cli.run("org", code=2)
    cli.run("org", "list", "--nonsense", code=2)
    cli.run("org", "list", "-o", "xml", code=2)
    cli.run("org", "list", "-o", "html", code=5)
    cli.run("org", "list", "--timeout", "0", code=2)
    cli.run("place", "join", "Harbour", code=2)
    cli.run("org", "list", "--request-id", "two words", code=5)
    cli.run("event", "create", "--title", "x", "--capacity", "many", code=5)
    cli.run("org", "list", "--server", "127.0.0.1:1", code=7)
    expect_in("--server", cli.run("status", "--server", "127.0.0.1:1", code=7).stderr)
    anonymous = Cli(cli.program, cli.folder)
    anonymous.environment["XDG_CONFIG_HOME"] = str(cli.folder / "nothing")
    refused = anonymous.run("place", "list", "--server", server.address, code=4).stderr
    expect_in("--org", refused)
    refused = anonymous.run("event", "list", "--server", server.address, code=4).stderr
    expect("IDENTITY_MISSING" in refused and "--org" in refused, refused)
    stranger = cli.run("event", "list", "--org", "ods-zzz", "--purpose", "research", code=4).stderr
    expect("Petra" not in stranger, "no record is named")
    made = ["org", "create", "--title", "Twin", "--type", "vcse", "--identifier", "chc:7654321"]
    expect_in("ROLE_NOT_PERMITTED", cli.run(*made, code=4).stderr)
    cli.steward(*made)
    role = ["--role", "network_steward", "--purpose", "system_administration"]
    expect_in("ALREADY_EXISTS", cli.run(*made, *role, code=6).stderr)
    expect_in("Exit codes", cli.run("--help").stdout)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([cli.program, "codes"], stdout=full, stderr=subprocess.PIPE,
                              env=cli.environment, check=False)  # fmt: skip
    expect(done.returncode == 1, "a full disk is not success")


def unix_socket(cli, _server):
    """A path is an address too; nothing listens on this one."""
    expect_in("nothing answers", cli.run("status", "--server", "unix:/nonexistent", code=7).stderr)


def audit(cli, _server):
    entries = cli.json("audit", "list", "--limit", 20)
    expect(len(entries) == 20, "twenty entries")
    expect(any("access" in one["entry"] for one in entries), "entries say who and why")
    expect_in("entry.access.purpose", cli.run("audit", "list", "--limit", 5).stdout)
    key = cli.json("whoami")["ledger_key"]
    (cli.folder / "key").write_text(key + "\n")
    cli.run("audit", "export", "ledger.export")
    cli.run("audit", "export", "ledger.export", code=6)
    expect_in("verifies", cli.run("audit", "verify", "ledger.export", "--key", key).stdout)
    cli.run("audit", "verify", "ledger.export", "--key-file", "key")
    cli.run("audit", "verify", "ledger.export", code=5)
    cli.run("audit", "verify", "absent", "--key", key, code=3)
    content = bytearray((cli.folder / "ledger.export").read_bytes())
    content[len(content) // 2] ^= 1
    (cli.folder / "damaged").write_bytes(content)
    failed = cli.run("audit", "verify", "damaged", "--key", key, code=8)
    expect(failed.stdout == "", "nothing verifies: " + failed.stdout)
    other = key.rsplit("+", 2)[0] + "+00000000+" + key.rsplit("+", 1)[1]
    cli.run("audit", "verify", "ledger.export", "--key", other, code=5)


def administration(cli, data):
    """With the server stopped."""
    cli.run("audit", "verify", "--data", data)
    expect_in("verifies", cli.run("admin", "verify", "--data", data).stdout)
    digest = cli.run("admin", "digest", "--data", data).stdout
    expect(len(digest.strip()) == 64, digest)
    cli.run("admin", "backup", "backup", "--data", data)
    cli.run("admin", "backup", "backup", "--data", data, code=6)
    cli.run("admin", "restore", "backup", "--data", "restored", "--reason", "a rehearsal")
    expect(cli.run("admin", "digest", "--data", "restored").stdout == digest, "the same content")
    cli.run("admin", "init", "--data", data, "--development", "--demonstration", code=6)
    cli.run("admin", "init", "--data", "new", "--network", "dev-x", "--host", "QNX", "--actor",
            "ann", code=5)  # fmt: skip
    cli.run("admin", "verify", "--data", "absent", code=3)


CHECKS = (contexts, settings_come_from_flag_then_environment_then_context, status_and_codes,
          organisations_and_places, participants, event_life_cycle, polis, map_and_form,
          form_can_be_imported, receipts, wrong_calls, unix_socket, audit,
          a_large_file_of_practices)  # fmt: skip


def main():
    program, server_program = (os.path.abspath(path) for path in sys.argv[1:3])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="waterline-cli-"))
    cli = Cli(program, folder)
    failed = 0

    def check(name, body, *arguments):
        nonlocal failed
        try:
            body(*arguments)
            print(f"ok   {name}", flush=True)
        except Exception as problem:  # Whatever went wrong, the other checks still count.
            failed += 1
            print(f"FAIL {name}: {type(problem).__name__}: {problem}", flush=True)

    data = str(folder / "data")
    cli.run("admin", "init", "--data", data, "--development", "--demonstration", "--administrator",
            "stella")  # fmt: skip
    server = Server(server_program, data, folder)
    try:
        for body in CHECKS:
            check(body.__name__, body, cli, server)
    finally:
        code = server.stop()
    check("waterlined ends cleanly", expect, code == 0, f"exit code {code}")
    check("administration", administration, cli, data)
    shutil.rmtree(folder)
    print(f"{len(CHECKS) + 2 - failed} of {len(CHECKS) + 2} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
