"""The keeper as a dialogue: what comes back, when, and what survives."""

import hashlib

import pytest

from tests.enclave.memory import MemoryHost, consortium
from tobari.base import cbor, wire
from tobari.base.messages import link
from tobari.base.messages.command import CommandClaims
from tobari.base.principal import Role
from tobari.ledger.checkpoint import open_checkpoint
from tobari.ledger.entry import LeafHeader, claims_digest
from tobari.ledger.path import leaf_hash
from tobari.ledger.proof import verify_inclusion

DAY = 86_400_000
GENESIS, KEYS = consortium(bank=[Role.ISSUER], shop=[], client=[])


@pytest.fixture
def host():
    return MemoryHost(GENESIS).boot()


def issue(host, to="bank", amount=100, **other):
    return host.call(KEYS["bank"], "currency", "issue", {"to": to, "amount": amount}, **other)


def balance(host, name):
    return host.call(KEYS[name], "currency", "balance", {}).value


def reboot(host):
    host.boot()
    assert host.halted is None
    return host


def test_a_service_is_ready_once_its_boot_record_is_durable():
    host = MemoryHost(GENESIS)
    host.hold_acknowledgements = True
    host.boot()
    assert host.ready is None
    host.acknowledge()
    assert host.ready.tree_size == 1


def test_a_command_is_answered_with_its_place_in_the_log(host):
    signed = host.sign(KEYS["bank"], "currency", "issue", {"to": "shop", "amount": 7})
    answer = host.send(signed)()
    outcome = answer.outcomes[0]
    assert (outcome.status, outcome.value) == ("COMMITTED", 7)
    placement = outcome.placement
    checkpoint = open_checkpoint(host.checkpoint, host.vkey)
    assert (checkpoint.tree_size, checkpoint.root_hash) == (answer.tree_size, answer.root_hash)
    verify_inclusion(
        leaf_hash=leaf_hash(placement.header),
        index=placement.index,
        tree_size=answer.tree_size,
        proof=placement.proof,
        root_hash=answer.root_hash,
    )
    header = LeafHeader.from_bytes(placement.header)
    assert header.claims == claims_digest(placement.salt, placement.claims)
    assert wire.from_cbor(placement.claims, CommandClaims, max_bytes=1000) == CommandClaims(
        command=hashlib.sha256(signed).digest(),
        status="COMMITTED",
        value=hashlib.sha256(cbor.encode(7)).digest(),
    )


def test_no_reply_before_the_entry_is_durable(host):
    host.hold_acknowledgements = True
    answer = host.send(host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1}))
    assert host.replies == {}
    host.acknowledge()
    assert answer().outcomes[0].status == "COMMITTED"


def test_a_query_does_not_run_ahead_of_the_disk(host):
    host.hold_acknowledgements = True
    host.send(host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1}))
    seen = host.send(host.sign(KEYS["bank"], "currency", "balance", {}))
    assert host.replies == {}
    host.acknowledge()
    answer = seen()
    assert answer.outcomes[0].value == 1
    assert answer.tree_size == len(host.entries)


def test_commands_collect_while_a_batch_is_on_its_way(host):
    host.hold_acknowledgements = True
    answers = [host.send(host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1})) for _ in range(10)]
    assert len(host.unacknowledged) == 1
    host.acknowledge()
    assert len(host.unacknowledged) == 1
    host.acknowledge()
    assert [answer().outcomes[0].value for answer in answers] == list(range(1, 11))


def test_a_refused_command_changes_nothing_and_spends_its_id(host):
    signed = host.sign(KEYS["shop"], "currency", "transfer", {"to": "bank", "amount": 5})
    refused = host.send(signed)().outcomes[0]
    assert (refused.status, refused.error.code) == ("INVALID", "currency.funds")
    assert refused.placement is not None
    issue(host, to="shop", amount=5)
    # The host sends it again now that it would succeed.
    again = host.send(signed)().outcomes[0]
    assert (again.status, again.error.code) == ("INVALID", "command.replayed")
    assert balance(host, "shop") == 5


def test_the_commands_of_one_envelope_fail_one_by_one(host):
    answer = host.send(
        host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 3}),
        host.sign(KEYS["shop"], "currency", "issue", {"to": "shop", "amount": 3}),
        b"not signed",
        host.sign(KEYS["bank"], "currency", "transfer", {"to": "shop", "amount": 2}),
        host.sign(KEYS["shop"], "currency", "balance", {}),
    )()
    codes = [outcome.error.code if outcome.error else outcome.status for outcome in answer.outcomes]
    assert codes == ["COMMITTED", "command.role", "cbor.malformed", "COMMITTED", "ANSWERED"]
    assert answer.outcomes[-1].value == 2


