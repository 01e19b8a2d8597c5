#!/usr/bin/env python3
"""What bench/regress concludes from measurements, on made-up data, and what it says to mistakes.

usage: regress_test.py
"""
import collections
import math
import random
import subprocess
import unittest

from scripts import BENCH, script

from measure import loads, paired

regress = script("regress")


class Machine:
    """Runs two versions in turns on a machine whose speed drifts and whose rounds are disturbed now and then."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.speed = 1.0

    def time(self, true_time):
        self.speed *= math.exp(self.random.gauss(0, 0.03))
        disturbed = 1 + self.random.expovariate(3) if self.random.random() < 0.15 else 1
        return true_time * self.speed * disturbed * math.exp(self.random.gauss(0, 0.05))

    def ratio(self, true_ratio, rounds):
        times = paired.interleave(["before", "after"], rounds,
                                  lambda which: self.time(1.0 if which == "before" else true_ratio))
        return paired.compare(times["before"], times["after"])


class PairedTest(unittest.TestCase):
    def test_the_interval_covers_the_true_ratio_as_often_as_it_says(self):
        for rounds in (6, 7, 9, 15, 30):
            machine, true_ratio, runs = Machine(seed=rounds), 1.07, 2000
            covered = sum(r.low <= true_ratio <= r.high for r in (machine.ratio(true_ratio, rounds) for _ in range(runs)))
            self.assertGreaterEqual(covered / runs, 0.94, f"{rounds} rounds")

    def test_equal_versions_are_called_different_seldom(self):
        machine = Machine(seed=1)
        alarms = sum(machine.ratio(1.0, 9).differs() != 0 for _ in range(2000))
        self.assertLess(alarms / 2000, 0.06)

    def test_a_difference_beyond_the_noise_is_found(self):
        machine = Machine(seed=2)
        found = sum(machine.ratio(1.25, 9).differs() == 1 for _ in range(500))
        self.assertGreater(found / 500, 0.8)

    def test_with_few_rounds_there_is_no_verdict(self):
        self.assertIsNone(paired.interval_ranks(paired.LEAST_ROUNDS - 1))
        self.assertEqual(paired.interval_ranks(paired.LEAST_ROUNDS), (0, paired.LEAST_ROUNDS - 1))
        self.assertEqual(paired.compare([1.0] * 5, [2.0] * 5).differs(), 0)

    def test_the_direction_is_that_of_after_over_before(self):
        before, after = [10.0, 11, 12, 10, 11, 12], [20.0, 22, 24, 20, 22, 24]
        self.assertEqual(paired.compare(before, after), paired.Ratio(2.0, 2.0, 2.0))
        self.assertEqual((paired.compare(before, after).differs(), paired.compare(after, before).differs()), (1, -1))

    def test_differences_below_the_least_do_not_count(self):
        ratio = paired.compare([100.0] * 9, [101.0] * 9)
        self.assertEqual((ratio.differs(), ratio.differs(least=0.02)), (1, 0))
        ratio = paired.compare([101.0] * 9, [100.0] * 9)
        self.assertEqual((ratio.differs(), ratio.differs(least=0.02)), (-1, 0))

    def test_rounds_take_turns_and_the_warm_up_is_thrown_away(self):
        order = []
        results = paired.interleave("ab", 3, lambda name: order.append(name) or len(order))
        self.assertEqual("".join(order), "ba" + "ab" + "ba" + "ab")
        self.assertEqual(results, {"a": [3, 6, 7], "b": [4, 5, 8]})

    def test_each_name_follows_each_other_equally_often(self):
        for names, rounds in (("ab", 2), ("abc", 6), ("abcdefgh", 8), ("abcdefghi", 18)):
            orders = [paired.turn(names, number) for number in range(rounds)]
            self.assertTrue(all(sorted(order) == list(names) for order in orders))
            pairs = collections.Counter(pair for order in orders for pair in zip(order, order[1:]))
            self.assertEqual(len(pairs), len(names) * (len(names) - 1), names)
            self.assertEqual(len(set(pairs.values())), 1, names)


class RegressTest(unittest.TestCase):
    def judge(self, machine, true_ratio):
        measure = lambda: {"time": machine.ratio(true_ratio, 9)}  # noqa: E731
        return regress.judge_ratios("a load", measure(), measure, least=0.02)

    def test_equal_revisions_have_findings_in_less_than_one_figure_of_two_hundred(self):
        machine = Machine(seed=3)
        findings = sum(len(self.judge(machine, 1.0)) for _ in range(2000))
        self.assertLess(findings / 2000, 0.005)

    def test_a_slower_revision_is_found_and_said(self):
        machine = Machine(seed=4)
        found = [finding for _ in range(200) for finding in self.judge(machine, 1.4)]
        self.assertGreater(len(found) / 200, 0.9)
        self.assertRegex(str(found[0]), r"^SLOWER  a load, time: \+\d+\.\d %, \d.\d+ \[.*\], again .*$")
        self.assertTrue(all(finding.direction == 1 for finding in found))

    def test_what_the_second_measurement_does_not_find_is_no_finding(self):
        slower, equal = {"time": paired.Ratio(1.2, 1.1, 1.3)}, {"time": paired.Ratio(1.0, 0.9, 1.1)}
        faster = {"time": paired.Ratio(0.8, 0.7, 0.9)}
        self.assertEqual(len(regress.judge_ratios("x", slower, lambda: slower, 0.02)), 1)
        self.assertEqual(regress.judge_ratios("x", slower, lambda: equal, 0.02), [])
        self.assertEqual(regress.judge_ratios("x", slower, lambda: faster, 0.02), [])
        self.assertEqual(regress.judge_ratios("x", equal, lambda: self.fail("not needed"), 0.02), [])

    def test_more_memory_is_called_larger(self):
        grown = {"peak memory": paired.Ratio(1.2, 1.1, 1.3), "trough_rss_over_live": paired.Ratio(1.2, 1.1, 1.3)}
        findings = regress.judge_ratios("waves", grown, lambda: grown, 0.02)
        self.assertEqual([str(finding).split()[0] for finding in findings], ["LARGER", "LARGER"])

    def test_instructions_are_exact_but_for_half_of_one(self):
        self.assertEqual(regress.judge_counts("x", 50.0, 50.4), [])
        self.assertEqual(regress.judge_counts("x", 2000.0, 2009.0), [])
        [worse] = regress.judge_counts("x", 50.0, 51.0)
        [better] = regress.judge_counts("x", 51.0, 50.0)
        self.assertEqual((worse.direction, better.direction), (1, -1))
        self.assertEqual(str(worse), "SLOWER  x, instructions: +2.0 %, 50.0 to 51.0 instructions an operation")

    def test_mistakes_are_said(self):
        for words, status in ((["."], 2), ([".", ".", "--rounds", "5"], 2), ([".", ".", "no such load"], 125),
                              (["no-such-revision", "."], 125)):
            done = subprocess.run([BENCH / "regress", *words], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (status, ""), words)
            self.assertIn("regress: ", done.stderr)

    def test_lists_the_loads(self):
        done = subprocess.run([BENCH / "regress", "--list"], capture_output=True, text=True)
        self.assertEqual(len(done.stdout.splitlines()), len(loads.ROWS))


class LoadsTest(unittest.TestCase):
    def test_names_are_unique_and_each_row_has_its_program(self):
        names = [row.name for row in loads.ROWS]
        self.assertEqual(len(names), len(set(names)))
        for row in loads.ROWS:
            self.assertTrue((BENCH / "loads" / (row.words(False)[0] + ".cc")).is_file(), row.name)

    def test_the_figures_of_a_line_are_those_of_which_less_is_better(self):
        line = {"ns_per_operation": 5, "operations_per_second": 2e8, "peak_rss_bytes": 7, "live_bytes": 3,
                "rss_over_live": 2.3, "values": {"free_ns": 4}}
        self.assertEqual(loads.figures(line), {"time": 5, "peak memory": 7, "rss_over_live": 2.3, "free_ns": 4})


if __name__ == "__main__":
    unittest.main()
