"""g++ and clang++: the same object file, the same executable, the same output of the program they made.

The driver, the compiler proper, the assembler and the linker are processes of their own, and all are proven.
"""

from harness import HAKMEM, INPUTS, ProgramTest, find_program, main, read_testimonies


class Compilers(ProgramTest):
    def compile_and_link_with(self, name, package, *flags, parts):
        compiler = find_program(name, package)

        def scenario(session):
            session.run([compiler, "-std=gnu++20", *flags, "-c", INPUTS / "templates.cc", "-o", "templates.o"])
            session.keep("templates.o")
            session.run([compiler, *flags, "templates.o", "-o", "templates"])
            session.keep("templates")
            session.run([session.path("templates")])
            if session.allocator == HAKMEM:
                seen = " ".join(t.executable for t in read_testimonies(session.log))
                for part in parts:
                    self.assertIn(part, seen, "this part of the compiler never ran on the library under test")

        self.same_under_both(scenario)

    def test_gcc_makes_the_same_optimized_code(self):
        self.compile_and_link_with("g++", "g++", "-O2", "-g", parts=["cc1plus", "as", "collect2", "ld"])

    def test_gcc_optimizes_the_same_at_link_time(self):
        self.compile_and_link_with("g++", "g++", "-O1", "-flto=2", "-frandom-seed=1", parts=["cc1plus", "lto1"])

    def test_clang_makes_the_same_code(self):
        self.compile_and_link_with("clang++", "clang", "-O0", "-g", parts=["clang"])


if __name__ == "__main__":
    main()
