"""``python -m harness.simulation``: the clock first, then everything else (see `server`)."""

import sys

from harness.simulation import clock

clock.install()

from harness.simulation import locks  # noqa: E402 - the clock comes first

locks.install()

from harness.simulation.server import main  # noqa: E402 - the clock comes first

sys.exit(main())
