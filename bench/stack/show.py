"""What is seen while it runs: rich's display where it is installed and there is a terminal, plain lines elsewhere."""
import sys
import time

try:
    from rich.console import Console
except ImportError:
    Console = None


class Show:
    def __init__(self):
        self._console = Console() if Console and sys.stdout.isatty() else None
        self._status = self._console.status("") if self._console else None
        self._begun, self._part = time.monotonic(), ""
        self._said = {}

    def __enter__(self):
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_):
        if self._status:
            self._status.stop()

    def part(self, text):
        self._part = text
        self.now("")

    def now(self, text):
        """What is going on; overwritten by what comes next."""
        if self._status:
            self._status.update(f"{self._elapsed()}  {self._part}  {text}")

    def line(self, text):
        line = f"{self._elapsed()}  {text}"
        if self._console:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, flush=True)

    def change(self, who, text):
        """What somebody says again and again, "route: where; verdict; figures": shown where more than the figures has changed."""
        route, _, rest = text.partition(":")
        if self._said.get(route) != (said := rest.split(";")[:2]):
            self._said[route] = said
            self.line(f"{who}  {text}")

    def _elapsed(self):
        return f"{time.monotonic() - self._begun:5.1f} s"
