"""Comparing two series of measurements that were taken in turns.

Machines drift: a single time means nothing, but what two runs side by side have in common cancels out in their ratio.
So rounds are interleaved, each round gives one ratio, and the median of the ratios is the result. Its interval comes
from the order of the ratios alone (the binomial interval of a median): nothing is assumed about how noise is spread.
"""
import dataclasses
import math
import statistics

CONFIDENCE = 0.95
LEAST_ROUNDS = 6  # with fewer, no interval of a median reaches 95 %


def interval_ranks(count):
    """The ranks (from 0) of the sorted values between which the true median lies; None with too few values."""
    outside = 0.0  # the chance that the median lies below the value of this rank
    best = None
    for rank in range(count // 2):
        outside += math.comb(count, rank) / 2**count
        if 1 - 2 * outside < CONFIDENCE:
            break
        best = rank
    return None if best is None else (best, count - 1 - best)


@dataclasses.dataclass
class Ratio:
    """After over before: 1.10 is ten per cent more. low and high are None where the rounds were too few."""

    median: float
    low: float | None
    high: float | None

    def differs(self, least=0.0):
        """+1 more, -1 less, 0 where noise forbids a verdict or the difference is below `least`."""
        if self.low is None:
            return 0
        if self.low > 1 and self.median >= 1 + least:
            return 1
        if self.high < 1 and self.median <= 1 / (1 + least):
            return -1
        return 0

    def __str__(self):
        if self.low is None:
            return f"{self.median:.2f} (too few rounds)"
        return f"{self.median:.3f} [{self.low:.3f}, {self.high:.3f}]"


def compare(before, after):
    """The Ratio of two series whose values with the same index were measured side by side; None without any."""
    pairs = [(b, a) for b, a in zip(before, after) if b is not None and a is not None and b > 0]
    if not pairs:
        return None
    ratios = sorted(a / b for b, a in pairs)
    ranks = interval_ranks(len(ratios))
    low, high = (None, None) if ranks is None else (ratios[ranks[0]], ratios[ranks[1]])
    return Ratio(statistics.median(ratios), low, high)


def turn(names, number):
    """The names in the order of this round. In len(names) rounds (twice as many where that is odd) each one follows each
    other one equally often, so nobody gets the caches, and the memory, that the same neighbour has left each time.
    Source: E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments",
    Australian Journal of Scientific Research A 2 (1949)."""
    names = list(names)
    count = len(names)
    places = [(step + 1) // 2 if step % 2 else -(step // 2) for step in range(count)]  # 0, 1, -1, 2, -2 ...
    order = [names[(place + number) % count] for place in places]
    return order[::-1] if count % 2 and number // count % 2 else order


def interleave(names, rounds, run, warm_up=1):
    """{name: [run(name) per round]}: all names in turn, another order in each round, warm-up thrown away."""
    results = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        for name in turn(names, number):
            result = run(name)
            if number >= 0:
                results[name].append(result)
    return results
