"""A config from a stranger: nothing in it is executed, and none costs more than about a second or 200 MB."""

import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS, MEGABYTES = 2.0, 200  # of processor time, so that a busy machine does not matter
INFER = "\nrun: {mode: infer}\n"
INPUTS = "inputs: {x: [8, 16], y: [8, 16]}\n"
EXPRESSION = INPUTS + "layers:\n  - Linear: {in: x, out_features: %s}" + INFER
LET = INPUTS + 'layers:\n  - let: {z: "%s"}' + INFER
ALLOWED = "is not allowed in an expression"


@dataclass(frozen=True)
class Outcome:
    """How a run of the command ended and what it took."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    megabytes: float


# The kernel's ru_maxrss of a child counts what its parent had at the fork, so the child reads its own high-water mark.
PROGRAM = """
import atexit, pathlib, re, runpy
def tell():
    status = pathlib.Path('/proc/self/status').read_text()
    pathlib.Path('peak').write_text(re.search(r'VmHWM:\\s+(\\d+)', status)[1])
atexit.register(tell)
runpy.run_module('analyzer', run_name='__main__', alter_sys=True)
"""


def run(folder: Path, *arguments: str) -> Outcome:
    """`python -m analyzer` in a process of its own, stopped at several times what it may take."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (10, 10))

    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        command = [sys.executable, "-c", PROGRAM, *arguments]
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, preexec_fn=limit, env=environment)
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
        out.seek(0)
        err.seek(0)
        peak = int((folder / "peak").read_text()) / 1024  # missing when the process was killed
        return Outcome(process.returncode, out.read(), err.read(), usage.ru_utime + usage.ru_stime, peak)


def assert_harmless(outcome: Outcome) -> None:
    """No traceback, no more time and memory than allowed."""
    assert "Traceback" not in outcome.stderr
    assert outcome.seconds < SECONDS
    assert outcome.megabytes < MEGABYTES


def nested_loops(depth: int) -> str:
    statement = "{Linear: 16}"
    for level in range(depth):
        statement = f"{{repeat: {5 + level}, layers: [{statement}]}}"
    return f"{INPUTS}layers: [{statement}]{INFER}"


def blocks(count: int, calls: int) -> str:
    """A chain of blocks, each calling the next several times."""
    chain = "".join(f"  b{i}: {{inputs: [x], layers: [{', '.join([f'b{i + 1}'] * calls)}]}}\n" for i in range(count))
    return f"{INPUTS}blocks:\n{chain}  b{count}: {{inputs: [x], layers: [GELU]}}\nlayers: [b0]{INFER}"


def many_terms() -> str:
    names = "abcdefghijklmnopqrstuvwxyz"
    return (
        f"symbols: {{{', '.join(f'{n}: 2' for n in names)}}}\ninputs: {{x: [{', '.join(['+'.join(names)] * 12)}]}}\nlayers: [GELU]{INFER}"
    )


LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(12)
)
SQUARES = ", ".join(["{as: a}, {einsum: {in: [a, a], equation: 'bi,bj->bij'}}, {flatten: 1}"] * 40)
GROWING = "".join(f"  b{i}: {{inputs: [x], symbols: {{w: 16}}, layers: [{{b{i + 1}: w*w}}]}}\n" for i in range(30))
GROWING += "  b30: {inputs: [x], symbols: {w: 1}, layers: [{Linear: w}]}\n"
CHAIN = ", ".join(f"s{i}: s{i + 1}" for i in range(9000))
REPEAT = "layers: [{repeat: %s, layers: [{Linear: 16}]}]\nloss: [mse_loss: y]\n"

