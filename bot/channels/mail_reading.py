"""A mail's bytes, read: whom to answer, what it says without what it quotes, and whether a person wrote it at all."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import Header, decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import Compat32
from email.utils import parseaddr
from itertools import islice

import regex

from bot.channels.mail_html import html_text
from bot.channels.mail_quotes import without_quotes
from bot.errors import InputError
from bot.messages import Attachment, Kind

LONGEST_TEXT = 100_000  # characters of a body that are read; a conversation keeps far fewer
DEEPEST = 20  # parts within parts
MOST_PARTS = 100
# What the parser takes is these two multiplied: it looks for the end of each part that is open in each line.
MOST_LINES = 20_000
MOST_BOUNDARIES = 100
LONGEST_HEADER = 2000  # characters; the library's decoders take the square of it
LONGEST_REFERENCES = 8000
LONGEST_HEAD = 30_000  # bytes of a mail that could not be read whole

# Without "/", which stands between an address and its thread's name in our columns.
_ADDRESS = regex.compile(r"[A-Za-z0-9.!#$%&'*+=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_BOUNDARY = regex.compile(rb"boundary", regex.IGNORECASE)
_ID = regex.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{3,250}>")

# What mail programs say and mean: GB 18030 holds GB 2312 and GBK, and programs that say the smaller one use the larger.
_CHINESE = frozenset({"gb2312", "gb_2312-80", "gbk", "cp936", "ms936", "x-gbk", "euc-cn", "gb18030", "chinese"})

# RFC 3834 and what programs did before it. Whom a machine wrote for must not be answered by a machine.
_MACHINES = frozenset({"mailer-daemon", "postmaster", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply"})
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_MACHINE_HEADERS = ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "X-Loop", "Feedback-ID")
_AUTO_SUBJECT = regex.compile(
    r"\W{0,3}(?:自动回复|自动答复|自動回覆|休假回复|外出自动回复|Auto(?:matic)?[- ]?(?:reply|response)|Out of (?:the )?office)",
    regex.IGNORECASE,
)


@dataclass(frozen=True)
class Mail:
    id: str  # Message-ID with its brackets; empty when there is none
    sender: str  # the address that an answer goes to, in lower case
    subject: str
    text: str
    references: tuple[str, ...]  # ids of mails that it answers, the nearest first
    attachments: tuple[Attachment, ...]
    automatic: bool  # a machine wrote it
    bounced: bool  # a server could not deliver a mail; `references` name which


class _ShortHeaders(Compat32):
    """Headers as they come, cut: of what a mail answers the end, which is the nearest."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(list(sourcelines))
        return name, value[-LONGEST_REFERENCES:] if name.lower() == "references" else value[:LONGEST_HEADER]


_POLICY = _ShortHeaders()


def read_mail(raw: bytes, *, place: str, whole: bool = True) -> Mail:
    """Read one mail; `place` is where its attachments are kept. InputError for one that nobody could be answered for."""
    message = message_from_bytes(_cut(raw.replace(b"\0", b"")), policy=_POLICY)
    leaves = list(islice(_leaves(message), MOST_PARTS))
    bounced = message.get_content_type() == "multipart/report" and "delivery-status" in _words(message.get("Content-Type"))
    references = [*_ids(message.get("In-Reply-To")), *reversed(_ids(message.get("References")))]
    if bounced:
        references += _ids_of_returned(message)
    sender = _sender(message)
    if not _ADDRESS.fullmatch(sender) and not bounced:
        raise InputError("a mail names no address that could be answered")
    return Mail(
        id=next(iter(_ids(message.get("Message-ID"))), ""),
        sender=sender,
        subject=_words(message.get("Subject")),
        text=_text(leaves),
        references=tuple(dict.fromkeys(references)),
        attachments=tuple(
            _attachment(leaf, f"{place}:{number}", whole=whole) for number, leaf in enumerate(leaves, 1) if _is_attached(leaf)
        )[:10],
        automatic=bounced or _is_automatic(message, sender),
        bounced=bounced and "action: failed" in _delivery_status(message),
    )


def read_head(raw: bytes, *, place: str) -> Mail:
    """Read who sent a mail and what about, its body being one file that is not here; for a mail that cannot be read whole."""
    message = BytesHeaderParser(policy=_POLICY).parsebytes(raw[:LONGEST_HEAD].replace(b"\0", b""))
    sender = _sender(message)
    if not _ADDRESS.fullmatch(sender):
        raise InputError("a mail that cannot be read names no address that could be answered")
    return Mail(
        id=next(iter(_ids(message.get("Message-ID"))), ""),
        sender=sender,
        subject=_words(message.get("Subject")),
        text="",
        references=tuple(dict.fromkeys([*_ids(message.get("In-Reply-To")), *reversed(_ids(message.get("References")))])),
        attachments=(Attachment(kind=Kind.FILE, ref=place, mime="message/rfc822", size=len(raw)),),
        automatic=_is_automatic(message, sender),
        bounced=False,
    )


