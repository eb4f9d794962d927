# %% [markdown]
# # Did it help here?
#
# `doracle compare` says what a change of working did to the four metrics, in this organisation. It stores its answer
# in `effects`, and what entered it, service by service, in `effect_units`. This notebook reads both as exported
# Parquet and arrives at the effects, their errors and the verdict again, in a few lines each, so that nothing has to
# be believed.
#
# It reads the folder that `DORACLE_EXPORT` names, `doracle-demo/parquet` without it.

# %%
import math
import os
from pathlib import Path
from statistics import NormalDist

import numpy as np
import polars as pl

EXPORT = Path(os.environ.get("DORACLE_EXPORT", "doracle-demo/parquet"))


def table(name):
    return pl.read_parquet(EXPORT / f"{name}.parquet")


pl.Config(tbl_rows=60, tbl_cols=20, tbl_width_chars=150, fmt_str_lengths=60, float_precision=4)
pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_formatting="NOTHING")

effects = table("effects")
assert effects.height, f"no comparison in {EXPORT}: run `doracle compare`, then `doracle export`"

# %% [markdown]
# ## Which comparison
#
# Each comparison has four rows, one a metric. A lake keeps every one that was asked for; `comparison_id` tells them
# apart: what was asked, of which data, over which weeks. We take the newest.

# %%
KEY = ["practice", "comparison_id"]
asked = effects.group_by(KEY).agg(pl.col("as_of_at", "lake_version").max()).sort("as_of_at", "lake_version", *KEY)
ours = asked.tail(1).select(KEY)
effects = effects.join(ours, on=KEY)
units = table("effect_units").join(ours, on=KEY)

CRITERION = [
    "forward_deployment_frequency",
    "change_lead_time",
    "failed_deployment_recovery_time",
    "change_fail_rate",
]
assert set(effects["metric"]) == set(CRITERION) and effects.height == 4
assert effects.select("verdict", "design_grade", "ci_level").n_unique() == 1, "these rows are of different comparisons"
EFFECT = {row["metric"]: row for row in effects.iter_rows(named=True)}
PRACTICE, GRADE, VERDICT = (effects[name][0] for name in ("practice", "design_grade", "verdict"))
ALPHA = 1.0 - effects["ci_level"][0]
print(f"`{PRACTICE}`, the newest of {asked.height} on record, as of {effects['as_of_at'][0]}")
fixed = effects["baseline"][0]
print(f"terms fixed before looking, as `{fixed}`" if fixed else "exploratory: nothing was fixed before looking")

# %% [markdown]
# Who began, and when, is on record as events. A service without one is among the others.

# %%
interventions = table("interventions").filter(pl.col("practice") == PRACTICE)
print(
    interventions.select("service", "practice_version", "started_at", "ended_at", "source").sort(
        "started_at", "service"
    )
)
if interventions["source"].str.starts_with("simulated").any():
    print("\nSIMULATED: `doracle demo` invented this organisation, and what its practice does.")

# %% [markdown]
# ## What the command found
#
# Positive is better, for every metric. Three stand on the log scale, where 0.1 is about a tenth better; the change
# fail rate is a difference of shares. A metric with too little behind it has no estimate, and `method` says why.

# %%
order = pl.col("metric").replace_strict({metric: place for place, metric in enumerate(CRITERION)})
effects = effects.sort(order)
print(effects.select("metric", "estimate", "ci_low", "ci_high", "standard_error", "degrees_of_freedom", "class"))
for metric in CRITERION:
    print(f"{metric}: {EFFECT[metric]['method']}")

# %% [markdown]
# ## What entered: services before and after
#
# A service is compared with itself before, and its change with the change of services that had not begun, at the same
# date (`cohort`). So nothing has to be alike between services but what would have changed anyway.
#
# `*` is a service that began, `|` no change, to the right is better; a number behind a name is the cohort, where there
# are several. A difference that is there can be seen here, and a single service that makes it all can be, too.


# %%
MOST = 32


