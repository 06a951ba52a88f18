from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.logs import Log
from tobari.base.errors import Malformed, TobariError, TooLarge
from tobari.ledger.tlog_proof import HEADER, MAX_TLOG_PROOF, TlogProof

LOG = Log.make(5)
PROOF = TlogProof(index=2, proof=tuple(LOG.tree.inclusion_proof(2)), checkpoint=LOG.note(), extra=b"extra")
TEXT = PROOF.encode()


def test_the_file_is_as_specified() -> None:
    lines = TEXT.split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra ZXh0cmE=", "index 2"]
    assert [len(line) for line in lines[3:7]] == [44, 44, 44, 0]
    assert TEXT.endswith("\n\n" + LOG.note())
    assert TlogProof.parse(TEXT) == PROOF


def test_without_extra_and_without_siblings() -> None:
    one = Log.make(1)
    proof = TlogProof(index=0, proof=(), checkpoint=one.note())
    assert proof.encode() == f"{HEADER}\nindex 0\n\n{one.note()}"
    assert TlogProof.parse(proof.encode()) == proof


MALFORMED = {
    "empty": "",
    "other-version": TEXT.replace("@v1", "@v2"),
    "carriage-returns": TEXT.replace("\n", "\r\n"),
    "no-index": TEXT.replace("index 2\n", ""),
    "index-before-extra": TEXT.replace("extra ZXh0cmE=\nindex 2", "index 2\nextra ZXh0cmE="),
    "extra-twice": TEXT.replace("extra ZXh0cmE=", "extra ZXh0cmE=\nextra ZXh0cmE="),
    "extra-empty": TEXT.replace("extra ZXh0cmE=", "extra "),
    "extra-not-base64": TEXT.replace("ZXh0cmE=", "ZXh0cmE"),
    "hash-too-short": TEXT.replace("index 2\n", "index 2\nAAEC\n"),
    "hash-not-base64": TEXT.replace("index 2\n", "index 2\n" + "*" * 44 + "\n"),
    "no-checkpoint": TEXT.partition("\n\n")[0] + "\n\n",
    "no-blank-line": TEXT.partition("\n\n")[0],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        TlogProof.parse(MALFORMED[name])
    assert caught.value.code == "proof.malformed"


def test_an_index_that_is_no_number() -> None:
    for index in ("02", "-1", "2 ", str(1 << 63)):
        with pytest.raises(Malformed):
            TlogProof.parse(TEXT.replace("index 2", f"index {index}"))


def test_limits() -> None:
    for text in (TEXT + "x" * MAX_TLOG_PROOF, TEXT.replace("index 2", "index 2" + "\n" + "\n".join(["A" * 44] * 65))):
        with pytest.raises(TooLarge) as caught:
            TlogProof.parse(text)
        assert caught.value.code == "proof.too_large"


@given(st.text(max_size=40), st.integers(0, len(TEXT)))
@settings(max_examples=100, deadline=None)
def test_whatever_arrives_is_an_error_of_ours_or_reads_back(text: str, at: int) -> None:
    changed = TEXT[:at] + text + TEXT[at + len(text) // 2 :]
    with contextlib.suppress(TobariError):
        assert TlogProof.parse(changed).encode() == changed
