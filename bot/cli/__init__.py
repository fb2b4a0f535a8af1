"""`yingda`: the verbs. Each lives in a module of its own, imported when it is called, so that `yingda --help` answers at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from bot.cli.verbs import Verbs
from bot.errors import BotError

# verb: (module of bot.cli that holds `command`, what it does)
VERBS = {
    "up": ("up", "Start the whole system and keep it running."),
    "status": ("status", "Say whether the system runs and what is in it."),
    "train": ("train", "Train the bot when its configuration or examples have changed."),
    "nlu": ("nlu", "See what the bot understands."),
    "sample-data": ("sample", "Fill the embedded database with the demo shop's customers."),
    "customers": ("customers", "Customer data, churn risk, profiles, privacy."),
    "agents": ("agents", "Manage the accounts of the people at the desk."),
    "channels": ("channels", "See and try the messaging channels."),
    "shop": ("shop", "Check a company's own shop system against the protocol."),
    "backup": ("backup", "Write everything that cannot be made again into one file."),
    "rotate-key": ("rotate_key", "Write all personal data anew under a new key."),
    "restore": ("restore", "Put a backup in place of what is there."),
}


@click.group(cls=Verbs, verbs=VERBS, package="bot.cli", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="yingda", message="Yingda 应答 %(version)s")
def cli() -> None:
    """Yingda 应答: bilingual customer service on your own machine: a bot, the hand-off to a person, a desk.

    Begin with `yingda up`. Settings are environment variables or lines in .env; .env.example lists them all.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a verb. What goes wrong on purpose is one line and exit code 1."""
    try:
        cli.main(arguments, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except BotError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
