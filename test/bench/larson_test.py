#!/usr/bin/env python3
"""bench/larson.sh on the build at hand.

usage: larson_test.py BUILD
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts import BENCH

from measure import larson_table

BUILD = sys.argv[1]
PROFILES = sorted(path.name for path in (BENCH / "profiles").iterdir())


def larson(*words, **variables):
    environment = {**os.environ, "LARSON_BUILD": BUILD, "LARSON_ROUNDS": "1", "LARSON_SECONDS": "0.05",
                   "LARSON_ALLOCATORS": "hakmem glibc", **variables}
    return subprocess.run([BENCH / "larson.sh", *words], env=environment, capture_output=True, text=True)


class LarsonTest(unittest.TestCase):
    def test_lists_every_profile_with_what_it_is(self):
        listed = larson("--list").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in listed], PROFILES)
        self.assertTrue(all(len(line.split()) > 3 for line in listed))

    def test_help_says_what_the_environment_does(self):
        usage = larson("--help").stdout
        script = (BENCH / "larson.sh").read_text()
        for name in ("ALLOCATORS", "ROUNDS", "SECONDS", "THREADS", "SEED", "BUILD", "LINES"):
            self.assertIn(f"  LARSON_{name}", usage)
            self.assertIn(f"${{LARSON_{name}:-", script)

    def test_every_profile_runs(self):
        done = larson(*PROFILES, "--lines", "-", "--", "--blocks", "2", LARSON_ALLOCATORS="hakmem")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(line["profile"], line["run_on"], line["allocator"]) for line in lines],
                         [(profile, "hakmem", "hakmem") for profile in PROFILES])
        self.assertTrue(all(line["parameters"]["blocks"] == 2 for line in lines))

    def test_prints_a_table_and_keeps_the_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "lines"
            done = larson("tiny-hot", "--lines", str(file), LARSON_ROUNDS="2", LARSON_THREADS="1", LARSON_SEED="7")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"^tiny-hot +million/s +of best")
            self.assertRegex(done.stdout, r"\n  hakmem +\d.*\n  glibc +\d")
            lines = [json.loads(line) for line in file.read_text().splitlines()]
        # the order is reversed every second round
        self.assertEqual([line["run_on"] for line in lines], ["hakmem", "glibc", "glibc", "hakmem"])
        self.assertEqual([line["allocator"] for line in lines], ["hakmem", "glibc", "glibc", "hakmem"])
        self.assertEqual({(line["parameters"]["threads"], line["parameters"]["seed"]) for line in lines}, {(1, 7)})

    def test_a_library_that_is_no_allocator_is_refused(self):
        done = larson("tiny-hot", "--with", "fake=/lib/libm.so.6", LARSON_ALLOCATORS="fake")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("larson: refused: malloc is glibc's", done.stderr)

    def test_mistakes_are_said(self):
        for words, variables in ((["no-such"], {}), (["--what"], {}), (["--with", "x"], {}), ([], {"LARSON_ROUNDS": "0"}),
                                 ([], {"LARSON_ALLOCATORS": "none-such"})):
            done = larson(*words, **variables)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertTrue(done.stderr.startswith("larson.sh: "), done.stderr)


class LarsonTableTest(unittest.TestCase):
    def test_a_row_an_allocator_with_its_share_of_the_best(self):
        def line(name, speed, **values):
            return {"profile": "p", "run_on": name, "operations_per_second": speed * 1e6, "peak_rss_bytes": 2**20,
                    "values": values}

        text = larson_table.table([line("a", 10), line("b", 4), line("a", 30), line("a", 20), line("b", 6, growth_ratio=1.5)])
        rows = [re.split(r"\s+", row.strip()) for row in text.splitlines()]
        self.assertEqual(rows[1:], [["a", "20", "1.00", "10-30", "1.0", "-"], ["b", "5", "0.25", "4-6", "1.0", "1.50"]])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
