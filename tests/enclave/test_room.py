"""The room as owners and analysts meet it. Workers are played by the test: what they compute is tested elsewhere."""

import hashlib
import secrets

import pytest

from tests.enclave.memory import MemoryHost, consortium
from tobari.base import cbor, wire
from tobari.base.errors import Untrusted
from tobari.base.messages.command import ErrorReport
from tobari.base.messages.objects import ObjectRef
from tobari.base.principal import Role
from tobari.crypto.signing import SigningKey
from tobari.enclave.keeper import CancelJob, StartJob
from tobari.enclave.programs.room import Room
from tobari.enclave.programs.service import Service
from tobari.ledger.disclosure import verify_disclosed
from tobari.rules.query.terms import sign_terms
from tobari.rules.query.terms_file import from_toml

GENESIS, KEYS = consortium(north=[Role.OWNER], south=[Role.OWNER], analyst=[Role.ANALYST], guest=[Role.ANALYST])
GENESIS = type(GENESIS)(name="trial", members=GENESIS.members, programs=["room"])
TERMS = """
room = "trial"
purpose = "Survival by sex"
entity = "patient"
min_group = 3
recipients = ["analyst"]

[columns.patient]
type = "text"
role = "identifier"

[columns.sex]
type = "integer"
role = "quasi-identifier"
uses = ["filter", "group"]

[columns.days]
type = "integer"
role = "measure"
uses = ["aggregate"]
aggregates = ["AVG", "COUNT"]
"""
QUESTION = "SELECT sex, COUNT(*) AS n FROM room GROUP BY sex"
RESULT = {"columns": ["sex", "n"], "types": ["integer", "integer"], "rows": [[1, 30], [2, 40]]}


@pytest.fixture
def host():
    return MemoryHost(GENESIS, programs=lambda: {p.name: p for p in (Service(), Room())}).boot()


def contribute(host, owner, *, toml=TERMS, key=None, room="trial", **other):
    dataset = secrets.token_bytes(16)
    terms = sign_terms(from_toml(toml, dataset=dataset), key=key or KEYS[owner])
    args = {
        "room": room,
        "terms": terms,
        "objects": [wire.to_builtins(ObjectRef(root=secrets.token_bytes(32), size=100))],
        "format": "csv",
        "data_key": bytes(32),
    }
    return dataset, host.call(KEYS[owner], "room", "contribute", {**args, **other})


def end_job(host, job=None, *, result=None, error=None):
    job = job or [output for output in host.jobs if isinstance(output, StartJob)][-1].job
    for output in host.keeper.job_ended(job.id, result=result, error=error, now=host.now):
        host._take(output)
    return job


def ready(host, owner, **other):
    dataset, outcome = contribute(host, owner, **other)
    assert outcome.error is None
    end_job(host, result={"rows": 70, "entities": 70, "decoded_bytes": 7000, "bad_cells": [0, 2, 0]})
    return dataset


def ask(host, who="analyst", sql=QUESTION, room="trial"):
    return host.call(KEYS[who], "room", "run", {"room": room, "sql": sql})


def describe(host, who):
    return host.call(KEYS[who], "room", "describe", {"room": "trial"}).value


def test_from_contribution_to_release(host):
    north, south = ready(host, "north"), ready(host, "south")
    asked = ask(host).value
    job = end_job(host, result=RESULT)
    assert {source.dataset for source in job.work.sources} == {north, south}
    assert [column.name for column in job.work.columns] == ["patient", "sex"]
    release = host.call(KEYS["analyst"], "room", "release", {"release": asked["release"]}).value
    assert release["result"] == RESULT
    assert set(release["datasets"]) == {north, south}
    assert host.call(KEYS["analyst"], "room", "job", {"job": asked["job"]}).value["state"] == "done"


def test_the_open_part_names_digests_and_nothing_else(host):
    dataset = ready(host, "north")
    release = ask(host).value["release"]
    end_job(host, result=RESULT)
    shown = [cbor.decode(entry.public, max_bytes=1 << 20) for entry in host.entries if entry.public]
    acts = [record["disclosed"] for record in shown if "disclosed" in record]
    assert [act["act"] for act in acts] == ["contribute", "release"]
    assert acts[0]["dataset"] == dataset
    assert set(acts[1]) == {"act", "datasets", "terms", "query", "result"}
    kept = host.call(KEYS["analyst"], "room", "release", {"release": release}).value
    assert kept["result_digest"] == hashlib.sha256(cbor.encode(RESULT)).digest()
    verify_disclosed(acts[1]["result"], value=kept["result_digest"], name="result", salt=kept["salt"])
    verify_disclosed(acts[1]["query"], value=kept["query"], name="query", salt=kept["salt"])
    with pytest.raises(Untrusted):
        verify_disclosed(acts[1]["result"], value=kept["query"], name="result", salt=kept["salt"])
    text = b"".join(entry.public for entry in host.entries)
    for private in (b"north", b"analyst", b"SELECT", b"patient", cbor.encode(RESULT["rows"])):
        assert private not in text


