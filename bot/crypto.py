"""Personal data at rest: AES-256-GCM with the column's name as associated data, and a keyed index for equality look-up.

A key is changed without a pause: new values are written under the current key, values of the older ones still decrypt, and an index is
looked for under all of them, until `yingda rotate-key` has written everything anew.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.errors import SettingError
from bot.settings import Settings

NONCE_BYTES = 12  # the size that NIST SP 800-38D recommends for GCM


class Cipher:
    """Encrypts values under one 32-byte key and decrypts those of the older keys too; a value moved to another column no longer decrypts.

    Which key a value is under is found by trying, newest first: an attempt takes 2 µs, and the values of before there were several
    keys need no mark.
    """

    def __init__(self, key: bytes, *older: bytes) -> None:
        for name, one in (("YINGDA_DATA_KEY", key), *(("YINGDA_DATA_KEY_OLD", one) for one in older)):
            if len(one) != 32:
                raise SettingError(f"{name} has {len(one)} bytes; AES-256 needs 32, as 64 hexadecimal digits")
        self._aeads = [AESGCM(one) for one in (key, *older)]
        self._index_keys = [hmac.digest(one, b"yingda equality index", hashlib.sha256) for one in (key, *older)]

    def encrypt(self, text: str, *, column: str) -> bytes:
        return self.seal(text.encode(), column=column)

    def decrypt(self, data: bytes, *, column: str) -> str:
        return self.open(data, column=column).decode()

    def seal(self, plain: bytes, *, column: str) -> bytes:
        """Encrypt what is no text."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aeads[0].encrypt(nonce, plain, column.encode())

    def open(self, data: bytes, *, column: str) -> bytes:
        for aead in self._aeads:
            plain = _opened(aead, data, column)
            if plain is not None:
                return plain
        raise SettingError(f"a value of {column} does not decrypt: neither YINGDA_DATA_KEY nor YINGDA_DATA_KEY_OLD is the key of it")

    def is_current(self, data: bytes, *, column: str) -> bool:
        """Say whether the value is under the current key."""
        return _opened(self._aeads[0], data, column) is not None

    def index(self, text: str, *, column: str) -> str:
        """Return the value under which an equal text is found again: HMAC-SHA256, hexadecimal, under the current key."""
        return _index(self._index_keys[0], text, column)

    def indexes(self, text: str, *, column: str) -> list[str]:
        """Return the values to look for, the current key's first: while keys are rotated, rows still hold an older one's."""
        return [_index(key, text, column) for key in self._index_keys]


def _index(key: bytes, text: str, column: str) -> str:
    return hmac.digest(key, f"{column}\0{text}".encode(), hashlib.sha256).hex()


def _opened(aead: AESGCM, data: bytes, column: str) -> bytes | None:
    try:
        return aead.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], column.encode())
    except InvalidTag:
        return None


def open_cipher(settings: Settings) -> Cipher:
    """Return the cipher of this installation's keys, the older ones included."""
    return Cipher(bytes.fromhex(settings.data_key), *(bytes.fromhex(key) for key in settings.older_data_keys))
