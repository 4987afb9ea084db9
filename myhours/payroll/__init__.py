"""Salaries: calculated once a month, paid exactly once."""
