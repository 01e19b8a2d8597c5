"""`hakmem run -- PROGRAM`: the program runs on hakmem, and nothing else about it changes."""

import signal

from harness import HAKMEM, INPUTS, ProgramTest, built_file, find_program, main


class Tool(ProgramTest):
    """Both runs preload the witness; the tool adds the library to what is preloaded already."""

    def through_tool(self, argv, **how):
        tool = built_file("TOOL", "hakmem")

        def scenario(session):
            # The library must come from the tool alone.
            session.environment["LD_PRELOAD"] = str(self.witness)
            start = [tool, "run", "--", *argv] if session.allocator == HAKMEM else argv
            session.run(start, program=argv[0] if start is not argv else None, **how)

        self.same_under_both(scenario)

    def test_output_and_status_pass_through(self):
        python = find_program("python3.11", "python3")
        script = "import sys; print(sys.argv, sys.stdin.read()); print('error', file=sys.stderr); sys.exit(43)"
        self.through_tool([python, "-c", script, "--", "-x", "an argument", ""], stdin=b"input\n", expect=43)

    def test_a_death_by_signal_passes_through(self):
        sh = find_program("sh", "dash")
        self.through_tool([sh, "-c", "kill -SEGV $$"], expect=-signal.SIGSEGV)

    def test_a_whole_script_runs(self):
        perl = find_program("perl", "perl")
        self.through_tool([perl, INPUTS / "threads.pl"], env={"PERL_HASH_SEED": "0"})


if __name__ == "__main__":
    main()
