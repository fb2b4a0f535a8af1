"""E-mail: a mailbox that is looked into by IMAP, answers by SMTP.

The From address proves nothing, so it is nobody's identity here. Each new mail is a thread of its own, and only who answers a mail of ours,
whose Message-ID nobody else knows and nobody can make up, gets into its conversation.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from email.encoders import encode_base64
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formataddr, formatdate
from urllib.parse import urlencode, urlsplit

import msgspec
import regex

from bot.channels.base import (
    Batch,
    Channel,
    Outgoing,
    Pulled,
    Receipt,
    Traits,
    Unit,
    WebhookRequest,
    unsigned,
)
from bot.channels.files import ANYTHING, MB, SentFile, Takes
from bot.channels.mail_apart import Read
from bot.channels.mail_reading import Mail
from bot.channels.reading import LONGEST_USER, same
from bot.channels.vendor import (
    AccessToken,
    Call,
    Reason,
    VendorAnswer,
    check_status,
)
from bot.errors import InputError, SettingError, TransportError
from bot.languages import notice
from bot.messages import InboundMessage, Kind
from bot.settings import ChannelSettings

WRITER, PROOF = 10, 14  # hexadecimal digits: 40 bits that tell a customer's threads apart, 56 that nobody can guess
LATER_S = 60.0  # a server that puts us off wants minutes, not seconds
LONGEST_SUBJECT = 90

_PLAIN = regex.compile(r"[A-Za-z0-9.+_=-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_FOLDER = regex.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,100}")
_REPLY = regex.compile(r"(?:(?:re|aw|回复|答复|回覆|转发|fwd?)\s?[:：]\s*)+", regex.IGNORECASE)

log = logging.getLogger(__name__)


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 3600


class Email(Channel):
    kind = "email"
    required = ("ADDRESS", "PASSWORD", "IMAP", "SMTP", "SECRET")
    optional = ("USER", "NAME", "FOLDER", "TOKEN_URL", "CLIENT_ID", "REFRESH_TOKEN", "SCOPE", "LANGUAGE")
    traits = Traits(
        unit=Unit.CHARACTERS,
        longest=20_000,
        merges=True,
        quiet=True,
        per_s=1,
        keeps_reply_token=True,
        poll_s=15,
        most_an_hour=20,
        new_an_hour=1000,  # a night's mails, read at once after a standstill, are fewer
        files=(Takes(ANYTHING, 15 * MB),),  # many servers take 25 MB, in which base64 is a third
    )

    def __init__(self, settings: ChannelSettings) -> None:
        super().__init__(settings)
        self._address = settings.get("ADDRESS").lower()
        self._secret = settings.get("SECRET").encode()
        self._folder = settings.get("FOLDER", "INBOX")
        if not _PLAIN.fullmatch(self._address):
            raise SettingError(f"{settings.setting('ADDRESS')} is {self._address!r}; it must be like service@company.example")
        if len(self._secret) < 16:
            raise SettingError(f"{settings.setting('SECRET')} is shorter than 16 characters; make one with: openssl rand -hex 32")
        if not _FOLDER.fullmatch(self._folder):
            raise SettingError(f"{settings.setting('FOLDER')} is {self._folder!r}; write it as IMAP does, in ASCII: INBOX")
        self._imap = _server(settings, "IMAP", "imap")
        self._smtp = _server(settings, "SMTP", "smtp")
        self._domain = self._address.partition("@")[2]
        self._own_id = regex.compile(rf"<[0-9a-f]{{32}}\.([0-9a-f]{{{WRITER + PROOF}}})@{regex.escape(self._domain)}>")

    def parse(self, request: WebhookRequest) -> Batch:
        """Nobody calls us: mail is fetched."""
        raise unsigned(self.name)

    def pull(self, *, cursor: str, signal: str, token: str) -> Call:
        validity, after, since = cursor.split(":") if cursor.count(":") == 2 else ("", "0", "")
        return Call("IMAP", self._imap, headers={**self._login(token), "validity": validity, "after": after, "since": since})

    def read_pull(self, answer: VendorAnswer, *, since: float) -> Pulled:
        self._check_login(answer)
        said = answer.headers
        messages, receipts = [], []
        for read in msgspec.msgpack.decode(answer.body, type=list[Read]):
            try:
                mail = read.mail
                if mail is None:
                    raise InputError(read.left_out)
                if mail.bounced:
                    receipts += self._undelivered(mail)
                elif not mail.automatic and not self._is_our_own(mail):
                    messages += self._inbound(mail, fallback=f"{said['validity']}:{read.uid}")
            except InputError as error:
                log.info("mail %s on %s is left out: %s", read.uid, self.name, error)
        cursor = f"{said['validity']}:{said['after']}:{said['now']}"
        return Pulled(Batch(messages=messages, receipts=receipts), cursor, bool(said["more"]))

    def _undelivered(self, mail: Mail) -> list[Receipt]:
        return [Receipt(each, "failed") for each in mail.references if self._own_id.fullmatch(each)][:1]

    def _is_our_own(self, mail: Mail) -> bool:
        return mail.sender == self._address or self._own_id.fullmatch(mail.id) is not None

    def _inbound(self, mail: Mail, *, fallback: str) -> list[InboundMessage]:
        token = self._token_of(mail)
        text = mail.text
        if not token:
            token = self._new_token(mail.sender, mail.id or fallback)
            # The first mail's subject is half of what it says.
            text = text if mail.subject and mail.subject in text else "\n".join(filter(None, (_REPLY.sub("", mail.subject, count=1), text)))
        if not text and not mail.attachments:
            return []
        longest = LONGEST_USER - WRITER - PROOF - 1
        if len(mail.sender) > longest:
            raise InputError(f"a sender's address is longer than {longest} characters")
        said = self.inbound(
            f"{mail.sender}/{token}",
            mail.id or f"uid.{fallback}",
            text=text,
            kind=Kind.TEXT if text else mail.attachments[0].kind,
            attachments=mail.attachments,
        )
        answered = f"{mail.id if len(mail.id) <= 150 else ''}\n{_REPLY.sub('', mail.subject, count=1)[:LONGEST_SUBJECT]}"
        return [msgspec.structs.replace(said, reply_token=answered)]

    def build(self, outgoing: Outgoing, *, token: str) -> Call:
        address, _, thread = outgoing.channel_user.partition("/")
        thread = thread or self._new_token(address, outgoing.key)  # `yingda channels send`
        own_id = f"<{outgoing.key.replace('-', '')}.{thread}@{self._domain}>"
        body = self._mail(outgoing, to=address, own_id=own_id)
        return Call("SMTP", self._smtp, body, {**self._login(token), "from": self._address, "to": address, "id": own_id})

    def _mail(self, outgoing: Outgoing, *, to: str, own_id: str) -> bytes:
        answered, _, subject = outgoing.reply_token.partition("\n")
        mail = _with_file(outgoing.file, outgoing.language) if outgoing.file else MIMEText(outgoing.text, "plain", "utf-8")
        mail["From"] = formataddr((self.settings.get("NAME"), self._address), "utf-8")
        mail["To"] = to
        # By machine without the customer's words: who writes under another's address would have us send them these.
        theirs = subject if outgoing.sender == "agent" else ""
        mail["Subject"] = Header(f"Re: {theirs}" if theirs else notice("mail_subject", outgoing.language), "utf-8").encode()
        mail["Date"] = formatdate(outgoing.at)
        mail["Message-ID"] = own_id
        if answered:
            mail["In-Reply-To"] = answered
            mail["References"] = answered
        mail["X-Loop"] = self._address
        if outgoing.sender != "agent":
            mail["Auto-Submitted"] = "auto-replied"  # RFC 3834: whoever answers by machine keeps silent
            mail["X-Auto-Response-Suppress"] = "All"
        return mail.as_bytes(policy=compat32.clone(linesep="\r\n", max_line_length=None))

    def read(self, answer: VendorAnswer) -> str:
        status = answer.status
        if 200 <= status < 300:
            return answer.headers.get("id", "")
        self._check_login(answer)
        if status == 421:
            raise TransportError("the mail server answered 421", reason=Reason.RATE, retry_after_s=LATER_S)
        if 400 <= status < 500:
            raise TransportError(f"the mail server answered {status}", reason=Reason.UNREACHABLE, retry_after_s=LATER_S)
        raise TransportError(f"the mail server answered {status}", reason=Reason.REFUSED, permanent=True)

    def probe(self, *, token: str) -> Call:
        return Call("CHECK", self._smtp, headers={**self._login(token), "mailbox": self._imap})

    def read_probe(self, answer: VendorAnswer) -> None:
        self.read(answer)

    def token_call(self) -> Call | None:
        """Ask for an OAuth access token, where the provider takes no passwords: PASSWORD is then the client's secret."""
        url = self.settings.get("TOKEN_URL")
        if not url:
            return None
        refresh = self.settings.get("REFRESH_TOKEN")
        form = {
            "client_id": self.settings.get("CLIENT_ID"),
            "client_secret": self.settings.get("PASSWORD"),
            "scope": self.settings.get("SCOPE"),
            **({"grant_type": "refresh_token", "refresh_token": refresh} if refresh else {"grant_type": "client_credentials"}),
        }
        body = urlencode({name: value for name, value in form.items() if value}).encode()
        return Call("POST", url, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def read_token(self, answer: VendorAnswer) -> AccessToken:
        check_status(answer)
        try:
            token = msgspec.json.decode(answer.body, type=_Token)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise TransportError("the provider gave no access token", reason=Reason.CREDENTIALS, retry_after_s=LATER_S) from error
        return AccessToken(token.access_token, token.expires_in)

    def _check_login(self, answer: VendorAnswer) -> None:
        if answer.headers.get("stage") == "login":
            raise TransportError(
                "the mail server does not take our password", reason=Reason.CREDENTIALS, retry_after_s=LATER_S, token_refused=True
            )
        if answer.headers.get("stage") == "folder":
            raise TransportError(f"there is no folder {self._folder}", reason=Reason.CREDENTIALS, retry_after_s=LATER_S)

    def _login(self, token: str) -> dict[str, str]:
        user = self.settings.get("USER", self._address)
        return {"user": user, "folder": self._folder, **({"token": token} if token else {"password": self.settings.get("PASSWORD")})}

    def _new_token(self, address: str, root: str) -> str:
        """Return the secret name of the thread that the mail `root` begins; the same mail always begins the same."""
        return self._seal(address, self._digits("root", address, root, most=WRITER))

    def _token_of(self, mail: Mail) -> str:
        """Return the name of the thread that the mail answers; empty unless we wrote a mail of it to this very address."""
        for each in mail.references:
            if (own := self._own_id.fullmatch(each)) and same(own[1], self._seal(mail.sender, own[1][:WRITER])):
                return str(own[1])
        return ""

    def _seal(self, address: str, writer: str) -> str:
        return writer + self._digits("thread", address, writer, most=PROOF)

    def _digits(self, *about: str, most: int) -> str:
        return hmac.new(self._secret, "\n".join(about).encode("utf8", "surrogatepass"), hashlib.sha256).hexdigest()[:most]


def _with_file(file: SentFile, language: str) -> MIMEMultipart:
    attached = MIMEBase(*file.mime.split("/", 1))
    attached.set_payload(file.data)
    encode_base64(attached)
    attached.add_header("Content-Disposition", "attachment", filename=("utf-8", "", file.name))
    mail = MIMEMultipart()
    mail.attach(MIMEText(notice("mail_file", language, name=file.name), "plain", "utf-8"))
    mail.attach(attached)
    return mail


def _server(settings: ChannelSettings, name: str, scheme: str) -> str:
    """Return a server's address; SettingError unless it is one."""
    url = settings.get(name)
    parts = urlsplit(url)
    if parts.scheme not in {scheme, f"{scheme}s"} or not parts.hostname or parts.username or parts.path.strip("/"):
        raise SettingError(f"{settings.setting(name)} is {url!r}; it must be like {scheme}s://{scheme}.company.example")
    return url
