"""What became of the models and the offers once they were in use: drift, outcomes, effect, and one page with all of it."""
