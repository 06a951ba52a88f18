from tobari.base import errors


def test_an_error_crosses_the_wire_as_the_same_class():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.TobariError]
    for kind in kinds:
        again = errors.from_status(kind.status, "family.reason", "What to do next.")
        assert type(again) is kind
        assert (again.code, str(again)) == ("family.reason", "What to do next. [family.reason]")


def test_a_status_nobody_knows_is_a_fault():
    assert type(errors.from_status(418, "x.y", "z")) is errors.Broken
