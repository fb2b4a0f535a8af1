"""How good the training data are, and how good the bot is with them."""
