# SPDX-License-Identifier: GPL-2.0
"""Runs unittest cases and reports in KTAP, as kselftest expects."""
import os
import sys
import unittest

SKIPPED = 4     # KSFT_SKIP
TOOLS = os.path.dirname(os.path.realpath(__file__))
SCRIPTS = (os.environ.get("TOYTCP_SCRIPTS")
           or os.path.join(TOOLS, "..", "..", "scripts"))


def find_modules() -> None:
    """Makes the modules of scripts/toytcp importable, or skips the test."""
    modules = os.path.join(SCRIPTS, "toytcp.d")
    if not os.path.isdir(modules):
        print(f"TAP version 13\n1..0 # SKIP no {modules}: set TOYTCP_SCRIPTS")
        sys.exit(SKIPPED)
    sys.dont_write_bytecode = True
    sys.path.insert(0, modules)


class KtapResult(unittest.TestResult):
    """Prints a line for each case as it ends, its traceback before it."""

    def line(self, verdict: str, test: unittest.TestCase, tail: str = ""):
        name = test.id().split(".", 1)[1]
        print(f"{verdict} {self.testsRun} {name}{tail}", flush=True)

    def fail(self, test: unittest.TestCase, error) -> None:
        for line in self._exc_info_to_string(error, test).splitlines():
            print(f"# {line}")
        self.line("not ok", test)

    def addSuccess(self, test):
        self.line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)


def run(module: str = "__main__") -> int:
    """Runs every case of a module; returns the exit status."""
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    print(f"TAP version 13\n1..{suite.countTestCases()}", flush=True)
    result = KtapResult()
    suite.run(result)
    return 0 if result.wasSuccessful() else 1
