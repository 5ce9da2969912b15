"""Which benchmarks there are: every module of `benchmarks/suite` is one."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import suite
from benchmarks.figures import Result


@dataclass(frozen=True)
class Size:
    """How much is measured. The bars are promised at a benchmark's own size."""

    rounds: int
    tenants: int  # present while it is measured


@dataclass(frozen=True)
class Benchmark:
    name: str
    line: str  # what it measures, for the list
    size: Size  # unless another one is asked for
    measure: Callable[[Size], Result]


def benchmarks() -> dict[str, Benchmark]:
    """All of them, by name."""
    modules = (importlib.import_module(f"{suite.__name__}.{found.name}") for found in _modules())
    return {module.BENCHMARK.name: module.BENCHMARK for module in modules}


def _modules() -> list[pkgutil.ModuleInfo]:
    return sorted(pkgutil.iter_modules(suite.__path__), key=lambda found: found.name)
