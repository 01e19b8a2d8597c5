#!/usr/bin/env python3
"""bench/suite on the build at hand, a row of each kind in few rounds; its page on made-up results; its proofs.

usage: suite_test.py BUILD
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = sys.argv[1]
os.environ["BENCH_BUILD"] = BUILD

from scripts import BENCH, script  # noqa: E402

from measure import allocators, comparison, loads, page, programs  # noqa: E402

suite = script("suite")


def made_up_results(rounds=9, **hakmem):
    """Results with two peers and a reference; hakmem's values by row."""
    def row(name, own):
        figures = {"time": {"hakmem": own, "glibc": [200.0] * rounds, "fast": [100.0] * rounds, "least": [10.0] * rounds},
                   "peak memory": {"hakmem": [3e6] * rounds, "glibc": [2e6] * rounds, "fast": [4e6] * rounds},
                   "trough_rss_over_live": {"hakmem": [2.0] * rounds, "glibc": [7.0] * rounds, "fast": [6.0] * rounds}}
        return {"name": name, "kind": "load", "command": "x", "figures": figures, "failed": {}}

    about = {"version": "1", "library": "/lib/x", "sha256": "0" * 64, "peer": True}
    return {"date": "today", "commit": "abc", "machine": {"processor": "x"}, "quick": False, "rounds": rounds,
            "allocators": {"hakmem": about, "glibc": about, "fast": about, "least": about | {"peer": False}},
            "rows": [row(name, values) for name, values in hakmem.items()]}


class UpdateTest(unittest.TestCase):
    def test_a_row_measured_again_replaces_its_earlier_self_and_others_stay(self):
        results = made_up_results(first=[50.0] * 9, second=[130.0] * 9)
        suite.put_row(results, made_up_results(first=[70.0] * 9)["rows"][0])
        suite.put_row(results, made_up_results(third=[1.0] * 9)["rows"][0])
        self.assertEqual([row["name"] for row in results["rows"]], ["first", "second", "third"])
        self.assertEqual(results["rows"][0]["figures"]["time"]["hakmem"], [70.0] * 9)

    def test_rows_of_another_library_do_not_belong_there(self):
        now = made_up_results()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "results.json"
            file.write_text(json.dumps(made_up_results(first=[50.0] * 9)))
            self.assertEqual(suite.updatable(file, now)["rows"][0]["name"], "first")
            now["allocators"]["hakmem"] = now["allocators"]["hakmem"] | {"sha256": "1" * 64}
            with self.assertRaisesRegex(loads.Failed, "other allocators"):
                suite.updatable(file, now)


class MemoryTest(unittest.TestCase):
    def test_as_much_as_the_last_runs_needed_is_touched_before_a_run(self):
        code = ("import resource, sys; sys.path.insert(0, sys.argv[1]); from measure import memory\n"
                "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10\n"
                "run = memory.at_hand(lambda figures: figures)\n"
                "run({}); run({'peak memory': 100 << 20}); before = peak()\n"
                "print(run({'peak memory': 1}), peak() - before)")
        done = subprocess.run([sys.executable, "-c", code, BENCH], capture_output=True, text=True, check=True)
        figures, grown = done.stdout.rsplit(" ", 1)
        self.assertEqual(figures, "{'peak memory': 1}")
        self.assertGreater(int(grown), 90 << 20)