@pytest.mark.parametrize(
    ("program", "command", "args", "code"),
    [
        ("lottery", "draw", {}, "program.unknown"),
        ("currency", "mint", {}, "command.unknown"),
        ("currency", "issue", {"to": "bank"}, "message.malformed"),
        ("currency", "issue", {"to": "bank", "amount": 0}, "message.malformed"),
        ("currency", "issue", {"to": "bank", "amount": -5}, "message.malformed"),
        ("currency", "issue", {"to": "bank", "amount": 1.5}, "message.malformed"),
        ("currency", "issue", {"to": "bank", "amount": True}, "message.malformed"),
        ("currency", "issue", {"to": "bank", "amount": 1 << 53}, "message.malformed"),
        ("currency", "issue", {"to": "bank", "amount": 1, "as": "shop"}, "message.malformed"),
        ("currency", "issue", {"to": "nobody", "amount": 1}, "member.unknown"),
        ("service", "status", {"id": b"short"}, "message.malformed"),
    ],
)
def test_what_a_program_does_not_take(host, program, command, args, code):
    outcome = host.call(KEYS["bank"], program, command, args)
    assert outcome.error.code == code
    assert host.call(KEYS["bank"], "currency", "total", {}).value == 0


def test_status_tells_what_became_of_a_command(host):
    signed_id = b"i" * 16
    issue(host, amount=9, id=signed_id)
    status = host.call(KEYS["bank"], "service", "status", {"id": signed_id}).value
    assert (status["status"], status["value"]) == ("COMMITTED", 9)
    assert host.call(KEYS["shop"], "service", "status", {"id": signed_id}).value["status"] == "UNKNOWN"
    reboot(host)
    assert host.call(KEYS["bank"], "service", "status", {"id": signed_id}).value == status


def test_a_restart_replays_to_the_same_state(host):
    issue(host, amount=50)
    signed = host.sign(KEYS["bank"], "currency", "transfer", {"to": "shop", "amount": 20})
    host.send(signed)()
    reboot(host)
    assert (balance(host, "bank"), balance(host, "shop")) == (30, 20)
    assert host.send(signed)().outcomes[0].error.code == "command.replayed"


def test_a_snapshot_shortens_the_replay_and_changes_nothing():
    host = MemoryHost(GENESIS, snapshot_every=5).boot()
    for _ in range(12):
        issue(host, amount=1)
    spent = host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1})
    host.send(spent)()
    reboot(host)
    assert host.replayed_from > 0
    assert balance(host, "bank") == 13
    assert host.send(spent)().outcomes[0].error.code == "command.replayed"


@pytest.mark.parametrize("loss", ["lost", "altered", "foreign"])
def test_a_snapshot_that_is_not_good_costs_time_only(loss):
    host = MemoryHost(GENESIS, snapshot_every=5).boot()
    for _ in range(12):
        issue(host, amount=1)
    host.snapshot = {"lost": None, "altered": host.snapshot[:-1] + b"\0", "foreign": bytes(100)}[loss]
    reboot(host)
    assert host.replayed_from == 0
    assert balance(host, "bank") == 12


def test_a_snapshot_that_the_log_does_not_reach_is_not_used():
    host = MemoryHost(GENESIS, snapshot_every=5).boot()
    for _ in range(12):
        issue(host, amount=1)
    host.entries, host.checkpoint = host.entries[:3], None
    reboot(host)
    assert host.replayed_from == 0
    assert balance(host, "bank") == 2


def test_a_snapshot_of_another_history_is_refused_by_what_follows():
    host = MemoryHost(GENESIS, snapshot_every=5).boot()
    common = list(host.entries)
    for _ in range(12):
        issue(host, amount=1)
    snapshot = host.snapshot
    host.entries, host.checkpoint, host.snapshot = common, None, None
    reboot(host)
    for _ in range(14):
        issue(host, amount=2)
    host.snapshot = snapshot
    host.boot()
    assert host.halted is not None
    assert host.halted.code in {"log.entry", "log.forked"}


