"""Runs against the built image; URL names it."""

import os
import unittest
import uuid

from .client import call

URL = os.environ.get("URL", "http://127.0.0.1:8080")


class Acceptance(unittest.TestCase):
    def test_is_healthy(self):
        self.assertEqual(call(f"{URL}/healthz")[0], 200)

    def test_was_built_from_this_commit(self):
        status, body = call(f"{URL}/version")
        self.assertEqual((status, body["service"]), (200, "account"))
        if "SLUICE_COMMIT" in os.environ:
            self.assertEqual(body["commit"], os.environ["SLUICE_COMMIT"])
        else:
            self.assertRegex(body["commit"], r"^\w+$")

    def test_a_person_registers_once_and_signs_in(self):
        person = {"email": f"{uuid.uuid4()}@example.com", "name": "Grace Hopper", "password": "a nanosecond of wire"}
        status, account = call(f"{URL}/accounts", person)
        self.assertEqual((status, account["name"]), (201, "Grace Hopper"))
        self.assertEqual(call(f"{URL}/accounts", person)[0], 409)
        self.assertEqual(call(f"{URL}/sessions", person), (200, account))
        self.assertEqual(call(f"{URL}/sessions", {**person, "password": "a guess of somebody"})[0], 401)

    def test_a_weak_password_is_refused_with_the_reason(self):
        status, body = call(f"{URL}/accounts", {"email": "weak@example.com", "name": "Weak", "password": "123"})
        self.assertEqual((status, body["message"]), (400, "password must have 10 to 200 characters."))
