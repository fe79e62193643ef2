"""`hotpathd-rollout`: plan, step, up, off, resume, status.

Exit codes: 0 done, 10 it stays, 20 it went down, 30 it was rolled back, 2 refused or unusable.
"""

from __future__ import annotations

import argparse
import glob
import io
import json
import math
import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from ..evidence import MOST_LOOKS
from .problem import Unusable

PLAN = "rollout.json"
_CRON_S = 60.0  # as often as cron can


def main(arguments: Optional[Sequence[str]] = None) -> int:
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no character stops `off`
    try:
        return int(options.run(options))
    except Unusable as problem:
        print(f"hotpathd-rollout: {problem}", file=sys.stderr)
    except OSError as error:
        print(f"hotpathd-rollout: {error.filename}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print("hotpathd-rollout: stopped; the next run settles what was under way", file=sys.stderr)
    return 2


def _plan(options: argparse.Namespace) -> int:
    from . import ledger, rules, target, times
    from . import plan as plans

    path = Path(options.plan)
    if path.exists() and not options.force:
        raise Unusable(f"{path} is there already; a plan holds until its end, or --force")
    rule, ladder = (options.rule_hash, ()) if options.rule_hash else rules.load(Path(options.config))
    steps = tuple(map(plans.step_of, options.step or ladder or plans.LADDER))
    plans.check_steps(steps)
    aim = target.load(options.file, options.entry)
    routes = tuple(dict.fromkeys(options.route or aim.routes()))
    if not routes:
        raise Unusable(f"{options.file} names no route: say which, as in --route chunk")
    made = plans.Plan(
        path, time.time(), Path(options.file), options.entry, Path(options.config), rule, routes, steps,
        tuple(shlex.split(options.then)), options.kill_switch,
    )  # fmt: skip
    plans.write(made)
    print(f"{path}: stop rule {rule}; ledger {made.beside(ledger.LEDGER)}")
    for step in steps:
        print(f"  {str(step.switch):>8}  at least {times.words(step.hold_s)}")
    for route in routes:
        print(f"{route}: {aim.read(route)}; the first `step` sets {steps[0].switch}")
    return 0


def _step(options: argparse.Namespace) -> int:
    from . import change, target, times, turn
    from . import plan as plans

    recent_s = times.seconds_of(options.recent) if options.recent else math.inf
    shared_s = times.seconds_of(options.alpha_over)
    looks = min(math.ceil(shared_s / (options.watch or _CRON_S)), MOST_LOOKS) if options.recent else 0
    stop = threading.Event()
    say = _Changes() if options.watch else _say
    command = tuple(shlex.split(options.report))

    def once() -> int:
        try:
            plan = plans.load(Path(options.plan))
            hands = change.Hands(target.binary_of(options.binary), plan.then, options.url, plan.kill_switch, say)
            means = turn.Means(_files(options.events), command, hands, options.force, time.time, recent_s, looks)
            return turn.Turn(plan, means).step()
        except (OSError, Unusable) as problem:
            say(f"refused: {problem}")
            return turn.REFUSED

    if not options.watch:
        return once()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return turn.watch(once, options.watch, stop.wait)


def _off(options: argparse.Namespace) -> int:
    try:
        from . import change, off, target
    except Unusable as problem:
        raise Unusable(f"{problem}. Without it: `touch /run/hotpathd/off` (kill_switch of the configuration) switches every route off") from None
    hands = change.Hands(target.binary_of(options.binary), (), options.url, options.kill_switch, _say)
    order, planned = off.order(Path(options.plan), options.file, options.entry, options.routes, options.why, hands)
    return 0 if off.off(order, planned) else 2


def _resume(options: argparse.Namespace) -> int:
    from . import change, turn
    from . import plan as plans

    hands = change.Hands(None, (), "", "", _say)
    turn.Turn(plans.load(Path(options.plan)), turn.Means((), (), hands, False, time.time)).resume(options.route)
    return 0


def _up(options: argparse.Namespace) -> int:
    from . import change, target, turn
    from . import plan as plans

    plan = plans.load(Path(options.plan))
    hands = change.Hands(target.binary_of(options.binary), plan.then, options.url, plan.kill_switch, _say)
    turn.Turn(plan, turn.Means((), (), hands, False, time.time)).up(options.route, options.why)
    return 0


def _status(options: argparse.Namespace) -> int:
    from . import plan as plans
    from . import status

    plan = plans.load(Path(options.plan))
    if options.json:
        print(json.dumps(status.rows(plan, time.time()), indent=2, ensure_ascii=False))
        return 0
    for line in status.lines(plan, time.time()):
        print(line)
    return 0


def _files(patterns: List[str]) -> Tuple[str, ...]:
    """Files that come while a watch runs are found by a pattern in quotes."""
    return tuple(name for pattern in patterns for name in sorted(glob.glob(pattern)) or [pattern])


def _say(line: str) -> None:
    print(line, flush=True)


class _Changes:
    """Says what it has not just said: a watch that looks each second is no reason for a line each second."""

    def __init__(self) -> None:
        self._said: List[str] = []

    def __call__(self, line: str) -> None:
        route, _, rest = line.partition(":")
        key = f"{route}:{rest.partition(', in ')[0]}"
        if key not in self._said:
            print(line, flush=True)
        self._said = [said for said in self._said if not said.startswith(f"{route}:")] + [key]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hotpathd-rollout", description="Moves routes up, down or off, step by step, as the report says.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, words: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=words, description=words)
        made.set_defaults(run=run)
        made.add_argument("--plan", default=PLAN, metavar="FILE", help=f"the plan ({PLAN}); the ledger is beside it")
        return made

    def about_file(made: argparse.ArgumentParser, **how: object) -> None:
        made.add_argument("--file", metavar="FILE", help="hotpathd's configuration, or the manifest of a ConfigMap that holds it", **how)  # type: ignore[arg-type]
        made.add_argument("--entry", default="", metavar="[MAP/]KEY", help="which entry of ConfigMaps, where hotpathd.yaml is not the one")

    def about_daemon(made: argparse.ArgumentParser) -> None:
        made.add_argument("--binary", metavar="FILE", help="the daemon's program, to check the edited file with (the one on the PATH)")
        made.add_argument("--url", default="", metavar="URL", help="a daemon to ask, after an edit, whether it has it: http://HOST:PORT or unix:PATH")

    plan = command("plan", _plan, "writes the steps, once, before the test")
    about_file(plan, required=True)
    plan.add_argument("--config", default="rollout.yaml", metavar="FILE", help="the report's configuration, with the stop rule and the steps (rollout.yaml)")
    plan.add_argument("--rule-hash", default="", metavar="HASH", help="of the stop rule, for a report of your own")
    plan.add_argument("--route", action="append", metavar="NAME", help="all that the file names")
    plan.add_argument("--step", action="append", metavar="SHARE=HOLD", help="as in shadow=1d or 5=6h; one for each step, instead of those of --config")
    plan.add_argument("--then", default="", metavar="COMMAND", help="run after each edit, as in 'kubectl apply -f FILE'")
    plan.add_argument("--kill-switch", default="", metavar="FILE", help="made where `off` cannot edit the file, as in /run/hotpathd/off")
    plan.add_argument("--force", action="store_true", help="over a plan that is there")

    step = command("step", _step, "asks the report, and moves each route by at most one step")
    step.add_argument("events", nargs="+", metavar="EVENTS", help="what the clients wrote; a pattern in quotes is looked up at each turn")
    step.add_argument("--report", default="", metavar="COMMAND", help="instead of hotpathd-report")
    about_daemon(step)
    step.add_argument("--force", action="store_true", help="put the ledger's switch back where somebody else set another")
    step.add_argument("--recent", default="", metavar="TIME", help="nothing older than that is evidence: a guard for a step that has lasted long, as in 15m")
    step.add_argument("--alpha-over", default="1d", metavar="TIME", help="how long the looks of such a guard share alpha (1d)")
    step.add_argument("--watch", type=float, default=0, metavar="SECONDS", help="again and again, until it is told to stop")

    off = command("off", _off, "switches routes off, at once; needs the file alone")
    about_file(off)
    off.add_argument("routes", nargs="*", metavar="ROUTE", help="all that file and plan name")
    off.add_argument("--why", default="by hand", metavar="TEXT", help="for the ledger")
    off.add_argument("--kill-switch", default="", metavar="FILE", help="made where the file cannot be edited (the plan's)")
    about_daemon(off)

    up = command("up", _up, "one step up by hand, whatever the report says")
    up.add_argument("route", metavar="ROUTE")
    up.add_argument("--why", required=True, metavar="TEXT", help="for the ledger")
    about_daemon(up)

    resume = command("resume", _resume, "lets a route go up again, from where the file has it")
    resume.add_argument("route", metavar="ROUTE")

    status = command("status", _status, "where each route stands, and when the next step may come")
    status.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
