"""Face recognition at the terminal."""
