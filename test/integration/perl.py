"""perl: big hashes and strings, sorting, regular expressions, closures, local recursion, forks, interpreter threads."""

from harness import INPUTS, ProgramTest, find_program, main


class Perl(ProgramTest):
    def script(self, name):
        perl = find_program("perl", "perl")

        def scenario(session):
            session.run([perl, INPUTS / name], env={"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"})

        self.same_under_both(scenario)

    def test_a_script_with_big_hashes_prints_the_same(self):
        self.script("hashes.pl")

    def test_a_script_that_forks_and_starts_threads_prints_the_same(self):
        self.script("threads.pl")


if __name__ == "__main__":
    main()
