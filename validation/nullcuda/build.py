"""Builds the stand-ins for the CUDA libraries that an unpacked CUDA build of PyTorch asks for.

    python build.py TORCH_LIB_DIR CUDA_INCLUDE_DIR OUT_DIR

TORCH_LIB_DIR is torch/lib of the CUDA wheel: every symbol that its libraries leave undefined becomes the function of that
name in libraries/, or a stub that returns 0. CUDA_INCLUDE_DIR holds driver_types.h, for the layouts of structs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Library:
    """A library to stand in for: its file, the version its symbols carry, or the prefix of those that carry none."""

    name: str
    file: str
    version: str = ""
    prefix: str = ""


LIBRARIES = (
    Library("cudart", "libcudart.so.13", "libcudart.so.13"),
    Library("cublas", "libcublas.so.13", "libcublas.so.13"),
    Library("cublasLt", "libcublasLt.so.13", "libcublasLt.so.13"),
    Library("cudnn", "libcudnn.so.9", "libcudnn.so.9"),
    Library("cufft", "libcufft.so.12", "libcufft.so.12"),
    Library("cupti", "libcupti.so.13", "libcupti.so.13"),
    Library("cusolver", "libcusolver.so.12", "libcusolver.so.12"),
    Library("cusparse", "libcusparse.so.12", "libcusparse.so.12"),
    Library("nvrtc", "libnvrtc.so.13", "libnvrtc.so.13"),
    Library("nvshmem", "libnvshmem_host.so.3", "NVSHMEM", "nvshmem_init"),
    Library("cusparseLt", "libcusparseLt.so.0", prefix="cusparseLt"),
    Library("nccl", "libnccl.so.2", prefix="nccl"),
    Library("cufile", "libcufile.so.0", prefix="cuFile"),
    Library("curand", "libcurand.so.10"),
    Library("nvml", "libnvidia-ml.so.1", prefix="nvml"),
    Library("cuda", "libcuda.so.1", prefix="cu"),  # last: its prefix begins the others'
)
UNVERSIONED = re.compile(r"(cu[A-Z]|cusparseLt|nccl|nvshmem_init)")
DEFINITION = re.compile(r"^(?!static)[\w][\w \*]*?\b(\w+)\([^;{}]*\)\s*\{", re.MULTILINE)


def undefined_symbols(folder: Path) -> set[str]:
    """What the shared libraries of a folder need from others, as name@@version."""
    found: set[str] = set()
    for path in sorted(p for p in folder.iterdir() if ".so" in p.name):
        listing = subprocess.run(["nm", "-D", "--undefined-only", path], capture_output=True, text=True, check=False).stdout
        found.update(line.split()[-1] for line in listing.splitlines() if line.strip())
    return found


def owner(symbol: str) -> Library | None:
    """The library that a symbol comes from, if it is one of ours."""
    name, _, version = symbol.partition("@")
    if version:
        return next((library for library in LIBRARIES if library.version and library.version == version.strip("@")), None)
    if not UNVERSIONED.match(name):
        return None
    return next((library for library in LIBRARIES if library.prefix and name.startswith(library.prefix)), None)


def by_library(symbols: set[str]) -> dict[Library, set[str]]:
    """The symbols that each library has to provide."""
    result: dict[Library, set[str]] = {library: set() for library in LIBRARIES}
    for symbol in symbols:
        library = owner(symbol)
        if library is not None:
            result[library].add(symbol.partition("@")[0])
    return result


def defined(sources: list[str], include: Path) -> set[str]:
    """The functions that C files define for others."""
    preprocess = ["gcc", "-E", "-P", "-D__host__=", "-I", str(include)]
    texts = (subprocess.run([*preprocess, source], capture_output=True, text=True, check=True).stdout for source in sources)
    return {name for text in texts for name in DEFINITION.findall(text)}


def build(library: Library, symbols: set[str], include: Path, out: Path) -> int:
    """Compile one stand-in; how many of its symbols are written by hand."""
    source = HERE / "libraries" / f"{library.name}.c"
    sources = [str(source)] if source.exists() else []
    written = defined(sources, include)
    stubs = out / f"{library.name}_stub.c"
    stubs.write_text("".join(f"long {name}(void){{return 0;}}\n" for name in sorted(symbols - written)))
    compile_ = ["gcc", "-shared", "-fPIC", "-O1", "-w", "-I", str(include), str(stubs), *sources, "-o", str(out / library.file)]
    compile_ += [f"-Wl,-soname,{library.file}", "-lpthread"]
    if library.version:
        script = out / f"{library.name}.ver"
        script.write_text(library.version + " { global: *; };\n")
        compile_.append(f"-Wl,--version-script={script}")
    subprocess.run(compile_, check=True)
    return len(written & symbols)


def main(torch_lib: str, include: str, out: str) -> None:
    """Build all of them."""
    Path(out).mkdir(parents=True, exist_ok=True)
    for library, symbols in by_library(undefined_symbols(Path(torch_lib))).items():
        written = build(library, symbols, Path(include), Path(out))
        print(f"{library.name}: {len(symbols)} symbols, {written} written by hand")


if __name__ == "__main__":
    main(*sys.argv[1:4])
