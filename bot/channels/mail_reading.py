"""A mail's bytes, read: whom to answer, what it says without what it quotes, and whether a person wrote it at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import Header, decode_header
from email.message import Message
from email.utils import parseaddr

import lxml.etree
import lxml.html
import regex
from inscriptis.html_engine import Inscriptis

from bot.channels.mail_quotes import without_quotes
from bot.errors import InputError
from bot.messages import Attachment, Kind

LONGEST_TEXT = 100_000  # characters of a body that are read; a conversation keeps far fewer
DEEPEST = 20  # parts within parts
MOST_PARTS = 100

_ADDRESS = regex.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
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
# Mail programs' marks of what is quoted: Gmail, Apple and others, Yahoo, NetEase, Outlook, Feishu.
_QUOTED = (
    "//blockquote|//style|//script|//head|//*[contains(@class,'gmail_quote') or contains(@class,'yahoo_quoted') or "
    "contains(@class,'ntes-mailmaster-quote') or contains(@class,'lark-mail-quote') or @id='isReplyContent' or @id='divRplyFwdMsg']"
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


def read_mail(raw: bytes, *, place: str, whole: bool = True) -> Mail:
    """Read one mail; `place` is where its attachments are kept. InputError for one that nobody could be answered for."""
    message = message_from_bytes(raw.replace(b"\0", b""))
    leaves = list(_leaves(message))
    bounced = message.get_content_type() == "multipart/report" and "delivery-status" in _words(message.get("Content-Type"))
    references = [*_ids(message.get("In-Reply-To")), *reversed(_ids(message.get("References")))]
    if bounced:
        references += _ids_of_returned(message)
    sender = parseaddr(_words(message.get("Reply-To")))[1] or parseaddr(_words(message.get("From")))[1]
    sender = sender.strip().lower()
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
    for kind, read in (("text/plain", without_quotes), ("text/html", _from_html)):
        found = [_decoded(leaf) for leaf in texts if leaf.get_content_type() == kind]
        text = read("\n".join(found)[:LONGEST_TEXT]).strip()
        if text:
            return text
    return ""


def _from_html(page: str) -> str:
    """Return the page's text without what its program marks as quoted; with it, if nothing else is there."""
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True)
    everything = ""
    try:
        tree = lxml.html.document_fromstring(page.encode("utf8", "replace"), parser=parser)
        everything = Inscriptis(tree).get_text()
        for quoted in tree.xpath(_QUOTED):
            quoted.drop_tree()
        new = Inscriptis(tree).get_text()
    except (lxml.etree.LxmlError, ValueError):  # no page at all, or characters that no page may hold
        new = ""
    return without_quotes(new) or without_quotes(everything)


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return _decode(payload, str(part.get_param("charset") or "")) if isinstance(payload, bytes) else ""


def _decode(data: bytes, charset: str) -> str:
    """Return the bytes as text, by what they claim to be, and else by what they could be."""
    name = charset.strip("\"' ").lower()
    for encoding in ("gb18030" if name in _CHINESE else name, "utf-8", "gb18030"):
        try:
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
    return [str(found) for found in _ID.findall(_words(value))[:100]]


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
