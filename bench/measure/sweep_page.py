"""docs/sweep.md from the results of bench/sweep: a plot a series, cliffs, and the sizes at which hakmem is behind.

A series is a row of results whose figures are the sizes: what is said of a row's figures by page.py holds of sizes too.
"""
import dataclasses
import statistics

from measure import page, paired, plot

CLIFF = 1.5  # a size that costs so many times the one before
BEHIND = 0.2  # more than the best peer, from which on a size is listed
NEAR = 3  # sizes so many steps apart or less are one range: noise hides some between them


@dataclasses.dataclass
class Series:
    """A row of the results, and which sizes it has: as text, as JSON has them for keys."""
    row: dict

    @property
    def sizes(self):
        return sorted(self.row["figures"], key=int)

    def values(self, size, name):
        return self.row["figures"][size].get(name)

    def median(self, size, name):
        values = self.values(size, name)
        return statistics.median(values) if values else None


def bytes_of(size):
    """A size for readers: "96 B", "1.5 KiB", "64 MiB"."""
    number = int(size)
    for unit, bytes_ in (("MiB", 2**20), ("KiB", 2**10)):
        if number >= bytes_:
            return f"{number / bytes_:.4g} {unit}"
    return f"{number} B"


def cliffs(series, name):
    """[(size before, size, Ratio)] where a size costs CLIFF times the one before or more, beyond noise."""
    found = []
    for before, size in zip(series.sizes, series.sizes[1:]):
        ratio = paired.compare(series.values(before, name) or [], series.values(size, name) or [])
        if ratio and ratio.differs(CLIFF - 1) > 0:
            found.append((before, size, ratio))
    return found


def behind(results, series):
    """[[(size, best peer, Ratio)]]: ranges of sizes at which hakmem needs BEHIND more than the best peer, beyond noise."""
    ranges, last = [], None
    for index, size in enumerate(series.sizes):
        found = page.ratios_of(results, series.row, size)
        if not found or "hakmem" not in found[2] or found[2]["hakmem"].differs(BEHIND) <= 0:
            continue
        if last is None or index - last > NEAR:
            ranges.append([])
        ranges[-1].append((size, found[0], found[2]["hakmem"]))
        last = index
    return ranges


def cliff_table(results, series):
    """Each allocator's number of cliffs and the steepest of them."""
    lines = ["| allocator | cliffs | the steepest |", "|---|---:|---|"]
    for name in results["allocators"]:
        found = cliffs(series, name)
        steepest = max(found, key=lambda cliff: cliff[2].median, default=None)
        lines.append(f"| {name} | {len(found)} | {cliff_text(series, name, steepest) if steepest else ''} |")
    return "\n".join(lines)


def cliff_text(series, name, cliff):
    before, size, ratio = cliff
    first, second = (page.quantity("time", series.median(s, name)) for s in (before, size))
    return f"{bytes_of(before)} → {bytes_of(size)}: {first} → {second}, {ratio.median:.2f} times"


def hakmems_cliffs(series):
    lines = [f"- {cliff_text(series, 'hakmem', cliff)}" for cliff in cliffs(series, "hakmem")]
    return "hakmem's cliffs:\n\n" + "\n".join(lines) if lines else "hakmem has no cliff in this series."


def range_line(sizes):
    """A line of the table of ranges."""
    worst_size, worst_peer, worst = max(sizes, key=lambda one: one[2].median)
    middle = statistics.median(ratio.median for _, _, ratio in sizes)
    best = statistics.mode(peer for _, peer, _ in sizes)
    return (f"| {bytes_of(sizes[0][0])} to {bytes_of(sizes[-1][0])} | {len(sizes)} | {middle:.2f} | {best} | "
            f"{worst.median:.2f} at {bytes_of(worst_size)}, {worst_peer} |")


def behind_text(results, series):
    ranges = behind(results, series)
    share = f"{1 + BEHIND:.1f} times the best peer's cost or more"
    if not ranges:
        return f"At no size hakmem needs {share}."
    lines = [f"Where hakmem needs {share}:", "",
             "| sizes | how many | ratio | of | at worst |", "|---|---:|---:|---|---|", *map(range_line, ranges)]
    return "\n".join(lines)


HEAD = """# Cost by size

This page is written by `bench/sweep`; don't edit it. {beside}

## How to read it

Blocks of one size are allocated and freed, a few at a time, then blocks of the next size, {step} more, from {least} to {most};
the plots show what a pair of malloc and free takes in processor time, on logarithmic axes. Allocators ran in turns,
{rounds} rounds each of the whole sweep; a point is the median of the rounds. A **cliff** is a size that takes {cliff} times as
long as the one before or longer: the median of the rounds' ratios, where its 95 % interval excludes 1. The best peer is the
fastest other allocator at that very size. The raw values are in `build/bench/sweep.json`; [bench/README.md](../bench/README.md)
says how it is measured. Times are this machine's; instructions hold anywhere: `test/budget/sweep.tsv` says for each level
how many there are and why, so also where hakmem is behind, and a test keeps these bounds.
"""


def head(results):
    sweep = results["sweep"]
    return HEAD.format(beside=page.said_beside(results), rounds=results["rounds"], cliff=CLIFF, step=f"{sweep['step']:g} %",
                       least=bytes_of(sweep["least"]), most=bytes_of(sweep["most"]))


def section(results, row, plots):
    """Markdown of a series; writes its plot."""
    series = Series(row)
    names = list(results["allocators"])
    svg = plots / f"{row['name'].replace(' ', '-')}.svg"
    lines = {name: [(int(size), median) for size in series.sizes if (median := series.median(size, name))] for name in names}
    text = f"\n## {row['title']}\n\n`{row['command']}`\n\n"
    if plot.sizes(svg, row["title"], lines):
        text += f"![{row['title']}]({plots.name}/{svg.name})\n\n"
    if results["rounds"] < paired.LEAST_ROUNDS:
        return text + f"With fewer than {paired.LEAST_ROUNDS} rounds nothing can be said.\n"
    return text + "\n\n".join([cliff_table(results, series), hakmems_cliffs(series), behind_text(results, series)]) + "\n"


def write(results, file, plots):
    """Writes the page, and its plots to the folder `plots`."""
    plots.mkdir(parents=True, exist_ok=True)
    text = head(results) + "".join(section(results, row, plots) for row in results["rows"])
    file.write_text((text.rstrip() + page.failed_section(results)).rstrip() + "\n")
