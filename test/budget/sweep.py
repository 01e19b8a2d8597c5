#!/usr/bin/env python3
"""Instructions per malloc/free pair at each size of the load `sweep`, counted by callgrind, against a table of bounds.

usage: sweep.py --load PROGRAM --lib LIBRARY [--table sweep.tsv] [--print]

A row of the table is a range of sizes, with so many blocks live, that one path serves: no size of it may cost more than
the bound, nor 1.5 times the size before it. Steps from row to row are known, and named where they are as steep. Without
--table nothing is judged; --print prints each size.

Ends with 1 when a size costs too much, with 77 where there is no valgrind.
"""
import argparse
import dataclasses
import json
import os
import re
import shutil
import sys
import tempfile

from budget import callgrind

STEP = 1.5  # times the size before it, that a size may cost
# Blocks live: what the load is told. With one, sizes beyond those that a cache keeps are counted too.
LOADS = {1: ["--rounds", "2", "--most", "70M"], 8: ["--rounds", "1"]}
# A tick comes by the clock, and would fall on any size: without it each run counts the same.
UNTIMED = {"HAKMEM_DECAY": "off"}


@dataclasses.dataclass
class Row:
    live: int
    least: int
    most: int
    bound: float
    why: str

    def __str__(self):
        return f"{self.live} live, {self.least} to {self.most} bytes"


def totals(file):
    """The instructions of each part of callgrind's output."""
    return [int(total) for total in re.findall(r"^totals: (\d+)", open(file).read(), re.M)]


def count(load, lib, live):
    """[(bytes, instructions of a pair)] of the sweep with so many blocks live."""
    command = [load, "--json", "--expect", lib, "--live", str(live), *LOADS[live]]
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "callgrind.out")
        dumps = ["--combine-dumps=yes", "--dump-after=*warm_up*", "--dump-after=*measure_size*"]
        result, _ = callgrind(lib, command, *dumps, file=file, **UNTIMED)
        parts = totals(file)
    sizes = json.loads(result.stdout)["sizes"]
    if len(parts) != 2 * len(sizes) + 1:
        sys.exit(f"{load}: {len(sizes)} sizes, but {len(parts)} parts; have its functions been renamed?")
    measured = parts[1::2]  # after each warm-up, which is thrown away
    return [(size["bytes"], total / size["operations"]) for size, total in zip(sizes, measured)]


def read_table(file):
    rows = []
    for line in open(file):
        if line.strip() and not line.startswith("#"):
            live, least, most, bound, why = line.rstrip("\n").split("\t")
            rows.append(Row(int(live), int(least), int(most), float(bound), why))
    return rows


def steep(costs):
    """Text of each size that costs STEP times the one before it."""
    return [(size, f"{cost:.2f}, {cost / cost_before:.2f} times the {cost_before:.2f} of {before} bytes")
            for (before, cost_before), (size, cost) in zip(costs, costs[1:]) if cost > STEP * cost_before]


def check(row, costs):
    """Prints what a row's sizes cost. Returns how many things are wrong with them."""
    mine = [(size, cost) for size, cost in costs if row.least <= size <= row.most]
    if not mine:
        print(f"{row}: no size of the sweep lies there")
        return 1
    wrong = [f"OVER  {size} bytes: {cost:.2f} of {row.bound:g}" for size, cost in mine if cost > row.bound]
    wrong += [f"STEP  {size} bytes: {text}" for size, text in steep(mine)]
    dearest = max(mine, key=lambda one: one[1])
    print(f"{row}: up to {dearest[1]:.2f} (at {dearest[0]}) of {row.bound:g}\t{'WRONG' if wrong else 'ok'}\t({row.why})")
    for known in [text for size, text in steep(costs) if size == mine[0][0]]:
        print(f"  begins with a step: {known}")
    for line in wrong:
        print(f"  {line}")
    return len(wrong)


def uncovered(rows, live, costs):
    """Sizes that no row has, or more than one."""
    return [size for size, _ in costs if sum(row.live == live and row.least <= size <= row.most for row in rows) != 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--load", required=True)
    parser.add_argument("--lib", required=True)
    parser.add_argument("--table")
    parser.add_argument("--print", action="store_true", dest="all")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        print("no valgrind")
        return 77
    rows = read_table(arguments.table) if arguments.table else []
    wrong = 0
    for live in LOADS:
        costs = count(arguments.load, arguments.lib, live)
        if arguments.all:
            print("\n".join(f"{live}\t{size}\t{cost:.2f}" for size, cost in costs))
        if not arguments.table:
            continue
        for size in uncovered(rows, live, costs):
            print(f"{size} bytes, {live} live: not in exactly one row of the table")
            wrong += 1
        wrong += sum(check(row, costs) for row in rows if row.live == live)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
