"""hakmem run, with real programs: what is preloaded, what passes through, and each refusal with its whole line.

usage: run_test.py HAKMEM STAND_IN [TEST...]    STAND_IN: a library to preload that tells when it is loaded
"""
import ctypes
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HAKMEM = STAND_IN = ""  # absolute paths, from the command line
IS_ROOT = os.getuid() == 0
NOBODY = 65534
HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
LINK_INSTEAD = "  hakmem can still be linked into it: put libhakmem.a, or hakmem.o, on its linker's command line\n"


def elf(bits=64, machine=62, kind=3, interp=b"/lib64/ld-linux-x86-64.so.2\0", order="<", phentsize=None):
    """The head of an ELF file, with PT_INTERP unless `interp` is None."""
    wide = bits == 64
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    header_size, segment_size = (64, 56) if wide else (52, 32)
    word = "Q" if wide else "I"
    count = 0 if interp is None else 1
    header = ident + struct.pack(order + "HHI" + 3 * word + "I6H", kind, machine, 1, 0, header_size, 0, 0,
                                 header_size, phentsize or segment_size, count, 0, 0, 0)
    if interp is None:
        return header
    offset = header_size + segment_size
    if wide:
        segment = struct.pack(order + "IIQQQQQQ", 3, 4, offset, 0, 0, len(interp), len(interp), 1)
    else:
        segment = struct.pack(order + "IIIIIIII", 3, offset, 0, 0, len(interp), len(interp), 4, 1)
    return header + segment + interp