def strip(change, reach, width=41):
    cells = [" "] * width
    cells[width // 2] = "|"
    place = width // 2 + round(change / reach * (width // 2))
    cells[place] = "o"
    return "".join(cells)


# Effects by one series over its date have no units: see below.
BY_UNITS = [
    metric for metric in CRITERION if (units["metric"] == metric).any() and EFFECT[metric]["estimate"] is not None
]
for metric in BY_UNITS:
    rows = units.filter(pl.col("metric") == metric).sort(
        "is_treated", "change", "service", descending=[True, True, False]
    )
    reach = rows["change"].abs().max() or 1.0
    # Seconds are easier to read as hours.
    factor = 1 / 3600 if metric.endswith("_time") else 1.0
    print(f"\n{metric}{' in hours' if factor < 1 else ''}: before, after, change, weight")
    for row in rows.head(MOST).iter_rows(named=True):
        mark = "*" if row["is_treated"] else " "
        name = f"{row['service']} {row['cohort']}" if rows["cohort"].n_unique() > 1 else row["service"]
        before, after = (
            math.nan if row[side] is None else row[side] * factor for side in ("before_value", "after_value")
        )
        print(f"{mark} {name:<14}{before:9.3f}{after:9.3f}  {strip(row['change'], reach)}", end="")
        print(f"{round(row['change'], 3) + 0.0:+8.3f}{row['weight']:7.2f}")
    if rows.height > MOST:
        print(f"  and {rows.height - MOST} more")

# %% [markdown]
# ### Are these counts those of the events?
#
# For the frequency we count rollouts ourselves: forward ones (`release`, `config`, `rebuild`, no re-applied
# revisions), in as many weeks on each side of the service's date as `before_days` and `after_days` say. Weeks with
# gaps in what was read, a zone other than UTC and a service that gave up again would need more care than this. The time of
# a service begins with the first deployment that is known of it, which is then no event of that time.

# %%
FREQUENCY = "forward_deployment_frequency"
if FREQUENCY in BY_UNITS:
    rollouts = table("rollouts").filter(
        pl.col("environment") == "production",
        pl.col("in_frequency"),
        pl.col("kind").is_in(["release", "config", "rebuild"]),
        ~pl.col("is_reapply"),
    )
    began = interventions.group_by("service").agg(pl.col("started_at").min().alias("began"))
    rows = units.filter(pl.col("metric") == FREQUENCY).join(began, on="service", how="left")
    # A row of `interventions` without a service speaks of all of them.
    rows = rows.with_columns(
        pl.min_horizontal("began", interventions.filter(pl.col("service").is_null())["started_at"].min())
    )
    # The last whole week before the date of a cohort, and the first one after it.
    dates = rows.filter("is_treated").group_by("cohort").agg(pl.col("began").min())
    dates = dates.with_columns(ends=pl.col("began").dt.truncate("1w"))
    late = pl.col("ends") < pl.col("began")
    dates = dates.select(
        "cohort", "ends", begins=pl.when(late).then(pl.col("ends").dt.offset_by("1w")).otherwise("ends")
    )
    sides = rows.join(dates, on="cohort").select(
        "service",
        "cohort",
        "before_count",
        "after_count",
        "ends",
        "begins",
        (pl.col("ends") - pl.duration(hours=24 * pl.col("before_days"))).alias("from"),
        (pl.col("begins") + pl.duration(hours=24 * pl.col("after_days"))).alias("until"),
    )
    at = pl.col("finished_at")
    found = sides.join(rollouts.select("service", "finished_at"), on="service", how="left")
    found = found.group_by("service", "cohort", "before_count", "after_count").agg(
        ((at > pl.col("from") + pl.duration(seconds=1)) & (at < pl.col("ends"))).sum().alias("before"),
        ((at >= pl.col("begins")) & (at < pl.col("until"))).sum().alias("after"),
    )
    same = (found["before"] == found["before_count"]) & (found["after"] == found["after_count"])
    print(f"counted again: {same.sum()} of {found.height} rows have the same counts before and after")
else:
    print("the frequency was not compared service by service")

# %% [markdown]
# ### Is the change what the values say?
#
# For a duration it is the logarithm of before over after, of geometric means; for a share, before less after. For a
# rate it is what the last step of the fit worked on, to which we come back.

# %%
for metric in BY_UNITS:
    if metric == FREQUENCY:
        continue
    rows = units.filter(pl.col("metric") == metric)
    before, after = pl.col("before_value"), pl.col("after_value")
    own = before - after if EFFECT[metric]["scale"] == "difference" else before.log() - after.log()
    furthest = rows.select((own - pl.col("change")).abs().max()).item()
    assert furthest < 1e-9, f"changes of {metric} are off by {furthest}"
    print(f"{metric}: {rows.height} changes, at most {furthest:.1e} apart")

# %% [markdown]
# ## The effect: one regression, one row a service
#
# `change = level of the cohort + effect x (it began) + error`, by weighted least squares. Where no others stand beside
# those that began, only a mean is left, and whatever else happened at the time is in it.
#
# The error is that between services (CR2): the square of each service's residual is blown up by `1 / (1 - h)` for what
# the fit took from it, and nothing inside a service is taken for independent. A service that is in several cohorts is
# one cluster. Degrees of freedom are Satterthwaite's; a handful of services has few.


# %%
def root_of_inverse(matrix):
    """The symmetric root of the pseudo-inverse."""
    values, vectors = np.linalg.eigh(matrix)
    scale = np.where(values > 1e-12, 1 / np.sqrt(np.clip(values, 1e-12, None)), 0.0)
    return vectors @ np.diag(scale) @ vectors.T


def design(rows):
    """The columns of the regression, and which of them is the effect."""
    ones, treated = np.ones(rows.height), rows["is_treated"].to_numpy().astype(float)
    if treated.all():
        return ones[:, None], 0
    cohorts = sorted(set(rows["cohort"]))[1:]
    return np.column_stack([ones, treated, *[(rows["cohort"] == one).to_numpy().astype(float) for one in cohorts]]), 1


def contrast(rows, change, weight):
    """The effect, its CR2 standard error and its degrees of freedom."""
    columns, place = design(rows)
    x, y = columns * np.sqrt(weight)[:, None], change * np.sqrt(weight)
    bread = np.linalg.inv(x.T @ x)
    coefficients = bread @ x.T @ y
    residual, hat = y - x @ coefficients, x @ bread @ x.T
    scores, pulls = [], []
    for service in rows["service"].unique(maintain_order=True):
        own = (rows["service"] == service).to_numpy()
        pull = root_of_inverse(np.eye(own.sum()) - hat[np.ix_(own, own)]) @ x[own] @ bread[:, place]
        scores.append(pull @ residual[own])
        pulls.append((np.eye(len(y)) - hat)[:, own] @ pull)
    products = np.array(pulls) @ np.array(pulls).T
    freedom = np.trace(products) ** 2 / (products**2).sum()
    return coefficients[place], math.sqrt(np.square(scores).sum()), freedom


# %%
OWN = {}
for metric in BY_UNITS:
    rows = units.filter(pl.col("metric") == metric).sort("service", "cohort")
    OWN[metric] = contrast(rows, rows["change"].to_numpy(), rows["weight"].to_numpy())
    published = [EFFECT[metric][name] for name in ("estimate", "standard_error", "degrees_of_freedom")]
    print(metric)
    for name, own, theirs in zip(("effect", "error", "degrees"), OWN[metric], published):
        print(f"  {name:<8}{own:+.12f} here, {theirs:+.12f} published")
for metric in CRITERION:
    if EFFECT[metric]["estimate"] is None:
        print(f"{metric}\n  insufficient data: {EFFECT[metric]['method']}")
    elif metric not in BY_UNITS:
        print(f"{metric}\n  by one series over its date, whose weeks are not exported: taken as published")

# %% [markdown]
# ## From the counts alone
#
# The regression above used changes and weights as published. For shares and rates they can be made from the counts, so
# that nothing but counting is taken over. A weight is `1 / (v + tau2)`: `v` is what chance does to a service of its
# size, `tau2` how much services differ beyond that, by restricted maximum likelihood.


# %%
def between_variance(columns, change, variance):
    """`tau2`: where the restricted likelihood has no slope any more, or 0."""

    def slope(tau2):
        w = np.diag(1 / (variance + tau2))
        p = w - w @ columns @ np.linalg.inv(columns.T @ w @ columns) @ columns.T @ w
        return change @ p @ p @ change - np.trace(p)

    low, high = 0.0, 1.0
    if slope(low) <= 0:
        return 0.0
    while slope(high) > 0:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return low


def counts_of(metric):
    rows = units.filter(pl.col("metric") == metric).sort("service", "cohort")
    return rows, *(rows[name].to_numpy().astype(float) for name in ("before_count", "after_count"))


def compared(metric, found):
    print(f"{metric}, from the counts alone")
    for name, own, theirs in zip(("effect", "error"), found, ("estimate", "standard_error")):
        print(f"  {name:<8}{own:+.12f} here, {EFFECT[metric][theirs]:+.12f} published")


# %% [markdown]
# A share has variance `p (1 - p) / n`, with `p` of all services and both sides.

# %%
FROM_COUNTS = {}
if "change_fail_rate" in BY_UNITS:
    rows, before, after = counts_of("change_fail_rate")
    failed = [np.rint(rows[f"{side}_value"].to_numpy() * n) for side, n in (("before", before), ("after", after))]
    p = (failed[0] + failed[1]).sum() / (before + after).sum()
    variance = (p * (1 - p) or 1.0) * (1 / before + 1 / after)
    change = failed[0] / before - failed[1] / after
    tau2 = between_variance(design(rows)[0], change, variance)
    weight = 1 / (variance + tau2)
    FROM_COUNTS["change_fail_rate"] = contrast(rows, change, weight / weight.mean())
    compared("change_fail_rate", FROM_COUNTS["change_fail_rate"])
    print(f"  tau2    {tau2:.6f}, so that services differ by {math.sqrt(tau2):.3f} beyond chance")

# %% [markdown]
# A ratio of rates has no logarithm where a side is 0, and to leave such services out would be a choice by outcome. So
# a service's events after are taken as binomial out of all it had, and the logistic fit is iterated: `z` is the change
# near the present fit, `v` its variance, and both are made anew until nothing moves (Williams' quasi-likelihood).


# %%
def fit_of_counts(rows, before, after, days_before, days_after):
    columns, _ = design(rows)
    total, offset = before + after, np.log(days_after / days_before)
    # To begin with, the ratio of each arm's rates at its date.
    sums = rows.select(
        *(pl.col(name).sum().over("cohort", "is_treated") for name in ("before_count", "after_count")),
        *(pl.col(name).sum().over("cohort", "is_treated") for name in ("before_days", "after_days")),
    )
    ratio = (sums["after_count"] / sums["after_days"]) / (sums["before_count"] / sums["before_days"])
    eta = np.log(ratio.to_numpy())
    for _ in range(200):
        share = 1 / (1 + np.exp(-(eta + offset)))
        variance = 1 / (total * share * (1 - share))
        z = eta + (after / total - share) / (share * (1 - share))
        tau2 = between_variance(columns, z, variance)
        w = 1 / (variance + tau2)
        fitted = columns @ np.linalg.solve(columns.T @ (w[:, None] * columns), columns.T @ (w * z))
        if np.abs(fitted - eta).max() < 1e-11:
            return z, w / w.mean(), tau2
        eta = fitted
    raise AssertionError("the fit was not reached in 200 steps")


if FREQUENCY in BY_UNITS:
    rows, before, after = counts_of(FREQUENCY)
    days_before, days_after = (rows[name].to_numpy() for name in ("before_days", "after_days"))
    z, weight, tau2 = fit_of_counts(rows, before, after, days_before, days_after)
    FROM_COUNTS[FREQUENCY] = contrast(rows, z, weight)
    compared(FREQUENCY, FROM_COUNTS[FREQUENCY])
    print(f"  changes at most {np.abs(z - rows['change'].to_numpy()).max():.1e} apart, ", end="")
    print(f"weights {np.abs(weight - rows['weight'].to_numpy()).max():.1e}, tau2 {tau2:.6f}")

# %% [markdown]
# Beside it the plainest figure there is: all events of an arm together. There a busy service counts as often as it
# deploys. Above, the more services differ beyond chance, the more alike they count, and dates are compared one by one;
# with one date and a `tau2` of 0 both are the same. Neither is wrong: one is about rollouts, the other about services.
# The error that takes rollouts for independent belongs to the first, and knows nothing of how services differ.

# %%
if FREQUENCY in BY_UNITS:
    arms = (
        units.filter(pl.col("metric") == FREQUENCY)
        .group_by("is_treated", maintain_order=True)
        .agg(pl.col("before_count", "after_count", "before_days", "after_days").sum())
    )
    arms = arms.with_columns(
        ((pl.col("after_count") / pl.col("after_days")) / (pl.col("before_count") / pl.col("before_days"))).alias(
            "ratio"
        ),
        (1 / pl.col("before_count") + 1 / pl.col("after_count")).alias("variance"),
    ).sort("is_treated")
    others = arms.filter(~pl.col("is_treated"))["ratio"].item() if arms.height == 2 else 1.0
    effect, error, _ = OWN[FREQUENCY]
    pooled = math.log(arms.filter("is_treated")["ratio"].item() / others)
    print(arms)
    print(f"pooled ratio of ratios {math.exp(pooled):.3f}, its logarithm {pooled:+.4f}", end=" ")
    print(f"with an error of {math.sqrt(arms['variance'].sum()):.4f} if rollouts were independent")
    print(f"by services {math.exp(effect):.3f}, its logarithm {effect:+.4f}, error {error:.4f}")

# %% [markdown]
# ## Limits
#
# `estimate ± t x error`, with Student's t at those degrees of freedom. NumPy has no t, so we integrate its density:
# with `x = sqrt(df) tan(angle)` it is a power of a cosine.

# %%
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def t_cdf(t, df):
    if df is None:
        return NormalDist().cdf(t)
    half = math.atan(t / math.sqrt(df)) / 2
    area = half * (WEIGHTS * np.cos(half * (NODES + 1)) ** (df - 1)).sum()
    return 0.5 + area * math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)


