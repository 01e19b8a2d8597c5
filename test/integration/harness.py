"""What all integration tests share: run a program with glibc's malloc and with hakmem's, and compare what it did.

A test gives a *scenario*, a function that takes a Session and does its work through it: `session.run(argv)` starts a
program, `session.note(what, value)` and `session.keep(file)` put into the transcript what must not depend on the
allocator. `ProgramTest.same_under_both(scenario)` plays it twice, in a scratch directory of the same path, first on
glibc, then on the library under test, and compares the transcripts line by line.

Every process preloads the witness too (proof/witness.c); a run in which a process had another malloc than the wanted
one fails, so a suite that is pointed at the wrong library can't pass.

Settings, from the environment (not named HAKMEM_*, which hakmem itself would read):
  INTEGRATION_LIB           library to preload               (build/release/libhakmem.so of this checkout)
  INTEGRATION_PROOF_SYMBOL  what only that library defines   (hakmem_version)
  INTEGRATION_TOOL, INTEGRATION_STATIC, INTEGRATION_OBJECT   the tool, libhakmem.a, hakmem.o (beside the library)
  INTEGRATION_KEEP          1: keep scratch directories of passed tests too
HAKMEM_* variables reach the runs on the library under test, so the suite can be run with an option set.
"""

import contextlib
import dataclasses
import difflib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
INPUTS = HERE / "inputs"
RELEASE = HERE.parent.parent / "build" / "release"
SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"
EXIT_SKIPPED = 77  # SKIP_RETURN_CODE in CMakeLists.txt

LIBC = "libc"
HAKMEM = "hakmem"


def setting(name, default):
    return os.environ.get("INTEGRATION_" + name) or default


PROOF_SYMBOL = setting("PROOF_SYMBOL", "hakmem_version")


def built_file(name, default):
    """The path of something the build makes; skips the test where it is missing."""
    path = pathlib.Path(setting(name, RELEASE / default)).resolve()
    if not path.exists():
        raise unittest.SkipTest(f"INTEGRATION_{name}: {path} has not been built")
    return path


def find_program(name, package):
    """Debian's program of that name, before any other on PATH; skips the test where there is none."""
    path = shutil.which(name, path=SYSTEM_PATH) or shutil.which(name)
    if path is None:
        raise unittest.SkipTest(f"{name} is not installed: apt-get install {package}")
    return path


# ---- The proof ------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Testimony:
    """One process image's line of the proof log; see proof/witness.c."""

    pid: str
    executable: str
    symbol_in: str
    malloc_in: str
    block: str

    def fault(self, library):
        """Why this process did not run on `library`; None if it did."""
        if not same_file(self.symbol_in, library):
            return f"{PROOF_SYMBOL} was found in {self.symbol_in!r}, not in {library}"
        if not same_file(self.malloc_in, library) and self.malloc_in != "executable":
            return f"its malloc is the one of {self.malloc_in}"
        if self.block == "foreign":
            return "hakmem_block_info does not know what its malloc returned"
        return None


def same_file(path, other):
    return os.path.exists(path) and os.path.samefile(path, other)


def read_testimonies(log):
    if not log.exists():
        return []
    return [Testimony(*line.split("\t")) for line in log.read_text().splitlines()]


def disproof(testimonies, program, allocator):
    """What speaks against `program` and its children having run on `allocator`; None if nothing does."""
    executable = os.path.realpath(program)
    if not any(t.executable == executable for t in testimonies):
        return f"the witness was never loaded into {executable}: nothing is proven"
    for testimony in testimonies:
        fault = testimony.fault(library())
        if allocator == LIBC:
            on_other = fault is not None or library_is_libc()
            fault = None if on_other else "it ran on the library under test, not on glibc's malloc"
        if fault:
            return f"process {testimony.pid} ({testimony.executable}): {fault}"
    return None


def library():
    return built_file("LIB", "libhakmem.so")


def library_is_libc():
    """The suite checks itself by preloading libc.so.6: then both runs are on the same allocator."""
    return library().name.startswith("libc.so")


# ---- Compiling ------------------------------------------------------------------------------------------------


def compile_program(sources, output, *flags, compiler=None):
    """Compiles C or C++ (by the suffix of the first source) with plain flags, and fails the test if it can't."""
    first = str(sources[0])
    if compiler is None:
        compiler = find_program("gcc" if first.endswith(".c") else "g++", "g++")
    standard = "-std=gnu11" if first.endswith(".c") else "-std=gnu++20"
    argv = [compiler, standard, "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"]
    argv += [*map(str, sources), "-o", str(output), *map(str, flags)]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}\n{done.stderr}")
    return output


# ---- Running --------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Outcome:
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def ending(self):
        return f"killed by {signal.Signals(-self.status).name}" if self.status < 0 else f"exit status {self.status}"


