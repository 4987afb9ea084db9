"""``python -m harness.simulation``: the clock first, then everything else (see `server`)."""

import sys

from harness.simulation import clock

clock.install()

from harness.simulation import locks, shortcuts  # noqa: E402 - the clock comes first

locks.install()
shortcuts.before_imports()

from harness.simulation import template  # noqa: E402 - the clock comes first
from harness.simulation.server import main  # noqa: E402 - the clock comes first

template.load()
if "--template" in sys.argv:
    template.serve()

sys.exit(main())
