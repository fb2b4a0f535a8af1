"""How good data is, before and after cleaning, without showing any of it."""
