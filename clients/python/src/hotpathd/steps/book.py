"""The ledger and what is kept beside it, around one edit; and what a run that was cut short left there."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List

from . import ledger, plan
from .problem import Unusable
from .switch import Switch

Say = Callable[[str], None]


class Book:
    def __init__(self, plan_path: Path, say: Say) -> None:
        self._ledger = plan.beside(plan_path, ledger.LEDGER)
        self._pending = plan.beside(plan_path, ledger.PENDING)
        self._reports = plan.beside(plan_path, ledger.REPORTS)
        self._owed = plan.beside(plan_path, ledger.OWED)
        self._say = say

    def settle(self, found: Callable[[str], Switch]) -> List[ledger.Entry]:
        """All entries; `found` is what the file says of a route. With the lock."""
        entry = ledger.pending(self._pending)
        if entry is not None:
            self._settle(entry, found(entry.route))
        return ledger.read(self._ledger)

    def begin(self, entry: ledger.Entry, report: bytes, owes: bool) -> None:
        """`owes`: a command that has to follow the edit."""
        if owes:
            self._owed.touch()
        if entry.report:
            ledger.keep_report(self._reports, entry.report, report)
        ledger.set_pending(self._pending, entry)

    def end(self, entry: ledger.Entry) -> None:
        ledger.append(self._ledger, entry)
        self._pending.unlink(missing_ok=True)

    def owes(self) -> bool:
        return self._owed.exists()

    def applied(self) -> None:
        self._owed.unlink(missing_ok=True)

    def _settle(self, entry: ledger.Entry, found: Switch) -> None:
        logged = [known._replace(notes=()) for known in ledger.read(self._ledger)]
        if entry._replace(notes=()) in logged:
            self._pending.unlink()
        elif found == entry.after:
            self._say(f"{entry.route}: a run was cut short after its edit to {found}; the ledger has it now")
            self.end(entry._replace(notes=(*entry.notes, "found unfinished and completed")))
        else:
            self._say(f"{entry.route}: a run was cut short before its edit to {entry.after}; the file says {found}")
            self._pending.unlink()


def bookkeeping(urgent: bool, say: Say, act: Callable[[], None]) -> None:
    """What must not fail before a step up must not stop the way off."""
    try:
        act()
    except (OSError, Unusable) as problem:
        if not urgent:
            raise Unusable(f"the ledger cannot be written: {problem}") from None
        say(f"not in the ledger: {problem}")
