"""HTTP in front of the accounts: JSON in, JSON out."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .accounts import Accounts, Duplicate, Invalid

LONGEST_BODY = 10_000


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], accounts: Accounts, commit: str):
        super().__init__(address, Handler)
        self.accounts = accounts
        self.commit = commit


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "account"
    timeout = 30

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._send(200, {"accounts": self.server.accounts.count()})
        elif self.path == "/version":
            self._send(200, {"service": "account", "commit": self.server.commit})
        else:
            self._send(404, {"message": "There is nothing here."})

    def do_POST(self) -> None:
        accounts = self.server.accounts
        try:
            if self.path == "/accounts":
                self._send(201, accounts.register(*self._fields("email", "name", "password")))
            elif self.path == "/sessions":
                account = accounts.sign_in(*self._fields("email", "password"))
                self._send(200, account) if account else self._send(401, {"message": "The address or the password is wrong."})
            else:
                self.close_connection = True
                self._send(404, {"message": "There is nothing here."})
        except Invalid as error:
            self._send(400, {"message": str(error)})
        except Duplicate as error:
            self._send(409, {"message": str(error)})

    def _fields(self, *names: str) -> list[str]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            # A body that is not too absurd is read to its end, or closing would reset the connection under our answer.
            if length.isdecimal() and int(length) <= 100 * LONGEST_BODY:
                self.rfile.read(int(length))
            self.close_connection = True
            raise Invalid(f"The body must be JSON of at most {LONGEST_BODY} bytes, with a Content-Length.")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError as error:
            raise Invalid("The body is not JSON.") from error
        values = [body.get(name) if isinstance(body, dict) else None for name in names]
        for name, value in zip(names, values):
            if not isinstance(value, str):
                raise Invalid(f"{name} must be a text.")
        return values

    def _send(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: addresses of people have no place there."""
