"""Everyday commands in one shell script: bash, sort and xz with threads, awk, sed, grep, tar, gzip, bc, make, cmake."""

from harness import INPUTS, ProgramTest, find_program, main


class Commands(ProgramTest):
    def test_a_shell_script_prints_the_same(self):
        bash = find_program("bash", "bash")
        for program in ("xz", "make", "cmake"):
            find_program(program, "xz-utils make cmake")
        self.same_under_both(lambda session: session.run([bash, "-eu", INPUTS / "commands.sh"]))


if __name__ == "__main__":
    main()
