"""What a channel is: it parses a request of its vendor into messages, and builds the request that sends one.

Both are pure: no channel opens a connection, reads a clock or a database. Retries, order, quotas, splitting and the wire are common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from bot.channels.files import SentFile, Takes
from bot.channels.reading import message_id, user_id
from bot.channels.vendor import AccessToken, Call, VendorAnswer, check_status
from bot.errors import AuthError
from bot.messages import Attachment, InboundMessage, Kind
from bot.settings import ChannelSettings


class Unit(StrEnum):
    """What a channel counts when it limits a text."""

    BYTES = "bytes"  # of UTF-8
    UTF16 = "utf16"  # code units
    CHARACTERS = "characters"  # code points
    SEPTETS = "septets"  # of GSM 7 bit, for texts of its alphabet
    SEGMENTS = "segments"  # of SMS: in GSM 7 bit where the text allows it, else in UCS-2


@dataclass(frozen=True)
class Traits:
    """What a channel can do, and what it allows. Each number's source is docs/channels.md."""

    unit: Unit
    longest: int  # of one text, in `unit`
    buttons: int = 0  # most buttons of one message; more than these, or 0: numbered text
    button_title: int = 0  # characters of a button's title; longer: numbered text
    button_text: int = 0  # of the text above buttons, in `unit`; 0: as any text
    window_s: float = 0  # after the customer's last message nothing can be sent any more; 0: no limit
    quota: int = 0  # sends after each of the customer's messages; 0: no limit
    kept_for_agents: int = 0  # of the quota
    merges: bool = False  # utterances that follow each other go out as one
    per_s: float = 20  # sends of the whole account
    pause_s: float = 0  # between two sends to one customer
    refuses_replays: bool = False  # the same signed request is taken once
    passive: bool = False  # we may speak only in the answer to the customer's request, which is held for it
    quiet: bool = False  # notices without news are left out, as they are where sends are few
    keeps_reply_token: bool = False  # what an answer refers to is good until the customer's next message
    poll_s: float = 0  # nothing tells us that there is something: look so often
    most_an_hour: int = 0  # messages of one correspondent; more are another machine's, and left out. 0: no limit
    new_an_hour: int = 0  # threads that all correspondents together begin; 0: no limit
    files: tuple[Takes, ...] = ()  # what agents can send


@dataclass(frozen=True)
class WebhookRequest:
    """A request as it came. Header names are in lower case; of a repeated query argument the first value counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: float  # seconds since 1970


@dataclass(frozen=True)
class Answer:
    """What the vendor is answered, when all that came is stored."""

    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


@dataclass(frozen=True)
class Receipt:
    """What became of a message that we sent: delivered, read or failed."""

    vendor_id: str
    state: str


@dataclass(frozen=True)
class Withdrawal:
    """The customer took a message back."""

    channel_user: str
    client_id: str


@dataclass(frozen=True)
class Consent:
    """The customer wants nothing from us any more, or again something."""

    channel_user: str
    stopped: bool


@dataclass(frozen=True)
class Batch:
    """All that one verified request says."""

    messages: list[InboundMessage] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    signal: str = ""  # there is something to pull, with this word of the vendor's
    replay_key: str = ""  # what a second sending of the same request would repeat
    answer: Answer = Answer()


@dataclass(frozen=True)
class Pulled:
    """What a pull brought, and from where the next one goes on."""

    batch: Batch
    cursor: str
    more: bool


@dataclass(frozen=True)
class Choice:
    id: str
    title: str


@dataclass(frozen=True)
class Outgoing:
    """One text for one customer, short enough for the channel, or one file."""

    channel_user: str
    text: str
    key: str  # the same when the same part is sent again; a UUID
    buttons: tuple[Choice, ...] = ()
    reply_token: str = ""
    conversation_id: str = ""
    sender: str = "bot"
    language: str = "zh"
    at: float = 0  # seconds since 1970, for signatures
    file: SentFile | None = None  # in the text's place


class Channel:
    """The base of every channel: one account, with its settings; its name is the inbox's id."""

    kind: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ()  # settings without which the channel does not exist
    optional: ClassVar[tuple[str, ...]] = ()
    traits: Traits  # of the kind; an account's settings may change them

    def __init__(self, settings: ChannelSettings) -> None:
        self.name = settings.name
        self.settings = settings

    def parse(self, request: WebhookRequest) -> Batch:
        """Verify the request, then read it; AuthError for one that the vendor did not sign, InputError for one that makes no sense."""
        raise NotImplementedError

    def inbound(
        self,
        user: str,
        key: str,
        *,
        text: str = "",
        button_id: str = "",
        kind: Kind = Kind.TEXT,
        attachments: Sequence[Attachment] = (),
        language: str = "",
    ) -> InboundMessage:
        """Return what the customer `user` says, by the vendor's id `key`; InputError when one of the two is missing or does not fit."""
        return InboundMessage(
            inbox_id=self.name,
            channel_user=user_id(user),
            client_id=message_id(key),
            text=text,
            button_id=button_id,
            kind=kind,
            attachments=list(attachments),
            language_hint=language or self.settings.get("LANGUAGE"),
            by_channel=True,
        )

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        """Make the request that sends the text or file; `token` is the access token, empty for a channel that needs none."""
        raise NotImplementedError

    def read(self, answer: VendorAnswer) -> str:
        """Return the vendor's id of what was sent, empty where it gives none; TransportError when it was not taken."""
        raise NotImplementedError

    def upload(self, file: SentFile, *, token: str) -> Call | None:
        """Make the request that hands a file to the vendor before it is sent; None where it goes with its message."""
        return None

    def read_upload(self, answer: VendorAnswer) -> str:
        """Return the vendor's id of the file; TransportError when it was not taken."""
        raise NotImplementedError

    def reply(self, message: InboundMessage, text: str, *, request: WebhookRequest) -> Answer:
        """Make the answer to the request that brought this message say the text; for passive channels."""
        raise NotImplementedError

    def probe(self, *, token: str) -> Call | None:
        """Make a harmless request that shows whether the vendor knows us; None where the vendor has none."""
        return None

    def read_probe(self, answer: VendorAnswer) -> None:
        """Raise TransportError unless the probe's answer says that all is well."""
        check_status(answer)

    def pull(self, *, cursor: str, signal: str, token: str) -> Call:
        """Make the request for what came after the cursor; for channels whose webhook only signals."""
        raise NotImplementedError

    def read_pull(self, answer: VendorAnswer, *, since: float) -> Pulled:
        """Read it, leaving out what is older than `since` (seconds since 1970); TransportError when there was no answer."""
        raise NotImplementedError

    def media(self, ref: str, kind: Kind, *, token: str) -> Call | None:
        """Make the request for a file that a customer sent, or for where it lies; None for a channel whose files cannot be fetched."""
        return None

    def read_media(self, answer: VendorAnswer, *, first: bool) -> Call | None:
        """Return the next request when the answer says where the file lies, None when it is the file; TransportError when it is neither.

        `first`: it answers the request of `media`. Which step it is, a body cannot tell: a customer's file may look like any of them.
        """
        check_status(answer)
        return None

    def token_call(self) -> Call | None:
        """Make the request for an access token; None for a channel that needs none."""
        return None

    def read_token(self, answer: VendorAnswer) -> AccessToken:
        raise NotImplementedError


def unsigned(name: str) -> AuthError:
    return AuthError(f"the request to channel {name!r} is not signed by its vendor; nothing was stored")
