"""`python -m bot.cli`, where the console command is not installed."""

from bot.cli import main

main()
