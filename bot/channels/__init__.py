"""Messaging channels: each a module of two pure halves, parse and send; what all have in common stands once."""
