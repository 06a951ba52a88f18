from tobari.enclave.once import Once, Used


def test_a_value_is_found_until_its_expiry():
    once = Once()
    once.use(b"a", Used(10, 1, True))
    once.use(b"b", Used(20, 2, False))
    once.forget(before=10)
    assert once.find(b"a") == Used(10, 1, True)
    once.forget(before=11)
    assert once.find(b"a") is None
    assert once.find(b"b") == Used(20, 2, False)


def test_what_is_dumped_loads_and_expires_as_before():
    once = Once()
    for number in range(20):
        once.use(bytes([number]), Used(number, number, True))
    again = Once()
    again.load([tuple(row) for row in once.dump()])
    again.forget(before=15)
    assert len(again) == 5