def t_quantile(p, df):
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, df) < p else (low, middle)
    return low


def limits(effect, level):
    reach = t_quantile(0.5 + level / 2, effect["degrees_of_freedom"]) * effect["standard_error"]
    return effect["estimate"] - reach, effect["estimate"] + reach


KNOWN = {metric: EFFECT[metric] for metric in CRITERION if EFFECT[metric]["estimate"] is not None}
for metric, effect in KNOWN.items():
    low, high = limits(effect, 1 - ALPHA)
    print(f"{metric}: {low:+.9f} to {high:+.9f} here, {effect['ci_low']:+.9f} to {effect['ci_high']:+.9f} published")

# %% [markdown]
# ## Margins
#
# "Not worse" needs a margin: how much worse would still not matter. The class of one metric is read from its limits,
# every comparison strict:
#
# | class | says |
# |---|---|
# | superior | the lower limit is above 0 |
# | non-inferior | the lower limit is above `-margin`: not worse by more than that, better is not shown |
# | inferior | the upper limit is below `-margin` |
# | inconclusive | none of these: the data allow harm that matters, and no harm |
#
# Inconclusive is not "no effect". The smallest margin at which these data would say "not worse" is the lower limit
# with its sign turned; whoever finds that too large needs more data, not another opinion.


# %%
def class_of(low, high, margin):
    if low > 0:
        return "superior"
    if low > -margin:
        return "non_inferior"
    return "inferior" if high < -margin else "inconclusive"


