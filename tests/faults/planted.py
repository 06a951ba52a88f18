"""A scene in which everything secret is a canary: members pay each other, an owner hands in data, an analyst asks."""

from __future__ import annotations

import contextlib
import secrets
import threading

import httpx2

from tests.faults import canaries, question
from tests.faults.operator_eye import Eye
from tests.faults.service import ROLES, Service
from tobari.base import wire
from tobari.base.errors import TobariError
from tobari.base.messages.relay import ENVELOPE_TYPE
from tobari.client.objects import DataKey, seal
from tobari.crypto.signing import SigningKey
from tobari.rules.query.terms import sign_terms
from tobari.rules.query.terms_file import from_toml

GROUP = 8
"""Rows of each group; they all have the same days, so the mean is a canary, too."""
TERMS = """
room = "{room}"
purpose = "{purpose}"
entity = "pid"
min_group = 3
recipients = ["analyst"]
[columns.pid]
type = "text"
role = "identifier"
[columns.kind]
type = "text"
role = "quasi-identifier"
uses = ["group", "filter"]
[columns.days]
type = "integer"
role = "measure"
uses = ["aggregate"]
aggregates = ["AVG", "COUNT", "SUM"]
"""


def _word() -> str:
    return "canary" + secrets.token_hex(8)


def _number(bits: int) -> int:
    return (1 << bits - 1) | secrets.randbits(bits - 1)


class Scene:
    """What is planted, and the play in which it is used."""

    def __init__(self) -> None:
        self.keys = {name: SigningKey.from_seed(secrets.token_bytes(32)) for name in ROLES}
        self._data_key = DataKey.generate()
        self._amount, self._overdrawn, self._days = _number(45), _number(53) >> 1, _number(47)
        self._room, self._purpose, self._person = _word(), _word(), _word()
        self._kinds, self._literal, self._column = (_word(), _word()), _word(), _word()
        self.canaries = [
            *(canaries.key(f"the signing key of {name}", key.seed) for name, key in self.keys.items()),
            canaries.key("the key of the object", self._data_key.secret),
            canaries.number("the amount of a transfer, and a balance", self._amount),
            canaries.number("the amount of a transfer that is refused", self._overdrawn),
            canaries.text("the room's name", self._room),
            canaries.text("the purpose in the data terms", self._purpose),
            canaries.text("an id in the rows", self._person),
            *(canaries.text("a group in the rows and in the result", kind) for kind in self._kinds),
            canaries.number("a number in the rows, and a mean in the result", self._days),
            canaries.text("a value in the question", self._literal),
            canaries.text("a column in a question that is refused", self._column),
        ]

    def play(self, service: Service, eye: Eye, *, rounds: int) -> None:
        """Everybody at once, through the eye's proxy; then the errors that a host answers by itself."""
        self._open(service, eye)
        failed: list[BaseException] = []

        def run(part: object, *args: object) -> None:
            try:
                part(*args)  # type: ignore[operator]
            except BaseException as error:
                failed.append(error)

        parts = [(self._pay, name) for name in ("bank", "shop", "client")] + [(self._ask, "analyst")]
        threads = [threading.Thread(target=run, args=(part, service, eye, name, rounds)) for part, name in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        self._err(eye)

    def _open(self, service: Service, eye: Eye) -> None:
        with service.session("bank", url=eye.url) as bank:
            for name in ("bank", "shop", "client"):
                bank.call("currency", "issue", {"to": name, "amount": 1 << 50})
        rows = "".join(f"{self._person}-{i},{self._kinds[i % 2]},{self._days}\n" for i in range(2 * GROUP))
        sealed = seal(b"pid,kind,days\n" + rows.encode(), self._data_key, object_index=0)
        terms = from_toml(TERMS.format(room=self._room, purpose=self._purpose), dataset=self._data_key.dataset)
        with service.session("owner", url=eye.url) as owner:
            owner.upload(sealed)
            args = {"room": self._room, "terms": sign_terms(terms, key=self.keys["owner"]), "format": "csv"}
            given = {**args, "objects": [wire.to_builtins(sealed.ref)], "data_key": self._data_key.secret}
            job = owner.call("room", "contribute", given).value["job"]
            assert question.wait(owner, job)["state"] == "done"
            owner.download(sealed.ref, self._data_key, object_index=0, write=bytearray().extend)
            owner.query("room", "describe", {"room": self._room})

    def _pay(self, service: Service, eye: Eye, name: str, rounds: int) -> None:
        with service.session(name, url=eye.url) as session:
            for _ in range(rounds):
                session.call("currency", "transfer", {"to": "shop", "amount": self._amount})
                session.query("currency", "balance")
                with contextlib.suppress(TobariError):
                    session.call("currency", "transfer", {"to": "bank", "amount": self._overdrawn})

    def _ask(self, service: Service, eye: Eye, name: str, rounds: int) -> None:
        select = f'select kind, avg(days) as m from "{self._room}"'
        with service.session(name, url=eye.url) as session:
            refused = {"room": self._room, "sql": f'select {self._column} from "{self._room}"'}
            for number in range(max(1, rounds // 5)):
                sql = f"{select} where kind <> '{self._literal}{number}' group by kind"
                said = session.call("room", "run", {"room": self._room, "sql": sql}).value
                assert question.wait(session, said["job"])["state"] == "done"
                result = session.query("room", "release", {"release": said["release"]})["result"]
                assert {row[0] for row in result["rows"]} == set(self._kinds)
                with contextlib.suppress(TobariError):
                    session.call("room", "run", refused)

    def _err(self, eye: Eye) -> None:
        """Bodies that no enclave sealed: the host's own errors."""
        with httpx2.Client(base_url=eye.url) as http:
            kind = {"content-type": ENVELOPE_TYPE}
            for garbage in (b"", b"\0" * 99, secrets.token_bytes(4096)):
                assert http.post("/v1/call", content=garbage, headers=kind).status_code >= 400
            assert http.post("/v1/call", content=b"x").status_code >= 400
            assert http.get("/v1/evidence?nonce=x").status_code >= 400
            assert http.get("/v1/objects/" + "0" * 64).status_code == 404
            assert http.get("/v1/ledger/checkpoint").status_code == 200
