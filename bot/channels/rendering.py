"""A message as a channel shows it: text with cards as lines, and buttons of the channel's own or as numbers."""

from __future__ import annotations

from dataclasses import dataclass

from bot.channels.base import Choice, Traits
from bot.channels.choices import shown
from bot.languages import notice
from bot.messages import Button, Card, Message

# Notices after which the customer of a website sees buttons; a channel's customer types instead.
_WAITING = frozenset({"queue_position", "queue_position_and_wait", "nobody_there"})

# Where sends are few these say nothing that the customer needs.
IDLE_NOTICES = frozenset({"one_moment", "agent_gone", "bot_goes_on", "csat_thanks"})


@dataclass(frozen=True)
class Rendered:
    """What is to be said; `choices` are buttons of the channel's own, the others are numbers in the text."""

    text: str
    choices: tuple[Choice, ...] = ()


def render(message: Message, traits: Traits, *, numbered_before: int) -> Rendered:
    """Return the message for a channel; `numbered_before` buttons of the same turn have their numbers already."""
    content, language = message.content, message.language
    buttons = shown(content)
    if fits(buttons, traits):
        lines = [message.text, *(card_text(card, language) for card in content.cards)]
        choices = tuple(Choice(button.id, button.title) for button in buttons)
    else:
        lines, choices = _numbered(message, first=numbered_before + 1), ()
    lines += _typed_hints(message)
    return Rendered("\n\n".join(line for line in lines if line), choices)


def fits(buttons: list[Button], traits: Traits) -> bool:
    """Say whether the channel's own buttons can show them all."""
    return len(buttons) <= traits.buttons and all(len(button.title) <= traits.button_title for button in buttons)


def _numbered(message: Message, *, first: int) -> list[str]:
    """Return text, cards and buttons, each button with its number, and how to choose."""
    number = first
    lines = [message.text]
    for card in message.content.cards:
        lines.append("\n".join(part for part in (card_text(card, message.language), _numbers(card.buttons, number)) if part))
        number += len(card.buttons)
    lines.append(_numbers(message.content.buttons, number))
    return [*lines, notice("choose_by_number", message.language)]


def _numbers(buttons: list[Button], first: int) -> str:
    return "\n".join(f"{number}. {button.title}" for number, button in enumerate(buttons, first))


def card_text(card: Card, language: str) -> str:
    colon = "：" if language == "zh" else ": "
    head = " · ".join(part for part in (card.title, card.badge) if part)
    rows = [f"{label}{colon}{value}" if label else value for label, value in card.rows]
    steps = [f"{time}  {text}" for time, text in card.steps]
    return "\n".join(part for part in (head, card.subtitle, *rows, *steps) if part)


def _typed_hints(message: Message) -> list[str]:
    """Return what a customer without our buttons may type."""
    content = message.content
    hints = []
    if content.notice in _WAITING:
        hints.append(notice("waiting_by_text", message.language, bot=notice("button_bot", message.language)))
    if content.skippable:
        hints.append(notice("skip_by_text", message.language, skip=notice("button_skip", message.language)))
    if content.csat:
        hints.append(notice("csat_by_text", message.language))
    return hints
