"""The real programs that bench/suite runs, and the loader's word on which malloc they used."""
import dataclasses
import os
import re
import subprocess
import time
from pathlib import Path

from measure.loads import Failed

PYTHON = """
import json, re
rows = [{'id': i, 'name': 'n%d' % i, 'tags': ['t%d' % (i % k) for k in (3, 5, 7)]} for i in range(60000)]
for _ in range(3): rows = json.loads(json.dumps(rows))
print(len(set(re.findall(r'n\\\\d+', json.dumps(rows)))))
"""
SQL = """
create table t (a integer primary key, b text, c text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000)
insert into t select i, 'b' || (i * 7919 % 5000), 'c' || (i * 31 % 90) from n;
create index t_b on t (b, c);
select count(distinct b || c), sum(length(b)) from t;
select max(length(x)) from (select group_concat(b) as x from t group by c);
"""
PERL = 'my %h; for my $i (1..400000) { $h{"k" . ($i * 7919 % 100003)} .= "v$i,"; } print scalar(keys %h), "\\n";'
CXX = "#include <map>\n#include <regex>\n#include <string>\nint main() { std::map<int, std::regex> m; return !m.empty(); }\n"
LUA = """
local t = {}
for i = 1, 300000 do t[i % 5000] = { tostring(i), { i, i * 2 } } end
local parts = {}
for i = 1, 200000 do parts[#parts + 1] = "p" .. i end
print(#table.concat(parts))
"""
NODE = "let m = new Map(); for (let i = 0; i < 400000; i++) m.set('k' + i % 9001, {i, a: [i, i + 1]}); console.log(m.size);"
POSTSCRIPT = """%!
/n 0 def
200 { 0 1 400 { 3 mul 20 string cvs length n add /n exch def } for
  /d 500 dict def 0 1 499 { dup 20 string cvs cvn exch d 3 1 roll put } for } repeat
"""
# pigeons and holes: more work the more there are
PIGEONS, HOLES = range(8), range(7)
Z3 = "".join([f"(declare-const p{i}_{j} Bool)\n" for i in PIGEONS for j in HOLES]
             + ["(assert (or " + " ".join(f"p{i}_{j}" for j in HOLES) + "))\n" for i in PIGEONS]
             + [f"(assert (not (and p{i}_{j} p{k}_{j})))\n" for j in HOLES for i in PIGEONS for k in range(i)]
             + ["(check-sat)\n"])
REDIS = """#!/bin/sh
# redis.sh WORDS...: the words run redis-server on an allocator; its clients run on glibc's
set -eu
folder=$(mktemp -d)
socket=$folder/socket
trap 'rm -rf "$folder"' EXIT
"$@" redis-server --port 0 --unixsocket "$socket" --save '' --daemonize no --dir "$folder" >/dev/null &
server=$!
until redis-cli -s "$socket" ping >/dev/null 2>&1; do kill -0 $server; sleep 0.01; done
redis-benchmark -s "$socket" -q -n 30000 -r 20000 -d 100 -t set,get,lpush,hset >/dev/null
redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1 || true
wait
"""



def _history():
    """What git fast-import makes a repository of: 300 commits, each with a line changed in four files of 400 lines."""
    pages = [[f"page {page}, line {i}, {i * 7919 % 1000}" for i in range(400)] for page in range(40)]
    parts = []
    for commit in range(300):
        parts.append(f"commit refs/heads/main\ncommitter A <a@example.org> {1700000000 + commit * 60} +0000\n"
                     f"data <<END\nchange {commit}\nEND\n")
        for page in range(commit % 10, 40, 10):
            pages[page][commit * 31 % 400] = f"page {page}, changed by {commit}"
            parts.append(f"M 100644 inline pages/{page}\ndata <<END\n" + "\n".join(pages[page]) + "\nEND\n")
    return "".join(parts)


