"""Bytes to fields, one module per platform. A format believes nothing: signatures and policy are other steps."""
