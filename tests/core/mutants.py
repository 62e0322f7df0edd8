"""What `make mutate` found: the score of each module, and survivors that docs/mutants.md does not account for.

    python tests/core/mutants.py .cache/mutate/work

Ends with 1 when a module's score is below LEAST or a survivor is unaccounted for. The numbers in a
mutant's name move when its function changes, so docs/mutants.md tells it by its change of the code, compared here.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

LEAST = 90.0  # percent
ACCOUNTS = Path("docs/mutants.md")
KILLED = {1, 3, 37, -24, 24, 152, 255, 36}  # a failed test; a type error; a time-out, which is noticed as well


def change_of(work: Path, mutant: str) -> str:
    """`- old → + new`, one line."""
    shown = subprocess.run(
        ["../venv/bin/mutmut", "show", mutant], cwd=work, capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in shown.splitlines() if re.match(r"[-+](?![-+])", line)]
    old = " ".join(line[1:].strip() for line in lines if line[0] == "-")
    new = " ".join(line[1:].strip() for line in lines if line[0] == "+")
    return f"{old} → {new}"


def main(work: Path) -> int:
    accounts = ACCOUNTS.read_text("utf-8") if ACCOUNTS.exists() else ""
    failed = False
    for meta in sorted(work.glob("mutants/edge_agent/core/*.meta")):
        found: dict[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        codes = {mutant: code for mutant, code in found.items() if code is not None}  # None: not run
        counted = Counter("killed" if code in KILLED else "alive" for code in codes.values())
        total = sum(counted.values())
        if not total:
            continue
        score = 100 * counted["killed"] / total
        failed |= score < LEAST
        print(
            f"{meta.name.removesuffix('.py.meta'):<14} {counted['killed']:>4} of {total:>4} killed  {score:5.1f} %"
            + f"  {len(found) - total} not run" * (len(found) > total)
        )
        for mutant, code in codes.items():
            if code in KILLED:
                continue
            change = change_of(work, mutant)
            if change not in accounts:
                failed = True
                print(f"    {mutant.rpartition('.')[2]} ({code}): {change}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
