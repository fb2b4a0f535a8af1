"""Measurements of the product against its bars: `python -m benchmarks.turns` and `python -m benchmarks.first_answer`."""
