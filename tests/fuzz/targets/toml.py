"""The three files that people write in TOML: genesis, data terms, appraisal policy."""

from __future__ import annotations

from tests.tools import machines
from tobari.base.errors import TobariError
from tobari.base.messages import genesis
from tobari.evidence import policy
from tobari.rules.query import terms_file

DATASET = bytes(16)
GENESIS = """name = "trial"
programs = ["room"]
[[members]]
name = "north"
key = "{key}"
roles = ["owner"]
"""
TERMS = """version = 0
room = "trial"
purpose = "Survival"
entity = "patient"
min_group = 3
recipients = ["analyst"]
expires = 2027-04-01T00:00:00+09:00
[columns.patient]
type = "text"
role = "identifier"
[columns."体重"]
type = "integer"
role = "measure"
uses = ["aggregate", "filter"]
aggregates = ["AVG"]
"""


def run(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for read in (_genesis, _terms, _policy):
        try:
            read(text)
        except TobariError:
            continue


def _genesis(text: str) -> None:
    found = genesis.from_toml(text)
    assert found.encode() == genesis.from_toml(text).encode()


def _terms(text: str) -> None:
    found = terms_file.from_toml(text, dataset=DATASET)
    assert found.encode()


def _policy(text: str) -> None:
    found = policy.from_toml(text)
    assert policy.from_toml(found.to_toml()) == found


def seeds() -> dict[str, bytes]:
    texts = {
        "genesis": GENESIS.format(key="ab" * 32),
        "terms": TERMS,
        "policy": machines.POLICY.to_toml(),
        "deep-array": "a = " + "[" * 2000,
        "deep-table": "a = " + "{a = " * 700,
        "long-number": "a = " + "9" * 4000,
        "bad-date": "expires = 2027-02-30T00:00:00Z",
        "duplicate": "a = 1\na = 2",
        "early-date": TERMS.replace("2027-04-01T00:00:00+09:00", "0001-01-01T00:00:00+23:59"),
        "nan": TERMS.replace("= 3", "= nan"),
        "float-version": TERMS.replace("version = 0", "version = 0.0"),
    }
    return {name: text.encode() for name, text in texts.items()}
