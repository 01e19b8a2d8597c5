"""Which allocators there are to measure: hakmem, glibc, what Debian has, and what is named."""
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BENCH_BUILD", ROOT / "build/release"))
DEBIAN = Path("/usr/lib") / (os.uname().machine + "-linux-gnu")
DEBIANS = {
    "mimalloc": DEBIAN / "libmimalloc.so.2",
    "jemalloc": DEBIAN / "libjemalloc.so.2",
    "tcmalloc": DEBIAN / "libtcmalloc_minimal.so.4",
    "tbbmalloc": DEBIAN / "libtbbmalloc_proxy.so.2",
}


@dataclasses.dataclass(frozen=True)
class Allocator:
    name: str
    library: Path | None  # None: glibc's own, nothing is preloaded
    variables: tuple = ()  # of the environment, as env(1) takes them: NAME=VALUE

    def words(self, variables=()):
        """What stands before a command to run it on this allocator, and with these variables."""
        preload = [] if self.library is None else [f"LD_PRELOAD={self.library}"]
        return ["env", "-u", "LD_PRELOAD", *self.variables, *variables, *preload]

    def expected(self):
        """What a load program's --expect is given."""
        return "glibc" if self.library is None else str(self.library)


def named(text):
    """An Allocator from NAME=[VARIABLE=VALUE;]PATH."""
    name, equals, rest = text.partition("=")
    *variables, path = rest.split(";")
    if not equals or not name or not path:
        sys.exit(f"bench: '{text}' is not NAME=PATH")
    return Allocator(name, Path(path).resolve(), tuple(variables))


def is_loaded(allocator):
    """Whether the loader takes the library: it then stands in the maps of a program."""
    maps = subprocess.run([*allocator.words(), "cat", "/proc/self/maps"], capture_output=True, text=True).stdout
    return str(allocator.library.resolve()) in maps


def find(extra=(), only=None):
    """{name: Allocator} of those that are here and load, hakmem first; says which are left out. `only`: the peers' names."""
    found = {"hakmem": Allocator("hakmem", BUILD / "libhakmem.so"), "glibc": Allocator("glibc", None)}
    found |= {name: Allocator(name, path) for name, path in DEBIANS.items()}
    found |= {allocator.name: allocator for allocator in map(named, extra)}
    for name in set(only or ()) - set(found):
        sys.exit(f"bench: there is no allocator {name}; known are {', '.join(found)}; others by --with NAME=PATH")
    for name, allocator in list(found.items()):
        if only and name not in only and name != "hakmem":
            del found[name]
        elif allocator.library is not None and not (allocator.library.is_file() and is_loaded(allocator)):
            print(f"bench: {name} is left out: {allocator.library} is not here or can't be loaded", file=sys.stderr)
            del found[name]
    return found
