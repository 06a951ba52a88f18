"""Comparators: each runs in an environment of its own (`make bench-peers`), is started as a program, prints JSON.

Nothing of ours imports them, and they import nothing of ours: some have licences or pins that do not go with ours.
"""
