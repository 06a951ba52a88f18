"""SEES CIPHERTEXT. The HTTP relay, the log store, the object store, and the link to the enclave process.

Nothing here is trusted by anybody: what a client believes, it checked itself. The host can delay and drop; it cannot
read, forge or alter. `serve` runs it (spec/http.md, spec/link.md).
"""