def test_stop_finishes_what_is_in_flight_and_leaves_a_snapshot(host):
    host.hold_acknowledgements = True
    answer = host.send(host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 4}))
    host.give(link.Stop())
    host.send(host.sign(KEYS["bank"], "currency", "total", {}), request=77)
    assert host.refusals[77].code == "service.stopping"
    host.acknowledge()
    assert answer().outcomes[0].status == "COMMITTED"
    assert host.snapshot is not None
    host.hold_acknowledgements = False
    reboot(host)
    assert host.replayed_from == 2


def test_log_time_does_not_follow_a_clock_turned_back(host):
    signed = host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1})
    host.now += 120_000
    issue(host, amount=1)
    host.now -= 120_000
    assert host.send(signed)().outcomes[0].error.code == "command.expired"
    reboot(host)
    assert host.send(signed)().outcomes[0].error.code == "command.expired"


def test_spent_ids_are_forgotten_when_they_could_not_come_again(host):
    for _ in range(5):
        issue(host, amount=1)
    assert len(host.keeper._state.once) == 5
    host.now += 700_000
    issue(host, amount=1)
    assert len(host.keeper._state.once) == 1


def test_each_boot_has_its_own_key():
    host = MemoryHost(GENESIS).boot()
    beginning = list(host.entries)
    issue(host, amount=1)
    first = host.entries[1]
    host.entries, host.checkpoint = beginning, None  # the host makes the service forget
    host.boot()
    issue(host, amount=1)
    assert first.sealed not in [entry.sealed for entry in host.entries]
    host.entries[1], host.checkpoint = first, None
    host.boot()
    assert host.halted.code == "log.entry"


def test_a_host_that_speaks_out_of_turn_is_refused(host):
    host.give(link.Appended(batch=99))
    assert host.halted.code == "link.unexpected"
    assert host.keeper.receive(link.Stop(), now=host.now) == []


def test_a_bad_nonce_is_refused_and_the_service_goes_on(host):
    from tobari.base.errors import Malformed

    def refuse(nonce):
        raise Malformed("evidence.nonce", "A nonce has 32 bytes.")

    host.attester.evidence = refuse
    host.give(link.Attest(request=5, nonce=b"short"))
    assert host.refusals[5].code == "evidence.nonce"
    issue(host, amount=1)


def test_an_answer_too_large_for_a_reply_says_so(host):
    handlers = host.keeper._programs["currency"].handlers
    handlers["balance"] = handlers["balance"]._replace(call=lambda tx: "x" * (1 << 20))
    outcome = host.call(KEYS["bank"], "currency", "balance", {})
    assert outcome.error.code == "envelope.too_large"


def test_a_fault_of_a_program_is_reported_without_its_text(host, capsys):
    def fail(tx):
        raise RuntimeError("a secret")

    handlers = host.keeper._programs["currency"].handlers
    handlers["balance"] = handlers["balance"]._replace(call=fail)
    handlers["issue"] = handlers["issue"]._replace(call=lambda tx, **args: fail(tx))
    for command, args in (("balance", {}), ("issue", {"to": "bank", "amount": 1})):
        outcome = host.call(KEYS["bank"], "currency", command, args)
        assert outcome.error.code == "program.failed"
        assert "secret" not in outcome.error.message
    assert "secret" not in capsys.readouterr().err


def test_a_query_that_writes_is_a_fault(host):
    program = host.keeper._programs["currency"]
    program.handlers["balance"] = program.handlers["balance"]._replace(call=lambda tx: program.supply.set(tx, 5))
    assert host.call(KEYS["bank"], "currency", "balance", {}).error.code == "program.query_writes"
    assert host.call(KEYS["bank"], "currency", "total", {}).value == 0


def test_another_genesis_is_refused(host):
    host.genesis, _ = consortium(bank=[Role.ISSUER])
    host.boot()
    assert host.halted.code == "service.configuration"


def test_a_log_without_its_sealed_state_is_refused(host):
    host.sealed = None
    host.boot()
    assert host.halted.code == "service.sealed"


def test_a_program_that_is_not_there_is_refused():
    genesis, _ = consortium(bank=[])
    genesis = type(genesis)(name="x", members=genesis.members, programs=["lottery"])
    assert MemoryHost(genesis).boot().halted.code == "genesis.program"


def test_a_command_too_far_ahead_is_refused_and_cannot_come_back_when_its_time_has_come(host):
    signed = host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1}, expires=host.now + 900_000)
    assert host.send(signed)().outcomes[0].error.code == "command.lifetime"
    host.now += 600_000
    assert host.send(signed)().outcomes[0].error.code == "command.replayed"


