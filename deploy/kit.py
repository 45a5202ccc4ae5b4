"""Makes the offline kit (`./run.sh kit`), and checks an unpacked one before it is installed (run.sh does).

Standard library only: on the clinic's machine this runs before any package is there.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FACTS, SUMS, WHEELS = "kit.json", "SHA256SUMS", "wheels"
NO_GIT = "A kit is made from a git working copy of SecondRead, by a machine with git."
OLD_NAMES = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


class KitError(Exception):
    """A kit cannot be made or used; the text is for the person who tries."""


def make(folder: Path) -> Path:
    """Pack what git knows, the front-end parts and the wheels; returns the archive, its sha256 lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch)
        files = {str(path.relative_to(ROOT)): path for path in _sources()}
        _download(wheels)
        files |= {f"{WHEELS}/{path.name}": path for path in sorted(wheels.iterdir())}
        facts = {"version": _version(), "python": _python(), "platform": _platform(),
                 "glibc": ".".join(map(str, needed_glibc(list(files))))}
        name = f"secondread-kit-{facts['version']}-{facts['platform']}-python{facts['python']}"
        archive = folder / f"{name}.tar.gz"
        _pack(archive, f"secondread-{facts['version']}", files, json.dumps(facts, indent=1) + "\n")
    archive.with_name(f"{archive.name}.sha256").write_text(f"{_sha256(archive)}  {archive.name}\n", encoding="ascii")
    return archive


def check(folder: Path) -> None:
    """Raises KitError with a plain sentence when this kit is damaged or made for another machine."""
    facts = json.loads((folder / FACTS).read_text(encoding="ascii"))
    for what, wanted, found in (("Python", facts["python"], _python()), ("platform", facts["platform"], _platform())):
        if wanted != found:
            raise KitError(f"This kit is for {what} {wanted}, and this is {found}. Make one on a machine like this "
                           "one, with ./run.sh kit.")
    if facts["glibc"] and _glibc() < _numbers(facts["glibc"]):
        raise KitError(f"This kit needs glibc {facts['glibc']} or newer, and this system is older. "
                       "Make a kit on a machine with this system, with ./run.sh kit.")
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        wanted, name = line.split("  ", 1)
        if not (folder / name).is_file() or _sha256(folder / name) != wanted:
            raise KitError(f"The kit is damaged: {name} is not what was packed. Copy the archive again, compare its "
                           "sha256 with the file that came with it, and unpack it into an empty folder.")


def needed_glibc(names: list[str]) -> tuple[int, ...]:
    """The oldest glibc on which every one of these wheels runs; empty when none asks for one."""
    return max((min(_glibc_tags(name)) for name in names if _glibc_tags(name)), default=())


def _glibc_tags(name: str) -> list[tuple[int, ...]]:
    """What PEP 600 (and the three names before it) says in a wheel's file name."""
    found: list[tuple[int, ...]] = [(int(a), int(b)) for a, b in re.findall(r"manylinux_(\d+)_(\d+)_", name)]
    return found + [version for old, version in OLD_NAMES.items() if f"{old}_" in name]


def _sources() -> Iterator[Path]:
    """The working files that git knows, so nothing private comes along, and the front-end parts."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError) as problem:
        raise KitError(NO_GIT) from problem
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    if ROOT / "run.sh" not in paths:
        raise KitError(NO_GIT)
    vendor = ROOT / "static" / "vendor"
    if not (vendor / ".complete").is_file():
        raise KitError("The front-end parts are missing. ./run.sh kit fetches them.")
    yield from (path for path in paths if path.is_file())
    yield from (path for path in sorted(vendor.rglob("*")) if path.is_file())


def _download(folder: Path) -> None:
    """Wheels for this machine and this Python."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--only-binary=:all:", "--dest", str(folder), "-r", str(ROOT / "requirements-kit.txt")]
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        raise KitError("The packages could not be downloaded; the lines above say why. Is this machine connected?")


def _version() -> str:
    """Day and commit, with a mark when the working files differ from it."""
    asked = ["git", "describe", "--always", "--dirty=-changed", "--exclude=*"]
    shown = ["git", "show", "-s", "--format=%cs", "HEAD"]
    commit, day = (subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
                   for command in (asked, shown))
    return f"{day.replace('-', '.')}-{commit}"


def _pack(archive: Path, top: str, files: dict[str, Path], facts: str) -> None:
    sums = "".join(f"{_sha256(path)}  {name}\n" for name, path in files.items())
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        for name, path in files.items():
            tar.add(path, f"{top}/{name}", filter=_nobodys)
        for name, text in ((FACTS, facts), (SUMS, sums)):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the maker's name; readable by whoever serves."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _platform() -> str:
    return f"{platform.system()}-{platform.machine()}".lower()


def _glibc() -> tuple[int, ...]:
    """Empty on a system without glibc."""
    try:
        return _numbers((os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc "))
    except ValueError:
        return ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str]) -> None:
    try:
        if arguments == ["check"]:
            check(ROOT)
        else:
            print(make(Path(arguments[0]) if arguments else ROOT))
    except KitError as problem:
        sys.exit(f"SecondRead: {problem}")


if __name__ == "__main__":
    main(sys.argv[1:])
