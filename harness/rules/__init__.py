"""Static rules, one file each."""
