"""C and C++ programs of our own, one file each in native/, for what no everyday program does often enough to an allocator.

Every file is a test, `Native.test_<file name>`. Comments at its top say how it is built and run:
  // build: FLAG ...        more compiler flags
  // library: FILE FLAG ... a shared library to compile first; its path is the program's first argument
  // linked library: FILE   the same, but linked to the program
  // part of: FILE          not a program, but a file that another one names
  // run: ARGUMENT ...      one run with these arguments; may stand several times
  // hangs after: SECONDS   instead of 120
Each program checks itself, prints what must not depend on the allocator, and ends with status 0.
"""

import re

from harness import HERE, ProgramTest, compile_program, main

SOURCES = sorted(path for path in (HERE / "native").iterdir() if path.suffix in (".c", ".cc"))


def directives(source, name):
    """The values of all comments `// name: value` of a source file."""
    return re.findall(rf"^// {name}: *(.*)$", source.read_text(), re.MULTILINE)


def build(source, directory):
    """Compiles a program and its library; returns the start of its command line."""
    argv = [directory / source.stem]
    flags = " ".join(directives(source, "build")).split()
    for kind in ("library", "linked library"):
        for line in directives(source, kind):
            name, *library_flags = line.split()
            library = directory / f"{name}.so"
            compile_program([HERE / "native" / name], library, "-shared", "-fPIC", *library_flags)
            (argv if kind == "library" else flags).append(library)
    compile_program([source], argv[0], *flags)
    return argv


def is_program(source):
    return not directives(source, "part of")


class Native(ProgramTest):
    def program(self, source):
        argv = build(source, self.scratch)
        timeout = int((directives(source, "hangs after") or ["120"])[0])

        def scenario(session):
            for arguments in directives(source, "run") or [""]:
                session.run([*argv, *arguments.split()], timeout=timeout)

        self.same_under_both(scenario)


for source in filter(is_program, SOURCES):
    setattr(Native, f"test_{source.stem}", lambda self, source=source: self.program(source))


if __name__ == "__main__":
    main()
