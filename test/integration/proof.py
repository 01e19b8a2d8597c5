"""The suite checks itself: pointed at a library that isn't the one wanted, its tests must fail, not pass."""

import os
import subprocess
import sys

from harness import HERE, LIBC, PROOF_SYMBOL, ProgramTest, Testimony, compile_program, disproof, find_program, library, main

SCRIPT = [sys.executable, HERE / "interpreters.py", "Interpreters.test_lua"]

# A preloadable malloc that passes everything on to glibc: programs behave perfectly with it.
IMPOSTOR = """
extern void* __libc_malloc(__SIZE_TYPE__);
extern void __libc_free(void*);
void* malloc(__SIZE_TYPE__ size) { return __libc_malloc(size); }
void free(void* block) { __libc_free(block); }
"""


class Proof(ProgramTest):
    def suite_with(self, **settings):
        environment = {**os.environ, **{f"INTEGRATION_{name}": str(value) for name, value in settings.items()}}
        done = subprocess.run(SCRIPT, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stderr

    def impostor(self, code):
        source = self.scratch / "impostor.c"
        source.write_text(code)
        return compile_program([source], self.scratch / "impostor.so", "-shared", "-fPIC")

    def test_a_library_without_the_symbol_fails(self):
        find_program("lua5.4", "lua5.4")
        status, errors = self.suite_with(LIB=self.impostor(IMPOSTOR))
        self.assertEqual(status, 1)
        self.assertIn(f"{PROOF_SYMBOL} was found in '-'", errors)

    def test_a_library_with_the_symbol_but_without_malloc_fails(self):
        find_program("lua5.4", "lua5.4")
        status, errors = self.suite_with(LIB=self.impostor("int only_a_symbol;"), PROOF_SYMBOL="only_a_symbol")
        self.assertEqual(status, 1)
        self.assertIn("its malloc is the one of", errors)

    def test_a_library_that_cannot_be_loaded_fails(self):
        find_program("lua5.4", "lua5.4")
        broken = self.scratch / "broken.so"
        broken.write_bytes(b"not a library")
        status, _ = self.suite_with(LIB=broken)
        self.assertEqual(status, 1)

    def test_no_testimony_is_no_proof(self):
        self.assertIn("nothing is proven", disproof([], "/bin/sh", LIBC))
        other = Testimony("1", "/bin/other", "-", "-", "-")
        self.assertIn("nothing is proven", disproof([other], "/bin/sh", LIBC))

    def test_a_block_that_the_library_does_not_know_is_a_disproof(self):
        path = str(library())
        self.assertIsNone(Testimony("1", "/bin/sh", path, path, "live").fault(library()))
        self.assertIn("hakmem_block_info", Testimony("1", "/bin/sh", path, path, "foreign").fault(library()))


if __name__ == "__main__":
    main()
