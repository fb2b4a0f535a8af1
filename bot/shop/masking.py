"""What is shown of a customer's contact: as much hidden as still tells two people apart, since a screen has more than one reader."""

from __future__ import annotations

from bot.shop.protocol import Contact


def masked(contact: Contact) -> dict[str, str]:
    """Return phone, email and address as they may be shown; the name is `mask_name`'s, where it is not called by it."""
    return {"phone": mask_phone(contact.phone), "email": mask_email(contact.email), "address": mask_tail(contact.address)}


def mask_name(name: str) -> str:
    """Keep a Chinese family name, or the initials of other names."""
    if " " in name:
        return " ".join(part[0] + "." for part in name.split())
    return name[:1] + "*" * (len(name) - 1)


def mask_phone(phone: str) -> str:
    return "*" * max(0, len(phone) - 4) + phone[-4:]


def mask_email(email: str) -> str:
    name, at, host = email.partition("@")
    return f"{name[:1]}***{at}{host}" if at else ""


def mask_tail(text: str) -> str:
    """Keep the first third, which of a Chinese address says the town and not the door."""
    kept = len(text) // 3
    return text[:kept] + "*" * 4 if text else ""
