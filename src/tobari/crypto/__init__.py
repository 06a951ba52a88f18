"""Sealing, signing and deriving. Pure, and the only zone that imports `cryptography`.

No primitive is ours: HPKE (RFC 9180), AES-256-GCM, Ed25519, ECDSA P-256, HKDF-SHA256 and ML-KEM come from the library.
Ours is which key may be used for what: every use has a label (`labels`), and a key used under another fails.
"""
