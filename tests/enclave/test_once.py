from tobari.enclave.once import GRACE, Once, Used


def test_a_value_is_remembered_for_a_while_after_its_expiry():
    once = Once()
    once.use(b"a", Used(10, 1, True))
    once.use(b"b", Used(20, 2, False))
    once.forget(now=10 + GRACE)
    assert once.find(b"a") == Used(10, 1, True)
    once.forget(now=11 + GRACE)
    assert once.find(b"a") is None
    assert once.find(b"b") == Used(20, 2, False)


def test_the_horizon_says_how_far_back_the_memory_reaches():
    once = Once()
    once.use(b"a", Used(10, 1, True))
    once.forget(now=5 + GRACE)
    assert once.horizon == 0
    once.forget(now=100 + GRACE)
    assert once.horizon == 11


def test_what_is_dumped_loads_and_expires_as_before():
    once = Once()
    for number in range(20):
        once.use(bytes([number]), Used(number, number, True))
    again = Once()
    again.load([tuple(row) for row in once.dump()], horizon=3)
    assert again.horizon == 3
    again.forget(now=15 + GRACE)
    assert len(again) == 5
    assert again.horizon == 15