def test_equal_answers_look_different_in_the_log(host):
    """A guess at query or result cannot be checked against the log, nor two releases compared."""
    ready(host, "north")
    for sql in (QUESTION, "SELECT COUNT(*) FROM room"):
        ask(host, sql=sql)
        end_job(host, result=RESULT)
    shown = [cbor.decode(entry.public, max_bytes=1 << 20) for entry in host.entries if entry.public]
    first, second = [body["disclosed"] for body in shown if body.get("disclosed", {}).get("act") == "release"]
    assert not {first["result"], first["query"], *first["terms"]} & {
        second["result"],
        second["query"],
        *second["terms"],
    }
    assert hashlib.sha256(cbor.encode(RESULT)).digest() not in b"".join(entry.public for entry in host.entries)


def test_the_same_question_is_answered_from_the_stored_release(host):
    ready(host, "north")
    first = ask(host).value
    end_job(host, result=RESULT)
    again = ask(host, sql="select sex, count(*) as n from room group by sex -- again").value
    assert again == {"release": first["release"], "job": None}


def test_new_data_makes_a_new_release(host):
    ready(host, "north")
    first = ask(host).value
    end_job(host, result=RESULT)
    ready(host, "south")
    assert ask(host).value["release"] != first["release"]


def test_only_recipients_see_a_release(host):
    ready(host, "north")
    release = ask(host).value["release"]
    end_job(host, result=RESULT)
    for who in ("north", "guest"):
        refused = host.call(KEYS[who], "room", "release", {"release": release})
        assert refused.error.code == "room.release"
    assert ask(host, who="guest").error.code == "terms.recipient"
    assert len(host.call(KEYS["north"], "room", "releases", {"room": "trial"}).value) == 1
    assert host.call(KEYS["guest"], "room", "releases", {"room": "trial"}).value == []


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT patient, COUNT(*) FROM room GROUP BY patient", "query.group_use"),
        ("SELECT SUM(days) FROM room", "query.aggregate"),
        ("SELECT weight, COUNT(*) FROM room GROUP BY weight", "query.column_not_allowed"),
        ("DROP TABLE room", "query.statement"),
    ],
)
def test_a_refusal_names_column_rule_and_owner(host, sql, code):
    ready(host, "north")
    refused = ask(host, sql=sql)
    assert refused.error.code == code
    assert code == "query.statement" or "north" in refused.error.message


def test_terms_signed_by_somebody_else_are_refused(host):
    _, outcome = contribute(host, "north", key=KEYS["south"])
    assert outcome.error.code == "signature.foreign_key"
    _, outcome = contribute(host, "north", key=SigningKey.generate())
    assert outcome.error.code == "signature.foreign_key"


def test_terms_for_another_room_are_refused(host):
    assert contribute(host, "north", room="other")[1].error.code == "room.terms_room"


def test_a_dataset_id_is_used_once(host):
    terms = sign_terms(from_toml(TERMS, dataset=b"d" * 16), key=KEYS["north"])
    assert contribute(host, "north", terms=terms)[1].error is None
    assert contribute(host, "north", terms=terms)[1].error.code == "room.dataset_exists"


def test_another_schema_does_not_join_the_room(host):
    ready(host, "north")
    _, outcome = contribute(
        host, "south", toml=TERMS.replace('type = "integer"\nrole = "measure"', 'type = "real"\nrole = "measure"')
    )
    assert outcome.error.code == "room.schema"
    assert "north" in outcome.error.message


def test_a_recipient_nobody_knows_is_refused(host):
    _, outcome = contribute(host, "north", toml=TERMS.replace('"analyst"', '"nobody"'))
    assert outcome.error.code == "member.unknown"


def test_an_analyst_cannot_contribute_and_an_owner_cannot_ask(host):
    assert contribute(host, "analyst")[1].error.code == "command.role"
    ready(host, "north")
    assert ask(host, who="north").error.code == "command.role"


