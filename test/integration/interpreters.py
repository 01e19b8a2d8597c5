"""node, lua and z3: one script each, the same output and status."""

from harness import INPUTS, ProgramTest, find_program, main

SCRIPTS = {  # program: package, arguments, script
    "node": ("nodejs", ["--max-old-space-size=400"], "workers.js"),
    "lua5.4": ("lua5.4", [], "tables.lua"),
    "z3": ("z3", [], "puzzles.smt2"),
}


class Interpreters(ProgramTest):
    def script_of(self, program):
        package, arguments, script = SCRIPTS[program]
        path = find_program(program, package)
        self.same_under_both(lambda session: session.run([path, *arguments, INPUTS / script]))

    def test_node(self):
        self.script_of("node")

    def test_lua(self):
        self.script_of("lua5.4")

    def test_z3(self):
        self.script_of("z3")


if __name__ == "__main__":
    main()
