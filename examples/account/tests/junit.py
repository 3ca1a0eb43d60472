"""Runs the tests of one module and writes JUnit XML:  python3 -m tests.junit tests.unit reports/unit.xml"""

import os
import sys
import time
import unittest
import xml.etree.ElementTree as xml


class Result(unittest.TextTestResult):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.suite = xml.Element("testsuite")

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()
        self._case = xml.SubElement(self.suite, "testcase", classname=type(test).__qualname__, name=test._testMethodName)

    def stopTest(self, test):
        self._case.set("time", f"{time.monotonic() - self._started:.3f}")
        super().stopTest(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note("failure", err)

    def addError(self, test, err):
        super().addError(test, err)
        if not hasattr(self, "_case"):  # A class that could not be set up has no test to blame.
            self._case = xml.SubElement(self.suite, "testcase", classname=str(test), name="set-up", time="0")
        self._note("error", err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        xml.SubElement(self._case, "skipped", message=reason)

    def _note(self, kind, err):
        where = self.failures if kind == "failure" else self.errors
        xml.SubElement(self._case, kind, message=str(err[1])).text = where[-1][1]


def main(module: str, path: str) -> int:
    started = time.monotonic()
    tests = unittest.defaultTestLoader.loadTestsFromName(module)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(tests)
    counts = {"tests": result.testsRun, "failures": len(result.failures), "errors": len(result.errors), "skipped": len(result.skipped)}
    for name, value in {"name": module, "time": f"{time.monotonic() - started:.3f}", **counts}.items():
        result.suite.set(name, str(value))
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    xml.ElementTree(result.suite).write(path, encoding="utf-8", xml_declaration=True)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
