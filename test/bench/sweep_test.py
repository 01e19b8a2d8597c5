#!/usr/bin/env python3
"""bench/sweep on the build at hand, a few sizes in few rounds; its page on made-up results.

usage: sweep_test.py BUILD
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

os.environ["BENCH_BUILD"] = BUILD = sys.argv[1]

from scripts import BENCH, script  # noqa: E402

from measure import sweep_page  # noqa: E402

sweep = script("sweep")

ROUNDS = 9
SIZES = [16, 17, 1000, 1050, 1100, 1200, 1300, 2**20, 2**21]


def made_up_results(hakmem, glibc=None, rounds=ROUNDS):
    """Results of one series; a figure a size, the same in each round, or a list of rounds."""
    figures = {str(size): {"hakmem": own if isinstance(own, list) else [own] * rounds,
                           "glibc": [other] * rounds}
               for size, own, other in zip(SIZES, hakmem, glibc or [10.0] * len(SIZES))}
    about = {"version": "1", "library": "/lib/x", "sha256": "0" * 64, "peer": True}
    row = {"name": "one", "title": "One block", "kind": "sweep", "command": "sweep --live 1", "figures": figures, "failed": {}}
    return {"date": "today", "commit": "abc", "machine": {"processor": "x"}, "quick": False, "rounds": rounds,
            "sweep": {"least": 16, "most": 2**21, "step": 5.0}, "allocators": {"hakmem": about, "glibc": about},
            "rows": [row]}


def written(results):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweep.md"
        sweep_page.write(results, file, Path(folder) / "sweep")
        return file.read_text(), (Path(folder) / "sweep/one.svg").read_text()


class SweepPageTest(unittest.TestCase):
    def test_a_cliff_is_named_with_its_sizes(self):
        text, svg = written(made_up_results([10.0, 10.0, 10.0, 12.0, 30.0, 31.0, 31.0, 31.0, 31.0]))
        self.assertIn("- 1.025 KiB → 1.074 KiB: 12 ns → 30 ns, 2.50 times", text)
        self.assertIn("| hakmem | 1 | 1.025 KiB → 1.074 KiB: 12 ns → 30 ns, 2.50 times |\n| glibc | 0 |  |", text)
        self.assertIn("<svg", svg)
        self.assertIn("hakmem", svg)

    def test_a_slope_is_no_cliff(self):
        text, _ = written(made_up_results([10.0, 12.0, 15.0, 20.0, 27.0, 35.0, 50.0, 60.0, 80.0]))
        self.assertIn("hakmem has no cliff in this series.", text)

    def test_noise_is_no_cliff(self):
        noisy = [9.0, 30.0, 8.0, 31.0, 9.0, 25.0, 8.0, 33.0, 20.0]
        text, _ = written(made_up_results([10.0, noisy] + [10.0] * 7))
        self.assertIn("hakmem has no cliff in this series.", text)

    def test_neighbouring_sizes_at_which_hakmem_is_behind_are_one_range(self):
        text, _ = written(made_up_results([10.0, 13.0, 11.0, 14.0, 10.0, 10.0, 10.0, 10.0, 15.0]))
        self.assertIn("| 17 B to 1.025 KiB | 2 | 1.35 | glibc | 1.40 at 1.025 KiB, glibc |", text)
        self.assertIn("| 2 MiB to 2 MiB | 1 | 1.50 | glibc | 1.50 at 2 MiB, glibc |", text)

    def test_a_fifth_more_than_the_best_peer_is_not_yet_behind(self):
        text, _ = written(made_up_results([11.0] * len(SIZES)))
        self.assertIn("At no size hakmem needs 1.2 times the best peer's cost or more.", text)

    def test_few_rounds_give_a_plot_without_a_verdict(self):
        text, svg = written(made_up_results([10.0] * 5 + [90.0] * 4, rounds=3))
        self.assertIn("With fewer than 6 rounds nothing can be said.", text)
        self.assertNotIn("cliffs |", text)
        self.assertIn("<svg", svg)

    def test_an_allocator_that_failed_is_said(self):
        results = made_up_results([10.0] * len(SIZES))
        for values in results["rows"][0]["figures"].values():
            del values["glibc"]
        results["rows"][0]["failed"] = {"glibc": "exit status 1"}
        text, _ = written(results)
        self.assertIn("- one on glibc: exit status 1", text)


class SweepTest(unittest.TestCase):
    def run_sweep(self, *words):
        with tempfile.TemporaryDirectory() as folder:
            page, values = Path(folder) / "sweep.md", Path(folder) / "sweep.json"
            done = subprocess.run([BENCH / "sweep", "--quick", "--rounds", "1", "--allocators", "hakmem,glibc", "--page", page,
                                   "--results", values, *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            plots = sorted(path.name for path in (Path(folder) / "sweep").iterdir())
            return json.loads(values.read_text()), page.read_text(), plots

    def test_every_series_goes_from_the_least_to_the_most_size(self):
        results, text, plots = self.run_sweep("--least", "1000", "--most", "100000")
        self.assertEqual([row["name"] for row in results["rows"]], list(sweep.SERIES))
        self.assertEqual(plots, sorted(f"{name}.svg" for name in sweep.SERIES))
        for row in results["rows"]:
            sizes = [int(size) for size in row["figures"]]
            self.assertEqual((min(sizes), max(sizes)), (1000, 100000))
            self.assertTrue(all(set(values) == {"hakmem", "glibc"} for values in row["figures"].values()))
        for said in ("short runs", *(title for title, _ in sweep.SERIES.values()), "from 1000 B to 97.66 KiB"):
            self.assertIn(said, text)

    def test_one_size_alone(self):
        results, _, _ = self.run_sweep("--least", "4096", "--most", "4096", "--only", "eight")
        self.assertEqual([(row["name"], list(row["figures"])) for row in results["rows"]], [("eight", ["4096"])])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
