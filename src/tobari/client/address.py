"""The address of a service: scheme, host and port, nothing else.

`http` is allowed: what must stay secret is sealed to the enclave, and what must be true is signed or proven. TLS hides
who talks to whom, and nothing here rests on it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from tobari.base.errors import Malformed

MAX_ADDRESS = 512


def normalise(url: str) -> str:
    """`http(s)://host[:port]`, without a slash at its end.

    Raises:
        Malformed: `client.url`.
    """
    try:
        parts = urlsplit(url) if len(url) <= MAX_ADDRESS and url.isascii() and url.isprintable() else None
        ok = (
            parts is not None
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and "@" not in parts.netloc
            and parts.path in ("", "/")
            and not {" ", "?", "#", "\\"} & set(url)
        )
    except ValueError:
        ok = False
    if not ok:
        raise Malformed("client.url", "The address of a service reads http://HOST:PORT or https://HOST:PORT.")
    assert parts is not None
    return f"{parts.scheme}://{parts.netloc.lower()}"
