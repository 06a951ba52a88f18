"""Receipts as files, verified with the file and a key alone."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from tests.tools import logs
from tobari.base import wire
from tobari.base.errors import NotFound, TobariError
from tobari.client.receipts import (
    ReceiptReport,
    load_receipt,
    origin_of_receipt,
    save_receipt,
    value_bytes,
    verify_receipt,
)


@pytest.fixture
def made(session):
    signed = session.sign("currency", "issue", {"to": "bank", "amount": 5})
    return signed, session.send(signed)[0]


def code_of(act) -> str:
    with pytest.raises(TobariError) as caught:
        act()
    return caught.value.code


def test_a_receipt_goes_through_a_file(made, service, tmp_path):
    signed, result = made
    path = tmp_path / "issue.tlog-proof"
    save_receipt(path, result.receipt)
    receipt = load_receipt(path)
    assert receipt == result.receipt
    assert origin_of_receipt(receipt) == service.key.name
    report = verify_receipt(receipt, key=service.key, signed=signed.signed, value=value_bytes(5))
    assert (report.status, report.tree_size, report.cosigned) == ("COMMITTED", 2, "uncosigned")
    assert [step[:2] for step in report.steps] == [f"{n}." for n in range(1, 9)]
    assert wire.from_json(wire.to_json(report), ReceiptReport) == report


def test_a_receipt_says_nothing_of_the_arguments(made, tmp_path):
    path = tmp_path / "issue.tlog-proof"
    save_receipt(path, made[1].receipt)
    assert b"bank" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_a_receipt_of_something_else(made, service):
    signed, result = made
    receipt = result.receipt
    assert code_of(lambda: verify_receipt(receipt, key=service.key, value=value_bytes(6))) == "client.receipt"
    assert code_of(lambda: verify_receipt(receipt, key=service.key, signed=signed.signed[:-1])) == "client.receipt"
    assert code_of(lambda: verify_receipt(receipt, key=logs.KEY)) == "note.unknown_key"
    other = dataclasses.replace(receipt, salt=bytes(32))
    assert code_of(lambda: verify_receipt(other, key=service.key)) == "receipt.claims"


def test_an_entry_that_is_no_commands():
    receipt = logs.Log.make(3).receipt(1)
    report = verify_receipt(receipt, key=logs.KEY)
    assert (report.command, report.status, report.value) == (None, None, None)
    assert len(report.steps) == 5
    assert code_of(lambda: verify_receipt(receipt, key=logs.KEY, value=b"")) == "client.receipt"


@pytest.mark.parametrize("content", [b"", b"\xff", b"c2sp.org/tlog-proof@v1\n", b"x" * 1_000_000])
def test_a_file_that_is_no_receipt(tmp_path, content):
    path = tmp_path / "x"
    assert code_of(lambda: load_receipt(path)) == "client.no_file"
    path.write_bytes(content)
    assert code_of(lambda: load_receipt(path)) in ("proof.malformed", "client.file_too_large")


def test_a_missing_file_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere\.tlog-proof"):
        load_receipt(tmp_path / "nowhere.tlog-proof")
