"""The enclave, taking a snapshot every so many entries: `python -I enclave.py EVERY --link-fd …`.

Nothing else differs from `python -I -m tobari.enclave`: ten thousand entries are too many for a test to wait for.
"""

import sys

from tobari.enclave import __main__ as boot
from tobari.enclave.keeper import Keeper

if __name__ == "__main__":
    every = int(sys.argv.pop(1))
    assert Keeper.__init__.__kwdefaults__ is not None
    Keeper.__init__.__kwdefaults__["snapshot_every"] = every
    sys.exit(boot.main())
