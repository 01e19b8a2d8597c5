"""docs/performance.md from the results of bench/suite: tables and plots, every row, and where hakmem is behind."""
import statistics

from measure import paired, plot

MARKS = {1: "▲", -1: "▼", 0: ""}
PLOTS = {"time": "Time", "peak memory": "Peak memory"}


def peers(results):
    return [name for name, about in results["allocators"].items() if name != "hakmem" and about["peer"]]


def ratios_of(results, row, figure):
    """(the best peer, its median, {allocator: Ratio to it}) of a figure; None where no peer has it, or the best has 0."""
    series = {name: values for name, values in row["figures"].get(figure, {}).items() if values}
    medians = {name: statistics.median(series[name]) for name in peers(results) if name in series}
    if not medians or min(medians.values()) == 0:
        return None
    best = min(medians, key=medians.get)
    found = {name: paired.compare(series[best], values) for name, values in series.items()}
    return best, medians[best], {name: ratio for name, ratio in found.items() if ratio}


def quantity(figure, value):
    """A value in the unit that reads best: "12.3 ns", "4.1 MiB", "1.7"."""
    if figure == "time" or figure.endswith("_ns"):
        for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
            if value >= size:
                return f"{value / size:.3g} {unit}"
        return f"{value:.3g} ns"
    if figure == "peak memory" or figure.endswith("_bytes"):
        return f"{value / 2**20:.4g} MiB"
    return f"{value:.3g}"


def cell(ratio, name, best):
    if ratio is None:
        return "failed"
    if name == best:
        return "1"
    if ratio.low is None:
        return f"{ratio.median:.2f} ?"
    spread = max(ratio.median - ratio.low, ratio.high - ratio.median)
    return f"{MARKS[ratio.differs()] if name == 'hakmem' else ''}{ratio.median:.2f} ±{spread:.2f}"


def table(results, figure_of):
    """Markdown. figure_of(row): the figures of a row that stand in this table, each gives a line."""
    names = list(results["allocators"])
    lines = ["| | " + " | ".join(names) + " | best peer |", "|---|" + "---:|" * len(names) + "---|"]
    for row in results["rows"]:
        for figure in figure_of(row):
            found = ratios_of(results, row, figure)
            label = row["name"] if figure in PLOTS else f"{row['name']}: {figure}"
            if found is None:  # the best is nothing at all, or no peer has it: no ratios, but what each has
                values = [row["figures"].get(figure, {}).get(name) for name in names]
                cells = [quantity(figure, statistics.median(value)) if value else "-" for value in values]
                lines.append(f"| {label} | " + " | ".join(cells) + " | - |")
                continue
            best, value, ratios = found
            cells = [cell(ratios.get(name), name, best) for name in names]
            lines.append(f"| {label} | " + " | ".join(cells) + f" | {best} {quantity(figure, value)} |")
    return "\n".join(lines)


def means(results, figure):
    """The table's last line: the geometric mean of each allocator's ratios, over the rows in which it has one."""
    found = [ratios for row in results["rows"] if (ratios := ratios_of(results, row, figure))]
    columns = [[ratios[name].median for _, _, ratios in found if name in ratios] for name in results["allocators"]]
    cells = [f"{statistics.geometric_mean(column):.2f}" if column else "-" for column in columns]
    return "| **geometric mean** | " + " | ".join(cells) + " | |"


def behind(results, remarks):
    """A line for each figure in which hakmem is behind the best peer beyond noise, with the reason where one is known."""
    lines = []
    for row in results["rows"]:
        for figure in row["figures"]:
            found = ratios_of(results, row, figure)
            if found and "hakmem" in found[2] and found[2]["hakmem"].differs() > 0:
                why = remarks.get((row["name"], figure), remarks.get((row["name"], "*"), "not explained yet"))
                lines.append(f"| {row['name']} | {figure} | {found[2]['hakmem'].median:.2f} | {found[0]} | {why} |")
    return lines


def read_remarks(file):
    """{(row, figure): why hakmem is behind} from lines of three columns; `*` is any figure."""
    rows = [line.split("\t") for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return {(row, figure): why for row, figure, why in rows}


HEAD = """# Performance

This page is written by `make bench` (`bench/suite`); don't edit it. {beside}

## How to read the tables

Each figure is a ratio to the best peer of its row, less is better: **hakmem's is below 1 where it is ahead of all
others**. Allocators ran in turns, {rounds} rounds each; a figure is the median of the rounds' ratios, and ± the distance to
the far end of its 95 % interval. ▼ hakmem needs less than the best peer, ▲ more, no mark: noise forbids a verdict. (Of
a hundred rows without any difference some five bear a mark all the same.) The last column names the best peer and its
median. Every row that was measured is shown. The best peer is another one in each row, so the mean of a column is 1 for
none of them: compare the means with each other. [bench/README.md](../bench/README.md) says how it is measured and what
the rows are; the raw values are in `build/bench/results.json`.
"""


def said_beside(results):
    """When, on which machine and with which libraries it was measured."""
    machine = "| machine | |\n|---|---|\n" + "\n".join(f"| {key} | {value} |" for key, value in results["machine"].items())
    rows = [f"| {name} | {about['version']} | `{about['library']}` | `{about['sha256'][:12]}` | "
            f"{'' if about['peer'] or name == 'hakmem' else 'not a peer: a reference'} |"
            for name, about in results["allocators"].items()]
    allocators = "| allocator | version | library | sha256 | |\n|---|---|---|---|---|\n" + "\n".join(rows)
    note = ", **short runs (--quick): not for conclusions**" if results["quick"] else ""
    asked = f" Its arguments: `{results['arguments']}`." if results.get("arguments") else ""
    return f"{results['date']}, hakmem {results['commit']}{note}.{asked}\n\n{machine}\n\n{allocators}"


def failed_section(results):
    """What failed, as the page's last section; empty where nothing did."""
    lines = [f"- {row['name']} on {name}: {why}" for row in results["rows"] for name, why in row["failed"].items()]
    return "\n\n## What failed\n\n" + "\n".join(lines) if lines else ""


def write(results, file, plots, remarks):
    """Writes the page, and its plots to the folder `plots`."""
    plots.mkdir(parents=True, exist_ok=True)
    names = list(results["allocators"])
    text = HEAD.format(beside=said_beside(results), rounds=results["rounds"])
    for figure, title in PLOTS.items():
        rows = [(row["name"], found[2]) for row in results["rows"] if (found := ratios_of(results, row, figure))]
        svg = plots / (figure.replace(" ", "-") + ".svg")
        text += f"\n## {title}\n\n"
        if plot.ratios(svg, title, rows, names):
            text += f"![{title}]({plots.name}/{svg.name})\n\n"
        text += table(results, lambda row, figure=figure: [figure]) + "\n" + means(results, figure) + "\n"
    text += "\n## Other figures of the loads\n\n" + table(results, lambda row: [f for f in row["figures"] if f not in PLOTS])
    text += "\n\n## Where hakmem is behind\n\n"
    lines = behind(results, remarks)
    if lines:
        text += "| row | figure | ratio | best peer | why |\n|---|---|---:|---|---|\n" + "\n".join(lines)
    elif results["rounds"] < paired.LEAST_ROUNDS:
        text += f"With fewer than {paired.LEAST_ROUNDS} rounds nothing can be said."
    else:
        text += "Nowhere in this run."
    text += failed_section(results)
    file.write_text(text.rstrip() + "\n")
