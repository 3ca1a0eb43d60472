import os
import signal
import sys

from .accounts import Accounts
from .server import Server

port = int(os.environ.get("PORT", "8080"))
accounts = Accounts(os.environ.get("ACCOUNT_DB", ":memory:"))
server = Server(("", port), accounts, os.environ.get("SLUICE_COMMIT", "unknown"))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"account: listening on port {port}", flush=True)
try:
    server.serve_forever()
finally:
    server.server_close()
    accounts.close()
