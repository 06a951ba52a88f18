import pytest

from tobari.base.errors import Untrusted
from tobari.ledger.disclosure import commit, verify_disclosed

SALT = bytes(range(32))


def test_a_commitment_opens_with_its_value_name_and_salt():
    shown = commit(b"value", name="query", salt=SALT)
    verify_disclosed(shown, value=b"value", name="query", salt=SALT)


@pytest.mark.parametrize(
    "other",
    [{"value": b"other"}, {"name": "result"}, {"salt": bytes(32)}, {"name": "queryv", "value": b"alue"}],
    ids=["value", "name", "salt", "the border between name and value"],
)
def test_it_opens_with_nothing_else(other):
    shown = commit(b"value", name="query", salt=SALT)
    with pytest.raises(Untrusted) as refused:
        verify_disclosed(shown, **{"value": b"value", "name": "query", "salt": SALT, **other})
    assert refused.value.code == "ledger.disclosure"
