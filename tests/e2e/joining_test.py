#!/usr/bin/env python3
"""Runs real `waterline` commands against a real `waterlined` with mutual TLS: how an organisation
joins a network, from the invitation to its first answer, and all that must not work on the way.
Standard library only.

Usage: joining_test.py WATERLINE WATERLINED
"""

import base64
import contextlib
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from cli_test import Cli, Failure, Server, expect, expect_in

NETWORK = "dev-joining"
STEWARD = ["--actor", "stella", "--role", "network_steward", "--purpose", "system_administration"]
LEAD = ["--actor", "ann", "--role", "engagement_lead", "--purpose", "service_planning"]
SECONDS = 60  # To wait at most for what a running server takes up.


class Network:
    """A development network whose host shows itself with a throw-away certificate."""

    def __init__(self, cli, waterlined, folder):
        self.cli, self.waterlined, self.folder = cli, waterlined, folder
        self.data = folder / "data"
        self.trust = self.data / "trust"
        self.process = None
        cli.run("admin", "init", "--data", self.data, "--network", NETWORK, "--host", "QNX",
                "--administrator", "stella", "--development")  # fmt: skip
        self.host = Party(cli, folder / "host", "QNX")
        self.host.pin(self.trust)
        self.host.issue("waterlined")

    def start(self):
        port_file = self.folder / "port"
        own = self.host.folder / "waterlined"
        self.process = subprocess.Popen(
            [self.waterlined, "--data", self.data, "--listen", "127.0.0.1:0"]
            + ["--tls-certificate", own / "certificate.pem", "--tls-key", own / "key.pem"]
            + ["--port-file", port_file, "--log", self.folder / "log"]
        )
        until(port_file.exists, "waterlined serves")
        self.address = "localhost:" + port_file.read_text().strip()

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=60)

    def steward(self, *arguments, code=0):
        settings = self.host.settings(self.address, self.ca())
        return self.cli.run(*arguments, *settings, *STEWARD, "-o", "json", code=code)

    def ca(self):
        return self.host.folder / "issuer.pem"


class Party:
    """An organisation with an authority, a token key and a client certificate."""

    def __init__(self, cli, folder, organisation):
        self.cli, self.folder = cli, folder
        cli.run("identity", "authority", "--network", NETWORK, "--org", organisation,
                "--out", folder)  # fmt: skip
        self.issue("cli")

    def issue(self, service, *flags, name=None):
        out = self.folder / (name or service)
        self.cli.run("identity", "certificate", "--authority", self.folder, "--service", service,
                     "--out", out, *flags)  # fmt: skip
        return out

    def pin(self, trust):
        folder = trust / "ods-qnx"
        folder.mkdir(parents=True)
        for name in ("issuer.pem", "jwks.json"):
            shutil.copy(self.folder / name, folder)

    def settings(self, address, ca, own="cli", token_key=None):
        own = self.folder / own
        return ["--server", address, "--tls-ca", ca, "--tls-certificate", own / "certificate.pem",
                "--tls-key", own / "key.pem",
                "--token-key", token_key or self.folder / "token.key"]  # fmt: skip

    def papers(self):
        return ["--issuer", self.folder / "issuer.pem", "--jwks", self.folder / "jwks.json",
                "--certificate", self.folder / "cli/certificate.pem",
                "--key", self.folder / "cli/key.pem",
                "--token-key", self.folder / "token.key"]  # fmt: skip


def until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {SECONDS} s")
        time.sleep(0.05)


def outcome(cli, *arguments):
    """Exit code, standard output and standard error of a command that may fail."""
    done = subprocess.run([cli.program, *map(str, arguments)], capture_output=True, text=True,
                          env=cli.environment, cwd=cli.folder, timeout=120,
                          check=False)  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@contextlib.contextmanager
