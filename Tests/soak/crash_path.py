"""Makes the pieces of the crash test importable: they are reused, not copied."""

import sys
from pathlib import Path

CRASH = Path(__file__).resolve().parent.parent / "crash"
if str(CRASH) not in sys.path:
    # At the end, so that nothing of the crash test hides a file beside this one.
    sys.path.append(str(CRASH))
