"""The demo company's invented customers and their two years."""

from bot.shop.sample.generate import SampleData, generate, write_truth
from bot.shop.sample.load import load

__all__ = ["SampleData", "generate", "load", "write_truth"]
