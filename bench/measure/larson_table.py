#!/usr/bin/env python3
"""The table of bench/larson.sh, from its lines of JSON.

usage: larson_table.py FILE
"""
import json
import statistics
import sys


def table(lines):
    """The text: one block a profile, one row an allocator, in the order in which they first come."""
    runs = {}
    for line in lines:
        runs.setdefault(line["profile"], {}).setdefault(line["run_on"], []).append(line)
    blocks = []
    for profile, by_allocator in runs.items():
        speeds = {name: [run["operations_per_second"] / 1e6 for run in found] for name, found in by_allocator.items()}
        best = max(statistics.median(values) for values in speeds.values())
        rows = [f"{profile:<16}{'million/s':>10} {'of best':>8}  {'rounds':<15} {'peak MiB':>9} {'growth':>7}"]
        for name, found in by_allocator.items():
            speed = statistics.median(speeds[name])
            peak = statistics.median(run["peak_rss_bytes"] for run in found) / 2**20
            growths = [run["values"]["growth_ratio"] for run in found if "growth_ratio" in run["values"]]
            growth = f"{statistics.median(growths):.2f}" if growths else "-"
            spread = f"{min(speeds[name]):.3g}-{max(speeds[name]):.3g}"
            rows.append(f"  {name:<14}{speed:>10.3g} {speed / best:>8.2f}  {spread:<15} {peak:>9.1f} {growth:>7}")
        blocks.append("\n".join(rows))
    return "\n\n".join(blocks)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(table(map(json.loads, file)))
