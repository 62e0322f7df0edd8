"""`make fuzz`: a million inputs over all decoders, half of them guided by coverage where atheris has a wheel.

python -m tests.fuzz.run --inputs 1000000                  # hypothesis and plain random, here
python -m tests.fuzz.run --atheris readers/text-stx 30000  # one decoder, in an environment that has atheris
"""

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

GUIDED = Path(".cache/fuzz/bin/python")
BY_HYPOTHESIS = 500  # of each decoder; it is slow, and finds the small and the odd


def with_hypothesis(id: str, count: int) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    from tests.fuzz.decoders import check, profiles, seed

    profile = profiles()[id]
    frame = seed(profile)
    near = st.lists(st.sampled_from([frame, frame[:-1], frame[1:], frame[:3]]) | st.binary(max_size=12), max_size=6)

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(st.binary(max_size=400) | near.map(b"".join))
    def run(data: bytes) -> None:
        check(profile, data)

    run()


def at_random(id: str, count: int, chance: random.Random) -> None:
    """Golden frames cut, doubled, with flipped bits and noise: cheap, so there are many."""
    from tests.fuzz.decoders import check, profiles, seed

    profile = profiles()[id]
    frame = seed(profile)
    for _ in range(count):
        data = bytearray(chance.randbytes(chance.randrange(40)))
        for _ in range(chance.randrange(4)):
            part = bytearray(frame[chance.randrange(len(frame)) :] if chance.random() < 0.3 else frame[:200])
            if chance.random() < 0.7:
                part[chance.randrange(len(part))] ^= 1 << chance.randrange(8)
            data += part[: chance.randrange(len(part)) + 1] if chance.random() < 0.3 else part
        try:
            check(profile, bytes(data))
        except BaseException:
            print(f"{id}: {data.hex(' ')}", file=sys.stderr)
            raise


def with_atheris(id: str, count: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["edge_agent.protocols", "edge_agent.drivers.modbus_wire"]):
        from tests.fuzz.decoders import check, profiles
    profile = profiles()[id]
    atheris.Setup(
        [sys.argv[0], f"-runs={count}", "-max_len=400", "-verbosity=0", "-print_final_stats=0"],
        lambda data: check(profile, data),
    )
    atheris.Fuzz()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--inputs", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--atheris", nargs=2, metavar=("PROFILE", "RUNS"))
    chosen = options.parse_args()
    if chosen.atheris:
        with_atheris(chosen.atheris[0], int(chosen.atheris[1]))
        return
    from tests.fuzz.decoders import profiles

    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1 << 32)
    guided = GUIDED.exists() and subprocess.run([GUIDED, "-c", "import atheris"], check=False).returncode == 0
    each = -(-chosen.inputs // len(profiles()))
    by_coverage = each // 2 if guided else 0
    print(f"seed {seed}; {each} inputs for each of {len(profiles())} decoders, {by_coverage} guided by coverage")
    for id in profiles():
        began = time.monotonic()
        with_hypothesis(id, min(BY_HYPOTHESIS, each))
        at_random(id, max(0, each - by_coverage - BY_HYPOTHESIS), random.Random(seed))
        middle = time.monotonic()
        if by_coverage:
            command = [GUIDED, "-m", "tests.fuzz.run", "--atheris", id, str(by_coverage)]
            child = subprocess.run(command, capture_output=True, text=True, check=False)
            if child.returncode:
                raise SystemExit(f"{id}:\n{child.stdout}{child.stderr}")
        here, there = each - by_coverage, by_coverage
        rates = f"{here / (middle - began):8.0f}/s"
        rates += f" {there / (time.monotonic() - middle):8.0f}/s guided" if there else ""
        print(f"{id:28} {rates}", flush=True)


if __name__ == "__main__":
    main()
