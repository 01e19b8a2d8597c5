"""Plots as SVG, by gnuplot.

ratios: a row a load, a dot an allocator, the ratio to the best peer on a logarithmic axis
sizes: a line an allocator, time of a pair over the size of the block, both logarithmic
"""
import subprocess

COLOURS = ["#d62728", "#7f7f7f", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#bcbd22"]
SIZE_TICS = [("16", 16), ("64", 64), ("256", 256), ("1K", 2**10), ("4K", 2**12), ("16K", 2**14), ("64K", 2**16),
             ("256K", 2**18), ("1M", 2**20), ("4M", 2**22), ("16M", 2**24), ("64M", 2**26)]
TIMES = ["ns", "µs", "ms", "s"]


def _block(name, lines):
    return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"


def _draw(script, plots):
    subprocess.run(["gnuplot"], input=script + "plot " + ", ".join(plots) + "\n", text=True, check=True)


def ratios(file, title, rows, names):
    """Writes a plot. rows: [(label, {name: Ratio})], the first on top; names: the order of the legend, hakmem first."""
    values = [end for _, found in rows for ratio in found.values() for end in (ratio.low, ratio.median, ratio.high) if end]
    least, most = min(values, default=1), max(values, default=1)
    script = f"""
set terminal svg size 860,{150 + 20 * len(rows)} font "sans,12" background "white"
set output "{file}"
set title "{title}: ratio to the best peer of each row (less is better)"
set logscale x 2
set xrange [{least / 1.1}:{most * 1.1}]
set xtics ("1/4" 0.25, "1/2" 0.5, "1" 1, "2" 2, "4" 4, "8" 8, "16" 16, "32" 32)
set grid xtics
set yrange [-0.7:{len(rows) - 0.3}]
set ytics ({", ".join(f'"{label}" {len(rows) - 1 - i}' for i, (label, _) in enumerate(rows))})
set key outside bottom center horizontal
set arrow from 1, graph 0 to 1, graph 1 nohead lc "#404040" lw 1.2
"""
    plots = []
    for index, name in enumerate(names):
        found = [(len(rows) - 1 - i, ratios[name]) for i, (_, ratios) in enumerate(rows) if ratios.get(name)]
        if not found:
            continue
        script += _block(f"d{index}", [f"{r.median} {y} {r.low or r.median} {r.high or r.median}" for y, r in found])
        style = 'pt 7 ps 0.9 lw 1.5' if index == 0 else "pt 7 ps 0.55"
        kind = "xerrorbars" if index == 0 else "points"
        columns = "1:2:3:4" if index == 0 else "1:2"
        plots.append((index == 0, f'$d{index} using {columns} with {kind} {style} lc "{COLOURS[index % len(COLOURS)]}" title "{name}"'))
    if not plots:
        return False
    plots.sort()  # hakmem is drawn last, on top of the others
    _draw(script, [plot for _, plot in plots])
    return True


def sizes(file, title, lines):
    """Writes a plot. lines: {name: [(bytes, ns)]} in the order of the legend, hakmem first."""
    drawn = [(index, name) for index, (name, points) in enumerate(lines.items()) if points]
    if not drawn:
        return False
    script = f"""
set terminal svg size 1000,620 font "sans,12" background "white"
set output "{file}"
set title "{title}: time of a pair (less is better)"
set logscale xy
set xtics ({", ".join(f'"{label}" {bytes_}' for label, bytes_ in SIZE_TICS)})
set xlabel "bytes of a block"
set ytics ({", ".join(f'"{10 ** (power % 3)} {TIMES[power // 3]}" 1e{power}' for power in range(12))})
set grid
set key outside bottom center horizontal invert
"""
    plots = []
    for index, name in reversed(drawn):  # hakmem is drawn last
        script += _block(f"d{index}", [f"{bytes_} {ns}" for bytes_, ns in lines[name]])
        width = 2.2 if index == 0 else 1
        plots.append(f'$d{index} using 1:2 with lines lw {width} lc "{COLOURS[index % len(COLOURS)]}" title "{name}"')
    _draw(script, plots)
    return True