class PageTest(unittest.TestCase):
    def written(self, results, remarks=None):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "performance.md"
            page.write(results, file, Path(folder) / "performance", remarks or {})
            svg = (Path(folder) / "performance/time.svg").read_text()
            return file.read_text(), svg

    def test_ratios_are_to_the_best_peer_and_every_row_is_shown(self):
        text, svg = self.written(made_up_results(ahead=[50.0] * 9, behind=[130.0] * 9))
        self.assertIn("| ahead | ▼0.50 ±0.00 | 2.00 ±0.00 | 1 | 0.10 ±0.00 | fast 100 ns |", text)
        self.assertIn("| behind | ▲1.30 ±0.00 |", text)
        self.assertIn("| ahead: trough_rss_over_live | ▼0.33 ±0.00 | 1.17 ±0.00 | 1 | failed | fast 6 |", text)
        self.assertIn("| **geometric mean** | 0.81 | 2.00 | 1.00 | 0.10 | |", text)
        self.assertIn("<svg", svg)
        self.assertIn("behind", svg)

    def test_where_hakmem_is_behind_is_listed_with_its_reason(self):
        text, _ = self.written(made_up_results(slow=[130.0] * 9), {("slow", "time"): "it counts"})
        self.assertIn("| slow | time | 1.30 | fast | it counts |", text)
        self.assertIn("| slow | peak memory | 1.50 | glibc | not explained yet |", text)

    def test_noise_gives_no_mark(self):
        noisy = [90.0, 110, 95, 105, 100, 99, 101, 80, 120]
        text, _ = self.written(made_up_results(noisy=noisy))
        self.assertIn("| noisy | 1.00 ±0.10 |", text)

    def test_few_rounds_give_ratios_without_a_verdict(self):
        results = made_up_results(rounds=3, row=[130.0] * 3)
        text, _ = self.written(results)
        self.assertIn("| row | 1.30 ? |", text)
        self.assertIn("With fewer than 6 rounds nothing can be said.", text)

    def test_where_the_best_is_nothing_the_figures_themselves_are_shown(self):
        results = made_up_results(row=[50.0] * 9)
        results["rows"][0]["figures"]["shared_line_ratio"] = {"hakmem": [0.0] * 9, "glibc": [0.25] * 9, "fast": [0.0] * 9}
        text, _ = self.written(results)
        self.assertIn("| row: shared_line_ratio | 0 | 0.25 | 0 | - | - |", text)

    def test_an_allocator_that_failed_is_said(self):
        results = made_up_results(row=[50.0] * 9)
        del results["rows"][0]["figures"]["time"]["glibc"]
        results["rows"][0]["failed"] = {"glibc": "exit status 1"}
        text, _ = self.written(results)
        self.assertIn("- row on glibc: exit status 1", text)
        self.assertIn("| row | ▼0.50 ±0.00 | failed |", text)

    def test_the_remarks_file_is_read_and_names_rows_that_there_are(self):
        known = {row.name for row in loads.ROWS} | set(programs.ROWS)
        for row, _ in page.read_remarks(BENCH / "remarks.tsv"):
            self.assertIn(row, known)


class SuiteTest(unittest.TestCase):
    def test_writes_results_and_a_page_with_every_row(self):
        with tempfile.TemporaryDirectory() as folder:
            page, values = Path(folder) / "performance.md", Path(folder) / "results.json"
            done = subprocess.run([BENCH / "suite", "--quick", "--rounds", "1", "--allocators", "hakmem,glibc", "--only",
                                   "tiny", "--only", "lua", "--page", page, "--results", values],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            results = json.loads(values.read_text())
            text = page.read_text()
            self.assertTrue((Path(folder) / "performance/time.svg").is_file())
        self.assertEqual([row["name"] for row in results["rows"]], ["tiny", "lua"])
        self.assertEqual([row["failed"] for row in results["rows"]], [{}, {}])
        self.assertEqual(results["allocators"]["hakmem"]["library"], os.path.realpath(f"{BUILD}/libhakmem.so"))
        for said in ("| processor |", "| hakmem | 0.", "| tiny |", "| lua |", "short runs"):
            self.assertIn(said, text)

    def test_an_allocator_that_fails_leaves_the_others_their_row(self):
        def run(name):
            if name == "bad":
                raise loads.Failed("it crashed")
            return {"time": 1.0}

        row = comparison.measure("row", "load", "x", {"good": "good", "bad": "bad"}, 3, run, lambda allocator: None)
        self.assertEqual((row["figures"], row["failed"]), ({"time": {"good": [1.0] * 3}}, {"bad": "it crashed"}))


class ProofTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        programs.write_files(self.folder.name)

    def test_the_loader_names_the_malloc_of_each_process(self):
        found = allocators.find(only=["hakmem", "glibc"])
        programs.prove("lua", found["hakmem"], self.folder.name)
        programs.prove("lua", found["glibc"], self.folder.name)
        programs.prove("python", found["hakmem"], self.folder.name)  # lends out its stub of malloc

    def test_a_library_that_is_no_allocator_is_refused(self):
        fake = allocators.named("fake=/lib/x86_64-linux-gnu/libm.so.6")
        with self.assertRaisesRegex(loads.Failed, "the loader took malloc from .*libc.so.6"):
            programs.prove("lua", fake, self.folder.name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
