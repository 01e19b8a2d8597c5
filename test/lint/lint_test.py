"""scripts/lint finds each kind of fault, and nothing in a clean tree. Each test is a small tree made of strings."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LINT = Path(__file__).resolve().parents[2] / "scripts/lint"
EXPORTS = "{\n  global:\n    malloc; hakmem_version; /* not; these; */\n  local: *;\n};\n"
CLEAN = {
    "src/base/units.h": "#include <cstdint>\n#include <sys/mman.h>\n",
    "src/os/memory.h": '#include "base/units.h"\n#include "os/clock.h"\n',
    "src/os/clock.h": "\n",
    "src/slab/slab.cc": '#include "hakmem/hakmem.h"\n#include "os/memory.h"\n',
    "src/large/pool.h": "\n",
    "src/api/exports.map": EXPORTS,
    "include/hakmem/hakmem.h": "const char* hakmem_version(void); /* hakmem_comment() */\n",
    "tool/main.cc": '#include "view.h"\n#include "hakmem/hakmem.h"\n',
    "tool/view.h": "\n",
}
NOTE = "TO" + "DO"


class Lint(unittest.TestCase):
    def lint(self, changes=None, library=None):
        """Status and findings of lint on the clean tree with `changes`."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, text in {**CLEAN, **(changes or {})}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            (root / ".clang-format").write_text("DisableFormat: true\n")
            command = [sys.executable, str(LINT), "--root", folder]
            if library is not None:
                source = root / "library.c"
                source.write_text(library[0])
                built = root / "libhakmem.so"
                subprocess.run(["gcc", "-shared", "-fPIC", "-o", built, source, *library[1:]], check=True)
                command += ["--library", str(built)]
            result = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(result.stderr, "")
            return result.returncode, result.stdout.replace(folder + "/", "").splitlines()

    def expect(self, finding, changes=None, library=None):
        status, output = self.lint(changes, library)
        self.assertEqual(output[:-1], [finding])
        self.assertEqual(status, 1)

    def test_a_clean_tree_passes(self):
        self.assertEqual(self.lint(), (0, ["lint: clean"]))

    def test_an_upward_include_fails(self):
        self.expect("src/base/up.h:2: base (0) includes os (2): upward",
                    {"src/base/up.h": '#pragma once\n#include "os/memory.h"\n'})

    def test_folders_with_equal_numbers_are_blind_to_each_other(self):
        self.expect("src/slab/partial.h:1: slab (7) includes large (7): upward",
                    {"src/slab/partial.h": '#include "large/pool.h"\n'})

    def test_a_relative_include_is_followed(self):
        self.expect("src/base/up.h:1: base (0) includes os (2): upward",
                    {"src/base/up.h": '#include "../os/clock.h"\n'})

    def test_a_cycle_fails(self):
        self.expect("src/os/a.h:1: include cycle: src/os/a.h -> src/os/b.h -> src/os/a.h",
                    {"src/os/a.h": '#include "os/b.h"\n', "src/os/b.h": '#include "os/a.h"\n'})

    def test_an_unknown_folder_fails(self):
        self.expect("src/misc/x.h:1: src/misc is no layer; the layers stand in scripts/lint and docs/design.md",
                    {"src/misc/x.h": "\n"})

    def test_a_header_that_needs_libstdcxx_fails(self):
        self.expect("src/os/text.cc:1: <string> may need libstdc++, which src/ is linked without",
                    {"src/os/text.cc": "#include <string>\n"})

    def test_an_include_that_is_not_there_fails(self):
        self.expect('src/os/text.cc:1: "os/gone.h" is not in src/', {"src/os/text.cc": '#include "os/gone.h"\n'})

    def test_the_tool_does_not_know_src(self):
        self.expect('tool/x.cc:1: "base/units.h" is neither in tool/ nor in include/hakmem/',
                    {"tool/x.cc": '#include "base/units.h"\n'})

    def test_a_note_needs_an_issue(self):
        self.expect(f"src/os/x.h:2: {NOTE} without an issue; write {NOTE}(#123)",
                    {"src/os/x.h": f"// {NOTE}(#7): later\n// {NOTE}: some day\n"})

    def test_a_public_function_that_is_not_exported_fails(self):
        self.expect("src/api/exports.map:1: hakmem_new of include/hakmem/hakmem.h is missing",
                    {"include/hakmem/hakmem.h": "const char* hakmem_version(void); int hakmem_new(void);\n"})

    FUNCTIONS = "void *malloc(unsigned long n) { (void)n; return 0; } const char *hakmem_version(void) { return 0; }\n"

    def test_a_library_with_the_listed_symbols_passes(self):
        self.assertEqual(self.lint(library=[self.FUNCTIONS]), (0, ["lint: clean"]))

    def test_a_library_with_another_symbol_fails(self):
        self.expect("libhakmem.so: exports helper, which src/api/exports.map does not list",
                    library=[self.FUNCTIONS + "int helper;\n"])

    def test_a_library_without_a_listed_symbol_fails(self):
        self.expect("libhakmem.so: does not export hakmem_version, which src/api/exports.map lists",
                    library=["void *malloc(unsigned long n) { (void)n; return 0; }\n"])

    def test_a_library_that_needs_another_fails(self):
        self.expect("libhakmem.so: needs libstdc++.so.6; only libc.so.6 is allowed",
                    library=[self.FUNCTIONS, "-Wl,--no-as-needed", "-lstdc++"])

    def test_a_strong_symbol_of_libstdcxx_fails(self):
        status, output = self.lint(library=[self.FUNCTIONS + "void __cxa_throw(void);\n"
                                            "__attribute__((visibility(\"hidden\"))) void f(void) { __cxa_throw(); }\n"])
        self.assertEqual((status, output[:-1]), (1, ["libhakmem.so: __cxa_throw is undefined and not glibc's"]))

    def test_a_weak_symbol_of_libstdcxx_passes(self):
        weak = "__attribute__((weak)) void __cxa_throw(void);\n" \
               "__attribute__((visibility(\"hidden\"))) void f(void) { if (__cxa_throw) __cxa_throw(); }\n"
        self.assertEqual(self.lint(library=[self.FUNCTIONS + weak])[0], 0)


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    unittest.main()
