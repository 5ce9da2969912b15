"""`./dev tour` ends with status 1 when something is not as promised. test_the_real_stack.py takes the whole tour."""

import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from saas.devstack.tour import story
from saas.devstack.tour.__main__ import tour
from saas.devstack.tour.story import Story
from saas.devstack.tour.telling import Broken, Teller
from saas.devstack.tour.visitor import Visitor

Answer = Callable[[str, dict[str, str]], tuple[int, str]]  # from path and headers to status and body

MARKER = "Sourdough loaf"


@contextmanager
def site(answer: Answer) -> Iterator[str]:
    """A site that answers as the test says."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            if self.path == "/owner":
                self.send_header("Set-Cookie", "owner=1; Path=/")
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - its name in the library

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def told(url: str) -> Story:
    return Story({"SITE_URL": url}, Teller(fast=True))


def test_a_site_without_a_sign_up_ends_it_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    with site(lambda _path, _headers: (200, "<p>Hello")) as url:
        assert tour({"SITE_URL": url}, fast=True) == 1
    assert "Not as promised" in capsys.readouterr().err


def test_a_site_that_is_away_ends_it_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    with site(lambda _path, _headers: (200, "")) as url:
        pass
    assert tour({"SITE_URL": url}, fast=True) == 1
    assert "Not as promised" in capsys.readouterr().err


@pytest.mark.parametrize("leak", ["session", "key", "nobody", pytest.param("", id="control, no leak")])
def test_a_neighbour_whose_data_can_be_seen_is_noticed(leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = {"session": 403, "key": 401, "nobody": 401}

    def answer(path: str, headers: dict[str, str]) -> tuple[int, str]:
        if path == "/owner" or "owner" in headers.get("Cookie", ""):
            return 200, MARKER
        who = "key" if "Authorization" in headers else "nobody" if path.startswith("/api") else "session"
        if who == "key" and headers["Host"].startswith("localhost"):
            return 404, ""
        return (200, MARKER) if who == leak else (refusals[who], "")

    with site(answer) as url:
        link = url.replace("://", "://demo.") + "/owner"
        monkeypatch.setattr(story, "saas", lambda *_words: json.dumps({"workspace_link": link}))
        with pytest.raises(Broken, match=f"expected no “{MARKER}”") if leak else nullcontext():
            told(url)._looks_next_door()


def _reports(*jobs: tuple[str, int]) -> Answer:
    data = [{"job": job, "tries": tries, "records": 1} for job, tries in jobs]
    return lambda _path, _headers: (200, json.dumps({"data": data}))


@pytest.mark.parametrize(
    "jobs",
    [
        pytest.param([("a", 1), ("b", 2), ("b", 2)], id="its effect is there twice"),
        pytest.param([("a", 1), ("b", 1)], id="it was never lost"),
    ],
)
def test_a_job_that_was_not_done_exactly_once_again_is_noticed(jobs: list[tuple[str, int]]) -> None:
    with site(_reports(*jobs)) as url, pytest.raises(Broken):
        _back_at_the_job(url)


def test_control_a_job_that_was_done_once_more_passes() -> None:
    with site(_reports(("a", 1), ("b", 2))) as url:
        _back_at_the_job(url)


def test_a_command_that_fails_is_told_with_its_words() -> None:
    failing = subprocess.Popen(["sh", "-c", "echo no luck >&2; exit 3"], stdout=-1, stderr=-1, text=True)
    with failing, pytest.raises(Broken, match="no luck"):
        story.asked(failing)


def test_each_tour_opens_a_business_of_its_own() -> None:
    assert Visitor("http://localhost:1").address != Visitor("http://localhost:1").address


def _back_at_the_job(url: str) -> None:
    at = told(url)
    at.asked, at.lost = ["a", "b"], "b"
    at._comes_back_to_the_job()