def _cut(raw: bytes) -> bytes:
    """Return the mail as far as it has lines and boundaries that can be read in a moment."""
    too_many = next(islice(_BOUNDARY.finditer(raw), MOST_BOUNDARIES, None), None)
    lines = raw[: too_many.start() if too_many else len(raw)].splitlines(keepends=True)
    return b"".join(lines[:MOST_LINES])


def _sender(message: Message) -> str:
    """Return whom an answer goes to: Reply-To only within From's domain, since else anybody could have us write to others."""
    answer_to, sender = (parseaddr(_words(message.get(name)))[1].strip().lower() for name in ("Reply-To", "From"))
    return answer_to if answer_to and answer_to.rpartition("@")[2] == sender.rpartition("@")[2] else sender


def _is_automatic(message: Message, sender: str) -> bool:
    said = _words(message.get("Auto-Submitted")).lower()
    return (
        said.partition(";")[0].strip() not in {"", "no"}
        or _words(message.get("Precedence")).strip().lower() in _BULK
        or _words(message.get("Return-Path")).strip() == "<>"
        or any(message.get(name) is not None for name in _MACHINE_HEADERS)
        or sender.partition("@")[0] in _MACHINES
        or message.get_content_type() == "multipart/report"
        or _AUTO_SUBJECT.match(_words(message.get("Subject"))) is not None
    )


def _leaves(message: Message, depth: int = 0) -> Iterator[Message]:
    """Yield the parts that hold something, in order; a mail within the mail is one of them."""
    if message.get_content_maintype() == "multipart" and message.is_multipart() and depth < DEEPEST:
        for part in _parts(message):
            yield from _leaves(part, depth + 1)
    else:
        yield message


def _parts(message: Message) -> list[Message]:
    inside = message.get_payload()
    return [part for part in inside[:MOST_PARTS] if isinstance(part, Message)] if isinstance(inside, list) else []


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text" or bool(_filename(part))


def _text(leaves: list[Message]) -> str:
    """Return the plain text, or the HTML's where there is none, without what is quoted."""
    texts = [leaf for leaf in leaves if not _is_attached(leaf)]
    for kind in ("text/plain", "text/html"):
        found = "\n".join(_decoded(leaf) for leaf in texts if leaf.get_content_type() == kind)[:LONGEST_TEXT]
        text = (without_quotes(found) if kind == "text/plain" else html_text(found, longest=LONGEST_TEXT)).strip()
        if text:
            return text
    return ""


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return _decode(payload, str(part.get_param("charset") or "")) if isinstance(payload, bytes) else ""


def _decode(data: bytes, charset: str) -> str:
    """Return the bytes as text, by what they claim to be, and else by what they could be."""
    name = charset.strip("\"' ").lower()
    for encoding in ("gb18030" if name in _CHINESE else name, "utf-8", "gb18030"):
        try:
            # Two of Python's codecs are for names of hosts, and take the square of the length.
            if codecs.lookup(encoding).name in {"punycode", "idna"}:
                continue
            return data.decode(encoding)
        except (LookupError, ValueError, TypeError):  # an unknown name, bytes that are none of it, a codec that is no text's
            continue
    return data.decode("gb18030" if name in _CHINESE else "utf-8", "replace")


def _words(value: object) -> str:
    """Return a header's words on one line, decoded."""
    if value is None:
        return ""
    try:
        pieces = decode_header(value if isinstance(value, Header) else str(value))
    except (HeaderParseError, ValueError, LookupError):
        pieces = [(str(value), None)]
    text = "".join(piece if isinstance(piece, str) else _decode(piece, charset or "") for piece, charset in pieces)
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _ids(value: object) -> list[str]:
    return [str(found) for found in _ID.findall(str(value or ""))[:100]]


def _filename(part: Message) -> str:
    try:
        return _words(part.get_filename())
    except (ValueError, LookupError, TypeError):  # a name in an encoding that nobody knows
        return ""


def _attachment(part: Message, ref: str, *, whole: bool) -> Attachment:
    payload = part.get_payload(decode=True)
    kind = {"image": Kind.IMAGE, "audio": Kind.VOICE, "video": Kind.VIDEO}.get(part.get_content_maintype(), Kind.FILE)
    return Attachment(
        kind=kind,
        ref=ref,
        name=_filename(part)[:200],
        mime=part.get_content_type()[:100],
        size=len(payload) if whole and isinstance(payload, bytes) else 0,
    )


def _delivery_status(message: Message) -> str:
    """Return a bounce's report to machines, in lower case."""
    return "\n".join(str(part) for part in _parts(message) if part.get_content_type() == "message/delivery-status").lower()


def _ids_of_returned(message: Message) -> list[str]:
    """Return the Message-ID of the mail, or of its headers, that a bounce brings back."""
    kinds = {"message/rfc822", "text/rfc822-headers"}
    returned = [part for part in _parts(message) if part.get_content_type() in kinds]
    return [found for part in returned for found in _ID.findall(str(part)[:20_000])[:20]]