def server_at(address, own):
    """Offers HTTP/2 over TLS with the certificate in `own`, at another address than it names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own / "certificate.pem", own / "key.pem")
    context.set_alpn_protocols(["h2"])
    with socket.create_server((address, 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return  # Closed.
                with contextlib.suppress(OSError), connection:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        while secured.recv(4096):
                            pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"{address}:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)  # Ends accept.
            thread.join()


def ends_at(certificate):
    """In seconds since 1970."""
    decoded = ssl._ssl._test_decode_cert(str(certificate))  # The library's own parser of a file.
    return ssl.cert_time_to_seconds(decoded["notAfter"])


def mode(path):
    return path.stat().st_mode & 0o777


def throw_away_identities(cli, folder, waterlined):
    out = folder / "guarded"
    common = ["identity", "authority", "--org", "QNX", "--out", out]
    refused = cli.run(*common, "--network", "sussex", code=6).stderr
    expect_in("does not hold `dev`", refused)
    real = folder / "real"
    cli.run("admin", "init", "--data", real, "--network", "sussex", "--host", "QNX",
            "--administrator", "stella")  # fmt: skip
    refused = cli.run(*common, "--network", NETWORK, "--data", real, code=6).stderr
    expect_in("network.conf", refused)
    cli.run(*common, "--network", NETWORK, code=6, WATERLINE_DATA=str(real))
    expect(not out.exists(), "what is refused leaves nothing")
    party = Party(cli, out, "QNX")
    for name in ("issuer.key", "token.key", "cli/key.pem"):
        expect(mode(out / name) == 0o600, f"{name} is its owner's alone")
    before = (out / "issuer.key").read_bytes()
    cli.run(*common, "--network", NETWORK, code=6)
    expect((out / "issuer.key").read_bytes() == before, "nothing is overwritten")
    certificate = ["identity", "certificate", "--authority", out, "--service", "x"]
    cli.run(*certificate, "--out", folder / "x", "--data", real, code=6)
    cli.run(*certificate, "--out", folder / "x", "--dns", "a,URI:spiffe://x", code=5)
    token = ["identity", "token", "--authority", out, "--certificate", out / "cli/certificate.pem"]
    cli.run(*token, "--actor", "ann", "--role", "analyst", "--data", real, code=6)
    cli.run(*token, code=4)
    cli.run(*token, "--actor", "ann", "--role", "nobody", code=4)
    text = cli.run(*token, "--actor", "ann", "--role", "analyst", "--minutes", "2").stdout.strip()
    payload = text.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    expect(claims["sub"] == "ann" and claims["org"] == "ods-qnx", f"claims: {claims}")
    expect(claims["exp"] - claims["iat"] == 120, "two minutes")
    shown = cli.json("identity", "show", out / "cli/certificate.pem")[0]
    expect(shown["name"].startswith(f"spiffe://{NETWORK}/org/ods-qnx/svc/cli"), f"{shown}")
    expect(shown["days_left"] == "29" and len(shown["fingerprint"]) == 79, f"{shown}")
    expect(cli.json("identity", "show", out / "jwks.json")[0]["algorithm"] == "EdDSA", "a key set")
    expect_in("throw-away", cli.run("identity", "show", out / "issuer.pem").stdout)
    cli.run("identity", "show", out / "token.key", code=5)
    # A real network refuses them, wherever they come from.
    party.pin(real / "trust")
    server = subprocess.run(
        [waterlined, "--data", real, "--listen", "127.0.0.1:0"]
        + ["--tls-certificate", out / "cli/certificate.pem", "--tls-key", out / "cli/key.pem"],
        capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    expect(server.returncode == 1, "a real network does not start with a throw-away authority")
    expect_in("ods-qnx/issuer.pem", server.stdout + server.stderr)
    expect_in("throw-away", server.stdout + server.stderr)


def invite(network, organisation, out, *flags, code=0):
    return network.cli.run("partner", "invite", organisation, "--data", network.data,
                           "--server", network.address, "--tls-ca", network.ca(),
                           "--out", out, *flags, code=code)  # fmt: skip


def inviting(network, folder):
    cli = network.cli
    cli.run("partner", "invite", "ABC", "--data", network.data, "--out", folder / "x", code=5)
    invite(network, "QNX", folder / "x", code=5)
    invite(network, "ABC", folder / "x", "--trust", folder / "nowhere", code=3)
    expect(not (folder / "x").exists(), "and leaves nothing")
    first = folder / "first.json"
    invite(network, "ABC", first)
    expect(mode(first) == 0o600, "an invitation is its owner's alone")
    content = json.loads(first.read_text())
    expect(content["network"] == NETWORK and content["host"] == "ods-qnx", "the network")
    invite(network, "ABC", folder / "second.json", code=6)
    expect(not (folder / "second.json").exists(), "a refused invitation leaves no file")
    invite(network, "ABC", first, "--again", code=6)
    invite(network, "ABC", folder / "second.json", "--again")
    return first, folder / "second.json"


def an_invitation_can_only_ask(network, invitation, folder):
    content = json.loads(invitation.read_text())
    for name in ("certificate", "key", "token_key"):
        (folder / name).write_text(content[name])
    settings = ["--server", network.address, "--tls-ca", network.ca(),
                "--tls-certificate", folder / "certificate", "--tls-key", folder / "key",
                "--token-key", folder / "token_key"]  # fmt: skip
    until(lambda: outcome(network.cli, "whoami", *settings, *STEWARD)[0] == 0, "it is let in")
    for command in (["org", "list"], ["partner", "list"], ["agreement", "list"],
                    ["org", "member", "add", "ABC"]):  # fmt: skip
        refused = network.cli.run(*command, *settings, *STEWARD, code=4).stderr
        expect_in("CERTIFICATE_REFUSED", refused)


def joining(network, partner, first, second):
    cli = network.cli
    no_invitation = partner.folder / "jwks.json"
    cli.run("partner", "join", "--invitation", no_invitation, *partner.papers(), code=5)
    stranger = Party(cli, network.folder / "stranger", "ABD")
    mixed = partner.papers()
    mixed[-1] = stranger.folder / "token.key"
    cli.run("partner", "join", "--invitation", second, *mixed, code=5)
    refused = cli.run("partner", "join", "--invitation", second, *stranger.papers(), code=5).stderr
    expect_in("names another organisation", refused)
    until(lambda: outcome(cli, "partner", "join", "--invitation", first, *partner.papers())[0] != 0,
          "the first invitation is void")  # fmt: skip
    asked = cli.json("partner", "join", "--invitation", second, *partner.papers(),
                     "--keep-ca", partner.folder / "ca.pem")[0]  # fmt: skip
    expect((partner.folder / "ca.pem").read_bytes() == network.ca().read_bytes(), "--keep-ca")
    expect(asked["organisation"] == "ods-abc" and asked["network"] == NETWORK, f"{asked}")
    return asked["fingerprint"]


def rows(network):
    listed = network.steward("partner", "list", "--trust", network.trust).stdout
    return {row["organisation"]: row for row in json.loads(listed)}


def confirming(network, partner, fingerprint):
    cli = network.cli
    settings = network.host.settings(network.address, network.ca())
    cli.run("partner", "list", *settings, *LEAD, code=4)
    cli.run("partner", "show", "ABC", *settings, *LEAD, code=4)
    row = rows(network)["ods-abc"]
    expect(row["state"] == "asks to join" and row["pinned"] == "invitation", f"{row}")
    shown = json.loads(network.steward("partner", "show", "ABC").stdout)
    expect(shown["fingerprint"] == fingerprint == row["fingerprint"], "one fingerprint everywhere")
    expect(shown["issuer_pem"] == (partner.folder / "issuer.pem").read_text(), "what was sent")
    pins = network.trust / "ods-abc/issuer.pem"
    before = pins.read_bytes()
    confirm = ["partner", "confirm", "--trust", network.trust, "--fingerprint"]
    last = "0" if fingerprint[-1] != "0" else "1"
    for wrong in (fingerprint[:-1] + last, fingerprint[:39], "x" + fingerprint[1:]):
        network.steward(*confirm, wrong, "ABC", code=5)
        expect(pins.read_bytes() == before, "a wrong fingerprint changes nothing")
    network.steward(*confirm, fingerprint, "ABD", code=3)
    typed = fingerprint.upper().replace("-", " ")
    done = network.steward(*confirm, typed, "ABC")
    expect(pins.read_bytes() == (partner.folder / "issuer.pem").read_bytes(), "pinned")
    network.steward(*confirm, fingerprint, "ABC", code=6)
    invite(network, "ABC", network.folder / "third.json", "--again", code=6)
    return done


def check(network, partner, *flags, code=0, settings=None):
    settings = settings or partner.settings(network.address, network.ca())
    return network.cli.run("partner", "check", *settings, *LEAD, *flags, code=code)


def checking(network, partner, invitation):
    def let_in():
        settings = partner.settings(network.address, network.ca())
        return "no member yet" in outcome(network.cli, "partner", "check", *settings, *LEAD)[2]

    until(let_in, "the partner is let in")
    network.steward("org", "member", "add", "ABC")
    done = check(network, partner, "--invitation", invitation)
    expect_in("0 in force", done.stdout)
    expect_in("TEST organisation", done.stdout)
    expect(done.stderr == "", "no fault")
    expect(rows(network)["ods-abc"]["state"] == "member", "joined")
    lines = {row["check"]: row["state"]
             for row in json.loads(check(network, partner, "-o", "json").stdout)}  # fmt: skip
    expect(lines["ledger key"] == "warning" and lines["identity"] == "ok", f"{lines}")


@contextlib.contextmanager
def plaintext_server(network):
    """Another waterlined, without TLS."""
    folder = network.folder / "plain"
    folder.mkdir()
    network.cli.run("admin", "init", "--data", folder / "data", "--network", "dev-plain",
                    "--host", "QNX", "--administrator", "stella", "--development")  # fmt: skip
    server = Server(network.waterlined, folder / "data", folder)
    try:
        yield server.address.replace("127.0.0.1", "localhost")
    finally:
        server.stop()


def every_fault_has_its_name(network, partner):
    settings = partner.settings
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"localhost:{closed.getsockname()[1]}"
        fault = check(network, partner, code=7, settings=settings(nowhere, network.ca())).stderr
    expect_in("cannot reach " + nowhere, fault)
    with_ca = settings(network.address, partner.folder / "issuer.pem")
    expect_in("is not signed by --tls-ca", check(network, partner, code=6, settings=with_ca).stderr)
    named = partner.issue("server", "--dns", "waterline.example", name="named")
    with server_at("127.0.0.2", named) as elsewhere:
        other_name = settings(elsewhere, partner.folder / "issuer.pem")
        fault = check(network, partner, code=6, settings=other_name).stderr
    expect_in("or is for another name", fault)
    with plaintext_server(network) as plain:
        unencrypted = settings(plain, network.ca())
        fault = check(network, partner, code=6, settings=unencrypted).stderr
    expect_in("does not speak TLS", fault)
    by_number = settings(network.address.replace("localhost", "127.0.0.2"), network.ca())
    check(network, partner, code=7, settings=by_number)
    other = Party(network.cli, network.folder / "other", "ABC")
    unpinned = other.settings(network.address, network.ca())
    expect_in("does not let the certificate in",
              check(network, partner, code=4, settings=unpinned).stderr)  # fmt: skip
    borrowed = settings(network.address, network.ca(), token_key=other.folder / "token.key")
    expect_in("TOKEN_INVALID", check(network, partner, code=4, settings=borrowed).stderr)
    fault = check(network, partner, "--ledger-key", "dev-joining/accountability+1+x", code=8).stderr
    expect_in("another key than was handed over", fault)
    mixed = settings(network.address, network.ca())
    mixed[mixed.index("--tls-key") + 1] = other.folder / "cli/key.pem"
    expect_in("--tls-key", check(network, partner, code=5, settings=mixed).stderr)
    expect_in("--token-key", check(network, partner, code=5, settings=mixed[:-2]).stderr)
    until_authority = ends_at(partner.folder / "issuer.pem")
    expect(until_authority - 5 < ends_at(partner.folder / "cli/certificate.pem") <= until_authority,
           "no certificate outlives its authority")  # fmt: skip
    out = partner.folder / "whole"
    made = network.cli.run("identity", "certificate", "--authority", partner.folder,
                           "--service", "cli", "--out", out).stderr  # fmt: skip
    expect_in("as its authority does", made)
    partner.issue("cli", "--days", "13", name="soon")
    expect(ends_at(partner.folder / "soon/certificate.pem") < until_authority - 86400, "13 days")
    soon = settings(network.address, network.ca(), own="soon")
    expect_in("warning certificate", check(network, partner, settings=soon).stdout)


def what_whoami_and_status_say(network, partner):
    cli = network.cli
    own = [*partner.settings(network.address, network.ca()), *LEAD]
    who = cli.json("whoami", *own)
    expect(who["organisation"] == "ods-abc" and who["member"] and who["test"], f"{who}")
    expect(who["certificate_days_left"] in (28, 29), f"{who}")
    expect(who["agreements_in_force"] == 0 and abs(who["clock_ahead_seconds"]) < 30, f"{who}")
    expect_in("agreements_in_force", cli.run("whoami", *own).stdout)
    nameless = ["--server", network.address, *own[2:8]]  # Certificate alone, no token.
    expect(cli.json("whoami", *nameless)["agreements_in_force"] == "unknown: IDENTITY_MISSING", "")
    expect_in("TEST organisation", cli.run("status", *own).stdout)
    expect(cli.json("status", *own)["test"] is True, "in JSON too")
    expect("TEST" not in network.steward("status").stdout, "the host is none")
    cli.run("org", "list", *own)


def main(waterline, waterlined):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="waterline-joining-"))
    cli = Cli(waterline, folder)
    network = Network(cli, waterlined, folder)
    try:
        throw_away_identities(cli, folder, waterlined)
        network.start()
        network.steward("org", "create", "--title", "Charity", "--identifier", "ods:ABC",
                        "--type", "vcse", "--test", "true")  # fmt: skip
        first, second = inviting(network, folder)
        an_invitation_can_only_ask(network, second, folder)
        partner = Party(cli, folder / "partner", "ABC")
        fingerprint = joining(network, partner, first, second)
        check(network, partner, code=4)
        confirming(network, partner, fingerprint)
        checking(network, partner, second)
        code = outcome(cli, "partner", "join", "--invitation", second, *partner.papers())[0]
        expect(code in (4, 7), f"an invitation is over with confirming, not {code}")
        every_fault_has_its_name(network, partner)
        what_whoami_and_status_say(network, partner)
    finally:
        network.stop()
        shutil.rmtree(folder)
    print("joining: all passed")


if __name__ == "__main__":
    try:
        main(*(str(pathlib.Path(program).resolve()) for program in sys.argv[1:]))
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
