"""Money is neither made nor lost, whatever the order, and whenever the service restarts."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.enclave.memory import MemoryHost, consortium
from tobari.base import cbor
from tobari.base.principal import Role
from tobari.enclave.programs.currency import MAX_SUPPLY
from tobari.enclave.sealed_log import PublicRecord

NAMES = ["bank", "ann", "ben", "cho"]
GENESIS, KEYS = consortium(bank=[Role.ISSUER], ann=[], ben=[], cho=[])
names = st.sampled_from(NAMES)
amounts = st.integers(min_value=1, max_value=1000) | st.sampled_from([MAX_SUPPLY, MAX_SUPPLY - 1])


class Money(RuleBasedStateMachine):
    """100 runs of 100 steps: 10,000 random operations, restarts in between."""

    @initialize()
    def found(self):
        self.host = MemoryHost(GENESIS, snapshot_every=7).boot()
        self.balances = dict.fromkeys(NAMES, 0)

    def do(self, name, command, **args):
        outcome = self.host.call(KEYS[name], "currency", command, args)
        assert outcome.status in {"COMMITTED", "INVALID"}
        return outcome.status == "COMMITTED"

    @rule(to=names, amount=amounts)
    def issue(self, to, amount):
        if self.do("bank", "issue", to=to, amount=amount):
            self.balances[to] += amount

    @rule(source=names, to=names, amount=amounts)
    def transfer(self, source, to, amount):
        if self.do(source, "transfer", to=to, amount=amount):
            self.balances[source] -= amount
            self.balances[to] += amount

    @rule(name=names, amount=amounts)
    def transfer_to_oneself(self, name, amount):
        assert self.do(name, "transfer", to=name, amount=amount) == (self.balances[name] >= amount)

    @rule(amount=amounts)
    def burn(self, amount):
        if self.do("bank", "burn", amount=amount):
            self.balances["bank"] -= amount

    @rule(thief=st.sampled_from(NAMES[1:]), amount=amounts)
    def issue_without_the_role(self, thief, amount):
        assert not self.do(thief, "issue", to=thief, amount=amount)

    @rule()
    def restart(self):
        self.host.boot()
        assert self.host.halted is None

    @rule()
    def restart_without_a_snapshot(self):
        self.host.snapshot = None
        self.restart()

    @invariant()
    def the_sum_is_the_supply(self):
        supply = sum(self.balances.values())
        assert all(balance >= 0 for balance in self.balances.values())
        assert self.host.call(KEYS["ann"], "currency", "total", {}).value == supply

    def teardown(self):
        for name, balance in self.balances.items():
            assert self.host.call(KEYS[name], "currency", "balance", {}).value == balance
        assert public_supply(self.host) == sum(self.balances.values())


def public_supply(host):
    """The supply as anyone reads it from the open part of the log."""
    supply = 0
    for entry in host.entries:
        record = cbor.decode(entry.public, max_bytes=1 << 20) if entry.public else {}
        for table, _, value in record.get("writes", []):
            assert table == "currency.supply"
            supply = cbor.decode(value, max_bytes=16)
    return supply


Money.TestCase.settings = settings(max_examples=100, stateful_step_count=100, deadline=None)
TestMoney = Money.TestCase


def test_a_transfer_to_oneself_keeps_the_supply():
    host = MemoryHost(GENESIS).boot()
    host.call(KEYS["bank"], "currency", "issue", {"to": "ann", "amount": 10})
    assert host.call(KEYS["ann"], "currency", "transfer", {"to": "ann", "amount": 10}).value == 10
    assert host.call(KEYS["ann"], "currency", "balance", {}).value == 10
    assert public_supply(host) == 10


def test_balances_and_names_are_not_in_the_open_part():
    host = MemoryHost(GENESIS).boot()
    host.call(KEYS["bank"], "currency", "issue", {"to": "ann", "amount": 123_457})
    host.call(KEYS["ann"], "currency", "transfer", {"to": "ben", "amount": 123_457})
    public = b"".join(entry.public + entry.header for entry in host.entries)
    assert b"ann" not in public
    assert b"ben" not in public
    assert PublicRecord.__struct_fields__ == ("program", "writes", "disclosed")


def test_the_supply_has_a_bound():
    host = MemoryHost(GENESIS).boot()
    assert host.call(KEYS["bank"], "currency", "issue", {"to": "ann", "amount": MAX_SUPPLY}).status == "COMMITTED"
    refused = host.call(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1})
    assert refused.error.code == "currency.supply"
