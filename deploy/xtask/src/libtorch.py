"""Takes from PyPI's wheels the part of libtorch that a CPU needs: usage: libtorch.py WHEELS-FOLDER TARGET-FOLDER.

The wheel of torch is a CUDA build. Its CPU library needs the CUDA runtime and its profiling interface to be loadable, but never
calls them; they come from NVIDIA's own small wheels. `libtorch.so` itself would pull in the CUDA library: the caller puts an empty
one in its place.
"""

import pathlib
import shutil
import sys
import zipfile

wheels, target = map(pathlib.Path, sys.argv[1:])
LIBRARIES = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}


def place(name: str) -> pathlib.Path | None:
    parts = pathlib.PurePosixPath(name).parts
    if parts[:2] == ("torch", "include"):
        return target.joinpath("include", *parts[2:])
    if parts[-2:-1] == ("lib",) and parts[-1] in LIBRARIES:
        return target / "lib" / parts[-1]
    return None


for wheel in sorted(wheels.glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if not entry.is_dir() and (path := place(entry.filename)):
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, path.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)

missing = [name for name in sorted(LIBRARIES) if not (target / "lib" / name).exists()]
if missing:
    sys.exit(f"the wheels in {wheels} lack {', '.join(missing)}")
