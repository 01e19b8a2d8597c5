#!/usr/bin/env python3
"""The instructions of the allocator's hit paths, against a golden table.

usage: fast_path.py --tracer PROGRAM --lib LIBRARY --table fast_path.tsv [--update | --show OPERATION]

  --show OPERATION   print the path, disassembled
  --update           write today's counts into the table (look at the difference before you commit it)

Ends with 1 when a path got longer, touches more memory, or has a call, a locked instruction or a system call that the
table doesn't allow; with 77 where the tracer can't run.
"""
import argparse
import os
import re
import subprocess
import sys

COLUMNS = ["instructions", "branches", "memory", "calls", "locked", "syscalls"]


def trace(tracer, lib):
    environment = dict(os.environ)
    if lib:
        environment["LD_PRELOAD"] = lib
    result = subprocess.run([tracer], env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        print(result.stdout + result.stderr)
        sys.exit(result.returncode)
    module, paths, lines = "", {}, iter(result.stdout.splitlines())
    for line in lines:
        kind, name = line.split(" ", 1)
        if kind == "module":
            module = name
        else:
            paths[name] = [int(offset, 16) for offset in next(lines).split()]
    return module, paths


def disassemble(module, offsets):
    """offset: text, of the functions around the offsets"""
    text = {}
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-w", module], capture_output=True, text=True, check=True).stdout
    wanted = set(offsets)
    for line in listing.splitlines():
        found = re.match(r"\s*([0-9a-f]+):\s+(.*)", line)
        if found and int(found.group(1), 16) in wanted:
            text[int(found.group(1), 16)] = found.group(2).strip()
    return text


def counts(path, text):
    row = dict.fromkeys(COLUMNS, 0)
    for offset in path:
        line = text.get(offset, "?")
        name = line.split(" ")[0]
        row["instructions"] += 1
        row["branches"] += name.startswith("j")
        row["memory"] += "(" in line and not name.startswith(("lea", "nop", "j", "call")) or name in ("push", "pop") or "%fs:" in line and "(" not in line
        row["calls"] += name.startswith("call")
        row["locked"] += name == "lock" or name.startswith("xchg") and "(" in line or name == "mfence"
        row["syscalls"] += name == "syscall"
    return row


def read_table(file):
    rows = {}
    for line in open(file):
        if line.strip() and not line.startswith("#"):
            name, *numbers = line.split()
            rows[name] = dict(zip(COLUMNS, map(int, numbers)))
    return rows


def write_table(file, rows):
    kept = [line for line in open(file) if line.startswith("#")]
    with open(file, "w") as out:
        out.writelines(kept)
        for name, row in rows.items():
            out.write("\t".join([name] + [str(row[column]) for column in COLUMNS]) + "\n")


def compare(golden, today):
    worse = 0
    for name in sorted(set(golden) | set(today), key=lambda n: list(today).index(n) if n in today else 99):
        if name not in golden or name not in today:
            print(f"{name}: {'not in the table' if name in today else 'not traced'}")
            worse += 1
            continue
        grown = [c for c in COLUMNS if today[name][c] > golden[name][c]]
        shrunk = [c for c in COLUMNS if today[name][c] < golden[name][c]]
        said = ", ".join(f"{c} {golden[name][c]} -> {today[name][c]}" for c in grown + shrunk)
        verdict = "WORSE" if grown else "better: lower the table with --update" if shrunk else "ok"
        print(f"{name:20s} {today[name]['instructions']:4d} instructions  {verdict}  {said}")
        worse += bool(grown)
    return 1 if worse else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracer", required=True)
    parser.add_argument("--lib", default="")
    parser.add_argument("--table", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--show")
    arguments = parser.parse_args()
    module, paths = trace(arguments.tracer, arguments.lib)
    text = disassemble(module, [offset for path in paths.values() for offset in path])
    if arguments.show:
        for offset in paths[arguments.show]:
            print(f"{offset:8x}  {text.get(offset, '?')}")
        return 0
    today = {name: counts(path, text) for name, path in paths.items()}
    if arguments.update:
        write_table(arguments.table, today)
        return 0
    return compare(read_table(arguments.table), today)


sys.exit(main())
