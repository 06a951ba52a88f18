import pytest

from tobari.base.errors import Malformed
from tobari.base.messages import genesis
from tobari.base.principal import Role

GOOD = """
name = "netting-circle"
programs = ["currency"]

[[members]]
name = "bank-a"
key = "{a}"
roles = ["issuer"]

[[members]]
name = "bank-b"
key = "{b}"
roles = []
""".format(a="a1" * 32, b="b2" * 33)


def test_a_genesis_file_reads_and_has_one_spelling():
    read = genesis.from_toml(GOOD)
    assert [member.name for member in read.members] == ["bank-a", "bank-b"]
    assert read.members[0].roles == [Role.ISSUER]
    assert read.encode() == genesis.from_toml("# a comment\n" + GOOD).encode()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('name = "bank-b"', 'name = "bank-a"', "genesis.duplicate"),
        ("b2" * 33, "a1" * 32, "genesis.duplicate"),
        ('["currency"]', '["currency", "currency"]', "genesis.duplicate"),
        ('["issuer"]', '["king"]', "genesis.malformed"),
        ("b2" * 33, "b2" * 34, "genesis.malformed"),
        ('name = "bank-b"', 'name = "Bank B"', "genesis.malformed"),
        ("roles = []", "roles = []\nadmin = true", "genesis.malformed"),
        ('["currency"]', "[]", "genesis.malformed"),
        ("[[members]]", "[[member]]", "genesis.malformed"),
        ('name = "netting-circle"', "name = ", "genesis.malformed"),
    ],
)
def test_a_genesis_file_that_is_not_right_is_refused(old, new, code):
    with pytest.raises(Malformed) as refused:
        genesis.from_toml(GOOD.replace(old, new))
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["bank-a\\n", "bank-a\\r\\n", " bank-a", "-bank", "", "b" * 64, "bänk"])
def test_a_name_that_could_be_taken_for_another_is_refused(name):
    with pytest.raises(Malformed):
        genesis.from_toml(GOOD.replace('name = "bank-a"', f'name = "{name}"'))
