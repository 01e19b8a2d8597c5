"""git: 500 commits one by one, branches, merges, an aggressive gc with threads, fsck, clone, blame, diff: same hashes."""

from harness import INPUTS, ProgramTest, find_program, main

IDENTITY = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@example.org",
}


class Git(ProgramTest):
    def test_a_history_has_the_same_hashes_after_gc_and_clone(self):
        git = find_program("git", "git")
        bash = find_program("bash", "bash")

        def scenario(session):
            session.run([bash, "-e", INPUTS / "history.sh"], env=IDENTITY, timeout=500)
            session.prove(git)
            # With one thread, even the bytes of the pack are determined.
            session.run([git, "-C", "source", "-c", "pack.threads=1", "repack", "-adfq", "--depth=20", "--window=30"],
                        env=IDENTITY)
            for pack in sorted(session.path("source/.git/objects/pack").glob("*.pack")):
                session.keep(pack.relative_to(session.directory))

        self.same_under_both(scenario)


if __name__ == "__main__":
    main()
