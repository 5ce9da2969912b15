"""`memory` says how long the fixture took, where it is of the size that this is promised for."""

import pytest

from benchmarks import fixture
from benchmarks.stand import Stand
from benchmarks.suite import memory
from saas.devstack import place


def stand(tenants, made_in):
    return Stand(server=None, settings=None, app=None, tenants=["t"] * tenants, made_in=made_in)


@pytest.mark.parametrize(("made_in", "holds"), [(270.0, True), (360.0, True), (361.0, False)])
def test_at_its_own_size_making_the_fixture_has_a_bar(made_in, holds):
    (figure,) = memory._fixture(stand(10_000, made_in))
    assert (figure.name, figure.value, figure.unit) == ("making the fixture of 10000 tenants", made_in, "s")
    assert (str(figure.bar), figure.holds) == ("≤ 360", holds)


@pytest.mark.parametrize(("tenants", "made_in"), [(2, None), (1_000, 55.0), (9_999, 269.0)])
def test_at_a_smaller_size_there_is_no_such_figure(tenants, made_in):
    assert memory._fixture(stand(tenants, made_in)) == []


def test_a_fixture_that_is_kept_tells_how_long_it_took_when_it_was_made(tmp_path, monkeypatch):
    monkeypatch.setattr(fixture, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(place, "find", lambda home: place.Place(home / "bin", home / "data", None))
    kept = tmp_path / "kept" / f"300-tenants-{fixture._version()}"
    (kept / "secrets").mkdir(parents=True)
    place.find(kept / "postgres").data.mkdir(parents=True)
    (kept / "seconds").write_text("271")
    (tmp_path / "copy" / "postgres").mkdir(parents=True)
    assert fixture.put(tmp_path / "copy", 300, start=None) == 271.0
    assert (tmp_path / "copy" / "secrets").is_dir()
