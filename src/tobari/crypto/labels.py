"""Domain separation: one label for each use of a key or hash. What is made under one label is void under any other."""

from __future__ import annotations

import enum


class Label(bytes, enum.Enum):
    """The value goes into HKDF info, HPKE info, COSE external_aad or a hash, followed by fixed-length context."""

    # signatures
    COMMAND = b"tobari/v1/command"
    TERMS = b"tobari/v1/terms"
    VIRTUAL_EVIDENCE = b"tobari/v1/virtual-evidence"
    # hashes
    SERVICE_ID = b"tobari/v1/service-id"
    KEY_ID = b"tobari/v1/key-id"
    THUMBPRINT = b"tobari/v1/thumbprint"
    CLAIMS = b"tobari/v1/claims"
    DISCLOSURE = b"tobari/v1/disclosure"
    EVIDENCE_CLAIMS = b"tobari/v1/evidence-claims"
    MEASUREMENT = b"tobari/v1/measurement"
    # sealing between client and enclave
    REQUEST = b"tobari/v1/request"
    RESPONSE = b"tobari/v1/response"
    # keys under the cluster secret
    SERVICE_KEM = b"tobari/v1/service-kem"
    LOG = b"tobari/v1/log"
    SNAPSHOT = b"tobari/v1/snapshot"
    # keys under others
    LOG_BOOT = b"tobari/v1/log-boot"
    SNAPSHOT_ONE = b"tobari/v1/snapshot-one"
    SEALED_STATE = b"tobari/v1/sealed-state"
    VIRTUAL_SIGNING = b"tobari/v1/virtual-signing"
    VIRTUAL_SEALING = b"tobari/v1/virtual-sealing"
    DATASET_CHUNK = b"tobari/v1/dataset-chunk"
