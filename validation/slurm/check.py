"""Does Slurm take what `peakform submit-check` prints, and does a job get the cards that were meant?

    validation/slurm/run.sh start && validation/slurm/run.sh check

Writes a cluster file from this Slurm's sinfo, and for every offer a job script with its #SBATCH lines; `sbatch --test-only` must
take each and name a node of that partition which has that gres. Then --script reads each script back. Exit status: 0 all
agree, 1 not.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PEAKFORM = [sys.executable, "-m", "analyzer"]


def main() -> int:
    """Hold every offer against Slurm."""
    folder = Path(tempfile.mkdtemp())
    cluster = folder / "cluster.yaml"
    print(said([*PEAKFORM, "cluster", "from-sinfo", "-o", str(cluster)]).stdout, end="")
    asked = ["scperb", "--cluster", str(cluster)]
    offers = json.loads(said([*PEAKFORM, "submit-check", *asked, "--time", "20", "--format", "json"]).stdout)["offers"]
    wrong = sum(not agrees(offer, folder / f"job{at}.sh", asked) for at, offer in enumerate(offers))
    print(f"{len(offers)} offers, {wrong} wrong")
    return 1 if wrong or not offers else 0


def agrees(offer: dict[str, Any], script: Path, asked: list[str]) -> bool:
    """Whether Slurm would start the offer's job on a node that was meant, and the script reads back as it."""
    script.write_text("\n".join(["#!/bin/bash", *offer["sbatch"], "srun hostname", ""]), encoding="utf-8")
    tested = said(["sbatch", "--test-only", str(script)])
    found = re.search(r"nodes (\S+) in partition (\S+)", tested.stderr)
    gres = next(line for line in offer["sbatch"] if "--gres" in line).partition("=")[2].rpartition(":")[0]
    cards = said(["sinfo", "-h", "-n", found[1], "-o", "%G"]).stdout if found else ""
    again = json.loads(said([*PEAKFORM, "submit-check", *asked, "--script", str(script), "--format", "json"]).stdout)["offers"]
    ok = found is not None and found[2] == offer["partition"] and gres in cards and offer["gpu"] in {o["gpu"] for o in again}
    print(f"{offer['partition']} {offer['gpu']}: {tested.stderr.strip()}{'' if ok else '  WRONG'}")
    return ok


def said(words: list[str]) -> subprocess.CompletedProcess[str]:
    """What a command printed."""
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


if __name__ == "__main__":
    sys.exit(main())
