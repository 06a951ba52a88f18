"""What is decided, without I/O and without keys: pure code that enclave, clients and verifiers run alike."""
