"""`tobari demo`: a joint computation on real data that nobody else sees, each claim checked (docs/tutorial/demo.md).

Three hospitals, an analyst, an operator and a stranger, each with files and keys of its own, meet over HTTP at a real
service. Every line printed is the outcome of a check; the first that fails ends the demo with exit code 1.
"""