for metric, effect in KNOWN.items():
    is_ratio = effect["scale"] == "log_ratio"
    smallest = max(-effect["ci_low"], 0.0)
    told = f"a ratio of {math.exp(smallest):.3f}" if is_ratio else f"{100 * smallest:.2f} points"
    margins = [math.log(ratio) for ratio in (1.10, 1.25, 1.50)] if is_ratio else [0.03, 0.05, 0.10]
    at = ", ".join(
        f"{class_of(effect['ci_low'], effect['ci_high'], margin)} at "
        + (f"{math.exp(margin):.2f}" if is_ratio else f"{100 * margin:.0f} points")
        for margin in margins
    )
    print(f"{metric}: {at}; smallest margin {told}")

# %% [markdown]
# ## The verdict
#
# Of these the first that holds:
#
# 1. *worsens*: the upper limit of some metric is below `-margin`, in the interval at level `1 - alpha/4`, since there
#    are four metrics in which chance could show harm
# 2. *insufficient data*: some metric has too little; what is missing never hides harm in another
# 3. *improves*: every lower limit is above `-margin`, and the smallest one-sided p-value, times four (Holm), is below
#    `alpha/2`
# 4. *keeps up*: every lower limit is above `-margin`
# 5. *inconclusive*


# %%
def judge(found):
    harm = [limits(effect, 1 - ALPHA / 4)[1] < -effect["margin"] for effect in found.values()]
    if any(harm):
        return "worsens"
    if len(found) < len(CRITERION):
        return "insufficient_data"
    if any(effect["ci_low"] <= -effect["margin"] for effect in found.values()):
        return "inconclusive"
    smallest = min(t_cdf(-e["estimate"] / e["standard_error"], e["degrees_of_freedom"]) for e in found.values())
    return "improves" if 4 * smallest < ALPHA / 2 else "keeps_up"


