"""Personal data at rest: AES-256-GCM with the column's name as associated data, and a keyed index for equality look-up."""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.errors import SettingError

NONCE_BYTES = 12  # the size that NIST SP 800-38D recommends for GCM


class Cipher:
    """Encrypts values under one 32-byte key; a value moved to another column no longer decrypts."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise SettingError(f"YINGDA_DATA_KEY has {len(key)} bytes; AES-256 needs 32, as 64 hexadecimal digits")
        self._aead = AESGCM(key)
        self._index_key = hmac.digest(key, b"yingda equality index", hashlib.sha256)

    def encrypt(self, text: str, *, column: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, text.encode(), column.encode())

    def decrypt(self, data: bytes, *, column: str) -> str:
        try:
            return self._aead.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], column.encode()).decode()
        except InvalidTag as error:
            raise SettingError(f"a value of {column} does not decrypt: YINGDA_DATA_KEY is not the one it was written with") from error

    def index(self, text: str, *, column: str) -> str:
        """Return the value under which an equal text is found again: HMAC-SHA256, hexadecimal."""
        return hmac.new(self._index_key, f"{column}\0{text}".encode(), hashlib.sha256).hexdigest()
