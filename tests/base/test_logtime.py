from tobari.base.logtime import LogTime, advance, to_text


def test_log_time_never_runs_backwards():
    assert advance(LogTime(10), 7) == 10
    assert advance(LogTime(10), 12) == 12


def test_the_text_is_rfc_3339():
    assert to_text(1_782_000_000_123) == "2026-06-21T00:00:00.123Z"