by_the_numbers = judge(KNOWN)
for metric in CRITERION:
    if metric not in KNOWN:
        print(f"{metric}: insufficient data")
        continue
    effect = KNOWN[metric]
    harm = limits(effect, 1 - ALPHA / 4)[1]
    print(
        f"{metric}: {effect['class']}; lower limit {effect['ci_low']:+.3f}, "
        f"harm limit {harm:+.3f}, margin {effect['margin']:.3f}"
    )
print(f"by the numbers: {by_the_numbers}; the command: {VERDICT}")

# %% [markdown]
# ## What the design lets one say
#
# Numbers do not know how they came about. The grade does:
#
# | grade | design | may say |
# |---|---|---|
# | A | chance decided who began, or when | that it was the practice |
# | B | services began at different dates, beside others that had not | a verdict, if others would have changed alike |
# | C | services began at one date, beside others that never did | the same; what else hit them then counts as effect |
# | D | one series, nobody to compare with | a verdict only if dates at which nothing happened show next to nothing |
# | E | before and after | what was seen; the verdict is at most *inconclusive* |
#
# Services that volunteer are seldom like those that do not. No grade below A is proof against that.

# %%
conclusive = by_the_numbers in ("improves", "keeps_up", "worsens")
# What a series without others does at dates at which nothing happened is not in the export.
possible = {
    "D": [by_the_numbers, "inconclusive"] if conclusive else [by_the_numbers],
    "E": ["inconclusive"] if conclusive else [by_the_numbers],
}.get(GRADE, [by_the_numbers])
began, others = (max(effect[name] for effect in EFFECT.values()) for name in ("treated_count", "others_count"))
print(f"grade {GRADE}, {began} services that began beside {others} others: {' or '.join(possible)}")

