"""The one configuration file: read, edited in memory, checked, and put in place in one rename."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import BinaryIO, Iterator, List, NamedTuple, Optional, Sequence

from . import edit, manifest
from .problem import Unusable
from .switch import Switch

CHECK_S = 10.0
_MOUNT = "..data"  # the link that Kubernetes swaps


class Target(NamedTuple):
    """`path` is where the bytes are: links are followed."""

    name: str
    path: Path
    entry: str
    before: bytes
    window: manifest.Window

    def read(self, route: str) -> Switch:
        return edit.read(self.window.text, route, self.name)

    def routes(self) -> List[str]:
        return edit.routes_of(self.window.text, self.name)


def load(name: str, entry: str = "") -> Target:
    path = _followed(Path(name))
    try:
        before = path.read_bytes()
        text = before.decode()
    except OSError as error:
        raise Unusable(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Unusable(f"{name}: byte {error.start} is no UTF-8") from None
    return Target(name, path, entry, before, manifest.window(text, entry, name))


def edited(target: Target, route: str, to: Switch) -> Optional[bytes]:
    """The file with the route at `to`, read again and compared; None where it stands there already."""
    window, text = target.window, target.before.decode()
    spans = edit.spans_for(window.text, route, to, target.name)
    if not spans:
        return None
    inner = edit.apply(window.text, spans)
    after = edit.apply(text, [window.out(span) for span in spans])
    edit.check(window.text, inner, route, to, target.name)
    manifest.check(text, after, window, inner, target.name)
    again = manifest.window(after, target.entry, target.name)
    if again.text != inner:
        raise Unusable(f"{target.name}: read again it is not what was meant")
    return after.encode()


def check(target: Target, after: bytes, binary: str) -> None:
    """`hotpathd check-config` of what is about to be put in place; Unusable where the daemon would refuse it."""
    inner = manifest.window(after.decode(), target.entry, target.name).text
    with tempfile.TemporaryDirectory(prefix="hotpathd-rollout.") as folder:
        path = Path(folder) / "hotpathd.yaml"
        path.write_bytes(inner.encode())
        try:
            said = subprocess.run([binary, "check-config", str(path)], stdin=subprocess.DEVNULL, capture_output=True, timeout=CHECK_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unusable(f"{binary} check-config: {error}") from None
        if said.returncode != 0:
            words = (said.stderr or said.stdout).decode("utf-8", "replace").strip().replace(str(path), target.name)
            raise Unusable(f"the daemon would refuse it: {words}")


def put(target: Target, after: bytes, *, by_force: bool = False) -> str:
    """In one rename, with mode, owner and attributes of the old one; returns what else is to be said.

    `by_force`: where that cannot be, the file is written in place.
    """
    if target.path.read_bytes() != target.before:
        raise Unusable(f"{target.name}: somebody else changed it this moment; try again")
    try:
        _replace(target.path, after)
        return ""
    except OSError as error:
        if not by_force:
            raise Unusable(f"{target.name}: not replaced: {error.strerror or error}") from None
        _overwrite(target.path, after, target.before)
        return f"{target.name} was written in place, as it could not be replaced ({error.strerror or error})"


@contextlib.contextmanager
def locked(path: Path, patience_s: float) -> Iterator[bool]:
    """The folder of the file is the lock, for all who edit in it; False where it could not be had in time."""
    try:
        fd = os.open(Path(os.path.realpath(path)).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    try:
        yield _flock(fd, patience_s)
    finally:
        os.close(fd)


def _flock(fd: int, patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        except OSError:  # a file system without locks
            return False


def _followed(path: Path) -> Path:
    """The file behind links. Behind a mounted ConfigMap's there is none to edit: the kubelet puts its own back."""
    seen = path
    for _ in range(40):
        if _MOUNT in seen.parts or (seen.parent / _MOUNT).is_symlink():
            raise Unusable(f"{path}: a mounted ConfigMap; edit its manifest, and apply it")
        if not seen.is_symlink():
            break
        seen = seen.parent / os.readlink(seen)
    return Path(os.path.realpath(path))


def _replace(path: Path, data: bytes) -> None:
    info = path.stat()
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            if (info.st_uid, info.st_gid) != (os.geteuid(), os.fstat(file.fileno()).st_gid):
                os.fchown(file.fileno(), info.st_uid, info.st_gid)
            shutil.copystat(path, temporary)  # mode, and what access lists and labels there are
            os.fchmod(file.fileno(), stat.S_IMODE(info.st_mode))
            os.utime(file.fileno())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def _overwrite(path: Path, data: bytes, before: bytes) -> None:
    """Where it fails half-way, what was written over is put back: the disk had room for as much."""
    try:
        with open(path, "r+b", buffering=0) as file:
            try:
                _write(file, data)
            except OSError:
                file.seek(0)
                with contextlib.suppress(OSError):
                    _write(file, before)
                raise
    except OSError as error:
        raise Unusable(f"{path}: not written: {error.strerror}") from None


def _write(file: BinaryIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
    file.truncate()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def binary_of(named: Optional[str], search: Sequence[str] = ("hotpathd",)) -> Optional[str]:
    """The daemon's program that checks: the one that is named, or one on the PATH."""
    if named:
        return named
    return next((found for found in map(shutil.which, search) if found), None)
