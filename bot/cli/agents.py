"""`yingda agents`."""

from __future__ import annotations

import secrets
import sys

import click
import sqlalchemy as sa

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.conversations.accounts import ROLES, add_agent, hash_password, new_agent
from bot.database.people import agent_sessions, agents
from bot.errors import NotFoundError


@click.group("agents", short_help="Manage the accounts of the people at the desk.")
def command() -> None:
    """Manage the accounts of the people at the desk."""


@command.command("add")
@click.argument("username")
@click.option("--name", default="", help="What customers see; the username if not given.")
@click.option("--role", type=click.Choice(ROLES), default="agent", show_default=True)
@click.option("--languages", default="zh,en", show_default=True, help="Languages served, with commas.")
@click.option("--topics", default="", help="Topics served, with commas; all if not given.")
@click.option("--capacity", default=10, show_default=True, help="Conversations at a time.")
@click.option("--password", "own", is_flag=True, help="Ask for a password (or read it from standard input) instead of inventing one.")
def add(username: str, name: str, role: str, languages: str, topics: str, capacity: int, own: bool) -> None:
    """Add an agent and print the password, which is kept as a hash only."""
    password = _ask() if own else _invent()
    row = new_agent(
        username=username,
        display_name=name,
        password=password,
        role=role,
        languages=_parts(languages),
        topics=_parts(topics),
        capacity=capacity,
    )
    with open_database(settings_here()) as engine, engine.begin() as connection:
        add_agent(connection, row)
    click.echo(f"{role} {username} can log in." + ("" if own else f" The password is {password} (it is not shown again)."))


@command.command("list")
def show() -> None:
    """List all agents."""
    with open_database(settings_here()) as engine, engine.begin() as connection:
        for row in connection.execute(sa.select(agents).order_by(agents.c.username)):
            topics = ",".join(row.topics) or "all topics"
            state = "" if row.active else "  deactivated"
            click.echo(f"{row.username:<20} {row.role:<10} {','.join(row.languages):<6} {topics}  {row.display_name}{state}")


@command.command("password")
@click.argument("username")
@click.option("--password", "own", is_flag=True, help="Ask for a password (or read it from standard input) instead of inventing one.")
def password(username: str, own: bool) -> None:
    """Set a new password; whoever is logged in by the old one is logged out."""
    new = _ask() if own else _invent()
    _change(username, password_hash=hash_password(new))
    click.echo("The password is changed." if own else f"The new password of {username} is {new} (it is not shown again).")


@command.command("deactivate")
@click.argument("username")
def deactivate(username: str) -> None:
    """Log an agent out and refuse further log-ins; what the agent wrote stays."""
    _change(username, active=False)
    click.echo(f"{username} cannot log in any more.")


@command.command("activate")
@click.argument("username")
def activate(username: str) -> None:
    """Let a deactivated agent log in again."""
    _change(username, active=True)
    click.echo(f"{username} can log in again.")


def _change(username: str, **values: object) -> None:
    with open_database(settings_here()) as engine, engine.begin() as connection:
        agent_id = connection.execute(sa.select(agents.c.id).where(agents.c.username == username)).scalar_one_or_none()
        if agent_id is None:
            raise NotFoundError(f"there is no agent {username!r}; `yingda agents list` shows them all")
        connection.execute(sa.update(agents).where(agents.c.id == agent_id).values(**values))
        connection.execute(sa.delete(agent_sessions).where(agent_sessions.c.agent_id == agent_id))


def _invent() -> str:
    return secrets.token_urlsafe(12)


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
