"""Registration and sign-in, kept in SQLite."""

import re
import sqlite3
import threading
import unicodedata

from .passwords import hash_password, verify_password

EMAIL = re.compile(r"[^@\s]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")
SCHEMA = "create table if not exists account (id integer primary key, email text not null unique, name text not null, password text not null)"


class Invalid(Exception):
    """Input that breaks a rule; the message is for the person who typed it."""


class Duplicate(Exception):
    """An account with this address exists."""


class Accounts:
    def __init__(self, path: str = ":memory:"):
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        with self._db:
            self._db.execute(SCHEMA)
        # Compared when no account is found, so that both refusals take equally long.
        self._nobody = hash_password("")

    def close(self) -> None:
        self._db.close()

    def count(self) -> int:
        with self._lock:
            return self._db.execute("select count(*) from account").fetchone()[0]

    def register(self, email: str, name: str, password: str) -> dict:
        email, name = normal_email(email), clean_name(name)
        check_password(password, email)
        hashed = hash_password(password)
        try:
            with self._lock, self._db:
                row = self._db.execute("insert into account (email, name, password) values (?, ?, ?)", (email, name, hashed))
        except sqlite3.IntegrityError as error:
            raise Duplicate(f"An account for {email} exists.") from error
        return {"id": row.lastrowid, "email": email, "name": name}

    def sign_in(self, email: str, password: str) -> dict | None:
        """The account, or None for an unknown address and a wrong password alike."""
        try:
            email = normal_email(email)
        except Invalid:
            return None
        with self._lock:
            row = self._db.execute("select id, email, name, password from account where email = ?", (email,)).fetchone()
        matches = verify_password(password, row[3] if row else self._nobody)
        return {"id": row[0], "email": row[1], "name": row[2]} if row and matches else None


def normal_email(email: str) -> str:
    email = unicodedata.normalize("NFKC", email).strip().casefold()
    if len(email) > 254 or not EMAIL.fullmatch(email):
        raise Invalid("email must be an address such as ada@example.com.")
    return email


def clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Invalid("name must have 1 to 100 characters.")
    return name


def check_password(password: str, email: str) -> None:
    if not 10 <= len(password) <= 200:
        raise Invalid("password must have 10 to 200 characters.")
    if len(set(password)) < 4:
        raise Invalid("password must have at least 4 different characters.")
    if email.split("@")[0] in password.casefold():
        raise Invalid("password must not contain the name of the address.")
