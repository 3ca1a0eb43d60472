import os
import tempfile
import threading
import unittest

from account.accounts import Accounts, Duplicate, Invalid, clean_name, normal_email
from account.passwords import hash_password, verify_password
from account.server import Server

from .client import call

GOOD = "correct horse battery"


class Passwords(unittest.TestCase):
    def test_equal_passwords_have_different_hashes(self):
        self.assertNotEqual(hash_password(GOOD), hash_password(GOOD))

    def test_only_the_password_itself_matches(self):
        stored = hash_password(GOOD)
        self.assertTrue(verify_password(GOOD, stored))
        self.assertFalse(verify_password(GOOD + " ", stored))
        self.assertNotIn(GOOD, stored)

    def test_a_hash_with_an_older_cost_still_matches(self):
        older = "scrypt$1024$8$1$" + "00" * 16 + "$" + __import__("hashlib").scrypt(GOOD.encode(), salt=bytes(16), n=1024, r=8, p=1, dklen=32).hex()
        self.assertTrue(verify_password(GOOD, older))

    def test_an_unknown_kind_of_hash_is_an_error(self):
        with self.assertRaises(ValueError):
            verify_password(GOOD, "md5$1$1$1$00$00")


class Registration(unittest.TestCase):
    def setUp(self):
        self.accounts = Accounts()
        self.addCleanup(self.accounts.close)

    def test_registers_and_signs_in(self):
        made = self.accounts.register(" Ada@Example.com ", "Ada   Lovelace", GOOD)
        self.assertEqual(made, {"id": 1, "email": "ada@example.com", "name": "Ada Lovelace"})
        self.assertEqual(self.accounts.sign_in("ADA@example.com", GOOD), made)

    def test_a_second_account_of_the_same_address_is_refused_whatever_its_case(self):
        self.accounts.register("ada@example.com", "Ada", GOOD)
        with self.assertRaisesRegex(Duplicate, "An account for ada@example.com exists"):
            self.accounts.register("ADA@EXAMPLE.COM", "Other", GOOD)
        self.assertEqual(self.accounts.count(), 1)

    def test_of_many_at_once_exactly_one_wins(self):
        refused = []

        def register():
            try:
                self.accounts.register("ada@example.com", "Ada", GOOD)
            except Duplicate as error:
                refused.append(error)

        threads = [threading.Thread(target=register) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(refused), self.accounts.count()), (7, 1))

    def test_wrong_password_and_unknown_address_look_alike(self):
        self.accounts.register("ada@example.com", "Ada", GOOD)
        for email, password in [("ada@example.com", "wrong password"), ("bo@example.com", GOOD), ("no address", GOOD), ("bo@example.com", "")]:
            self.assertIsNone(self.accounts.sign_in(email, password))

    def test_weak_passwords_are_refused_with_the_reason(self):
        for password, reason in [("short", "10 to 200"), ("aaaaaaaaaabb", "4 different"), ("my-ada-password", "name of the address")]:
            with self.subTest(password), self.assertRaisesRegex(Invalid, reason):
                self.accounts.register("ada@example.com", "Ada", password)
        self.assertEqual(self.accounts.count(), 0)

    def test_addresses_and_names_are_checked(self):
        for email in ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "ada@example.com\n.evil", "x" * 250 + "@example.com"]:
            with self.subTest(email), self.assertRaises(Invalid):
                normal_email(email)
        for name in ["", "   ", "x" * 101, "a\u202eb"]:
            with self.subTest(name), self.assertRaises(Invalid):
                clean_name(name)

    def test_accounts_survive_a_restart(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "accounts.db")
            first = Accounts(path)
            first.register("ada@example.com", "Ada", GOOD)
            first.close()
            second = Accounts(path)
            self.assertIsNotNone(second.sign_in("ada@example.com", GOOD))
            second.close()


class Http(unittest.TestCase):
    def setUp(self):
        accounts = Accounts()
        server = Server(("127.0.0.1", 0), accounts, "abc123")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        for step in (accounts.close, server.server_close, server.shutdown):
            self.addCleanup(step)

    def test_tells_its_commit_and_health(self):
        self.assertEqual(call(f"{self.url}/version"), (200, {"service": "account", "commit": "abc123"}))
        self.assertEqual(call(f"{self.url}/healthz"), (200, {"accounts": 0}))

    def test_refuses_bodies_that_are_not_what_it_asks_for(self):
        for body in [b"{", b"[]", {"email": "ada@example.com", "name": "Ada"}, {"email": 1, "name": "Ada", "password": GOOD}, b"x" * 10_001]:
            with self.subTest(str(body)[:20]):
                self.assertEqual(call(f"{self.url}/accounts", body)[0], 400)
        self.assertEqual(call(f"{self.url}/elsewhere", {})[0], 404)

    def test_answers_never_hold_the_password(self):
        status, body = call(f"{self.url}/accounts", {"email": "ada@example.com", "name": "Ada", "password": GOOD})
        self.assertEqual((status, sorted(body)), (201, ["email", "id", "name"]))
