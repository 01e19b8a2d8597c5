"""The load programs: the rows that are measured with them, and how one run becomes figures."""
import dataclasses
import json
import subprocess


class Failed(Exception):
    """A program that didn't do what it should; the text says which and how."""


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    command: str  # the load program and its options
    small: str = ""  # options that make it short, for bench/regress and make bench with --quick
    counted: bool = False  # takes --rounds and has one thread: its instructions can be counted

    def words(self, small):
        return (self.command + " " + self.small if small else self.command).split()


SHORT = "--seconds 0.3"
ROWS = [
    Row("tiny", "scenario --scenario tiny --window 1000", SHORT, True),
    Row("tiny, at once", "scenario --sizes 64 --touch first", SHORT, True),
    Row("tiny, new", "scenario --scenario tiny --window 1000 --new", SHORT, True),
    Row("mid", "scenario --scenario mid --window 1000 --touch first", SHORT, True),
    Row("json", "scenario --scenario json", SHORT, True),
    Row("json, untouched", "scenario --scenario json --touch no", SHORT, True),
    Row("json, window", "scenario --scenario json --window 64", SHORT, True),
    Row("json, window, untouched", "scenario --scenario json --window 64 --touch no", SHORT, True),
    Row("mir", "scenario --scenario mir", SHORT, True),
    Row("mir, untouched", "scenario --scenario mir --touch no", SHORT, True),
    Row("mir, window", "scenario --scenario mir --window 64", SHORT, True),
    Row("mir, window, untouched", "scenario --scenario mir --window 64 --touch no", SHORT, True),
    Row("vm", "scenario --scenario vm", SHORT, True),
    Row("vm, untouched", "scenario --scenario vm --touch no", SHORT, True),
    Row("vm, window", "scenario --scenario vm --window 16", SHORT),
    Row("vm, window, untouched", "scenario --scenario vm --window 16 --touch no", SHORT, True),
    Row("big", "scenario --scenario big --touch first", SHORT, True),
    Row("mixed", "scenario --scenario mixed", SHORT, True),
    Row("mixed, untouched", "scenario --scenario mixed --touch no", SHORT, True),
    Row("mixed, 8 threads", "scenario --scenario mixed --threads 8", SHORT),
    Row("mixed, window", "scenario --scenario mixed --window 64", SHORT, True),
    Row("mixed, window, untouched", "scenario --scenario mixed --window 64 --touch no", SHORT, True),
    Row("mixed, window, 8 threads", "scenario --scenario mixed --window 64 --threads 8", SHORT),
    Row("larson", "larson --threads 2 --blocks 5000", SHORT),
    Row("larson, 8 threads", "larson --threads 8 --blocks 1000", SHORT),
    Row("larson, handed on often", "larson --threads 4 --blocks 1000 --handover 5000", SHORT),
    Row("ring", "ring", SHORT),
    Row("ring, 4 pairs", "ring --pairs 4", SHORT),
    Row("ring, mid", "ring --sizes 1024-60000", SHORT),
    Row("thread storm", "thread_storm", "--threads 1500"),
    Row("thread storm, mid", "thread_storm --threads 4000 --sizes 1000-100000", "--threads 400"),
    Row("realloc, one", "realloc_growth", "--to 128M"),
    Row("realloc, many", "realloc_growth --to 10M --buffers 100", "--buffers 20"),
    Row("false sharing, active", "false_sharing --mode active", "--objects 5000"),
    Row("false sharing, passive", "false_sharing --mode passive", "--objects 5000"),
    Row("heap growth", "heap_growth", "--bytes 96M"),
    Row("sleeping owners", "sleeping_owners", "--bytes 24M --settle 1.2"),
    Row("burst", "burst", "--bytes 128M --keep 2M --rounds 2 --settle 1.2"),
    Row("waves", "waves", "--peak 32M --cache 2M --settle 1.2"),
    Row("latency", "latency --threads 2", SHORT),
    Row("start-up", "startup", "--starts 60"),
]


def choose(names):
    """The rows with these names, all without any."""
    known = {row.name: row for row in ROWS}
    for name in names:
        if name not in known:
            raise Failed(f"there is no load '{name}'; there are: {'; '.join(known)}")
    return [known[name] for name in names] if names else ROWS


def run(build, row, allocator, small, timeout=600):
    """Runs a row once on the allocator; the result line as a dict. The program proves what it runs on."""
    program, *options = row.words(small)
    command = [*allocator.words(), build / "bench" / program, *options, "--json", "--expect", allocator.expected()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"{row.name} on {allocator.name}: not done after {timeout} s") from None
    if done.returncode != 0:
        raise Failed(f"{row.name} on {allocator.name}: exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


def figures(line):
    """{figure: value} of a result line: what is judged. Of all of them, less is better."""
    found = {"time": line["ns_per_operation"], "peak memory": line["peak_rss_bytes"]}
    if "rss_over_live" in line:
        found["rss_over_live"] = line["rss_over_live"]
    return found | line["values"]
