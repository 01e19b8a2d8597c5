#!/usr/bin/env python3
"""Runs a load program on hakmem and on the wrong library, and checks what it prints.

usage: load_test.py PROGRAM LIBRARY [OPTION...]
"""
import json
import math
import os
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAM, LIBRARY, *OPTIONS = sys.argv[1:]
NAME = Path(PROGRAM).name


def run(*options, library=LIBRARY):
    environment = {**os.environ, "LD_PRELOAD": library or ""}
    return subprocess.run([PROGRAM, *OPTIONS, *options], env=environment, capture_output=True, text=True)


class LoadTest(unittest.TestCase):
    def test_prints_one_valid_json_line(self):
        done = run("--json", "--expect", LIBRARY)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("\n"), 1)
        line = json.loads(done.stdout)
        self.assertEqual((line["schema"], line["load"], line["allocator"]), ("hakmem-bench/1", NAME, "hakmem"))
        self.assertEqual(os.path.realpath(line["library"]), os.path.realpath(LIBRARY))
        self.assertRegex(line["version"], r"^\d+\.\d+\.\d+$")
        self.assertGreater(line["operations"], 0)
        self.assertGreater(line["peak_rss_bytes"], 500_000)
        self.assertTrue(math.isclose(line["ns_per_operation"] * line["operations"], line["seconds"] * 1e9, rel_tol=1e-4))
        self.assertTrue(math.isclose(line["ns_per_operation"] * line["operations_per_second"], 1e9, rel_tol=1e-4))
        for name, value in line["values"].items():
            self.assertRegex(name, r"_(ns|bytes|ratio|over_live)$")
            self.assertIsInstance(value, (int, float), name)

    def test_the_costs_of_sizes_add_up(self):
        line = json.loads(run("--json").stdout)
        sizes = line.get("sizes", [])
        if not sizes:
            self.skipTest("this load doesn't go from size to size")
        self.assertEqual([size["bytes"] for size in sizes], sorted({size["bytes"] for size in sizes}))
        self.assertEqual(sizes[0]["bytes"], line["parameters"]["least"])
        self.assertEqual(sizes[-1]["bytes"], line["parameters"]["most"])
        self.assertEqual(sum(size["operations"] for size in sizes), line["operations"])
        ns = sum(size["operations"] * size["ns_per_operation"] for size in sizes)
        self.assertTrue(math.isclose(ns, line["seconds"] * 1e9, rel_tol=1e-4))

    def test_says_its_parameters(self):
        parameters = json.loads(run("--json").stdout)["parameters"]
        given = [word[2:] for word in OPTIONS if word.startswith("--")]
        self.assertLessEqual(set(given), set(parameters))
        usage = run("--help").stdout
        for name in parameters:
            self.assertIn(f"--{name} ", usage)

    def test_prints_a_sentence_and_before_it_a_line_for_each_size(self):
        done = run("--expect", "hakmem")
        self.assertEqual(done.returncode, 0)
        sizes = r"( +\d+ bytes +[\d.e+]+ ns\n)*"
        histograms = r"(\w+_ns\n(  to +\d+ ns +[\d.]+ % #*\n)+)*"
        self.assertRegex(done.stdout, f"^{sizes}{histograms}" rf"{NAME}: .* ns each; peak RSS .*; on hakmem [\d.]+ \(/.*\)\n$")

    def test_refuses_the_wrong_library(self):
        for library, expected in ((None, "hakmem"), (None, LIBRARY), (LIBRARY, "glibc"), (LIBRARY, "/lib/libother.so")):
            done = run("--json", "--expect", expected, library=library)
            self.assertEqual((done.returncode, done.stdout), (3, ""), f"{library} for {expected}")
            self.assertRegex(done.stderr, rf"^{NAME}: refused: malloc is \w+'s \(/.*\), and --expect says {expected}\n$")

    def test_refuses_what_it_does_not_know(self):
        for wrong in (["--no-such"], ["what"], ["--expect-not", "x"], ["--expect"]):
            done = run(*wrong)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertTrue(done.stderr.startswith(f"{NAME}: "), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
