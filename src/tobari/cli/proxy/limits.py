"""What the proxy takes from the programs that use it. Sizes in bytes."""

from __future__ import annotations

from tobari.host.config import Limits

HTTP = Limits(connections=256, stop_seconds=5.0)
"""Of connections and heads, as a host bounds them."""
MAX_REQUESTS = 64
"""Requests in progress."""
MAX_STREAMS = 16
"""Streams of statuses among them."""
MAX_DATASETS = 2
"""Datasets being sealed and sent among them."""
MAX_BODY = 1 << 20
"""One JSON body: what it says has to fit an envelope."""
MAX_DATASET = 256 << 20
"""One dataset: it is held in memory while it is sealed."""
MAX_REMEMBERED = 4096
"""Submitted commands remembered as they were signed, the newest of them."""
