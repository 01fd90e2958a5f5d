#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every mutation of selftests/mutants can still be made."""
import os
import subprocess
import sys
import unittest

import ktap

PROGRAM = os.path.join(ktap.SCRIPTS, "../selftests/mutants/mutants.py")


class Mutants(unittest.TestCase):
    def test_the_text_of_each_stands_in_the_core_once(self):
        result = subprocess.run([sys.executable, PROGRAM, "--check"],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertGreaterEqual(int(result.stdout.split()[0]), 60)


if __name__ == "__main__":
    sys.exit(ktap.run())
