"""What bench/suite and bench/sweep have in common: arguments, what is said beside the figures, and rows of results."""
import argparse
import datetime
import hashlib
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

from measure import allocators, loads, memory, paired

ROOT = allocators.ROOT


# --- arguments --------------------------------------------------------------------------------------------------------

def parser(name, about, results, page):
    """An ArgumentParser with the options of every comparison. about: the script's text; the others: where its output goes."""
    made = argparse.ArgumentParser(prog=f"bench/{name}", usage=about.split("usage: ")[1].split("\n")[0],
                                   description=about.split("\n\n", 2)[2],
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="short runs: to see that it works, not for conclusions")
    made.add_argument("--rounds", type=int, default=7, help="at least 6 for intervals [7]")
    made.add_argument("--allocators", metavar="NAME,...", help="only these peers, of those that are here or named")
    made.add_argument("--with", action="append", default=[], metavar="NAME=PATH", dest="extra",
                      help="one more allocator, a library to preload; [VARIABLE=VALUE;]PATH sets a variable too")
    made.add_argument("--reference", action="append", default=[], metavar="NAME=PATH",
                      help="measured beside the others, but no peer: what the least possible is, say")
    made.add_argument("--results", type=Path, default=results, help=f"where the values go [{results.relative_to(ROOT)}]")
    made.add_argument("--page", type=Path,
                      help=f"where the page goes [{page.relative_to(ROOT)}; {results.parent.relative_to(ROOT)}/ of part of it]")
    made.add_argument("--render", action="store_true", help="measure nothing: write the page from the results")
    return made


def choose_page(arguments, page, results, is_part):
    """Sets --page where it isn't given: short runs and parts of the whole don't write over the page in docs/."""
    if arguments.page is None:
        arguments.page = results.with_name(page.name) if is_part else page


def allocators_of(arguments):
    """{name: Allocator} that the arguments ask for."""
    only = arguments.allocators.split(",") if arguments.allocators else None
    return allocators.find(arguments.extra + arguments.reference, only)


# --- what is said beside the figures ----------------------------------------------------------------------------------

def output(*command):
    """What a command says; nothing where there is no such program."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def text_of(path):
    """A file of the system's; nothing where it isn't there."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def machine():
    cpu = re.search(r"model name\s*: (.*)", text_of("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", text_of("/proc/meminfo"))
    system = re.search(r'PRETTY_NAME="(.*)"', text_of("/etc/os-release"))
    huge = re.search(r"\[(\w+)\]", text_of("/sys/kernel/mm/transparent_hugepage/enabled"))
    virtual = output("systemd-detect-virt") or "unknown"
    return {
        "processor": f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, virtualisation: {virtual}",
        "memory": f"{int(memory[1]) / 2**20:.1f} GiB" if memory else "?",
        "system": f"{system[1] if system else '?'}, Linux {platform.release()}, glibc {platform.libc_ver()[1]}",
        "huge pages": huge[1] if huge else "none",
        "compiler": (output("g++", "--version").splitlines() or ["?"])[0],
        "load before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def about(allocator, references):
    """Version and file as a load program finds them in its own process."""
    line = loads.run(allocators.BUILD, loads.Row("", "scenario --rounds 1"), allocator, small=False)
    digest = hashlib.sha256(Path(line["library"]).read_bytes()).hexdigest()
    return {"version": line["version"], "library": line["library"], "sha256": digest,
            "peer": allocator.name not in references}


def new_results(schema, arguments, found):
    """Results without a row yet."""
    references = {text.partition("=")[0] for text in arguments.reference}
    return {
        "schema": schema,
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "commit": output("git", "-C", allocators.BUILD, "describe", "--always", "--dirty"),
        "arguments": shlex.join(sys.argv[1:]),
        "machine": machine(), "quick": arguments.quick, "rounds": arguments.rounds,
        "allocators": {name: about(allocator, references) for name, allocator in found.items()},
        "rows": [],
    }


# --- measuring --------------------------------------------------------------------------------------------------------

def measure(name, kind, command, found, rounds, run, prove):
    """A row of the results. An allocator that fails once is left out of the rest of the row, and said so."""
    failed, proved = {}, set()
    run = memory.at_hand(run)

    def one(allocator_name):
        if allocator_name in failed:
            return None
        try:
            if allocator_name not in proved:
                prove(found[allocator_name])
                proved.add(allocator_name)
            return run(found[allocator_name])
        except loads.Failed as failure:
            failed[allocator_name] = str(failure)
            print(f"  {failure}", file=sys.stderr)
            return None

    results = paired.interleave(found, rounds, one)
    whole = {n: values for n, values in results.items() if n not in failed}
    figures = {}
    for allocator_name, values in whole.items():
        for figure in values[0]:
            figures.setdefault(figure, {})[allocator_name] = [value[figure] for value in values]
    return {"name": name, "kind": kind, "command": command, "figures": figures, "failed": failed}
