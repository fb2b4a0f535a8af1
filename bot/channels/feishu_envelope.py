"""What Feishu encrypts under an app's Encrypt Key. Source: "事件解密" of the open platform's pages, whose example the tests hold."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.errors import AuthError

BLOCK = 16  # bytes


def decrypt(key: bytes, encrypted: str) -> bytes:
    """Return what is inside: AES-256-CBC, the key is the Encrypt Key's SHA-256, the IV stands in front; AuthError otherwise."""
    try:
        data = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AuthError("the encrypted part is not base64") from error
    if len(data) < 2 * BLOCK or len(data) % BLOCK:
        raise AuthError("the encrypted part is not a whole number of blocks")
    aes = Cipher(algorithms.AES(hashlib.sha256(key).digest()), modes.CBC(data[:BLOCK])).decryptor()
    plain = aes.update(data[BLOCK:]) + aes.finalize()
    if not 1 <= plain[-1] <= BLOCK:
        raise AuthError("the encrypted part does not decrypt under our key")
    return plain[: -plain[-1]]
