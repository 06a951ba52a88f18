"""What everything rests on: errors, canonical CBOR, COSE, ids, log time, messages. Pure: no I/O, no keys."""