class Session:
    """One play of a scenario on one allocator: a scratch directory, an environment, a transcript."""

    def __init__(self, allocator, directory, witness, log):
        self.allocator = allocator
        self.directory = directory
        self.transcript = []
        self.log = log
        self.environment = {
            "PATH": SYSTEM_PATH,
            "HOME": str(directory),
            "TMPDIR": str(directory),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "LD_PRELOAD": str(witness),
            "INTEGRATION_PROOF_LOG": str(log),
            "INTEGRATION_PROOF_SYMBOL": PROOF_SYMBOL,
        }
        if allocator == HAKMEM:
            self.environment["LD_PRELOAD"] = f"{library()}:{witness}"
            self.environment.update({k: v for k, v in os.environ.items() if k.startswith("HAKMEM_")})

    def path(self, name):
        return self.directory / name

    def note(self, what, value):
        """Puts into the transcript what must be the same on every allocator."""
        self.transcript.append((what, value))

    def keep(self, name):
        """Notes the contents of a file by length and hash."""
        contents = self.path(name).read_bytes()
        self.note(name, f"{len(contents)} bytes, sha256 {hashlib.sha256(contents).hexdigest()}")

    def run(self, argv, *, program=None, stdin=b"", env=None, timeout=400, expect=0, note=True):
        """Runs a program to its end and proves its allocator (of `program`, where argv[0] only starts it).
        Its status must be `expect` (None: any); with `note`, status, stdout and stderr go into the transcript."""
        with self.start(argv, stdin=stdin, env=env) as process:
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{self.describe(argv)}\nhangs: no end after {timeout} s\n{stacks(process.pid)}")
            outcome = process.outcome()
        if expect is not None and outcome.status != expect:
            raise AssertionError(f"{self.describe(argv)}\n{outcome.ending}, expected {expect}\n"
                                 f"{tail(outcome.stdout)}{tail(outcome.stderr)}")
        self.prove(program or argv[0], starter=argv[0] if program else None)
        if note:
            name = os.path.basename(str(program or argv[0]))
            self.note(f"{name}: end", outcome.ending)
            self.note(f"{name}: stdout", outcome.stdout)
            self.note(f"{name}: stderr", outcome.stderr)
        return outcome

    @contextlib.contextmanager
    def start(self, argv, *, stdin=b"", env=None):
        """A program that runs beside the scenario. Whatever it started is gone when the block is left."""
        with tempfile.TemporaryFile() as stdin_file, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            stdin_file.write(stdin)
            stdin_file.seek(0)
            process = subprocess.Popen(
                [str(a) for a in argv], cwd=self.directory, env={**self.environment, **(env or {})},
                stdin=stdin_file, stdout=out, stderr=err, start_new_session=True)
            process.outcome = lambda: Outcome(process.returncode, contents_of(out), contents_of(err))
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def prove(self, program, starter=None):
        """Fails unless `program` and all its children so far ran on this session's allocator; `starter`, the
        executable that started it, may have another."""
        testimonies = [t for t in read_testimonies(self.log) if starter is None or t.executable != os.path.realpath(starter)]
        fault = disproof(testimonies, str(program), self.allocator)
        if fault:
            raise AssertionError(f"not proven to have run on {self.allocator}: {fault}")

    def describe(self, argv):
        setting_text = " ".join(f"{k}={v}" for k, v in self.environment.items() if k in ("LD_PRELOAD", "TMPDIR"))
        return f"on {self.allocator}: cd {self.directory} && {setting_text} {' '.join(map(str, argv))}"


def contents_of(file):
    file.seek(0)
    return file.read()


def tail(output, lines=40, width=400):
    return "\n".join(line[:width] for line in output.decode(errors="replace").splitlines()[-lines:]) + "\n"


def stacks(session_id):
    """The stacks of all processes of a session, for a test that hangs; needs gdb."""
    gdb = shutil.which("gdb")
    if gdb is None:
        return "(install gdb to see the stacks)"
    text = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if os.getsid(int(pid)) == session_id:
                argv = [gdb, "-p", pid, "-batch", "-ex", "set debuginfod enabled off", "-ex", "thread apply all bt 25"]
                text.append(subprocess.run(argv, capture_output=True, text=True, timeout=30).stdout[-20000:])
    return "\n".join(text)


def wait_until(condition, what, timeout=60):
    """Polls until condition() is true; returns its value."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout} s in vain: {what}")


# ---- Tests ----------------------------------------------------------------------------------------------------


class ProgramTest(unittest.TestCase):
    """Base of all tests: a scratch directory that stays when the test fails, and the comparison."""

    def setUp(self):
        library()  # skips where it has not been built
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="hakmem-integration-"))
        self.witness = compile_program([HERE / "proof" / "witness.c"], self.scratch / "witness.so", "-fPIC", "-shared")

    def run(self, result=None):
        before = len(result.errors) + len(result.failures)
        super().run(result)
        scratch = getattr(self, "scratch", None)
        if scratch is None:
            return
        if len(result.errors) + len(result.failures) > before or setting("KEEP", ""):
            print(f"scratch directory kept: {scratch}", file=sys.stderr)
        else:
            shutil.rmtree(scratch, ignore_errors=True)

    def play(self, scenario, allocator):
        """Plays the scenario on one allocator; its directory is renamed to the allocator's name afterwards."""
        directory = self.scratch / "run"
        directory.mkdir()
        session = Session(allocator, directory, self.witness, self.scratch / f"proof.{allocator}")
        try:
            scenario(session)
        finally:
            directory.rename(self.scratch / allocator)
        return session.transcript

    def same_under_both(self, scenario):
        expected = self.play(scenario, LIBC)
        actual = self.play(scenario, HAKMEM)
        self.assertTrue(expected, "the scenario noted nothing")
        if expected != actual:
            self.fail(difference(expected, actual))


def difference(expected, actual):
    lines = {LIBC: as_lines(expected), HAKMEM: as_lines(actual)}
    diff = list(difflib.unified_diff(lines[LIBC], lines[HAKMEM], "on glibc", "on the library under test", lineterm="", n=1))
    return "\n".join(["the program behaves differently:", *(line[:400] for line in diff[:80]), "..." if len(diff) > 80 else ""])


def as_lines(transcript):
    lines = []
    for what, value in transcript:
        text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
        lines += [f"{what}: {line}" for line in text.splitlines()]
    return lines


def main():
    """Runs the tests of the calling script. Exit status: 0 passed, 77 all skipped, 1 failed."""
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(EXIT_SKIPPED if result.testsRun > 0 and len(result.skipped) == result.testsRun else 0)