def test_a_dataset_that_cannot_be_read_is_refused_and_its_key_dropped(host):
    contribute(host, "north")
    end_job(host, error=ErrorReport(status=400, code="dataset.format", message="Cannot be read."))
    shown = describe(host, "north")[0]
    assert (shown["state"], shown["error"]["code"]) == ("refused", "dataset.format")
    assert ask(host).error.code == "room.empty"
    assert b"data_key" in next(iter(host.keeper._state.store.tables["room.datasets"].values()))
    assert bytes(32) not in next(iter(host.keeper._state.store.tables["room.datasets"].values()))


def test_counts_are_shown_to_the_owner_alone(host):
    ready(host, "north")
    assert describe(host, "north")[0]["rows"] == 70
    assert describe(host, "north")[0]["bad_cells"] == {"patient": 2}
    assert "rows" not in describe(host, "analyst")[0]


def test_withdrawal_stops_new_uses_at_once_and_drops_the_key(host):
    north, south = ready(host, "north"), ready(host, "south")
    running = ask(host).value["job"]
    assert host.call(KEYS["south"], "room", "withdraw", {"dataset": north}).error.code == "room.dataset"
    assert host.call(KEYS["north"], "room", "withdraw", {"dataset": north}).status == "COMMITTED"
    assert CancelJob(running) in host.jobs
    assert host.call(KEYS["analyst"], "room", "job", {"job": running}).value["state"] == "cancelled"
    asked = ask(host)
    sources = [output for output in host.jobs if isinstance(output, StartJob)][-1].job.work.sources
    assert asked.error is None
    assert {source.dataset for source in sources} == {south}
    assert host.call(KEYS["north"], "room", "withdraw", {"dataset": north}).error.code == "room.withdrawn"


def test_a_result_that_comes_after_the_cancel_is_dropped(host):
    ready(host, "north")
    asked = ask(host).value
    assert host.call(KEYS["guest"], "room", "cancel", {"job": asked["job"]}).error.code == "job.unknown"
    assert host.call(KEYS["analyst"], "room", "cancel", {"job": asked["job"]}).status == "COMMITTED"
    end_job(host, result=RESULT)
    assert host.call(KEYS["analyst"], "room", "release", {"release": asked["release"]}).error.code == "room.release"


def test_a_job_survives_a_restart_and_is_done_again(host):
    ready(host, "north")
    asked = ask(host).value
    host.jobs.clear()
    host.boot()
    assert [output.job.id for output in host.jobs] == [asked["job"]]
    end_job(host, result=RESULT)
    assert host.call(KEYS["analyst"], "room", "release", {"release": asked["release"]}).value["result"] == RESULT


def test_a_release_survives_a_restart_byte_for_byte(host):
    ready(host, "north")
    asked = ask(host).value
    end_job(host, result=RESULT)
    before = host.call(KEYS["analyst"], "room", "release", {"release": asked["release"]}).value
    host.snapshot = None
    host.boot()
    assert host.call(KEYS["analyst"], "room", "release", {"release": asked["release"]}).value == before


def test_expired_terms_allow_nothing(host):
    toml = TERMS.replace("min_group = 3", "min_group = 3\nexpires = 2027-01-01T00:00:00Z")
    ready(host, "north", toml=toml)
    assert ask(host).error is None
    host.now = 1_830_000_000_000
    assert ask(host, sql=QUESTION + " ORDER BY sex").error.code == "terms.expired"


def test_a_result_that_is_not_one_fails_the_job_alone(host):
    contribute(host, "north")
    end_job(host, result={"rows": "many"})
    assert describe(host, "north")[0]["state"] == "refused"
    ready(host, "south")


def test_two_who_ask_at_the_same_time_get_the_same_release(host):
    ready(host, "north")
    first, second = ask(host).value, ask(host).value
    assert first["release"] == second["release"]
    jobs = [output.job for output in host.jobs if isinstance(output, StartJob)][-2:]
    end_job(host, jobs[0], result=RESULT)
    kept = host.call(KEYS["analyst"], "room", "release", {"release": first["release"]}).value
    end_job(host, jobs[1], result={**RESULT, "rows": []})
    assert host.call(KEYS["analyst"], "room", "release", {"release": first["release"]}).value == kept


def test_a_release_names_the_entry_that_commits_to_it(host):
    ready(host, "north")
    release = ask(host).value["release"]
    end_job(host, result=RESULT)
    kept = host.call(KEYS["analyst"], "room", "release", {"release": release}).value
    disclosed = cbor.decode(host.entries[kept["entry"]].public, max_bytes=1 << 20)["disclosed"]
    verify_disclosed(disclosed["result"], value=kept["result_digest"], name="result", salt=kept["salt"])


