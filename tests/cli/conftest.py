"""The tests read English: what a command says is fixed when its module is imported, so the language is set before."""

from __future__ import annotations

import os

os.environ["TOBARI_LANG"] = "en"
