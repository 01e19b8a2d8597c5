"""hakmem compare, with real programs and real allocators: what is measured, what is proven, and each refusal.

usage: compare_test.py HAKMEM LIBHAKMEM STAND_IN [TEST...]    STAND_IN: a library to preload that is no allocator
"""
import csv
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HAKMEM = LIBRARY = STAND_IN = ""  # absolute paths, from the command line
MIMALLOC = next((str(path.resolve()) for path in Path("/usr/lib").glob("*/libmimalloc.so.2*")), None)
HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
OWN_MALLOC = """
#include <stdlib.h>
static char memory[1 << 20];
static size_t used;
void *malloc(size_t size) { void *p = memory + used; used += (size + 31) & ~15ul; return used < sizeof memory ? p : 0; }
void *calloc(size_t n, size_t size) { return malloc(n * size); }
void *realloc(void *p, size_t size) { (void)p; return malloc(size); }
void free(void *p) { (void)p; }
"""
SEE = "  see: hakmem help compare\n"


class Compare(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def compile(self, name, *flags, source=HELLO):
        text = self.folder / (name + ".c")
        text.write_text(source)
        path = self.folder / name
        subprocess.run(["gcc", "-o", path, text, *flags], check=True)
        return str(path)

    def hakmem(self, *arguments, environment=None, **keywords):
        env = {**os.environ, "LC_ALL": "C", "TMPDIR": str(self.folder), **(environment or {})}
        return subprocess.run([HAKMEM, "compare", "--lib", LIBRARY, *arguments], env=env, capture_output=True, text=True,
                              timeout=120, **keywords)

    def compared(self, *arguments, status=0, **keywords):
        """The JSON of a comparison, its allocators by name."""
        result = self.hakmem("--json", "-", *arguments, **keywords)
        self.assertEqual((result.returncode, result.stderr), (status, ""), result.stdout)
        found = json.loads(result.stdout)
        found["allocators"] = {entry["name"]: entry for entry in found["allocators"]}
        return found

    def refused(self, status, message, *arguments, **keywords):
        result = self.hakmem(*arguments, **keywords)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (status, "", message))

    # ---- what is measured ----

    def test_variables_are_set_for_the_allocator_that_they_stand_with(self):
        found = self.compared("--rounds", "2", "--only", "hakmem,other", "--with", f"other=FIGURE=2;MORE=1;{LIBRARY}",
                              "--metric", r"(\d+)", "--", "sh", "-c", "echo $FIGURE$MORE", environment={"FIGURE": "7"})
        allocators = found["allocators"]
        self.assertEqual(allocators["other"]["variables"], ["FIGURE=2", "MORE=1"])
        self.assertNotIn("variables", allocators["hakmem"])
        self.assertEqual([run["metric"] for run in allocators["other"]["runs"]], [21, 21])
        self.assertEqual([run["metric"] for run in allocators["hakmem"]["runs"]], [7, 7])

    @unittest.skipUnless(MIMALLOC, "takes libmimalloc2.0")
    def test_installed_allocators_are_found_and_measured(self):
        found = self.compared("--rounds", "3", "--", "python3", "-c", "print(sum(range(1000)))")
        self.assertEqual(found["schema"], "hakmem-compare/1")
        self.assertEqual((found["rounds"], found["baseline"], found["stopped_by"]), (3, "glibc", "rounds"))
        self.assertEqual(found["command"], ["python3", "-c", "print(sum(range(1000)))"])
        allocators = found["allocators"]
        self.assertEqual(list(allocators)[:3], ["glibc", "hakmem", "mimalloc"])
        self.assertRegex(allocators["glibc"]["malloc_in"], r"/libc\.so\.6$")
        self.assertTrue(os.path.samefile(allocators["hakmem"]["malloc_in"], LIBRARY))
        self.assertTrue(os.path.samefile(allocators["mimalloc"]["malloc_in"], MIMALLOC))
        for entry in allocators.values():
            self.assertEqual(len(entry["runs"]), 3, entry)
            for run in entry["runs"]:
                self.assertGreater(run["wall_seconds"], 0)
                self.assertGreater(run["user_seconds"] + run["system_seconds"], 0)
                self.assertGreater(run["peak_rss_bytes"], 4 << 20)
                self.assertGreater(run["minor_faults"], 500)
        measure = allocators["hakmem"]["measures"]["peak_rss_bytes"]
        self.assertLess(measure["low"], measure["ratio"])
        self.assertLess(measure["ratio"], measure["high"])

    @unittest.skipUnless(MIMALLOC, "takes libmimalloc2.0")
    def test_the_table_fits_in_80_columns(self):
        result = self.hakmem("--rounds", "2", "--with", "a-name-that-is-too-long=" + MIMALLOC, "--only",
                             "hakmem,a-name-that-is-too-long", "--", "sh", "-c", "true " + "x" * 100)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for text in ("wall time", "CPU time", "peak memory", "page faults", "95 % interval", "a-name-that-i..."):
            self.assertIn(text, result.stdout)
        for line in result.stdout.splitlines():
            if LIBRARY not in line and "/" not in line:
                self.assertLessEqual(len(line), 80, line)

    DELAY = 'case $LD_PRELOAD in *libhakmem.so*) sleep 0.3;; esac'

    def test_a_difference_is_found_each_time(self):
        for _ in range(2):
            found = self.compared("--rounds", "4", "--only", "hakmem", "--", "sh", "-c", self.DELAY)
            measure = found["allocators"]["hakmem"]["measures"]["wall_seconds"]
            self.assertEqual(measure["verdict"], "slower")
            self.assertGreater(measure["ratio"], 2)

    def test_another_baseline_turns_it_round(self):
        found = self.compared("--rounds", "4", "--only", "glibc", "--baseline", "hakmem", "--", "sh", "-c", self.DELAY)
        self.assertEqual(list(found["allocators"]), ["hakmem", "glibc"])
        self.assertEqual(found["allocators"]["glibc"]["measures"]["wall_seconds"]["verdict"], "faster")

    def test_rounds_end_when_the_intervals_are_narrow(self):
        found = self.compared("--rounds", "3..50", "--precision", "50%", "--only", "hakmem", "--", "sleep", "0.2")
        self.assertEqual(found["stopped_by"], "precision")
        self.assertLess(found["rounds"], 50)
        measure = found["allocators"]["hakmem"]["measures"]["wall_seconds"]
        self.assertLessEqual(measure["high"] / measure["ratio"], 1.5)

    def test_no_round_begins_after_the_time_is_up(self):
        found = self.compared("--rounds", "50", "--max-time", "500ms", "--only", "hakmem", "--", "sleep", "0.2")
        self.assertEqual(found["stopped_by"], "time")
        self.assertLess(found["rounds"], 5)

    def test_one_round_gives_no_verdict(self):
        result = self.hakmem("--rounds", "1", "--only", "hakmem", "--", "sh", "-c", self.DELAY)
        self.assertIn("One round gives no interval and no verdict.", result.stdout)
        self.assertNotIn("slower", result.stdout)

    def test_runs_are_written_as_csv(self):
        path = self.folder / "runs.csv"
        path.write_text("something longer than what comes\n" * 100)
        self.hakmem("--rounds", "2", "--only", "hakmem", "--csv", path, "--metric", r"(\d+)", "--", "echo", "7")
        with path.open() as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(row["round"], row["allocator"], row["metric"]) for row in rows],
                         [("1", "glibc", "7"), ("1", "hakmem", "7"), ("2", "glibc", "7"), ("2", "hakmem", "7")])

    # ---- the metric ----

    def test_the_metric_is_the_last_match_of_both_streams(self):
        script = "echo rate 3; echo 'rate 2.5e1 per s' >&2; echo rate x"
        found = self.compared("--rounds", "2", "--only", "hakmem", "--metric", r"^rate ([0-9.e]+)", "--", "sh", "-c", script)
        self.assertEqual([run["metric"] for run in found["allocators"]["hakmem"]["runs"]], [25, 25])
        self.assertEqual(found["allocators"]["hakmem"]["measures"]["metric"]["verdict"], "same within noise")

    def test_more_is_better_unless_it_is_said(self):
        script = 'case $LD_PRELOAD in *libhakmem.so*) echo n=200;; *) echo n=100;; esac'
        for flags, verdict in ((), "faster"), (("--metric-less-is-better",), "slower"):
            found = self.compared("--rounds", "2", "--only", "hakmem", "--metric", r"n=(\d+)", *flags, "--", "sh", "-c",
                                  script)
            measure = found["allocators"]["hakmem"]["measures"]["metric"]
            self.assertEqual((measure["ratio"], measure["verdict"]), (2, verdict))

    def test_a_metric_that_is_not_there(self):
        self.refused(125, "hakmem: nothing to compare with: echo under glibc: nothing in its output matches "
                     "--metric 'n=(.*)'\n  m=1\n", "--metric", "n=(.*)", "--", "echo", "m=1")
        for word in ("x", "0", "-1", "1,000"):
            self.refused(125, f"hakmem: nothing to compare with: echo under glibc: --metric found '{word}', which is no "
                         f"number above 0\n  n={word}\n", "--metric", "n=(.*)", "--", "echo", f"n={word}")

    def test_a_metric_that_is_wrong(self):
        self.refused(2, "hakmem: compare: --metric '([0-9' is no regular expression: missing ]: [0-9\n"
                     "  the syntax is RE2's: https://github.com/google/re2/wiki/Syntax\n", "--metric", "([0-9", "true")
        self.refused(2, "hakmem: compare: --metric '[0-9]+' has no group\n  put the number in parentheses, as in: "
                     "--metric '([0-9.]+) requests per second'\n", "--metric", "[0-9]+", "true")

    # ---- the proof ----

    NOT_LOADED = "refused: the malloc of true is glibc's: the library has none, or was not loaded"

    def refusal(self, *arguments):
        """What is said of the allocator `other`, which is refused while hakmem is measured."""
        found = self.compared("--rounds", "2", "--only", "hakmem,other", *arguments, status=1)
        self.assertEqual(len(found["allocators"]["hakmem"]["runs"]), 2)
        self.assertEqual(found["allocators"]["other"]["runs"], [])
        return found["allocators"]["other"]["failure"]

    def test_a_library_that_the_loader_does_not_take(self):
        gone = self.compile("libgone.so", "-shared", "-fPIC", source="int gone(void) { return 1; }\n")
        library = self.compile("libother.so", "-shared", "-fPIC", "-Wl,--no-as-needed", gone, source=OWN_MALLOC)
        os.unlink(gone)
        result = self.hakmem("--rounds", "2", "--only", "hakmem,other", "--with", "other=" + library, "--", "true")
        self.assertEqual(result.returncode, 1)
        self.assertIn("other was not measured: exit status 127 (glibc: exit status 0)\n", result.stdout)
        self.assertIn("  | true: error while loading shared libraries: " + gone, result.stdout)

    def test_a_library_that_is_no_allocator(self):
        self.assertEqual(self.refusal("--with", "other=" + STAND_IN, "--", "true"), self.NOT_LOADED)

    def test_a_library_with_half_an_allocator(self):
        library = self.compile("libhalf.so", "-shared", "-fPIC",
                               source="#include <stddef.h>\nextern void *__libc_malloc(size_t);\n"
                               "void *malloc(size_t size) { return __libc_malloc(size); }\n")
        self.assertRegex(self.refusal("--with", "other=" + library, "--", "true"),
                         r"^refused: the malloc of true is in .*/libhalf\.so, but its free in .*/libc\.so\.6$")

    def test_a_static_program_is_refused(self):
        path = self.compile("fixed", "-static")
        self.refused(125, f"hakmem: {path} is statically linked, so nothing can be preloaded into it\n  hakmem can still "
                     "be linked into it: put libhakmem.a, or hakmem.o, on its linker's command line\n", path)

    def test_a_process_that_says_nothing_is_refused(self):
        result = self.hakmem("/lib64/ld-linux-x86-64.so.2", "--list", self.compile("hello"))  # runs no constructor
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertEqual(result.stderr.splitlines()[0], "hakmem: nothing to compare with: /lib64/ld-linux-x86-64.so.2 under "
                         "glibc: nothing was preloaded into the program: is it static, or does it gain rights?")

    def test_a_program_with_a_malloc_of_its_own_is_refused(self):
        path = self.compile("own", source=OWN_MALLOC + HELLO)
        for command in ([path], ["sh", "-c", f"{path}; true"]):  # itself, or as one that is started
            self.refused(125, f"hakmem: nothing to compare with: {command[0]} under glibc: the malloc of own is the one in "
                         f"{path}\n  hello\n", *command)

    def test_a_program_that_has_the_address_of_malloc_fixed(self):
        source = "#include <stdlib.h>\nvoid *(*volatile f)(size_t) = malloc;\nint main(void) { free(f(9)); return 0; }\n"
        found = self.compared("--rounds", "2", "--only", "hakmem", "--",
                              self.compile("fixed", "-no-pie", "-fno-pie", source=source))
        self.assertTrue(os.path.samefile(found["allocators"]["hakmem"]["malloc_in"], LIBRARY))

    @unittest.skipUnless(MIMALLOC, "takes libmimalloc2.0")
    def test_a_program_that_is_linked_with_an_allocator_runs_on_each(self):
        path = self.compile("linked", "-Wl,--no-as-needed", MIMALLOC)
        found = self.compared("--rounds", "2", "--only", "hakmem,mimalloc", "--", path)
        self.assertRegex(found["allocators"]["glibc"]["malloc_in"], r"/libc\.so\.6$")
        self.assertTrue(os.path.samefile(found["allocators"]["hakmem"]["malloc_in"], LIBRARY))

    @unittest.skipUnless(MIMALLOC, "takes libmimalloc2.0")
    def test_an_allocator_that_the_user_preloads_is_noticed(self):
        result = self.hakmem("true", environment={"LD_PRELOAD": MIMALLOC})
        self.assertEqual(result.returncode, 125)
        self.assertIn(f"the malloc of true is the one in {MIMALLOC}", result.stderr)

    # ---- programs that fail ----

    def test_a_program_that_fails_under_one_allocator(self):
        for end, said in (("exit 3", "exit status 3"), ("kill -SEGV $$", "ended by SIGSEGV")):
            script = f'case $LD_PRELOAD in *libhakmem.so*) echo first; echo "no more" >&2; {end};; esac'
            result = self.hakmem("--rounds", "2", "--only", "hakmem", "--", "sh", "-c", script)
            self.assertEqual((result.returncode, result.stderr), (1, ""))
            self.assertIn(f"hakmem was not measured: {said} (glibc: exit status 0)\n  library: {LIBRARY}\n"
                          "  the end of its output:\n  | first\n  | no more\n", result.stdout)

    def test_others_go_on_when_one_fails(self):
        stop = self.folder / "stop"
        script = f'case $LD_PRELOAD in *libhakmem.so*) test -e {stop} && exit 4; touch {stop};; esac'
        other = self.compile("libother.so", "-shared", "-fPIC", source=OWN_MALLOC)
        found = self.compared("--rounds", "3", "--with", "other=" + other, "--only", "hakmem,other", "--warmup", "0", "--",
                              "sh", "-c", script, status=1)
        self.assertEqual(found["allocators"]["hakmem"]["failure"],
                         "exit status 4 (glibc: exit status 0), in round 2")
        self.assertEqual([len(entry["runs"]) for entry in found["allocators"].values()], [3, 1, 3])

    def test_a_status_that_all_share_is_no_failure(self):
        result = self.hakmem("--rounds", "2", "--only", "hakmem", "--", "sh", "-c", "exit 9")
        self.assertEqual(result.returncode, 0)
        self.assertIn("The program ends with exit status 9 under glibc too.\n", result.stdout)

    def test_a_run_that_takes_too_long_is_ended(self):
        pids = self.folder / "pids"
        script = f'case $LD_PRELOAD in *libhakmem.so*) echo $$ >>{pids}; echo still here; sleep 1000;; esac'
        begin = time.monotonic()
        result = self.hakmem("--rounds", "2", "--timeout", "500ms", "--only", "hakmem", "--", "sh", "-c", script)
        self.assertLess(time.monotonic() - begin, 100)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn("hakmem was not measured: took longer than 0.5 s, as --timeout allows\n", result.stdout)
        self.assertIn("  | still here\n", result.stdout)
        self.assertFalse(self.is_alive(pids.read_text().split()[0]))
        self.refused(125, "hakmem: nothing to compare with: sleep under glibc: took longer than 0.2 s, as --timeout allows\n",
                     "--timeout", "200ms", "sleep", "1000")

    def test_a_program_that_fails_under_the_baseline(self):
        path = self.folder / "result.json"
        path.write_text("before")
        self.refused(125, "hakmem: nothing to compare with: sh under glibc: ended by SIGKILL\n  last words\n",
                     "--json", path, "--", "sh", "-c", "echo last words; kill -KILL $$")
        self.assertEqual(path.read_text(), "before")

    def test_whole_rounds_stand_when_the_baseline_fails_later(self):
        path = self.folder / "count"
        script = f'case $LD_PRELOAD in libc.so.6*) echo x >>{path}; test $(wc -l <{path}) -lt 4;; esac'
        result = self.hakmem("--rounds", "5", "--only", "hakmem", "--", "sh", "-c", script)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn("2 rounds in turns after 1 to warm up; glibc failed in the next one\n", result.stdout)
        self.assertIn("glibc failed: exit status 1, but exit status 0 before, in round 3\n", result.stdout)
        self.assertRegex(result.stdout, r"\n  hakmem +\d.* [mu]s .* to ")

    # ---- how a program runs ----

    def test_each_run_gets_the_input_anew(self):
        text = self.folder / "input"
        text.write_text("n=5\n")
        found = self.compared("--rounds", "2", "--only", "hakmem", "--stdin", text, "--metric", r"n=(\d)", "--", "cat")
        self.assertEqual(found["rounds"], 2)
        self.refused(125, "hakmem: can't read /nowhere (from --stdin): No such file or directory\n", "--stdin", "/nowhere",
                     "true")

    def test_what_a_program_leaves_behind_is_ended(self):
        path = self.folder / "pids"
        self.hakmem("--rounds", "2", "--only", "hakmem", "--", "sh", "-c", f"sleep 1000 & echo $! >>{path}")
        pids = path.read_text().split()
        self.assertEqual(len(pids), 6)
        deadline = time.monotonic() + 20
        while any(self.is_alive(pid) for pid in pids):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    @staticmethod
    def is_alive(pid):
        try:
            return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            return False

    def test_nothing_is_left_in_the_temporary_folder(self):
        self.compared("--rounds", "1", "--only", "hakmem", "--", "true")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_an_interrupt_ends_the_program_and_prints_what_there_is(self):
        path = self.folder / "pids"
        script = f"echo $$ >>{path}; test $(wc -l <{path}) -lt 5 || exec sleep 1000"
        process = subprocess.Popen([HAKMEM, "compare", "--lib", LIBRARY, "--warmup", "0", "--only", "hakmem", "--rounds",
                                    "9", "--", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 60
        while not path.exists() or len(path.read_text().split()) < 5:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (130, ""))
        self.assertIn("2 rounds in turns; interrupted\n", out)
        self.assertIn("wall time", out)
        self.assertFalse(self.is_alive(path.read_text().split()[-1]))

    def test_progress_is_shown_on_a_terminal(self):
        ours, theirs = pty.openpty()
        subprocess.run([HAKMEM, "compare", "--lib", LIBRARY, "--only", "hakmem", "--rounds", "2", "--", "true"],
                       stdout=subprocess.DEVNULL, stderr=theirs, timeout=60, check=True)
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertIn("\rwarm-up 1 of 1: ", shown)
        self.assertRegex(shown, r"\r\[#+\.*\] round 2 of 2, \d+ s left: (glibc|hakmem)\x1b\[K")
        self.assertTrue(shown.endswith("\r\x1b[K"))

    # ---- the command line ----

    def test_a_program_that_is_not_there(self):
        self.refused(127, "hakmem: there is no program 'no-such-program' in PATH\n", "--", "no-such-program")

    def test_allocators_that_are_not_there(self):
        result = self.hakmem("--only", "hakmem,nonesuch", "true")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"^hakmem: compare: there is no allocator 'nonesuch' \(from --only\)\n"
                         r"  here are: glibc, hakmem.*\n  name others with --with NAME=PATH\n$")
        self.assertIn("'nonesuch' (from --baseline)", self.hakmem("--baseline", "nonesuch", "true").stderr)

    def test_libraries_that_are_none(self):
        self.refused(125, "hakmem: can't preload /etc/passwd (from --with x): it is not a shared library\n",
                     "--with", "x=/etc/passwd", "true")
        self.refused(125, "hakmem: can't preload /no.so (from --with x): No such file or directory\n", "--with", "x=/no.so",
                     "true")
        for word in ("x", "=x", "x=", "a,b=/x", "a=V=1;", "a=;/x", "a=V;/x", "a==1;/x"):
            self.refused(2, f"hakmem: compare: --with takes NAME=PATH or NAME=VARIABLE=VALUE;PATH, not '{word}'\n" + SEE,
                         "--with", word, "true")
        self.refused(2, "hakmem: compare: --with can't redefine glibc\n", "--with", "glibc=/x", "true")

    def test_a_witness_that_can_not_be_preloaded(self):
        folder = self.folder / "two words"
        folder.mkdir()
        shutil.copy(HAKMEM, folder)
        shutil.copy(Path(HAKMEM).parent / "libhakmem-witness.so", folder)
        result = subprocess.run([folder / "hakmem", "compare", "--lib", LIBRARY, "true"], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr),
                         (125, f"hakmem: can't preload {folder}/libhakmem-witness.so: LD_PRELOAD can't express a path with a "
                          "colon or a blank; make a symbolic link to it\n"))
        os.unlink(folder / "libhakmem-witness.so")
        result = subprocess.run([folder / "hakmem", "compare", "--lib", LIBRARY, "true"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 125)
        self.assertTrue(result.stderr.startswith("hakmem: can't find libhakmem-witness.so\n"), result.stderr)

    def test_values_that_are_wrong(self):
        rounds = "rounds as MIN..MAX or one number"
        for option, word, expected in (
                ("--rounds", "0", rounds), ("--rounds", "5..3", rounds), ("--rounds", "5..", rounds),
                ("--rounds", "1.5", rounds), ("--warmup", "-1", "a number of rounds"),
                ("--precision", "0", "a percentage such as 2%"), ("--precision", "2x", "a percentage such as 2%"),
                ("--confidence", "100", "a percentage from 50 to 99.999"), ("--max-time", "5 days", "a time such as 90s or 5m"),
                ("--max-time", "0", "a time such as 90s or 5m"), ("--timeout", "soon", "a time such as 90s or 5m")):
            self.refused(2, f"hakmem: compare: {option} takes {expected}, not '{word}'\n" + SEE, option, word, "true")
        self.refused(2, "hakmem: compare: only one of --json and --csv can be stdout\n", "--json", "-", "--csv", "-", "true")
        self.refused(2, "hakmem: compare: PROGRAM is required\n" + SEE)
        self.refused(125, "hakmem: can't write /nowhere/x: No such file or directory\n", "--json", "/nowhere/x", "true")

    def test_words_of_the_program_are_no_options(self):
        found = self.compared("--rounds", "1", "--only", "hakmem", "echo", "--rounds", "[x]", "--with")
        self.assertEqual(found["command"], ["echo", "--rounds", "[x]", "--with"])

    def test_help(self):
        result = subprocess.run([HAKMEM, "help", "compare"], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for text in ("Usage: hakmem compare ", "--with NAME=PATH ", "Exit status:", "Examples:\n  hakmem compare -- python3"):
            self.assertIn(text, result.stdout)
        self.assertLessEqual(max(map(len, result.stdout.splitlines())), 80)


if __name__ == "__main__":
    HAKMEM, LIBRARY, STAND_IN = (str(Path(argument).resolve()) for argument in sys.argv[1:4])
    for variable in ("HAKMEM_LIB", "LD_PRELOAD"):
        os.environ.pop(variable, None)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
