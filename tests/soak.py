"""`make soak`: the flush machine over 100,000 schedules, other ones each time, then property tests for longer.

Behaviour is compared with ClickHouse over many more random streams, and large tables of cases are run to the end.

It takes hours and ends by itself; the exit code is 0 only when nothing was found.
"""

import argparse
import logging
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Never

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tqdm import tqdm

from support.flush_machine import FlushMachine

SCHEDULES = 100_000
BATCH = 1000
STEPS = 15
PROPERTY_EXAMPLES = 5000
REFEREED_CASES = 20_000
KILLS = 500
READ_SECONDS = 120
TESTS = Path(__file__).parent


class CountingMachine(FlushMachine):
    """Tells the bar of each schedule that came to its end."""

    bar: "tqdm[Never]"

    def teardown(self) -> None:
        """One more."""
        super().teardown()
        self.bar.update()


def soak(schedules: int, first_seed: int) -> None:
    """Run that many schedules in batches, each from a seed of its own; raises what a schedule raised."""
    with tqdm(total=schedules, unit=" schedules", mininterval=5, disable=None) as bar:
        CountingMachine.bar = bar
        for number, begin in enumerate(range(0, schedules, BATCH)):
            began = time.monotonic()
            run_batch(min(BATCH, schedules - begin), first_seed + number)
            if bar.disable:
                took = time.monotonic() - began
                print(f"{min(begin + BATCH, schedules):,} of {schedules:,} schedules ({took:.0f} s)", flush=True)


def run_batch(schedules: int, batch_seed: int) -> None:
    """Some schedules, which the seed decides; a failure is shrunk and printed with its steps."""
    wanted = settings(
        max_examples=schedules,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    seeded = seed(batch_seed)(type(f"Seeded{batch_seed}", (CountingMachine,), {}))
    run_state_machine_as_test(seeded, settings=wanted)


def run_properties(examples: int) -> int:
    """Every test that hypothesis drives, with more examples; pytest's exit code."""
    command = [sys.executable, "-m", "pytest", str(TESTS), "-m", "hypothesis and not heavy", "-p", "support.soaking"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "MALLARD_TEST_EXAMPLES": str(examples)}
    return subprocess.run(command, env=environment, check=False).returncode


def run_referees(cases: int) -> int:
    """ClickHouse beside our behaviour over so many random cases; another number makes others. pytest's exit code."""
    command = [sys.executable, "-m", "pytest", str(TESTS / "behaviour"), "-m", "heavy and not soak"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "MALLARD_TEST_CASES": str(cases)}
    return subprocess.run(command, env=environment, check=False).returncode


def run_races() -> int:
    """Kills of real processes and reads of a table that is written, for longer; pytest's exit code."""
    tests = [str(TESTS / "test_kill.py"), str(TESTS / "table" / "test_readers.py")]
    command = [sys.executable, "-m", "pytest", *tests, "-m", "heavy"]
    longer = {"MALLARD_TEST_KILLS": str(KILLS), "MALLARD_TEST_READ_SECONDS": str(READ_SECONDS)}
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(TESTS), **longer}, check=False).returncode


def run_tables() -> int:
    """The cases of large tables that no other suite has; pytest's exit code."""
    command = [sys.executable, "-m", "pytest", str(TESTS), "-m", "soak", "--numprocesses", "2", "--dist", "loadfile"]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    """Soak, and say with which seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("--examples", type=int, default=PROPERTY_EXAMPLES, help="of each property test")
    parser.add_argument("--cases", type=int, default=REFEREED_CASES, help="of each function beside ClickHouse")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000_000))
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(f"seed {arguments.seed}", flush=True)
    soak(arguments.schedules, arguments.seed)
    found = [
        run_tables(),
        run_races(),
        run_properties(arguments.examples),
        run_referees(arguments.cases + arguments.seed % 1000),
    ]
    return max(found)


if __name__ == "__main__":
    sys.exit(main())
