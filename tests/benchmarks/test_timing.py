"""How ways are compared, without measuring anything."""

import gc

import pytest

from benchmarks.timing import Samples, interleave, percentile


class Ways:
    """Ways `a` and `b` that note when they are done, and that take the times they are given in turn."""

    def __init__(self, **times: list[float]) -> None:
        self.done: list[str] = []
        self.times = {name: iter(values) for name, values in times.items()}

    def __getitem__(self, name):
        def way():
            self.done.append(name)
            return next(self.times[name])

        return way

    def all(self):
        return {name: self[name] for name in self.times}


def test_ways_take_turns_in_both_orders_after_a_warm_up():
    ways = Ways(a=[1.0] * 99, b=[1.0] * 99)
    interleave(ways.all(), 2, each=1, warm_up=2)
    assert "".join(ways.done) == "aabb" + "abba" * 2


def test_a_sample_is_the_quickest_of_a_few():
    ways = Ways(a=[9, 1, 2, 3, 8, 2], b=[9, 4, 7, 6, 6, 8])
    samples = interleave(ways.all(), 1, each=2, warm_up=0)
    assert samples.seconds == {"a": [1, 2], "b": [4, 6]}
    assert samples.median("a") == 1.5
    assert "Rounds: 1;" in samples.how


def test_a_ratio_is_taken_within_turns_so_that_a_slow_phase_does_not_tear_it():
    samples = Samples({"a": [10, 10, 30, 30, 30], "b": [11, 11, 11, 33, 33]}, 5, 1)
    assert (samples.median("a"), samples.median("b")) == (30, 11)
    assert samples.ratio("b", "a") == pytest.approx(1.1)
    assert samples.middle_half("b", "a") == (pytest.approx(1.1), pytest.approx(1.1))


def test_the_garbage_collector_is_back_after_an_error():
    def fail():
        raise LookupError

    with pytest.raises(LookupError):
        interleave({"a": fail}, 1, warm_up=0)
    assert gc.isenabled()


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (50, 50), (95, 95), (100, 100)])
def test_percentiles_by_the_nearest_rank(percent, value):
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_a_percentile_of_one_value_is_that_value():
    assert percentile([7.0], 95) == 7.0