def test_a_member_who_uses_an_id_again_cannot_mix_two_answers(host):
    ready(host, "north")
    first = host.call(KEYS["analyst"], "room", "run", {"room": "trial", "sql": QUESTION}, id=b"i" * 16).value
    slow = [output.job for output in host.jobs if isinstance(output, StartJob)][-1]
    for _ in range(2):
        host.now += 700_000
        assert ask(host, sql="DROP TABLE room").error is not None
    sql = QUESTION + " HAVING COUNT(*) > 5"
    second = host.call(KEYS["analyst"], "room", "run", {"room": "trial", "sql": sql}, id=b"i" * 16).value
    end_job(host, slow, result=RESULT)
    assert host.call(KEYS["analyst"], "room", "release", {"release": first["release"]}).error is None
    assert host.call(KEYS["analyst"], "room", "release", {"release": second["release"]}).error.code == "room.release"


def test_a_job_that_never_ends_is_given_up_after_some_boots(host):
    contribute(host, "north")
    for _ in range(2):
        host.jobs.clear()
        host.boot()
        assert len(host.jobs) == 1
    host.jobs.clear()
    host.boot()
    assert host.jobs == []
    assert describe(host, "north")[0]["error"]["code"] == "job.given_up"


def test_objects_larger_than_a_job_can_read_are_refused_before_anything_is_fetched(host):
    for sizes in ([1 << 36], [600 << 20], [500 << 20] * 3):
        objects = [wire.to_builtins(ObjectRef(root=secrets.token_bytes(32), size=size)) for size in sizes]
        assert contribute(host, "north", objects=objects)[1].error.code == "room.too_large"
    assert host.jobs == []


def test_terms_that_have_expired_are_not_accepted(host):
    toml = TERMS.replace("min_group = 3", "min_group = 3\nexpires = 2001-01-01T00:00:00Z")
    assert contribute(host, "north", toml=toml)[1].error.code == "room.terms_expired"


def test_an_owner_can_say_beside_whom_its_data_may_lie(host):
    alone = TERMS.replace("min_group = 3", 'min_group = 3\nco_owners = ["guest"]')
    ready(host, "north", toml=alone)
    assert contribute(host, "south")[1].error.code == "room.co_owner"


def test_a_newcomer_can_refuse_the_company_it_would_find(host):
    ready(host, "north")
    assert contribute(host, "south", toml=TERMS.replace("min_group = 3", "min_group = 3\nco_owners = []"))[
        1
    ].error.code == ("room.co_owner")
    ready(host, "south", toml=TERMS.replace("min_group = 3", 'min_group = 3\nco_owners = ["north"]'))


def test_a_dataset_cannot_make_the_rooms_queries_fail_by_its_size(host):
    ready(host, "north")
    contribute(host, "south")
    end_job(host, result={"rows": 19_999_990, "entities": 0, "decoded_bytes": 7000, "bad_cells": [0, 0, 0]})
    refused = next(shown for shown in describe(host, "south") if shown["owner"] == "south")
    assert (refused["state"], refused["error"]["code"]) == ("refused", "room.too_large")
    assert ask(host).error is None


def test_datasets_that_ended_do_not_crowd_the_room(host):
    ready(host, "north")
    for _ in range(5):
        dataset = ready(host, "south")
        host.call(KEYS["south"], "room", "withdraw", {"dataset": dataset})
    assert len(describe(host, "analyst")) == 1
    ended = [shown for shown in describe(host, "south") if shown["state"] == "withdrawn"]
    assert len(ended) == 5
    assert all("terms" not in shown for shown in ended)


def test_who_did_not_ask_before_a_withdrawal_gets_nothing_after_it(host):
    toml = TERMS.replace('["analyst"]', '["analyst", "guest"]')
    north = ready(host, "north", toml=toml)
    release = ask(host).value["release"]
    end_job(host, result=RESULT)
    assert host.call(KEYS["guest"], "room", "release", {"release": release}).value["result"] == RESULT
    host.call(KEYS["north"], "room", "withdraw", {"dataset": north})
    assert host.call(KEYS["guest"], "room", "release", {"release": release}).error.code == "room.release_closed"
    assert host.call(KEYS["analyst"], "room", "release", {"release": release}).value["result"] == RESULT


def test_what_was_asked_is_shown_to_recipients_alone(host):
    ready(host, "north")
    ask(host)
    end_job(host, result=RESULT)
    (to_owner,) = host.call(KEYS["north"], "room", "releases", {"room": "trial"}).value
    (to_analyst,) = host.call(KEYS["analyst"], "room", "releases", {"room": "trial"}).value
    assert "query" not in to_owner
    assert "query" in to_analyst
