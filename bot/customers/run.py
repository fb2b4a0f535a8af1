"""The verbs of customer intelligence that the first start needs: train a churn model, make everybody's record."""

from __future__ import annotations

from bot.customers.churn.training import train
from bot.customers.refresh import refresh_profiles

__all__ = ["refresh_profiles", "train"]
