"""A file that a background process touches each time it goes round its loop; a container's probe looks at its age.

A process that hangs stops touching it. One that only waits for PostgreSQL or Redis goes on, since a restart would
not help it.
"""

from pathlib import Path


class Pulse:
    """Touches `file`, when there is one."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        if file is not None:
            file.unlink(missing_ok=True)  # of the container's last life

    def beat(self) -> None:
        if self._file is not None:
            self._file.touch()
