"""Measurements: ratios within one run on one machine (bench/RESULTS.md). Not part of the wheel, and never a test.

make bench                       all of them
make bench ARGS='commands'       one of them
make bench ARGS='--keep'         and write what came out into bench/RESULTS.md
"""