# %% [markdown]
# ## The same answer
#
# Everything above has to come out as the command published it. The main number is the effect on the first of the four
# metrics that was compared service by service; where none was, it is the verdict.


# %%
def assert_same(what, own, theirs, tolerance=1e-6):
    assert math.isclose(own, theirs, rel_tol=tolerance, abs_tol=1e-9), f"{what}: {own!r} here, {theirs!r} published"


for metric in BY_UNITS:
    for found in (OWN, FROM_COUNTS):
        if metric in found:
            assert_same(f"estimate of {metric}", found[metric][0], EFFECT[metric]["estimate"])
            assert_same(f"standard error of {metric}", found[metric][1], EFFECT[metric]["standard_error"])
    assert_same(f"degrees of freedom of {metric}", OWN[metric][2], EFFECT[metric]["degrees_of_freedom"])
for metric, effect in KNOWN.items():
    low, high = limits(effect, 1 - ALPHA)
    assert_same(f"lower limit of {metric}", low, effect["ci_low"])
    assert_same(f"upper limit of {metric}", high, effect["ci_high"])
    assert effect["class"] == class_of(low, high, effect["margin"]), metric
    p = t_cdf(-effect["estimate"] / effect["standard_error"], effect["degrees_of_freedom"])
    assert_same(f"p-value of {metric}", p, effect["p_superior"])
assert VERDICT in possible, f"{possible} here, {VERDICT} published"

if BY_UNITS:
    print(f"effect on {BY_UNITS[0]}, computed again: {OWN[BY_UNITS[0]][0]:.6f}; verdict: {VERDICT}")
else:
    print(f"nothing was compared service by service; verdict: {VERDICT}")