class Run(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)  # other users look into it

    def file(self, name, content, mode=0o755):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return str(path)

    def compile(self, name, *flags, compiler="gcc", source=HELLO):
        text = self.folder / (name + ".c")
        text.write_text(source)
        path = self.folder / name
        subprocess.run([compiler, "-o", path, text, *flags], check=True)
        path.chmod(0o755)
        return str(path)

    def hakmem(self, *arguments, environment=None, without=(), lib=True, **keywords):
        """The finished process of `hakmem run`, with the stand-in as library."""
        env = {**os.environ, "LC_ALL": "C", **(environment or {})}
        for name in ("LD_PRELOAD", *without):
            if name not in (environment or {}):
                env.pop(name, None)
        if lib:
            arguments = ("--lib", STAND_IN, *arguments)
        return subprocess.run([HAKMEM, "run", *arguments], env=env, capture_output=True, text=True, timeout=60,
                              **keywords)

    def refused(self, status, message, *arguments, **keywords):
        result = self.hakmem(*arguments, **keywords)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (status, "", message))

    def succeeded(self, output, *arguments, **keywords):
        result = self.hakmem(*arguments, **keywords)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, output, ""))

    # ---- what passes through ----

    def test_the_library_is_loaded(self):
        result = self.hakmem("true", environment={"STAND_IN_TELL": "1"})
        self.assertEqual((result.returncode, result.stderr), (0, "stand-in loaded\n"))

    def test_the_exit_status_is_the_programs(self):
        for status in (0, 1, 2, 77, 125, 126, 127, 255):
            self.assertEqual(self.hakmem("sh", "-c", f"exit {status}").returncode, status)

    def test_a_signal_that_ends_the_program_ends_the_command(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            self.assertEqual(self.hakmem("sh", "-c", f"kill -{number} $$").returncode, -number)

    def test_the_command_becomes_the_program(self):
        process = subprocess.Popen([HAKMEM, "run", "--lib", STAND_IN, "sleep", "60"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=30), -signal.SIGINT)

    def test_ignored_signals_stay_ignored(self):
        result = self.hakmem("sh", "-c", "kill -HUP $$; echo alive",
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.assertEqual(result.stdout, "alive\n")

    def test_words_arrive_as_they_are(self):
        words = ["", "a b", "--", "--stats", "-h", "--help", "[1,2]", "[]", "{}", "%%", "[%%]", "\x01", "$HOME", "ü"]
        self.succeeded("".join(f"<{w}>\n" for w in words), "printf", "<%s>\\n", *words)
        self.succeeded("--\n", "--", "sh", "-c", 'echo "$1"', "sh", "--")

    def test_the_program_sees_its_name_as_given(self):
        program = self.compile("name", source='#include <stdio.h>\n'
                               'int main(int c, char **v) { return puts(v[c - 1]) < 0; }\n')
        self.succeeded("./name\n", "./name", cwd=self.folder)
        self.succeeded("name\n", "name", environment={"PATH": str(self.folder)})
        self.succeeded(program + "\n", program)

    def test_input_and_files_are_the_programs(self):
        self.succeeded("text", "cat", input="text")
        result = self.hakmem("ls", "/proc/self/fd")
        self.assertEqual(result.stdout.split(), ["0", "1", "2", "3"])  # 3: ls's own, of the folder

    # ---- the environment ----

    def test_the_library_goes_in_front_of_what_is_preloaded_already(self):
        other = self.compile("other.so", "-shared", "-fPIC", source="int other_library;\n")
        show = ("sh", "-c", 'echo "$LD_PRELOAD"')
        self.succeeded(f"{STAND_IN}\n", *show)
        self.succeeded(f"{STAND_IN}\n", *show, environment={"LD_PRELOAD": ""})
        self.succeeded(f"{STAND_IN}:{other}\n", *show, environment={"LD_PRELOAD": other})
        self.succeeded(f"{STAND_IN}:{other}\n", *show, environment={"LD_PRELOAD": f"{other} {STAND_IN}"})

    def test_a_nested_run_preloads_once(self):
        self.succeeded(f"{STAND_IN}\n", HAKMEM, "run", "--lib", STAND_IN, "sh", "-c", 'echo "$LD_PRELOAD"')

    def test_a_relative_library_becomes_absolute(self):
        shutil.copy(STAND_IN, self.folder / "here.so")
        self.succeeded(f"{self.folder}/here.so\n", "--lib", "./here.so", "sh", "-c", 'cd / && echo "$LD_PRELOAD"',
                       lib=False, cwd=self.folder)

    def test_stats_sets_the_option(self):
        show = ("sh", "-c", 'echo "$HAKMEM_STATS,$HAKMEM_STATS_FILE"')
        clean = {"without": ("HAKMEM_STATS", "HAKMEM_STATS_FILE")}
        self.succeeded(",\n", *show, **clean)
        self.succeeded("1,\n", "--stats", *show, **clean)
        self.succeeded(f"1,{self.folder}/s.%p\n", "--stats-file", "s.%p", *show, cwd=self.folder, **clean)
        self.succeeded("1,/tmp/s\n", "--stats-file=/tmp/s", *show, **clean)

    # ---- finding the library ----

    def installed(self, *parts):
        """A copy of the command in PREFIX/bin, and a library at PREFIX/parts."""
        command = self.folder / "bin/hakmem"
        command.parent.mkdir()
        shutil.copy(HAKMEM, command)
        library = self.folder.joinpath(*parts) if parts else None
        if library:
            library.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(STAND_IN, library)
        environment = {k: v for k, v in os.environ.items() if k not in ("HAKMEM_LIB", "LD_PRELOAD")}
        result = subprocess.run([command, "run", "sh", "-c", 'echo "$LD_PRELOAD"'], env=environment,
                                capture_output=True, text=True, timeout=60)
        return result, str(library)

    def test_the_library_beside_the_command_is_found(self):
        result, library = self.installed("bin", "libhakmem.so")
        self.assertEqual(result.stdout, library + "\n")

    def test_the_library_of_the_prefix_is_found(self):
        result, library = self.installed("lib", "libhakmem.so")
        self.assertEqual(result.stdout, library + "\n")

    def test_a_library_that_is_nowhere_is_said_to_be(self):
        result, _ = self.installed()
        self.assertEqual(result.returncode, 125)
        self.assertTrue(result.stderr.startswith("hakmem: can't find libhakmem.so\n"), result.stderr)
        self.assertIn(f"  looked for {self.folder}/lib/libhakmem.so\n", result.stderr)
        self.assertIn("  name it with --lib PATH or HAKMEM_LIB=PATH, or build it: make build\n", result.stderr)

    def test_the_environment_names_a_library(self):
        self.succeeded(f"{STAND_IN}\n", "sh", "-c", 'echo "$LD_PRELOAD"', lib=False,
                       environment={"HAKMEM_LIB": STAND_IN})

    def test_a_library_that_is_missing_is_refused(self):
        self.refused(125, "hakmem: can't preload /nowhere/lib.so (from --lib): No such file or directory\n",
                     "--lib", "/nowhere/lib.so", "true", lib=False)
        self.refused(125, "hakmem: can't preload /nowhere/lib.so (from HAKMEM_LIB): No such file or directory\n",
                     "true", lib=False, environment={"HAKMEM_LIB": "/nowhere/lib.so"})

    def refused_library(self, reason, path):
        self.refused(125, f"hakmem: can't preload {path} (from --lib): {reason}\n", "--lib", path, "true", lib=False)

    def test_a_library_that_the_loader_would_not_take_is_refused(self):
        self.refused_library("it is not a shared library", self.file("text.so", "text"))
        self.refused_library("it is not a shared library", self.file("cut.so", elf()[:40]))
        self.refused_library("it is not a shared library", self.compile("object.o", "-c"))
        self.refused_library("it is a 64-bit library for aarch64, this is the hakmem command for x86-64",
                             self.file("arm.so", elf(machine=183, interp=None)))
        self.refused_library("it is a 32-bit library for i386, this is the hakmem command for x86-64",
                             self.file("old.so", elf(bits=32, machine=3, interp=None)))

    def test_a_path_that_ld_preload_can_not_express_is_refused(self):
        for name in ("two words.so", "a:b.so"):
            shutil.copy(STAND_IN, self.folder / name)
            self.refused_library("LD_PRELOAD can't express a path with a colon or a blank; make a symbolic link to it",
                                 f"{self.folder}/{name}")

    # ---- finding the program ----

    def test_a_program_that_is_not_there(self):
        self.refused(127, "hakmem: there is no program 'no-such-program' in PATH\n", "no-such-program")
        self.refused(127, "hakmem: there is no program ./no-such-program\n", "./no-such-program")
        self.refused(127, "hakmem: there is no program /etc/passwd/x\n", "/etc/passwd/x")
        self.refused(127, "hakmem: the name of the program is empty\n", "")

    def test_a_program_in_this_folder_is_pointed_out(self):
        self.file("mine", "#!/bin/sh\n")
        self.refused(127, "hakmem: there is no program 'mine' in PATH\n"
                     "  there is one in this folder: ./mine\n", "mine", cwd=self.folder)

    def test_a_file_that_is_not_executable(self):
        path = self.file("plain", HELLO, 0o644)
        message = f"hakmem: {path} is not executable\n  chmod +x it, or name its interpreter\n"
        self.refused(126, message, path)
        self.refused(126, message, "plain", environment={"PATH": str(self.folder)})

    @unittest.skipUnless(IS_ROOT, "takes root to become another user")
    def test_folders_that_may_not_be_entered_are_passed_over(self):
        closed = self.folder / "closed"
        closed.mkdir(0o700)
        self.refused(127, "hakmem: there is no program 'no-such-program' in PATH\n", "no-such-program",
                     environment={"PATH": str(closed)}, user=NOBODY)
        self.refused(126, f"hakmem: can't execute {closed}/x: Permission denied\n", f"{closed}/x", user=NOBODY)

    def test_a_directory_is_no_program(self):
        self.refused(126, "hakmem: /tmp is a directory, not a program\n", "/tmp")

    def test_path_is_searched_past_what_does_not_fit(self):
        for name in ("first", "second"):
            (self.folder / name).mkdir()
        self.file("first/tell", "#!/bin/sh\necho first\n", 0o644)
        self.file("second/tell", "#!/bin/sh\necho second\n")
        path = f"{self.folder}/first:{self.folder}/second"
        self.succeeded("second\n", "tell", environment={"PATH": path})
        self.succeeded("second\n", "tell", environment={"PATH": ""}, cwd=self.folder / "second")

    # ---- programs that preloading can't reach ----

    def test_a_static_program_is_refused(self):
        for name, flags in (("fixed", ["-static"]), ("pie", ["-static-pie"])):
            path = self.compile(name, *flags)
            self.refused(125, f"hakmem: {path} is statically linked, so nothing can be preloaded into it\n"
                         + LINK_INSTEAD, path)

    def test_the_loader_itself_may_run_a_program(self):
        self.succeeded("hello\n", "/lib64/ld-linux-x86-64.so.2", self.compile("hello"))

    def test_a_musl_program_is_refused(self):
        paths = [("/lib/ld-musl-x86_64.so.1", self.file("crafted", elf(interp=b"/lib/ld-musl-x86_64.so.1\0")))]
        if shutil.which("musl-gcc"):
            paths.append(("/lib/ld-musl-x86_64.so.1", self.compile("musl", compiler="musl-gcc")))
        for loader, path in paths:
            self.refused(125, f"hakmem: {path} is built for musl ({loader}); hakmem needs glibc\n"
                         "  build it for glibc, or run it on a glibc system such as Debian\n", path)

    def test_a_program_for_another_machine_is_refused(self):
        cases = (("i386", 32, elf(bits=32, machine=3, interp=b"/lib/ld-linux.so.2\0")),
                 ("x86-64", 32, elf(bits=32, machine=62)),  # x32
                 ("aarch64", 64, elf(machine=183)),
                 ("ELF machine 9999", 64, elf(machine=9999)))
        for name, bits, content in cases:
            path = self.file("other", content)
            self.refused(125, f"hakmem: {path} is a {bits}-bit program for {name}; "
                         "hakmem runs 64-bit programs for x86-64 only\n", path)
        path = self.file("big-endian", elf(machine=21, order=">"))
        self.assertEqual(self.hakmem(path).returncode, 125)

    def test_an_object_file_is_refused(self):
        path = self.compile("object.o", "-c")
        self.refused(126, f"hakmem: {path} is an object file, not a program\n", path)

    def test_a_program_whose_loader_is_missing(self):
        path = self.file("lost", elf(interp=b"/lib/ld-gone.so.9\0"))
        self.refused(126, f"hakmem: {path} needs the loader /lib/ld-gone.so.9, which is not here\n", path)

    def test_damaged_programs_are_refused_and_not_followed(self):
        good = elf()
        for cut in range(4, len(good)):
            result = self.hakmem(self.file("cut", good[:cut]))
            self.assertIn(result.returncode, (125, 126, 127, 2))
        for content in (elf(phentsize=1), elf(interp=b""), elf(interp=b"x" * 5000),
                        good[:32] + b"\xff" * 8 + good[40:]):
            self.assertEqual(self.hakmem(self.file("damaged", content)).returncode, 125)

    # ---- programs that gain rights ----

    @unittest.skipUnless(IS_ROOT, "takes root to make the file")
    def test_a_set_user_id_program_is_refused(self):
        path = self.compile("hello")
        os.chown(path, NOBODY, -1)
        os.chmod(path, 0o4755)
        remedy = "  run a copy without those rights, or as the user it changes to\n" + LINK_INSTEAD
        self.refused(125, f"hakmem: {path} is set-user-id (to user {NOBODY}), so the loader ignores LD_PRELOAD for it\n"
                     + remedy, path)
        self.succeeded("hello\n", path, user=NOBODY, group=NOBODY, extra_groups=[])  # its own: nothing is gained

    @unittest.skipUnless(IS_ROOT, "takes root to make the file")
    def test_a_set_group_id_program_is_refused(self):
        path = self.compile("hello")
        os.chown(path, -1, NOBODY)
        os.chmod(path, 0o2755)
        self.assertIn(f"is set-group-id (to group {NOBODY})", self.hakmem(path).stderr)
        os.chmod(path, 0o2745)  # without group execution the bit means locking
        self.succeeded("hello\n", path)

    @unittest.skipUnless(IS_ROOT, "takes root to make the file")
    def test_a_program_of_root_for_root_gains_nothing(self):
        path = self.compile("hello")
        os.chmod(path, 0o4755)
        result = self.hakmem(path, environment={"STAND_IN_TELL": "1"})
        self.assertEqual((result.stdout, result.stderr), ("hello\n", "stand-in loaded\n"))
        self.assertIn("is set-user-id (to user 0)", self.hakmem(path, user=NOBODY).stderr)

    @unittest.skipUnless(IS_ROOT, "takes root to become another user")
    def test_no_new_privileges_make_the_bits_void(self):
        path = self.compile("hello")
        os.chmod(path, 0o4755)
        pr_set_no_new_privs = 38
        libc = ctypes.CDLL(None)
        self.succeeded("hello\n", path, user=NOBODY, preexec_fn=lambda: libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0))

    @unittest.skipUnless(IS_ROOT, "takes root to give capabilities")
    def test_file_capabilities_are_refused_unless_root_runs_it(self):
        path = self.compile("hello")
        net_raw = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # vfs_cap_data, version 2, effective
        try:
            os.setxattr(path, "security.capability", net_raw)
        except OSError as error:
            self.skipTest(f"no file capabilities here: {error}")
        self.succeeded("hello\n", path)
        self.assertIn("has file capabilities, so the loader ignores LD_PRELOAD for it",
                      self.hakmem(path, user=NOBODY).stderr)

    # ---- scripts ----

    def test_scripts_run(self):
        self.succeeded("ok\n", self.file("plain", "#!/bin/sh\necho ok\n"))
        self.succeeded("ok\n", self.file("blanks", "#! \t/bin/sh  \necho ok\n"))
        self.succeeded("ok\n", self.file("argument", "#!/bin/sh -e\necho ok\n"))
        self.succeeded("ok\n", self.file("env", "#!/usr/bin/env sh\necho ok\n"))
        self.succeeded("ok\n", self.file("env-s", "#!/usr/bin/env -S X=1 sh -e\necho ok\n"))
        self.succeeded("ok\n", self.file("bare", "echo ok\n"))

    def test_a_script_on_a_static_interpreter_is_refused(self):
        static = self.compile("shell", "-static")
        message = f"hakmem: {static} is statically linked, so nothing can be preloaded into it\n" + LINK_INSTEAD
        self.refused(125, message, self.file("script", f"#!{static} -x\n"))
        self.refused(125, message, self.file("outer", f"#!{self.folder}/script\n"))
        self.refused(125, message, self.file("env", "#!/usr/bin/env shell\n"),
                     environment={"PATH": f"{self.folder}:{os.environ['PATH']}"})

    def test_a_script_without_its_interpreter(self):
        path = self.file("script", "#!/no/such/interpreter\n")
        self.refused(127, f"hakmem: {path} asks for the interpreter /no/such/interpreter, which is not here\n", path)
        plain = self.file("plain", "", 0o644)
        path = self.file("script2", f"#!{plain}\n")
        self.refused(126, f"hakmem: {path} asks for the interpreter {plain}, which can't be executed\n", path)

    def test_a_script_that_is_its_own_interpreter(self):
        path = self.file("loop", f"#!{self.folder}/loop\n")
        self.refused(126, f"hakmem: {path}: its #! lines lead through more than 5 files\n", path)

    # ---- the command line ----

    def command(self, *arguments):
        result = subprocess.run([HAKMEM, *arguments], capture_output=True, text=True, timeout=60)
        return result.returncode, result.stdout, result.stderr

    def test_a_wrong_command_line(self):
        see = "  see: hakmem help run\n"
        self.assertEqual(self.command("run"), (2, "", "hakmem: run: PROGRAM is required\n" + see))
        self.assertEqual(self.command("run", "--bad", "ls"), (2, "", "hakmem: run: there is no option '--bad'\n" + see))
        self.assertEqual(self.command("run", "--lib")[0], 2)
        self.assertEqual(self.command("run", "--stats=3", "ls")[0], 2)
        self.assertEqual(self.command("frobnicate")[0], 2)
        status, out, err = self.command()
        self.assertEqual((status, out), (2, ""))
        self.assertIn("Usage: hakmem VERB", err)

    def test_help(self):
        status, overview, err = self.command("help")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(self.command("--help"), (0, overview, ""))
        self.assertIn("  run ", overview)
        status, page, err = self.command("help", "run")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(self.command("run", "--help"), (0, page, ""))
        for text in ("Usage: hakmem run [OPTION...] [--] PROGRAM [ARGUMENT...]\n", "-h,--help", "--stats-file FILE", "125"):
            self.assertIn(text, page)
        self.assertLessEqual(max(map(len, page.splitlines())), 110)
        self.assertEqual(self.command("help", "frobnicate")[0], 2)

    def test_version(self):
        status, text, _ = self.command("--version")
        self.assertEqual(status, 0)
        self.assertRegex(text, r"^hakmem \d+\.\d+\.\d+\n$")

    def test_a_closed_stdout_is_noticed(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([HAKMEM, "help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual((result.returncode, result.stderr), (125, "hakmem: can't write to stdout\n"))


if __name__ == "__main__":
    HAKMEM, STAND_IN = (str(Path(argument).resolve()) for argument in sys.argv[1:3])
    os.environ.pop("HAKMEM_LIB", None)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
