"""What a person may ask of us about themselves: all that is held, its erasure, no profiling; and how long anything is kept.

It stands above the conversations because it reaches the data of every layer, and only entry points call it.
"""
