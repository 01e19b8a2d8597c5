"""Memory at hand before each run.

A virtual machine may give its free memory back to its host (free page reporting: Linux, Documentation/mm/
free_page_reporting.rst), in pieces of 2 MiB, and fetches it again at some ten times the cost of a page fault. Who gets
what another process has just freed is spared that, so the order of the runs would decide which allocator is the fastest
where much memory is needed: the loads burst and waves took 1.0 to 3.5 times their time. So before each run somebody
else, this interpreter, fetches as much as the run may need, and frees it.
"""
import mmap

MARGIN = 64 << 20
HUGE_PAGE = 2 << 20
PAGE = 4096


def available_bytes():
    with open("/proc/meminfo") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) << 10


def fetch(size):
    """Has the kernel hand out so many bytes, at most half of what there is, and takes them back."""
    size = min(size, available_bytes() // 2) // HUGE_PAGE * HUGE_PAGE
    if size == 0:
        return
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as region:
        try:
            region.madvise(mmap.MADV_HUGEPAGE)  # as large as the pieces that are given back
        except OSError:
            pass  # a kernel without them
        region[::PAGE] = bytes(size // PAGE)


def at_hand(run):
    """`run`, but before each call as much as was the most "peak memory" of its results so far is fetched."""
    most = 0

    def wrapped(*arguments):
        nonlocal most
        fetch(most + MARGIN)
        figures = run(*arguments)
        most = max(most, figures.get("peak memory", 0))
        return figures

    return wrapped
