#!/usr/bin/env python3
"""Instructions per malloc/free pair, counted by callgrind, against a table of what they may be.

usage: budget.py --pairs PROGRAM [--lib LIBRARY] [--table pairs.tsv] [MODE...]

Without --table nothing is judged, and all modes are counted. Callgrind is exact: the same library gives the same
numbers. Ends with 1 when a mode is over its budget, with 77 where there is no valgrind.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

ROUNDS = (20, 120)
PAIRS_PER_ROUND = 1000
MODES = ["mixed", "pingpong", "sized", "mid", "large", "big"]


def callgrind(lib, command, *options, file="/dev/null", **variables):
    """Runs a command on the library under callgrind, which writes to the file; what the run said, and its instructions."""
    environment = {**os.environ, **variables}
    environment.pop("LD_PRELOAD", None)
    if lib:
        environment["LD_PRELOAD"] = lib  # valgrind itself is static: it reaches the program alone
    words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={file}", *options, *command]
    result = subprocess.run(words, env=environment, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or not found:
        sys.exit(f"{' '.join(command)}: did not run under callgrind\n{result.stderr}")
    if lib and "cannot be preloaded" in result.stderr:
        sys.exit(f"{lib} can't be preloaded")
    return result, int(found.group(1))


def instructions(pairs, lib, mode, rounds):
    return callgrind(lib, [pairs, mode, str(rounds)])[1]


def cost(pairs, lib, mode):
    few, many = (instructions(pairs, lib, mode, rounds) for rounds in ROUNDS)
    return (many - few) / ((ROUNDS[1] - ROUNDS[0]) * PAIRS_PER_ROUND)


def read_table(file):
    rows = {}
    for line in open(file):
        if line.strip() and not line.startswith("#"):
            mode, most, why = line.rstrip("\n").split("\t")
            rows[mode] = (float(most), why)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", required=True)
    parser.add_argument("--lib", default="")
    parser.add_argument("--table")
    parser.add_argument("modes", nargs="*")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        print("no valgrind")
        return 77
    budget = read_table(arguments.table) if arguments.table else {}
    over = 0
    for mode in arguments.modes or list(budget) or MODES:
        counted = cost(arguments.pairs, arguments.lib, mode)
        most, why = budget.get(mode, (None, ""))
        too_many = most is not None and counted > most
        verdict = "" if most is None else f"\tof {most:.0f}\t{'OVER' if too_many else 'ok'}\t({why})"
        print(f"{mode}\t{counted:.2f}{verdict}", flush=True)
        over += too_many
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
