#!/usr/bin/env python3
"""Runs every contestant on the same reference world, in turn, and prints what each took.

compare.py KERNEL FOLDER [RUNS] [CONTESTANT ...]: KERNEL is the program of `derive_kernel`, FOLDER a world that it made,
and DORACLE_PEERS the folder that `install` filled (without it DuckDB and Polars are left out, by name). Every contestant
is a process of its own with two threads; figures are medians of RUNS (3 without it). The answers have to agree to seven
digits, or nothing is printed but who differs."""
import os
import statistics
import subprocess
import sys
import tempfile

kernel, folder = sys.argv[1:3]
runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
wanted = sys.argv[4:]
here = os.path.dirname(os.path.abspath(__file__))
contestants = {name: [kernel, name, folder] for name in ("scan", "operators", "sql")}
peers = os.environ.get("DORACLE_PEERS")
for name in ("duckdb", "polars"):
    python = os.path.join(peers or "", "world", "bin", "python3")
    if peers and os.path.exists(python):
        contestants[name] = [python, os.path.join(here, f"in_{name}.py"), folder]
    else:
        print(f"left out: {name} (DORACLE_PEERS names no folder that holds it)")
if wanted:
    contestants = {name: command for name, command in contestants.items() if name in wanted}


def run(command):
    """The answer, processor seconds, wall seconds and peak memory in MiB of one process."""
    with tempfile.NamedTemporaryFile("r") as figures:
        environment = {**os.environ, "POLARS_MAX_THREADS": "2"}
        measured = ["/usr/bin/time", "-f", "%U %S %e %M", "-o", figures.name, *command]
        try:
            done = subprocess.run(measured, env=environment, capture_output=True, text=True, timeout=900)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0:
            sys.exit(f"{command}: {done.stderr.strip()[-800:]}")
        user, system, wall, kib = figures.read().split()[-4:]
        return done.stdout.strip(), float(user) + float(system), float(wall), int(kib) / 1024


results = {name: [] for name in contestants}
for _ in range(runs):
    for name, command in contestants.items():
        results[name].append(run(command))

answers = {name: taken[0][0].split() for name, taken in results.items() if name != "scan" and taken[0]}
if answers:
    first, expected = next(iter(answers.items()))
    for name, answer in answers.items():
        near = [abs(float(a) - float(b)) <= 1e-7 * max(1.0, abs(float(a))) for a, b in zip(expected, answer)]
        if len(answer) != len(expected) or not all(near):
            sys.exit(f"{name} says {answer} and {first} says {expected}")
    print("all agree:", *expected)

median = lambda name, part: statistics.median(taken[part] for taken in results[name])
for name, taken in results.items():
    if any(one is None for one in taken):
        print(f"{name:<12} did not end within 15 minutes")
        continue
    beside = "".join(
        f", {median(name, 1) / median(other, 1):.1f} times {other}"
        for other in ("scan", "operators")
        if other in results and other != name and all(results[other])
    )
    print(f"{name:<12} {median(name, 1):8.2f} CPU s {median(name, 2):8.2f} s {median(name, 3):7.0f} MiB{beside}")
