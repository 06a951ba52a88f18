"""Boot: `python -I -m tobari.enclave --link-fd N --platform virtual --root-fd M`. Started by the host, never by hand.

1. Fork the worker server, before any secret and any thread exists.
2. Measure the code, read the platform's root from its descriptor.
3. Lock down; from here on there is no file to write, no socket to open, nothing to execute.
4. Serve the stream.
"""

from __future__ import annotations

import argparse
import gc
import socket
import sys

from tobari.enclave import lockdown, loop, measure
from tobari.enclave.attester import Attester
from tobari.enclave.jobs import JobRunner
from tobari.enclave.keeper import Keeper
from tobari.enclave.platform.virtual import VirtualPlatform
from tobari.enclave.programs import available
from tobari.enclave.workers.job import Limits
from tobari.enclave.workers.server import WorkerServer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tobari.enclave", description="Started by 'tobari up'.")
    parser.add_argument("--link-fd", type=int, required=True)
    parser.add_argument("--platform", choices=["virtual"], required=True)
    parser.add_argument("--root-fd", type=int, required=True)
    options = parser.parse_args()

    workers = WorkerServer.start()
    # What a command leaves behind is freed when the last name for it goes. Looking for cycles among all that the keeper
    # remembers, as often as Python does of itself, would cost each command some 5 % and find next to nothing.
    gc.set_threshold(100_000, 50, 100)
    platform = VirtualPlatform.from_descriptor(options.root_fd, measurement=measure.measure_code())
    programs = available()
    digests = {name: measure.program_digest(type(program)) for name, program in programs.items()}
    stream = socket.socket(fileno=options.link_fd)

    guards = [*lockdown.apply(), *(f"worker-{guard}" for guard in workers.guards)]
    jobs = JobRunner(workers=workers, limits=Limits())
    attester = Attester(platform=platform, programs=digests, guards=guards)
    keeper = Keeper(platform=platform, programs=programs, attester=attester)
    return loop.run(stream, keeper=keeper, jobs=jobs)


if __name__ == "__main__":
    sys.exit(main())
