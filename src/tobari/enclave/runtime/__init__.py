"""What a program is written against: Program, Transaction, maps, Job. Programs import this and nothing else of ours."""

from tobari.enclave.runtime.job import Column, Job, JobState, Source, Work
from tobari.enclave.runtime.maps import private_map, public_map, public_value
from tobari.enclave.runtime.program import Program, command, completion, query
from tobari.enclave.runtime.release import Release
from tobari.enclave.runtime.transaction import Transaction

__all__ = [
    "Column",
    "Job",
    "JobState",
    "Program",
    "Release",
    "Source",
    "Transaction",
    "Work",
    "command",
    "completion",
    "private_map",
    "public_map",
    "public_value",
    "query",
]
