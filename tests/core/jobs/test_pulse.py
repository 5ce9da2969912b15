"""What a container's probe sees of a process that has no port."""

import signal
from pathlib import Path

import pytest

from saas.core.jobs.pulse import Pulse
from saas.core.settings import Settings
from tests.support.live import Running, eventually


@pytest.mark.parametrize("role", [["dispatch"], ["--queue", "slow"], ["--queue", "webhooks"]])
def test_a_process_shows_its_pulse_and_a_stopped_one_does_not(
    running: Running, tmp_path: Path, role: list[str]
) -> None:
    pulse = tmp_path / "pulse"
    process = running.spawn(f"pulse-{role[-1]}", "worker.py", *role, "--pulse", str(pulse))
    try:
        eventually(pulse.exists)
        if role == ["dispatch"]:
            first = pulse.stat().st_mtime_ns
            eventually(lambda: pulse.stat().st_mtime_ns > first)
            process.send_signal(signal.SIGSTOP)
            eventually(lambda: _is_stopped(process.pid))
            last = pulse.stat().st_mtime_ns
            # Another dispatcher of the stack goes round meanwhile: what is seen is this process' own.
            other = tmp_path / "other"
            second = running.spawn("pulse-other", "worker.py", "dispatch", "--pulse", str(other))
            try:
                eventually(other.exists)
            finally:
                second.kill()
                second.wait()
                running.processes.pop("pulse-other")
            assert pulse.stat().st_mtime_ns == last
    finally:
        process.kill()
        process.wait()
        running.processes.pop(f"pulse-{role[-1]}")


def test_a_dispatcher_without_postgresql_and_redis_keeps_its_pulse(settings: Settings, tmp_path: Path) -> None:
    nowhere = settings.model_copy(
        update={
            "database_url": "postgresql+psycopg2://freehold_app:x@127.0.0.1:1/nowhere",
            "redis_url": "redis://127.0.0.1:1/0",
        }
    )
    lonely = Running(nowhere, "http://localhost:8000", tmp_path)
    pulse = tmp_path / "pulse"
    process = lonely.spawn("lonely", "worker.py", "dispatch", "--pulse", str(pulse))
    try:
        eventually(lambda: "dispatcher.waiting" in lonely.log("lonely"))
        first = pulse.stat().st_mtime_ns
        eventually(lambda: pulse.stat().st_mtime_ns > first)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_the_pulse_of_a_containers_last_life_is_gone_at_once(tmp_path: Path) -> None:
    file = tmp_path / "pulse"
    file.touch()
    pulse = Pulse(file)
    assert not file.exists()
    pulse.beat()
    assert file.exists()


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
