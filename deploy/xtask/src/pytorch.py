"""Puts PyTorch into the Python that runs this, for a CPU: usage: pytorch.py WHEELS-FOLDER LIBTORCH-FOLDER.

The wheel of torch is a CUDA build: to be loaded it needs gigabytes of NVIDIA's libraries, of which it calls nothing where there is
no GPU. In their place it gets libraries of the same names whose functions do nothing. The library that computes is the very file
that the trainer is linked with.
"""

import pathlib
import re
import subprocess
import sys
import sysconfig
import zipfile

wheels, libtorch = map(pathlib.Path, sys.argv[1:])
site = pathlib.Path(sysconfig.get_path("purelib"))
CUDA = ["libtorch_cuda.so", "libtorch_python.so"]
WANTED = {*CUDA, "libtorch.so", "libtorch_global_deps.so", "libc10_cuda.so", "libshm.so"}
THEIRS = re.compile(r"(cu|nccl|nv)|_ZN\w*nvshmem")


def said(*command: str | pathlib.Path, text: str | None = None) -> str:
    return subprocess.run(command, check=True, input=text, stdout=subprocess.PIPE, text=True).stdout


def is_wanted(name: str) -> bool:
    parts = pathlib.PurePosixPath(name).parts
    return parts[0] in ("torch", "torchgen") and parts[1:2] != ("include",) and (parts[1:2] != ("lib",) or parts[-1] in WANTED)


def stand_in(name: str, symbols: list[str], versions: pathlib.Path | None) -> None:
    """A library whose functions say that all went well, which is 0."""
    labels = "".join(f".globl {symbol}\n{symbol}:\n" for symbol in symbols)
    code = f'.section .note.GNU-stack,"",@progbits\n.text\n{labels}xor %eax, %eax\nret\n'
    script = [f"-Wl,--version-script={versions}"] if versions else []
    said("cc", "-shared", "-nostdlib", "-x", "assembler", "-o", lib / name, *script, "-", text=code)


[wheel] = wheels.glob("torch-*.whl")
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(site, [name for name in archive.namelist() if is_wanted(name)])
lib = site / "torch/lib"
for file in (libtorch / "lib").iterdir():
    if file.name != "libtorch.so":
        (lib / file.name).symlink_to(file)

needed = {line.split("[")[1][:-1] for name in CUDA for line in said("readelf", "-d", lib / name).splitlines() if "(NEEDED)" in line}
missing = {symbol for name in CUDA for symbol in said("nm", "-D", "--undefined-only", lib / name).split() if THEIRS.match(symbol)}
there = {name.split("@")[0] for file in lib.glob("lib*") for name in said("nm", "-D", "--defined-only", file).split()}
plain = sorted(symbol for symbol in missing if "@" not in symbol and symbol not in there)
for name in sorted(name for name in needed if re.match(r"lib(cu|nccl|nv|torch_nv)", name) and not (lib / name).exists()):
    of_version = sorted(symbol.split("@")[0] for symbol in missing if symbol.endswith(f"@{name}"))
    if of_version:
        versions = wheels / "versions"
        versions.write_text(f"{name} {{ *; }};\n")
        stand_in(name, of_version, versions)
    else:
        # Which of them a symbol without a version is from does not matter: the first has them all.
        stand_in(name, plain, None)
        plain = []
