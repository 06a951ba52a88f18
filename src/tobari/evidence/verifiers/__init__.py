"""Signature and chain up to a trust anchor, one module per platform. `tobari.evidence.verify` chooses among them."""
