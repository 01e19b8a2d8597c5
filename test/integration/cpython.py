"""CPython: the same result of each of some 12,000 tests of its own suite, with its small-object allocator and without.

The modules are chosen for what they do to an allocator (containers, strings, buffers, big integers, ctypes, threads,
forks, sub-interpreters, tracemalloc), for running in seconds, and for results that do not depend on the clock.
"""

import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

from harness import ProgramTest, find_program, main

MODULES = """
    array asyncgen binascii bytes class codecs collections complex context contextlib copy coroutines csv
    ctypes dataclasses datetime decimal deque descr dict enum exceptions float fork1 format functools generators
    hashlib heapq inspect iter itertools json list long marshal math memoryio memoryview minidom mmap multibytecodec
    ordered_dict os pickle posix pyexpat random re set sort struct sys syntax sys_settrace tempfile thread threading
    threading_local traceback tracemalloc typing unicode unicodedata weakset interpreters zlib
""".split()


class Cpython(ProgramTest):
    def results_are_the_same(self, environment):
        python = find_program("python3.11", "python3 libpython3.11-testsuite")
        if subprocess.run([python, "-c", "import test.test_array"], capture_output=True).returncode != 0:
            raise unittest.SkipTest("CPython's test suite is not installed: apt-get install libpython3.11-testsuite")
        modules = [f"test_{module}" for module in MODULES]

        def scenario(session):
            outcome = session.run([python, "-m", "test", "--timeout", "300", "--ignore", "*timeout",
                                   "--junit-xml", "results.xml", *modules],
                                  env={"PYTHONHASHSEED": "0", **environment}, timeout=600, expect=None, note=False)
            results = session.path("results.xml")
            self.assertTrue(results.exists(), f"the suite wrote no results: {outcome.ending}\n{outcome.stderr[-4000:]}")
            for case in ElementTree.parse(results).iter("testcase"):
                session.note(case.get("name"), case_result(case))
            session.note("the suite", outcome.ending)

        self.same_under_both(scenario)

    def test_its_tests_have_the_same_results(self):
        self.results_are_the_same({})

    def test_its_tests_have_the_same_results_with_pythonmalloc_malloc(self):
        self.results_are_the_same({"PYTHONMALLOC": "malloc"})


def case_result(case):
    """"passed", or what regrtest wrote instead ("skipped", "failure", "error") with the first line of its text."""
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            return f"{kind}: {(found.text or found.get('message') or '').strip().splitlines()[-1:]}"
    return "passed"


if __name__ == "__main__":
    main()
