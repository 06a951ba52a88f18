"""SEES PLAINTEXT. The keeper with its keys, sessions, log and store, the programs it runs, and the jailed workers.

It runs as its own process, joined to the host by one stream (`tobari.base.messages.link`). Everything that arrives
there is hostile. The protocol does no I/O: `keeper` is a state machine, `loop` is the rim.
"""
