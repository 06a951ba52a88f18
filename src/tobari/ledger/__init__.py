"""The log, as anyone can check it: RFC 9162 tree, C2SP notes, checkpoints, tiles and proofs, receipts, whole-log audit.

Pure: no I/O, no clock, no keys but those that are handed in. It runs in the enclave, the host, the client and on a
stranger's machine alike (spec/ledger.md). Cosignatures and witnesses are not here yet.
"""