REFUSED = {
    "import": (EXPRESSION % "__import__('os').system('touch owned')", ALLOWED),
    "import in let": (LET % "__import__('os').system('touch owned')", ALLOWED),
    "attribute": (EXPRESSION % "().__class__", ALLOWED),
    "attribute of a tensor": (LET % "x.__class__.__mro__", ALLOWED),
    "subscript": (LET % "x[[y for y in x]]", ALLOWED),
    "lambda": (LET % "(lambda: x)()", ALLOWED),
    "comprehension": (LET % "[x for x in (1, 2)]", ALLOWED),
    "walrus": (LET % "(z := x)", ALLOWED),
    "formatted text": (LET % "f'{x}'", ALLOWED),
    "await": (LET % "await x", ALLOWED),
    "unknown function": (LET % "eval(x)", "unknown function 'eval'"),
    "tower of powers": (EXPRESSION % "9**9**9", "an exponent must be a whole number"),
    "power of a sum": ("symbols: {a: 1, b: 1, c: 1}\n" + EXPRESSION % "(a + b + c)**64", "more than 40 terms"),
    "product of sums": (many_terms(), "a product of sizes with more than"),
    "deep parentheses": (EXPRESSION % ("(" * 400 + "1" + ")" * 400), "too long or too deeply nested"),
    "long expression": (EXPRESSION % ("1+" * 450 + "1"), "too long or too deeply nested"),
    "many minus signs": (EXPRESSION % ("'" + "-" * 900 + "1'"), "too long or too deeply nested"),
    "number beyond all bounds": (EXPRESSION % "2*1e400", "number too large"),
    "symbol beyond all bounds": (f"symbols: {{B: 1e400}}\n{INPUTS}layers: [GELU]{INFER}", "expected a whole number from 1 to"),
    "long number": (f"symbols: {{B: {'9' * 100_000}}}\n{INPUTS}layers: [GELU]{INFER}", "too long or too deeply nested"),
    "10 MB of brackets": ("[" * 10_000_000, "file is larger than 1 MiB"),
    "brackets": ("[" * 1_000_000, "nested more than 40 levels deep"),
    "mappings": ("\n".join(" " * i + "a:" for i in range(1000)), "nested more than 40 levels deep"),
    "billion laughs": (LAUGHS, "aliases expand to more than 50000 values"),
    "alias of itself": ("a: &a [*a]\n", "'*a' stands for nothing before it"),
    "python object": (INPUTS + "layers: !!python/object/apply:os.system ['touch owned']", "a tag means nothing here"),
    "block that calls itself": (f"{INPUTS}blocks: {{b: {{inputs: [x], layers: [b]}}}}\nlayers: [b]{INFER}", "block 'b' calls itself"),
    "chain of blocks": (blocks(400, 1), "more than 40 blocks inside each other"),
    "tree of blocks": (blocks(12, 10), "the model runs more than 6,000 statements"),
    "nest of loops": (nested_loops(9), "more than 4 loops inside each other"),
    "many statements": (f"{INPUTS}layers: [{', '.join(['GELU'] * 40_000)}]{INFER}", "the model runs more than 6,000 statements"),
    "many unknown words": (f"{INPUTS}layers: [{', '.join(f'Linaer{i}' for i in range(40_000))}]{INFER}", "unknown op 'Linaer0'"),
    "many unknown keys": ("".join(f"k{i}: 1\n" for i in range(20_000)), "unknown key 'k0' in a model"),
    "chain of symbols": (f"symbols: {{{CHAIN}, s9000: 1}}\n{INPUTS}layers: [GELU]{INFER}", "chain of more than 40 definitions"),
    "squares of squares": (f"symbols: {{c: 1}}\ninputs: {{x: [8, c]}}\nlayers: [{SQUARES}]{INFER}", "to a power beyond"),
    "squares of numbers": (f"{INPUTS}layers: [{SQUARES}]{INFER}", "a size of more than 1e+40"),
    "growing parameter": (f"{INPUTS}blocks:\n{GROWING}layers: [b0]{INFER}", "number too large"),
    "keyword as a symbol": (f"symbols: {{lambda: 4}}\n{INPUTS}layers: [GELU]{INFER}", "'lambda' is no name for a symbol"),
    "builtins as a symbol": (f"symbols: {{__builtins__: 4}}\n{INPUTS}layers: [GELU]{INFER}", "'__builtins__' is no name for a symbol"),
    "NUL": (INPUTS + "layers: [\0]", "not text: character 0x00"),
    "escaped NUL": (INPUTS + 'layers: ["GE\\0LU"]' + INFER, "unknown op 'GE\\x00LU'"),
    "terminal escape": (INPUTS + 'layers: ["\\e[31mGELU"]' + INFER, "unknown op '\\x1b[31mGELU'"),
    "long word": (f"{INPUTS}layers: [{'x' * 900}]{INFER}", "x..."),
    "library outside": (f"include: ../../etc/passwd.yaml\n{INPUTS}layers: [GELU]{INFER}", "lies outside the folder"),
    "library by absolute path": (f"include: /etc/hosts.yaml\n{INPUTS}layers: [GELU]{INFER}", "lies outside the folder"),
    "library with NUL": (f'include: "a\\0.yaml"\n{INPUTS}layers: [GELU]{INFER}', "is no file name"),
    "library that is the file": (f"include: case.yaml\n{INPUTS}layers: [GELU]{INFER}", "in a block library"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_quickly_and_without_harm(name: str, tmp_path: Path) -> None:
    text, message = REFUSED[name]
    (tmp_path / "case.yaml").write_text(text, encoding="utf-8")

    outcome = run(tmp_path, "check", "case.yaml")

    assert_harmless(outcome)
    assert outcome.status == 2
    assert outcome.stderr.startswith("case.yaml:")
    assert message in outcome.stderr
    assert len(outcome.stderr) < 100_000
    assert not (tmp_path / "owned").exists()


def test_cyclic_includes_are_refused(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"include: {other}.yaml\nblocks: {{{name}: {{inputs: [x], layers: [GELU]}}}}\n")
    (tmp_path / "case.yaml").write_text(f"include: a.yaml\n{INPUTS}layers: [GELU]{INFER}")

    outcome = run(tmp_path, "check", "case.yaml")

    assert_harmless(outcome)
    assert outcome.status == 2
    assert outcome.stderr == "c.yaml:1:10: 'a.yaml' includes itself\n    a.yaml -> b.yaml -> c.yaml -> a.yaml\n"


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("blocks: {b: {inputs: [x], layers: [GELU]}}\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (inner / "case.yaml").write_text(f"include: link.yaml\n{INPUTS}layers: [b]{INFER}")

    outcome = run(inner, "check", "case.yaml")

    assert outcome.status == 2
    assert "'link.yaml' lies outside the folder" in outcome.stderr


ACCEPTED = {
    "a million million iterations": "symbols: {L: 10**12}\n" + INPUTS + REPEAT % "L",
    "written out": INPUTS + REPEAT % "1000000000000",
    "huge symbols": "symbols: {B: 10**12, c: 10**12}\ninputs: {x: [B, c], y: [B, c]}\nlayers: [{Linear: c}]\nloss: [mse_loss: y]\n",
    "builtin as a symbol": "symbols: {print: 8, int: 16}\ninputs: {x: [print, int]}\nlayers: [{Linear: int}]" + INFER,
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_is_answered_quickly(name: str, tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(ACCEPTED[name])

    outcome = run(tmp_path, "check", "case.yaml")

    assert_harmless(outcome)
    assert outcome.status == 0


def test_a_report_with_huge_symbols_is_exact(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(ACCEPTED["huge symbols"])

    outcome = run(tmp_path, "report", "case.yaml", "--format", "csv")

    assert_harmless(outcome)
    assert outcome.status == 0
    assert f"parameters,total,c*(c + 1),{10**12 * (10**12 + 1)},elements" in outcome.stdout