# name: command. {dir} holds FILES and a repository; {on} are the words that put a program on an allocator
ROWS = {
    "python": ["{on}", "/usr/bin/python3", "{dir}/work.py"],
    "python, no arenas": ["{on}", "env", "PYTHONMALLOC=malloc", "/usr/bin/python3", "{dir}/work.py"],
    "sqlite3": ["{on}", "sqlite3", ":memory:", ".read {dir}/work.sql"],
    "perl": ["{on}", "perl", "{dir}/work.pl"],
    "g++": ["{on}", "g++", "-O1", "-o", "{dir}/linked", "{dir}/work.cc"],
    "git": ["{on}", "git", "-C", "{dir}/history", "-c", "pack.threads=1", "repack", "-adfq", "--depth=20", "--window=40"],
    "lua": ["{on}", "lua5.4", "{dir}/work.lua"],
    "node": ["{on}", "/usr/bin/node", "{dir}/work.js"],
    "ghostscript": ["{on}", "gs", "-q", "-dNODISPLAY", "-dBATCH", "-dNOPAUSE", "{dir}/work.ps"],
    "z3": ["{on}", "z3", "{dir}/work.smt2"],
    "redis-server": ["sh", "{dir}/redis.sh", "{on}"],
}
FILES = {"work.py": PYTHON, "work.sql": SQL, "work.pl": PERL, "work.cc": CXX, "work.lua": LUA, "work.js": NODE,
         "work.ps": POSTSCRIPT, "work.smt2": Z3, "redis.sh": REDIS}


def write_files(folder):
    for name, text in FILES.items():
        (Path(folder) / name).write_text(text)
    repository = Path(folder) / "history"
    subprocess.run(["git", "init", "-q", "-b", "main", repository], check=True)
    subprocess.run(["git", "-C", repository, "fast-import", "--quiet"], input=_history(), text=True, check=True)


def _libc():
    """This machine's libc.so.6: where our own interpreter has it from."""
    return re.search(r"/\S+/libc\.so\.6", Path("/proc/self/maps").read_text())[0]


def _command(row, allocator, folder, variables=()):
    if allocator.library is None:
        # Debian's redis-server brings jemalloc along: it is on glibc only when libc comes first
        allocator = dataclasses.replace(allocator, library=_libc())
    words = []
    for word in ROWS[row]:
        words += allocator.words(variables) if word == "{on}" else [word.replace("{dir}", str(folder))]
    return words


def run(row, allocator, folder):
    """{"time": ns, "peak memory": bytes}: of the command, or of the biggest of its processes."""
    # /usr/bin/time is small: a process that this interpreter starts would begin with its peak memory
    usage = Path(folder) / "usage"
    command = ["/usr/bin/time", "-q", "-o", usage, "-f", "%M", *_command(row, allocator, folder)]
    start = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise Failed(f"{row} on {allocator.name}: exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return {"time": seconds * 1e9, "peak memory": int(usage.read_text()) * 1024}



BINDING = re.compile(r"binding file (\S+) \[0\] to (\S+) \[0\]: normal symbol `malloc'")


def prove(row, allocator, folder):
    """Runs the row once more and asks the loader, in each of its processes, whose malloc it took; Failed when any took
    another's."""
    said = Path(folder) / "bindings"
    said.mkdir(exist_ok=True)
    for file in said.iterdir():
        file.unlink()
    variables = ["LD_DEBUG=bindings", "LD_BIND_NOW=1", f"LD_DEBUG_OUTPUT={said}/of"]
    subprocess.run(_command(row, allocator, folder, variables), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    owners = set()
    for file in said.iterdir():
        bound = BINDING.findall(file.read_text(errors="replace"))
        # a program that takes malloc's address lends it its own stub: where the stub leads is a binding of the program
        programs = {user for user, owner in bound if user != owner and ".so" not in user}
        owners |= {os.path.realpath(owner) for _, owner in bound if owner not in programs}
    if owners != {os.path.realpath(allocator.library or _libc())}:
        raise Failed(f"{row} on {allocator.name}: the loader took malloc from {', '.join(sorted(owners)) or 'nowhere'}")
