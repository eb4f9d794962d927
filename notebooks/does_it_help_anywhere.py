# %% [markdown]
# # Does it help anywhere?
#
# `doracle leaderboard build` says what organisations that reported on a claim say together, whichever of them lie. It
# publishes every effect as Parquet. This notebook reads only that, and arrives at each hull again in the slowest and
# plainest way there is: by looking at every subset of organisations that leaves the liars out.
#
# It reads the folder that `DORACLE_BOARD` names, `site/data` without it.

# %%
import math
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

BOARD = Path(os.environ.get("DORACLE_BOARD", "site/data"))
claims, effects, entries = (pl.read_parquet(BOARD / f"{name}.parquet") for name in ("claims", "effects", "entries"))

pl.Config(tbl_rows=60, tbl_cols=20, tbl_width_chars=150, fmt_str_lengths=60, float_precision=4)
pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_formatting="NOTHING")
if claims["is_simulated"].any():
    print("SIMULATED: every organisation on this board is made up.\n")

# %% [markdown]
# ## What was reported
#
# Nothing vanishes: what has no vote stays listed, and says why.

# %%
print(entries.select("claim", "report", "organisation", "evidence", "standing"))

# %% [markdown]
# ## One organisation, one vote
#
# The vote of an organisation is the plain mean of its effects. No stated error weighs: whoever claims the smallest one
# would own the answer.

# %%
votes = (
    effects.filter("is_counted")
    .group_by("claim", "metric", "organisation")
    .agg(pl.col("estimate").sort().mean())
    .sort("claim", "metric", "organisation")
)
print(votes.group_by("claim", "metric").agg(pl.len().alias("votes"), pl.col("estimate").median()).sort("claim", "metric"))

# %% [markdown]
# ## The quantile of Student's t
#
# By bisection of its distribution function, which Simpson's rule gives: slow, and nothing that the program uses.


# %%
def t_quantile(probability, freedom):
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def below(x):
        points = np.linspace(0.0, x, 4001)
        heights = constant * (1 + points**2 / freedom) ** (-(freedom + 1) / 2)
        step = x / 4000
        area = step / 3 * (heights[0] + 4 * heights[1:-1:2].sum() + 2 * heights[2:-1:2].sum() + heights[-1])
        return 0.5 + area

    low, high = 0.0, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < probability else (low, middle)
    return (low + high) / 2


# %% [markdown]
# ## The hull, by every subset
#
# With at most `f` liars among those that report, one of the subsets that leave `f` out is of honest organisations alone.
# The hull is the union of the t-intervals of all of them.


# %%
def hull(values, faults, alpha):
    count = len(values) - faults
    if count < 2:
        return None
    quantile = t_quantile(1 - alpha / 2, count - 1)
    low, high = math.inf, -math.inf
    for kept in combinations(values, count):
        mean, spread = np.mean(kept), np.std(kept, ddof=1) / math.sqrt(count)
        low, high = min(low, mean - quantile * spread), max(high, mean + quantile * spread)
    return low, high


def class_of(low, high, margin):
    if low > 0:
        return "superior"
    if low > -margin:
        return "non_inferior"
    return "inferior" if high < -margin else "inconclusive"


MOST_SUBSETS = 20_000
checked = 0
for row in claims.iter_rows(named=True):
    own = votes.filter((pl.col("claim") == row["claim"]) & (pl.col("metric") == row["metric"]))["estimate"].to_list()
    assert len(own) == row["organisation_count"], row
    too_few = len(own) < max(row["enrolled_count"] - row["faults"], 7)
    assert too_few == (row["insufficient"] is not None), row
    if math.comb(len(own), row["faults"]) > MOST_SUBSETS:
        print(f"{row['claim']} {row['metric']}: too many subsets to look at each")
        continue
    found = hull(own, row["faults"], row["alpha"])
    assert (found is None) == (row["hull_low"] is None), row
    if found is None:
        continue
    assert np.allclose(found, (row["hull_low"], row["hull_high"]), rtol=1e-6, atol=1e-9), (row, found)
    said = class_of(*found, row["margin"])
    assert row["class"] in (None, said), (row, said)
    checked += 1
    print(f"{row['claim']:14} {row['metric']:34} {found[0]:+.4f} to {found[1]:+.4f}  {row['class'] or 'no conclusion'}")

# %% [markdown]
# ## The end
#
# Where too few report nothing is concluded, and the board says so plainly.

# %%
verdicts = claims.group_by("claim").agg(pl.col("verdict").unique()).sort("claim")
assert (verdicts["verdict"].list.len() == 1).all()
for claim in claims.filter(pl.col("insufficient").is_not_null())["claim"].unique():
    assert verdicts.filter(pl.col("claim") == claim)["verdict"][0][0] in ("insufficient data", "worsens")
words = ", ".join(f"{row['claim']}: {row['verdict'][0]}" for row in verdicts.iter_rows(named=True))
print(f"{checked} hulls found again by every subset; {words}")
