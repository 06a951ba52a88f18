"""How schemathesis makes the bodies of our media types: any bytes. Loaded by its SCHEMATHESIS_HOOKS."""

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.media_type("application/vnd.tobari.envelope", st.binary(max_size=4096))
