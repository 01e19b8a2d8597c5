"""sqlite3: inserts, indices, joins, window functions, JSON, sorting, vacuum, in a file and in memory."""

from harness import INPUTS, ProgramTest, find_program, main


class Sqlite(ProgramTest):
    def script_on(self, database):
        sqlite = find_program("sqlite3", "sqlite3")
        script = (INPUTS / "shop.sql").read_bytes()

        def scenario(session):
            session.run([sqlite, "-batch", "-bail", database], stdin=script)
            if database != ":memory:":
                session.keep(database)
                session.run([sqlite, "-batch", "-bail", database, ".dump"])

        self.same_under_both(scenario)

    def test_a_database_file_and_its_dump_are_the_same(self):
        self.script_on("shop.db")

    def test_a_database_in_memory_gives_the_same_answers(self):
        self.script_on(":memory:")


if __name__ == "__main__":
    main()
