"""An entry opens at its own place, in its own history, and nowhere else."""

import msgspec
import pytest

from tobari.base.errors import Untrusted
from tobari.base.logtime import LogTime
from tobari.base.messages.link import Entry
from tobari.enclave.runtime.kv import Write
from tobari.enclave.sealed_log import BootRecord, PublicRecord, SealedLog, SealedRecord
from tobari.ledger.tree import EMPTY_ROOT

SECRET = bytes(range(32))


def new_log(service=b"s" * 32, secret=SECRET):
    return SealedLog(secret=secret, service_id=service, term=1)


def written(count=3):
    """A log with its boot record and `count` entries after it."""
    log = new_log()
    boot = BootRecord(boot=log.start_boot(), tree_size=0, root_hash=EMPTY_ROOT, configuration=bytes(32))
    record = SealedRecord(salt=bytes(32), claims=b"claims")
    entries = [log.write(seq=0, time=LogTime(5), public=boot, record=record)[0]]
    for seq in range(1, count + 1):
        public = PublicRecord(program="p", writes=[("p.t", b"k", bytes([seq]))]) if seq % 2 else None
        private = record.with_writes([Write("p.u", b"k", None)])
        entries.append(log.write(seq=seq, time=LogTime(5 + seq), public=public, record=private)[0])
    return entries


def read_all(entries, log=None):
    log = log or new_log()
    return [log.read(entry, seq=seq, root=lambda: EMPTY_ROOT) for seq, entry in enumerate(entries)]


def test_what_was_written_is_read():
    opened = read_all(written())
    assert [entry.header.seq for entry in opened] == [0, 1, 2, 3]
    assert opened[1].writes() == [Write("p.u", b"k", None), Write("p.t", b"k", b"\1")]
    assert opened[2].public is None


def replaced(entries, seq, **parts):
    return [*entries[:seq], msgspec.structs.replace(entries[seq], **parts), *entries[seq + 1 :]]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda e: replaced(e, 2, sealed=e[2].sealed[:-1] + b"\0"), id="sealed body altered"),
        pytest.param(lambda e: replaced(e, 1, public=e[3].public), id="public body altered"),
        pytest.param(lambda e: replaced(e, 1, public=b""), id="public body dropped"),
        pytest.param(lambda e: replaced(e, 2, header=e[3].header), id="header of another entry"),
        pytest.param(lambda e: [e[0], e[2], e[1], e[3]], id="reordered"),
        pytest.param(lambda e: [e[0], e[2], e[3]], id="dropped"),
        pytest.param(lambda e: [e[0], e[1], e[1], e[2]], id="repeated"),
        pytest.param(lambda e: e[1:], id="without its boot record"),
        pytest.param(lambda e: replaced(e, 1, sealed=b""), id="emptied"),
        pytest.param(lambda e: [Entry(header=b"", public=b"", sealed=b"")], id="nothing"),
    ],
)
def test_an_edited_log_is_refused(edit):
    with pytest.raises(Untrusted) as refused:
        read_all(edit(written()))
    assert refused.value.code == "log.entry"


@pytest.mark.parametrize("other", [{"service": b"t" * 32}, {"secret": bytes(32)}], ids=["service", "secret"])
def test_another_service_cannot_read_it(other):
    with pytest.raises(Untrusted):
        read_all(written(), new_log(**other))


def test_a_boot_record_holds_for_the_log_it_continued():
    with pytest.raises(Untrusted):
        new_log().read(written()[0], seq=0, root=lambda: b"r" * 32)


def test_two_boots_never_share_a_key_even_at_the_same_place():
    first, second = written(), written()
    assert all(a.sealed != b.sealed for a, b in zip(first, second, strict=True))
    with pytest.raises(Untrusted):
        read_all([first[0], second[1]])
