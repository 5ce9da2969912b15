"""`python -m benchmarks [NAME] [--json | --faults]`; without NAME it says which there are.

Exit status: 0, or 1 when a bar does not hold, or 2 when nothing could be measured.
"""

import argparse
import contextlib
import signal
import sys
import traceback

from benchmarks import registry, report
from benchmarks.registry import Size
from saas.devstack.errors import DevstackError

_NOTHING_MEASURED = 2
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    known = registry.benchmarks()
    if options.name is None and (options.json or options.faults):
        return _refuse(f"--{'json' if options.json else 'faults'} needs the NAME of a benchmark.")
    if options.name is None:
        report.print_list(list(known.values()))
        return 0
    if options.name not in known:
        return _refuse(f"There is no benchmark {options.name!r}; there are {' and '.join(known)}.")
    if options.faults:
        return _faults(options.name)
    benchmark = known[options.name]
    size = Size(options.rounds or benchmark.size.rounds, options.tenants or benchmark.size.tenants)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is the result's alone
            result = benchmark.measure(size)
    except DevstackError as error:
        return _refuse(str(error))
    except Exception:  # noqa: BLE001  Python's own status, 1, would say that a bar does not hold
        traceback.print_exc()
        return _NOTHING_MEASURED
    except KeyboardInterrupt:
        return _INTERRUPTED
    (report.print_json if options.json else report.print_table)(result)
    return result.status


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure what is promised to be fast.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="which one; without it they are listed")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--faults", action="store_true", help="try at length to break it instead, where that is known")
    parser.add_argument("--rounds", type=_count, help="how often to measure")
    parser.add_argument("--tenants", type=_count, help="how many tenants are present")
    return parser.parse_args(arguments)


def _faults(name: str) -> int:
    from benchmarks import faults  # which needs the tests

    if name not in faults.FAULTS:
        return _refuse(f"--faults goes with {' and '.join(faults.FAULTS)} only.")
    return faults.run(name)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _refuse(sentence: str) -> int:
    print(f"./dev bench: {sentence}", file=sys.stderr)
    return _NOTHING_MEASURED


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a `kill`, too, stops what was started
    sys.exit(main())
