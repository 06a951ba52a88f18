"""The store under programs: overlays, typed maps, and what a program may declare."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tobari.base.errors import Broken, Conflict, Limited, Malformed, NotFound, TooLarge
from tobari.base.logtime import LogTime
from tobari.base.messages.command import Outcome
from tobari.base.principal import Principal, Role
from tobari.enclave.runtime import (
    JobState,
    Program,
    Transaction,
    Work,
    command,
    private_map,
    public_map,
    public_value,
    query,
)  # fmt: skip
from tobari.enclave.runtime.kv import Overlay, Store, Write

ANN = Principal(name="ann", key=bytes(32), thumbprint=bytes(32), roles=frozenset())


class Shop(Program):
    stock = private_map("stock", str, int)
    prices = public_map("prices", str, int)
    till = public_value("till", int, default=0)

    @command(authority=Role.MEMBER)
    def put(self, tx: Transaction, item: str, count: int = 1) -> None:
        self.stock(tx)[item] = count

    @query(authority=Role.AUDITOR)
    def list(self, tx: Transaction) -> dict[str, int]:
        return dict(self.stock(tx))


def transaction(store=None, program="shop"):
    return Transaction(
        overlay=Overlay(store or Store()),
        principal=ANN,
        members={"ann": ANN},
        time=LogTime(1000),
        program=program,
        outcome_of=lambda _: Outcome(status="UNKNOWN"),
        progress={},
        entry=7,
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 5)), max_size=20))
def test_an_overlay_behaves_like_a_dict_and_leaves_the_store_alone(steps):
    shop, store = Shop(), Store()
    first = transaction(store)
    shop.stock(first)["a"] = 9
    store.apply(first.overlay.writes())
    before = {table: dict(rows) for table, rows in store.tables.items()}
    tx, model = transaction(store), {"a": 9}
    for key, value in steps:
        if value is None:
            assert shop.stock(tx).pop(key, None) == model.pop(key, None)
        else:
            shop.stock(tx)[key] = model[key] = value
        assert dict(shop.stock(tx)) == model
        assert len(shop.stock(tx)) == len(model)
    assert store.tables == before
    store.apply(tx.overlay.writes())
    assert dict(shop.stock(transaction(store))) == model


def test_writing_what_is_there_already_is_no_write():
    shop, store = Shop(), Store()
    tx = transaction(store)
    shop.stock(tx)["a"] = 1
    store.apply(tx.overlay.writes())
    again = transaction(store)
    shop.stock(again)["a"] = 1
    assert again.overlay.writes() == []


def test_a_value_of_another_type_in_the_store_is_refused():
    shop, store = Shop(), Store()
    store.apply([Write("shop.stock", b"\x61a", b"\x61x")])
    with pytest.raises(Malformed):
        shop.stock(transaction(store))["a"]


def test_public_and_private_tables():
    shop = Shop()
    assert shop.is_public("shop.prices")
    assert shop.is_public("shop.till")
    assert not shop.is_public("shop.stock")
    assert shop.till.get(transaction()) == 0


def test_a_map_outside_a_program_is_a_fault():
    with pytest.raises(Broken) as refused:
        private_map("x", str, int)(transaction())
    assert refused.value.code == "program.unbound"


def test_arguments_are_typed_and_closed():
    handler = Shop().handler("put")
    assert handler.parse({"item": "tea"}) == {"item": "tea", "count": 1}
    for args in ({}, {"item": 3}, {"item": "tea", "count": "3"}, {"item": "tea", "more": 1}):
        with pytest.raises(Malformed):
            handler.parse(args)
    with pytest.raises(NotFound):
        Shop().handler("stock")


def test_a_transaction_that_changes_too_much_is_refused():
    tx = transaction()
    for number in range(4096):
        tx.put("t", number.to_bytes(4, "big"), b"")
    with pytest.raises(TooLarge) as refused:
        tx.put("t", b"one more", b"")
    assert refused.value.code == "transaction.too_large"
    with pytest.raises(TooLarge):
        transaction().put("t", b"k", bytes(3 << 20))


WORK = Work(kind="inspect", sources=[], columns=[])


def test_a_job_is_its_programs_own_and_ends_once():
    store = Store()
    tx = transaction(store)
    job_id = tx.start_job(WORK, about={"x": 1})
    store.apply(tx.overlay.writes())
    with pytest.raises(NotFound) as refused:
        transaction(store, program="other").job(job_id)
    assert refused.value.code == "job.unknown"
    tx = transaction(store)
    ended = tx.end_job(tx.job(job_id), JobState.DONE)
    assert ended.work is None
    assert tx.running_jobs() == []
    with pytest.raises(Conflict) as conflict:
        tx.end_job(tx.job(job_id), JobState.CANCELLED)
    assert conflict.value.code == "job.ended"


def test_one_member_cannot_have_all_the_workers():
    store = Store()
    for _ in range(8):
        tx = transaction(store)
        tx.start_job(WORK, about={})
        store.apply(tx.overlay.writes())
    with pytest.raises(Limited) as refused:
        transaction(store).start_job(WORK, about={})
    assert refused.value.code == "job.too_many"
    tx = transaction(store)
    tx.end_job(tx.running_jobs()[0], JobState.DONE)
    store.apply(tx.overlay.writes())
    transaction(store).start_job(WORK, about={})


def test_a_job_is_not_named_by_its_command():
    """A member may use an id again when it is forgotten; the worker of the first job may still run then."""
    first, second = (transaction().start_job(WORK, about={}) for _ in range(2))
    assert len({first, second, b"c" * 16}) == 3
