"""`hotpathd-report` and `hotpathd-baseline`.

Exit codes: 0 GO, 10 HOLD, 20 NO-GO, 30 ROLLBACK; 2: unusable input.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import io
import json
import os
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from . import MOST_LOOKS, book, earlier, integrity, reading, route, rules, scrapes, spool, store, verdict, words, worth
from .rules import Rules, Unusable
from .sides import Window
from .table import Table

Json = Dict[str, Any]
STALE_S = 3600  # to write a report takes a moment


def main(arguments: Optional[Sequence[str]] = None) -> int:
    return _guarded("report", _parser("report").parse_args(arguments))


def baseline(arguments: Optional[Sequence[str]] = None) -> int:
    return _guarded("baseline", _parser("baseline").parse_args(arguments))


def _guarded(kind: str, options: argparse.Namespace) -> int:
    _streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(128 + number))  # so that the readers go
    try:
        return _run(kind, options)
    except (Unusable, reading.Unreadable) as problem:
        print(f"hotpathd-{kind}: {problem}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"hotpathd-{kind}: {error.filename or 'input or output'}: {error.strerror}", file=sys.stderr)
    except MemoryError:
        print(f"hotpathd-{kind}: out of memory", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"hotpathd-{kind}: interrupted", file=sys.stderr)
    return verdict.UNUSABLE


def _streams() -> None:
    """Closed ones are nowhere; a character that one cannot write is a question mark."""
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w", encoding="utf-8") for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run(kind: str, options: argparse.Namespace) -> int:
    law = rules.load(options.config) if options.config else Rules()
    changed = earlier.changes(law, options.previous, options.ledger)
    daemon, service = _scraped(options.metrics), _scraped(options.service)
    log = scrapes.read_logs(options.log) if options.log else None
    with store.opened(options.spool) as columns:
        table = Table(_fill(options, columns))
        window = Window(table, options.since, options.until)
        if not len(table) and (options.since is None or table.lines > table.problems.count(spool.TORN)):
            raise Unusable("no event" + _why(table))
        books = integrity.reconcile(window, daemon, log)
        forbidden = verdict.forbidden(books, law, changed)
        judged = []
        for name in window.routes:
            if options.route and name not in options.route:
                continue
            measured = route.measure(window, name, law, daemon, service, guard=bool(options.looks))
            measured.cpu_of_process = _share(measured, service)
            asked = worth.questions(measured, law)
            found = verdict.baseline(asked, forbidden) if kind == "baseline" else verdict.judge(measured, law, books, forbidden, options.looks)
            judged.append(book.Judged(measured, asked, found))
        if not judged and window.events:
            raise Unusable(f"no event of {', '.join(options.route)}; there is {', '.join(window.routes)}")
        made = book.report(kind, judged, window, law, books, daemon, log, options.events)
        _write(made, judged, window, options)
    return verdict.CODES[made["verdict"]]


def _fill(options: argparse.Namespace, columns: store.Store) -> List[spool.Shard]:
    from .progress import Progress

    with Progress(sum(os.path.getsize(path) for path in options.events if os.path.exists(path)), options.quiet) as progress:
        return spool.fill(options.events, columns, options.jobs, progress.add)


def _scraped(paths: Sequence[str]) -> Optional[scrapes.Daemon]:
    if not paths:
        return None
    return scrapes.Daemon(scrapes.read(paths[0]), scrapes.read(paths[1]))


def _share(measured: route.Route, service: Optional[scrapes.Daemon]) -> Optional[float]:
    """Of the service's CPU, what the old code's calls took."""
    used = service.grown("process_cpu_seconds_total") if service else 0.0
    cpu = measured.old.cpu.values
    return float(cpu.sum(dtype="float64")) / 1e3 / used if used > 0 and len(cpu) else None


def _why(table: Table) -> str:
    found = [f"{what}: {count:,}, first at {places[0]}" for what, count, places in table.problems]
    return "; " + "; ".join(found) if found else ""


def _write(made: Json, judged: List[book.Judged], window: Window, options: argparse.Namespace) -> None:
    if options.json:
        _put(options.json, json.dumps(made, indent=1, ensure_ascii=True, allow_nan=False) + "\n")
    if options.markdown:
        from . import markdown

        _put(options.markdown, markdown.render(made))
    if options.html:
        from . import page

        _put(options.html, page.render(made, judged, window))
    if not options.quiet and "-" not in (options.json, options.markdown, options.html):
        from . import terminal

        terminal.show(made, sys.stdout)


def _put(path: str, text: str) -> None:
    if path == "-":
        sys.stdout.write(text)
        return
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe, a device: a rename would take its place
        Path(path).write_text(text, encoding="utf-8")
        return
    path = os.path.realpath(path)
    for left in Path(path).parent.glob(f"{glob.escape(Path(path).name)}.*.new"):  # by a run that was killed
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_S:
                left.unlink()
    aside = Path(f"{path}.{os.getpid()}.new")
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _moment(text: str) -> int:
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment, as in 2026-01-02T03:04:05Z") from None
    return round((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp() * 1e6)


def _looks(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_LOOKS:
        raise argparse.ArgumentTypeError(f"{text!r}: from 1 to {MOST_LOOKS:,}")
    return int(text)


def _parser(kind: str) -> argparse.ArgumentParser:
    words_ = {
        "report": "From the clients' events to a verdict: GO (0), HOLD (10), NO-GO (20), ROLLBACK (30); 2 for unusable input.",
        "baseline": "From events of the old path alone: is it worth a sidecar? GO (0): a trial is; HOLD (10): questions are open; NO-GO (20).",
    }
    parser = argparse.ArgumentParser(prog=f"hotpathd-{kind}", description=words_[kind])
    add = parser.add_argument
    add("events", nargs="+", metavar="EVENTS", help="JSON lines, plain, .gz or .zst; rotated files, too")
    add("--config", metavar="FILE", help="rollout.yaml: prices, traffic, the stop rule")
    add("--since", type=_moment, metavar="MOMENT", help="events before it count only as the old path of a route that is on now")
    add("--until", type=_moment, metavar="MOMENT")
    add("--route", action="append", default=[], metavar="NAME", help="this one alone; may be given again")
    add("--metrics", nargs=2, default=[], metavar=("BEFORE", "AFTER"), help="the daemon's /metrics at the window's begin and end")
    add("--service", nargs=2, default=[], metavar=("BEFORE", "AFTER"), help="/metrics of the service itself, whose process_cpu_seconds_total tells the old code's share")
    add("--log", action="append", default=[], metavar="FILE", help="the daemon's log")
    add("--previous", action="append", default=[], metavar="FILE", help="JSON of an earlier report of the same test: its stop rule must be this one")
    add("--ledger", metavar="FILE", help="hotpathd-rollout's: its stop rule must be this one")
    add("--looks", type=_looks, default=0, metavar="N", help="this is one of N looks that share alpha, each at a window of its own, as a guard takes them")
    add("--json", metavar="FILE", help="- is standard output")
    add("--markdown", metavar="FILE")
    add("--html", metavar="FILE")
    add("--quiet", action="store_true", help="nothing on the terminal")
    add("--jobs", type=int, default=min(os.cpu_count() or 1, 8), metavar="N", help="processes that read (one for each core)")
    add("--spool", metavar="FOLDER", help="for the columns, a tenth of the events' size (the system's temporary folder)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
