"""What enclave, host and client say to each other: they meet here and nowhere else.

`command` travels sealed between client and enclave; `link` is the stream between enclave and host; `relay` is what the
host adds in the open; `objects` names sealed data at rest; `genesis` is the file a consortium starts from.
"""