@pytest.mark.parametrize("days", [0, 2])
def test_a_clock_that_is_wrong_for_a_moment_cannot_have_a_refused_command_carried_out_later(host, days):
    """The host runs its clock ahead (or stands still while a service is idle), shows the refusal, sets it right."""
    signed = host.sign(
        KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1}, expires=host.now + 1000 + days * DAY
    )
    host.now += 60_000 if days == 0 else 0
    refused = host.send(signed)().outcomes[0]
    assert refused.error.code == ("command.expired" if days == 0 else "command.lifetime")
    host.now += -60_000 if days == 0 else days * DAY
    again = host.send(signed)().outcomes[0]
    assert again.error.code == "command.replayed"
    assert balance(host, "bank") == 0


def test_expired_is_said_only_of_what_was_never_carried_out(host):
    signed = host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 1})
    host.send(signed)()
    host.now += 300_000
    issue(host, amount=1)
    assert host.send(signed)().outcomes[0].error.code == "command.replayed"
    host.now += 700_000
    issue(host, amount=1)
    assert host.send(signed)().outcomes[0].error.code == "command.forgotten"
    host.boot()
    assert host.send(signed)().outcomes[0].error.code in {"command.forgotten", "command.replayed"}


def test_outcomes_survive_a_restart_from_a_snapshot():
    host = MemoryHost(GENESIS, snapshot_every=3).boot()
    paid = issue(host, amount=5, id=b"p" * 16)
    refused = host.call(KEYS["shop"], "currency", "transfer", {"to": "bank", "amount": 5}, id=b"r" * 16)
    for _ in range(4):
        issue(host, amount=1)
    reboot(host)
    assert host.replayed_from > 3
    status = host.call(KEYS["bank"], "service", "status", {"id": b"p" * 16}).value
    assert (status["status"], status["value"], status["placement"]["index"]) == ("COMMITTED", 5, paid.placement.index)
    status = host.call(KEYS["shop"], "service", "status", {"id": b"r" * 16}).value
    assert (status["status"], status["error"]["code"]) == ("INVALID", refused.error.code)


def test_an_outcome_that_is_no_longer_kept_says_so(host):
    issue(host, amount=5, id=b"p" * 16)
    host.keeper._state.recent.clear()
    status = host.call(KEYS["bank"], "service", "status", {"id": b"p" * 16}).value
    assert (status["status"], status["error"]["code"]) == ("COMMITTED", "command.outcome_dropped")
    assert status["value"] is None


def test_answers_beyond_one_response_are_refused_one_by_one(host):
    handlers = host.keeper._programs["currency"].handlers
    handlers["balance"] = handlers["balance"]._replace(call=lambda tx: "x" * 300_000)
    query = host.sign(KEYS["bank"], "currency", "balance", {})
    paid = host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 3})
    outcomes = host.send(paid, *[query] * 5, paid)().outcomes
    assert [outcome.status for outcome in outcomes] == ["COMMITTED", *["ANSWERED"] * 3, *["INVALID"] * 3]
    assert {outcome.error.code for outcome in outcomes[4:]} == {"envelope.too_large"}


def test_replies_are_published_in_frames_that_fit(host):
    handlers = host.keeper._programs["currency"].handlers
    handlers["balance"] = handlers["balance"]._replace(call=lambda tx: "x" * 900_000)
    host.hold_acknowledgements = True
    query = host.sign(KEYS["bank"], "currency", "balance", {})
    host.send(host.sign(KEYS["bank"], "currency", "issue", {"to": "bank", "amount": 3}))
    answers = [host.send(query) for _ in range(40)]
    published = []
    take = host._take

    def measured(output):
        if isinstance(output, link.Publish):
            published.append(len(link.encode(output)))
        take(output)

    host._take = measured
    host.acknowledge()
    assert len(published) == 3
    assert all(len(answer().outcomes[0].value) == 900_000 for answer in answers)


def test_a_command_that_returns_too_much_is_a_fault_of_its_program(host):
    handlers = host.keeper._programs["currency"].handlers
    handlers["issue"] = handlers["issue"]._replace(call=lambda tx, **args: "x" * 5000)
    assert issue(host).error.code == "program.outcome"


def test_a_snapshot_is_used_only_beside_a_checkpoint_that_reaches_it():
    host = MemoryHost(GENESIS, snapshot_every=5).boot()
    for _ in range(12):
        issue(host, amount=1)
    host.checkpoint = None
    reboot(host)
    assert host.replayed_from == 0
    assert balance(host, "bank") == 12
