"""How long peakform takes, as ratios, since machines differ: `python -m validation.speed`.

Compares starting the command with starting Python, a report with starting Python, the closed forms of a deep model with
those of a shallow one, and writing and replaying its allocations with deriving them. Each figure is the best of several runs.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from analyzer.analysis import analyze
from analyzer.build.model import read_model
from analyzer.cli import MODELS, RARELY
from analyzer.evaluate import evaluate
from analyzer.replay import replay
from analyzer.run.settings import Run
from analyzer.sweep.evaluate import Job
from analyzer.sweep.grid import Grid
from analyzer.sweep.table import here
from analyzer.tape import record, unrolled

RUNS = 7
COMMANDS = (
    "--help", "report scperb", "report scperb --format json", "report bioformer --format json", "report bert-base",
    "report bert-base --format html", "check bert-base --gpu a100", "fit bert-base --gpu a100",
)  # fmt: skip
DEEP = """
symbols: {B: 8, r: 128, c: 256, L: 4}
inputs: {x: [B, r, c], y: [B, r, c]}
blocks:
  layer:
    inputs: [x]
    layers:
      - LayerNorm: {in: x}
      - Linear: 4*c
      - GELU
      - Linear: c
      - add: x
layers: [{repeat: L, layers: [layer]}]
loss: [{mse_loss: y}]
"""


def best(action: Callable[[], object]) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def command(*arguments: str) -> Callable[[], object]:
    """Runs Python with arguments, output dropped; modules are compiled once, as those of an installed package are."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "peakform-speed")
    return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)


def sweep() -> float:
    """Seconds of processor time for two million points of BERT base, its programs traced included; the least of three sweeps."""
    grid = Grid({"B": tuple(range(1, 513)), "r": tuple(range(8, 513, 8)), "c": tuple(range(96, 5953, 96))})
    model = read_model(MODELS / "bert-base.yaml")
    times = []
    for _ in range(3):
        start = time.process_time()
        points = sum(part.rows for part in here(Job(model, {}, Run(outputs="dropped"), ()), grid))
        times.append(time.process_time() - start)
        assert points == 2_031_616
    return min(times)


def main() -> None:
    """Print the figures, garbage being searched for as rarely as the command does it."""
    gc.set_threshold(RARELY, *gc.get_threshold()[1:])
    bare = best(command("-c", "pass"))
    print(f"{'python -c pass':<44} {bare * 1e3:8.1f} ms   1.0")
    for words in COMMANDS:
        seconds = best(command("-m", "analyzer", *words.split()))
        print(f"{'peakform ' + words:<44} {seconds * 1e3:8.1f} ms {seconds / bare:5.1f} × python -c pass")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deep.yaml"
        path.write_text(DEEP)
        model = read_model(path)
        shallow = best(lambda: analyze(model, {}, Run()))
        deep = best(lambda: analyze(model, {"L": "96"}, Run()))
        analysis = analyze(model, {"L": "96"}, Run())
        tape = record(analysis)
        sizes = [evaluate(form, analysis.symbols.values) for form in tape.forms]
        recorded, replayed = best(lambda: record(analysis)), best(lambda: replay(tape, sizes, analysis.device.capability, None, Run()))
        simulated = best(lambda: unrolled(analysis))
    print(f"{'closed forms of 4 layers':<44} {shallow * 1e3:8.1f} ms")
    print(f"{'closed forms of 96 layers':<44} {deep * 1e3:8.1f} ms {deep / shallow:5.2f} × 4 layers")
    print(f"{'allocations of 96 layers, simulated in full':<44} {simulated * 1e3:8.1f} ms {simulated / deep:5.1f} × their closed forms")
    print(f"{'allocations of 96 layers, written':<44} {recorded * 1e3:8.1f} ms {recorded / deep:5.1f} × their closed forms")
    print(f"{'allocations of 96 layers, replayed':<44} {replayed * 1e3:8.1f} ms {replayed / deep:5.1f} × their closed forms")
    seconds, traced = sweep(), best(lambda: analyze(read_model(MODELS / "bert-base.yaml"), {}, Run(outputs="dropped")))
    print(f"{'two million points of bert-base, swept':<44} {seconds * 1e3:8.1f} ms {seconds / traced:5.1f} × its closed forms")


if __name__ == "__main__":
    main()
