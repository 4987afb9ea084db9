"""What all parts of myhours share: tasks by tier, dead letters, locks, limits, logs."""
