"""Mail servers on loopback, other people's: pymap keeps the mailbox, aiosmtpd takes what we send and answers as its script says."""

from __future__ import annotations

import asyncio
import imaplib
import socket
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer
from pysasl.hashing import BuiltinHash

USER, PASSWORD = "service@company.example", "pw"


@dataclass
class MailSays:
    """What the SMTP server answers a mail; `delay_s` comes before the answer, when the mail is already taken."""

    line: str = "250 OK"
    delay_s: float = 0


@dataclass
class MailServers:
    imap: str
    smtp: str
    received: list[EmailMessage] = field(default_factory=list)
    script: list[MailSays] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list)  # of OAuth, as they were shown

    async def deliver(self, *mails: bytes, ago_s: float = 5) -> None:
        """Put mails into the mailbox, as if they had come so long ago."""

        def append() -> None:
            box = imaplib.IMAP4("127.0.0.1", int(self.imap.rpartition(":")[2]))
            box.login(USER, PASSWORD)
            for mail in mails:
                box.append("INBOX", None, datetime.now(UTC) - timedelta(seconds=ago_s), mail)
            box.logout()

        await asyncio.to_thread(append)

    # What aiosmtpd asks of a handler.
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.received.append(message_from_bytes(envelope.content or b"", policy=default))  # type: ignore[arg-type]
        says = self.script.pop(0) if self.script else MailSays()
        await asyncio.sleep(says.delay_s)
        return says.line

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        self.tokens.append(args[1].encode())
        return AuthResult(success=True)


@asynccontextmanager
async def mail_servers() -> AsyncIterator[MailServers]:
    wanted = dict.fromkeys(["cert", "key", "passlib_cfg", "proxy_protocol", "inherited_sockets"])
    arguments = Namespace(
        host="127.0.0.1", port=0, debug=False, tls=False, demo_data=False, demo_user=USER, demo_password=PASSWORD, **wanted
    )
    backend, config = await DictBackend.init(
        arguments, secure_auth=False, reject_dnsbl=False, invalid_user_sleep=0, hash_context=BuiltinHash(rounds=1)
    )
    config.apply_context()
    mailbox = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(backend.login, config))
    imap = await asyncio.start_server(mailbox, sock=socket.create_server(("127.0.0.1", 0)))

    def knows(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    listening = socket.create_server(("127.0.0.1", 0))
    running = MailServers(
        *(f"{scheme}://127.0.0.1:{port.getsockname()[1]}" for scheme, port in (("imap", imap.sockets[0]), ("smtp", listening)))
    )

    def talk() -> SMTP:
        return SMTP(
            running,
            hostname="mail.example",
            authenticator=knows,
            auth_require_tls=False,
            auth_exclude_mechanism=["LOGIN"],
        )

    smtp = await asyncio.get_running_loop().create_server(talk, sock=listening)
    try:
        yield running
    finally:
        for server in (imap, smtp):
            server.close()
            await server.wait_closed()
