"""See `harness.probe.boot`."""

from harness.probe.boot import main

main()
