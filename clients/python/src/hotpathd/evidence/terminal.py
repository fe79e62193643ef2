"""The report on a terminal, by rich."""

from __future__ import annotations

from typing import Any, Dict, List, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import words

Json = Dict[str, Any]
COLOURS = {"GO": "bold white on green", "HOLD": "bold black on yellow", "NO-GO": "bold white on red", "ROLLBACK": "bold white on red"}
_NUMBERS = {"old", "sidecar", "difference", "count", "share", "waited for nothing, p50", "p95", "in all"}
_DOT = {"GO": "green", "HOLD": "yellow", "NO-GO": "red", "ROLLBACK": "red"}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise  # the library would end the process with 1


def show(report: Json, file: TextIO) -> None:
    console = _Console(file=file, highlight=False, width=None if file.isatty() else 120)
    console.print(Text.assemble((f" {report['verdict']} ", COLOURS[report["verdict"]]), " ", words.summary(report)), soft_wrap=True)
    for name, route in report["routes"].items():
        _route(console, name, route, report["kind"])
    console.print(Text(words.LEGEND, style="dim"))
    console.print()
    for line in words.integrity(report):
        console.print(Text(line, style="red" if "NOT" in line else ""), soft_wrap=True)
    for problem in report["problems"]:
        console.print(Text(f"{problem['what']}: {problem['count']:,}, first at {', '.join(problem['places'])}", style="yellow"))


def _route(console: Console, name: str, route: Json, kind: str) -> None:
    console.print()
    console.print(Text.assemble((name, "bold"), " ", (f" {route['verdict']} ", COLOURS[route["verdict"]]), " compared: ", words.KINDS[route["comparison"]]))
    for verdict, text in zip(route["speaks_for"], route["reasons"]):
        console.print(Text.assemble((f"  {verdict:<8}  ", _DOT[verdict]), text), soft_wrap=True)
    console.print(_table(*words.table(route)))
    if route["fallbacks"]:
        console.print(_table(["why calls fell back", "count", "share", "waited for nothing, p50", "p95", "in all"], words.ledger(route)))
    if route["mismatches"]["clusters"]:
        console.print(_table(["results first differ at", "count", "share", "request id", "trace id"], words.clusters(route)))
    if kind != "baseline":  # whose reasons they are
        console.print(_table(["is it worth it?", "", ""], [[q["text"], words.answer(q), q["why"]] for q in route["worth"]]))


def _table(head: List[str], rows: List[List[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in head:
        table.add_column(title, justify="right" if title in _NUMBERS else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
