"""In place of the original's, which needs another package: the settings have its defaults."""
