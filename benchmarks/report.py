"""Shows what was found: to a person as a table, to a program as one JSON object."""

import json
import sys
import textwrap

from benchmarks.figures import Figure, Result
from benchmarks.registry import Benchmark

_WIDTH = 100
_VERDICT = {True: "holds", False: "does not hold", None: ""}
_HEADINGS = ("figure", "value", "bar", "")


def print_list(benchmarks: list[Benchmark]) -> None:
    longest = max(len(benchmark.name) for benchmark in benchmarks)
    for benchmark in benchmarks:
        print(f"{benchmark.name:<{longest}}  {benchmark.line}")


def print_json(result: Result) -> None:
    print(json.dumps(result.as_json(), ensure_ascii=False))


def print_table(result: Result) -> None:
    """With colours on a terminal, as aligned columns elsewhere."""
    rows = [_cells(figure) for figure in result.figures]
    if sys.stdout.isatty():
        _print_rich(result, rows)
    else:
        _print_plain(rows)
        print()
        print("\n\n".join(textwrap.fill(part, _WIDTH) for part in result.how.split("\n\n")))


def _print_rich(result: Result, rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*_HEADINGS, title=result.bench, title_justify="left")
    table.columns[1].justify = "right"
    for row, figure in zip(rows, result.figures, strict=True):
        table.add_row(*row, style={True: "green", False: "bold red"}.get(figure.holds))
    console = Console()
    console.print(table)
    console.print(result.how, width=min(_WIDTH, console.width), highlight=False, markup=False)


def _print_plain(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, _HEADINGS, strict=True)]
    for name, value, *rest in (_HEADINGS, *rows):
        cells = [f"{name:<{widths[0]}}", f"{value:>{widths[1]}}"]
        cells += [f"{cell:<{width}}" for cell, width in zip(rest, widths[2:], strict=True)]
        print("  ".join(cells).rstrip())


def _cells(figure: Figure) -> tuple[str, ...]:
    bar = str(figure.bar or "")
    return figure.name, f"{_number(figure.value)} {figure.unit}", bar, _VERDICT[figure.holds]


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"
