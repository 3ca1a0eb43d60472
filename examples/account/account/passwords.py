"""Salted password hashes: `scrypt$<n>$<r>$<p>$<salt>$<hash>`, so that the cost can be raised without a migration."""

import hashlib
import hmac
import os

N, R, P = 2**14, 8, 1


def hash_password(password: str, salt: bytes | None = None) -> str:
    salt = os.urandom(16) if salt is None else salt
    return "$".join(["scrypt", str(N), str(R), str(P), salt.hex(), _derive(password, salt, N, R, P).hex()])


def verify_password(password: str, stored: str) -> bool:
    kind, n, r, p, salt, expected = stored.split("$")
    if kind != "scrypt":
        raise ValueError(f"unknown password hash kind {kind!r}")
    return hmac.compare_digest(_derive(password, bytes.fromhex(salt), int(n), int(r), int(p)).hex(), expected)


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, dklen=32)
