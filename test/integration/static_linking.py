"""Programs that have hakmem linked in, from libhakmem.a and from the single object hakmem.o, in C and in C++.

The programs are those of native/, built with native/self_proof.c, which checks before main that the malloc in the
program is the one that was linked in. Nothing is preloaded here.
"""

import subprocess

from harness import HERE, PROOF_SYMBOL, SYSTEM_PATH, ProgramTest, built_file, compile_program, main, setting
from native import directives

WITH_ARCHIVE = ["libc_allocates.c", "cpp_library.cc", "tls_destructors.cc", "fork_from_threads.cc"]
WITH_OBJECT = ["libc_allocates.c", "cancel.c", "exit_handlers.cc", "short_threads.cc"]
FULLY_STATIC = ["small_stacks.c", "tls_destructors.cc"]  # neither needs dlopen or the name service


class StaticLinking(ProgramTest):
    def linked_with(self, library, name, *flags):
        source = HERE / "native" / name
        proof = HERE / "native" / "self_proof.c"
        proof_object = self.scratch / "self_proof.o"
        compile_program([proof], proof_object, "-c")
        extra = setting("STATIC_FLAGS", "").split()  # what another allocator may need
        program = compile_program([source, proof_object, library], self.scratch / source.stem,
                                  f"-Wl,--require-defined={PROOF_SYMBOL}", *flags, *extra)
        for arguments in directives(source, "run") or [""]:
            argv = [program, *arguments.split()]
            environment = {"PATH": SYSTEM_PATH, "HOME": str(self.scratch)}
            done = subprocess.run(argv, env=environment, cwd=self.scratch, capture_output=True, text=True, timeout=120)
            self.assertEqual((done.returncode, done.stderr), (0, ""), f"{argv}: {done.stdout}")
            self.assertIn("self-proof: linked in", done.stdout)

    def each(self, library, programs, *flags):
        for name in programs:
            with self.subTest(program=name):
                self.linked_with(library, name, *flags)

    def test_the_archive_in_programs_with_a_shared_libc(self):
        self.each(built_file("STATIC", "libhakmem.a"), WITH_ARCHIVE)

    def test_the_object_in_programs_with_a_shared_libc(self):
        self.each(built_file("OBJECT", "hakmem.o"), WITH_OBJECT)

    def test_the_archive_in_fully_static_programs(self):
        self.each(built_file("STATIC", "libhakmem.a"), FULLY_STATIC, "-static")

    def test_the_object_in_fully_static_programs(self):
        self.each(built_file("OBJECT", "hakmem.o"), FULLY_STATIC, "-static")


if __name__ == "__main__":
    main()
