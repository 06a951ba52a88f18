"""The `tobari` command (docs/reference/cli.md). It decides nothing: it reads arguments, calls the other zones, prints.

`main` knows the names of all commands and imports the one that is asked for. A command module holds a typer application
named `app` and imports at its top only what reading its arguments needs, so that help and verifying stay quick, and
verifying loads nothing that sees plaintext or ciphertext.
"""
