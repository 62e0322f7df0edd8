"""`python -m tests.faults [--quick | --full] [--row 1a] [--seed N]`: run rows of the matrix, say what came out."""

import argparse
import asyncio
import logging
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults.lab import Lab
from tests.faults.row import ROWS, Row
from tests.faults.rows import load
from tests.faults.template import Template


class Runner:
    def __init__(self, folder: Path, scale: str, seed: int, jobs: int) -> None:
        self.folder, self.scale, self.seed, self.jobs = folder, scale, seed, jobs
        self.failed: list[str] = []
        self.table: list[tuple[str, str, str, str]] = []
        self._template: Template | None = None

    async def template(self) -> Template:
        if self._template is None:
            self._template = Template(self.folder / "template")
            await self._template.build()
        return self._template

    async def run(self, rows: list[Row], count: int | None) -> None:
        await self.template()
        free = asyncio.Semaphore(self.jobs)

        async def one(row: Row) -> None:
            wanted = count or getattr(row, self.scale)
            if wanted and (reason := row.why_not()):
                self._say(row, f"0 of {row.full}", f"not run: {reason}")
            elif wanted:
                async with free:
                    await self._row(row, wanted)

        await asyncio.gather(*(one(row) for row in rows))

    async def _row(self, row: Row, wanted: int) -> None:
        began, done, notes, accepted, openings = time.monotonic(), 0, dict[str, list[float]](), 0, 0
        announced, bad = 0, ""
        while done < wanted and not bad:
            seed = self.seed + done
            lab = Lab(self.folder / f"row-{row.name}-{seed}", await self.template(), seed)
            lab.folder.mkdir(exist_ok=True)
            try:
                await row.story(lab, min(row.batch, wanted - done))
                if row.judged:
                    await lab.settle()
                    found = lab.verdict(row.destroys)
                    accepted, openings = accepted + found.accepted, openings + found.openings
                    announced += len(found.announced)
            except Exception as error:  # noqa: BLE001 - one row must not end the others
                bad = f"{type(error).__name__}: {error}"[:1500]
                (lab.folder / "failure.txt").write_text(traceback.format_exc(), "utf-8")
            finally:
                await lab.close()
            done += lab.done
            for name, values in lab.notes.items():
                notes.setdefault(name, []).extend(values)
            if bad:
                self.failed.append(row.name)
                again = f"make faults ROW={row.name} SEED={seed} N={min(row.batch, wanted)}"
                self._say(
                    row, f"{done} of {row.full}", f"FAILS: {bad}\n      again: {again}\n      files: {lab.folder}"
                )
                return
            shutil.rmtree(lab.folder, ignore_errors=True)
            if not lab.done:
                break
        words = [f"accepted {accepted}, lost 0"] if row.judged else []
        words += [f"announced gaps {announced}"] if announced else []
        words += [f"openings {openings}"] if openings else []
        words += [_measured(name, values) for name, values in notes.items()]
        self._say(row, f"{done} of {row.full}", f"holds [{time.monotonic() - began:.0f} s] " + ", ".join(words))

    def _say(self, row: Row, share: str, verdict: str) -> None:
        self.table.append((row.name, row.title, share, verdict))
        print(f"{row.name:>4}  {row.title:<44} {share:>13}  {verdict}", flush=True)


def _measured(name: str, values: list[float]) -> str:
    words = name.replace("_", " ")
    if len(values) == 1:
        return f"{words} {_short(values[0])}"
    return f"{words} {_short(statistics.median(values))} (worst {_short(max(values))})"


def _short(value: float) -> str:
    """A count as it is, anything else to four digits."""
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="the fault laboratory")
    parser.add_argument("--quick", action="store_const", dest="scale", const="quick", default="sample")
    parser.add_argument("--full", action="store_const", dest="scale", const="full")
    parser.add_argument("--row", action="append", default=[], help="a number of the matrix, or a part of one (14a)")
    parser.add_argument("--seed", type=int, default=0, help="0: from the clock, and printed")
    parser.add_argument("-n", type=int, help="how many injections instead of the scale's")
    parser.add_argument("--jobs", type=int, default=2, help="rows at a time; most of them wait most of the time")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what parts of the product say in this process; the daemons have their logs
    load()
    rows = [r for r in sorted(ROWS, key=lambda r: (r.number, r.part)) if _wanted(r, chosen.row)]
    seed = chosen.seed or int(time.time()) % 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    runner = Runner(folder, chosen.scale, seed, chosen.jobs)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    )
    print(f"faults: {chosen.scale}, seed {seed}, {time.strftime('%Y-%m-%d')}, {machine}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))  # its children end with it
    asyncio.run(runner.run(rows, chosen.n))
    holds = sum("holds" in verdict for *_, verdict in runner.table)
    away = sum("not run" in verdict for *_, verdict in runner.table)
    print(f"{holds} hold, {len(runner.failed)} fail, {away} not run")
    if runner.failed:
        sys.exit(1)
    shutil.rmtree(folder, ignore_errors=True)


def _wanted(row: Row, chosen: list[str]) -> bool:
    numbers = [name for given in chosen for name in given.split(",")]
    return not numbers or row.name in numbers or str(row.number) in numbers


if __name__ == "__main__":
    main()
