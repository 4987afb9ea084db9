"""``python -m harness.simulation``: the clock first, then everything else (see `server`)."""

import sys

from harness.simulation import clock

clock.install()

from harness.simulation import locks, shortcuts  # noqa: E402 - the clock comes first

locks.install()
shortcuts.before_imports()

from harness.simulation.server import main  # noqa: E402 - the clock comes first

sys.exit(main())
