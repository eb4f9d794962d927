# %% [markdown]
# # Reading the metrics
#
# `metrics` is one long table: one row is one number with everything that is needed to doubt it. This notebook reads
# the exported Parquet, says what the columns mean, computes four of the numbers again from the tables they were
# derived from, and ends in an assertion that they are the same.
#
# It reads the folder that `DORACLE_EXPORT` names, `doracle-demo/parquet` without it.

# %%
import math
import os
from pathlib import Path
from statistics import NormalDist

import polars as pl

EXPORT = Path(os.environ.get("DORACLE_EXPORT", "doracle-demo/parquet"))


def table(name):
    return pl.read_parquet(EXPORT / f"{name}.parquet")


pl.Config(tbl_rows=30, tbl_cols=20, tbl_width_chars=140, fmt_str_lengths=60, float_precision=4)
pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_formatting="NOTHING")

metrics = table("metrics")
assert metrics.height, f"no metrics in {EXPORT}: run `doracle derive`, then `doracle export`"

# %% [markdown]
# ## Where the data come from
#
# Rows of event tables name their source, and `coverage` says what was really read of it. Nothing below can be better
# than this.

# %%
coverage = table("coverage")
print(coverage.select("source", "covers", "range_start_at", "range_end_at", "is_complete", "reason").sort("covers"))
simulated = coverage["source"].str.starts_with("simulated")
if simulated.any():
    print("\nSIMULATED: " + ("all" if simulated.all() else "part") + " of these data were invented by `doracle demo`.")

# %% [markdown]
# ## Which number is which
#
# A number is told apart by these columns; a table or a chart that drops one of them mixes numbers that do not belong
# together.
#
# | columns | say |
# |---|---|
# | `metric`, `statistic` | what: `change_fail_rate` has a `rate`, `change_lead_time` a `p50`, `p75` and `p90` |
# | `definition` | by which rules, with their version |
# | `service`, or `service_group` | of whom: one is null; a group is pooled from rows, never averaged from averages |
# | `environment` | where |
# | `window_kind`, `window_start_at`, `window_end_at` | when: `period` is everything, `week` and so on its parts |
# | the same | `before` and `after` lie around a change of working |
# | `dimension`, `stratum` | which part, such as what agents wrote; both null for the whole |
# | `as_of_at`, `input_digest` | what was known then: a later derivation adds rows, it does not replace these |

# %%
kinds = metrics.group_by("window_kind", pl.col("service").is_not_null().alias("of one service"), "dimension")
print(
    kinds.agg(
        pl.len().alias("numbers"),
        pl.struct("window_start_at", "window_end_at").n_unique().alias("windows"),
        pl.coalesce("service", "service_group").n_unique().alias("of whom"),
        pl.col("stratum").n_unique().alias("parts"),
    ).sort("window_kind", "of one service", "dimension")
)

# %% [markdown]
# We take the newest derivation by the product's own rules (`core-1`), in production, and of that the whole.

# %%
newest = metrics.filter(
    pl.col("definition").str.starts_with("core-1/"),
    pl.col("as_of_at") == pl.col("as_of_at").max(),
)
ENVIRONMENT = "production" if (newest["environment"] == "production").any() else newest["environment"].min()
# Several lakes, or late records, can have given several answers as of one time; one of them is enough to read.
newest = newest.filter(
    pl.col("environment") == ENVIRONMENT,
    pl.col("input_digest") == pl.col("input_digest").max(),
    pl.col("dimension").is_null(),
)
period = newest.filter(pl.col("window_kind") == "period")
START, END = period["window_start_at"].min(), period["window_end_at"].max()
print(
    f"{newest.height} numbers of {ENVIRONMENT} from {START:%Y-%m-%d} to {END:%Y-%m-%d}, as of {newest['as_of_at'][0]}"
)

# %% [markdown]
# Two units are looked at: the group `all`, and the service with most rollouts. An organisation of one service has no
# group: its service is the whole. What follows takes every day as read, so a unit with gaps is passed over.

# %%
rates = period.filter(pl.col("metric") == "deployment_frequency", pl.col("statistic") == "per_day")
read = rates.filter(pl.col("coverage_rate") == 1.0)
assert read["service"].count(), "no service was read whole: derive a shorter period with `--since` and `--until`"
SERVICE = read.drop_nulls("service").sort("n", "service")["service"][-1]
WHOLE = "all" if (read["service_group"] == "all").any() else SERVICE
UNITS = list(dict.fromkeys([WHOLE, SERVICE]))


def is_of(unit):
    """Rows of `metrics` that are about a service, or about all."""
    return pl.col("service_group" if unit == "all" else "service") == unit


def number(unit, metric, statistic):
    """The row of one number of the whole period."""
    rows = period.filter(is_of(unit), pl.col("metric") == metric, pl.col("statistic") == statistic)
    assert rows.height == 1, f"{rows.height} rows for {metric} {statistic} of {unit}"
    return rows.row(0, named=True)


print(f"the whole is `{WHOLE}`, the service `{SERVICE}`")


# %% [markdown]
# ## What stands in a row
#
# - `value` in `unit`; null is *no data*, never 0
# - `n`: how many observations stand behind it; a rate without it says nothing
# - `ci_low`, `ci_high`: the interval at 95 %; `ci_method` says how it was made, or after `none:` why there is none
# - `above`: the median, say, is only known to be greater than this, because too much has not ended yet
# - `coverage_rate`: the share of the window that was read; below 1 the value is of what was read
# - `is_immature`: the window ends so close to `as_of_at` that late records can still change it

# %%
HEAD = [
    ("deployment_frequency", "per_day"),
    ("change_lead_time", "p50"),
    ("change_fail_rate", "rate"),
    ("failed_deployment_recovery_time", "p50"),
]
COLUMNS = [
    "metric",
    "statistic",
    "value",
    "unit",
    "n",
    "ci_low",
    "ci_high",
    "ci_method",
    "coverage_rate",
    "is_immature",
]
print(pl.DataFrame([number(WHOLE, *one) for one in HEAD], infer_schema_length=None).select(COLUMNS))

# %% [markdown]
# The whole period is immature whenever it ends at the as-of time, as here when the last column says so: its last day
# is. That is a warning about the edge, not about the year.
#
# The intervals say how far chance alone could have moved a number if the process stayed as it was. They do not cover
# what was never recorded: for that there is `coverage_rate`.

# %% [markdown]
# ## Computing deployment frequency again
#
# A rollout counts where `in_frequency` is set: it reached users, and it is no redeploy of what was already there. The
# rate is their number over the days that were read.

# %%
rollouts = table("rollouts").filter(
    pl.col("environment") == ENVIRONMENT, pl.col("finished_at") >= START, pl.col("finished_at") < END
)


def of(unit):
    """The rollouts of a service, or of all."""
    return rollouts if unit == "all" else rollouts.filter(pl.col("service") == unit)


days = (END - START).total_seconds() / 86_400


def frequency(unit):
    return of(unit).filter("in_frequency").height / days


for unit in UNITS:
    published = number(unit, "deployment_frequency", "per_day")
    print(f"{unit:>10}: {frequency(unit):.9f} per day here, {published['value']:.9f} published, n {published['n']}")

# %% [markdown]
# ### Why its interval is wider than that of a Poisson count
#
# If rollouts came independently of one another, weekly counts would vary by as much as their mean. Pearson's
# dispersion is the factor by which they vary more. Above 1, and with eight whole weeks or more, the interval is
# widened by its root (`quasi_poisson`); the last figure below is then the quantile of Student's t with one degree of
# freedom less than weeks.

# %%
weeks = pl.DataFrame({"week": pl.datetime_range(START, END, "1w", closed="left", eager=True)})
weekly = (
    of(WHOLE)
    .filter("in_frequency")
    .group_by(((pl.col("finished_at") - START).dt.total_days() // 7).alias("place"))
    .agg(pl.len().alias("count"))
)
weekly = weeks.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64)).join(weekly, on="place", how="left")
counts = weekly["count"].fill_null(0).head(int(days // 7))
published = number(WHOLE, "deployment_frequency", "per_day")
if counts.len() > 1 and counts.mean() > 0:
    dispersion = ((counts - counts.mean()) ** 2 / counts.mean()).sum() / (counts.len() - 1)
    reach = math.log(published["ci_high"] / published["value"]) / math.sqrt(max(dispersion, 1.0) / published["n"])
    print(f"{counts.len()} weeks, on average {counts.mean():.1f} rollouts, dispersion {dispersion:.3f}")
    print(f"{published['ci_method']}: the upper limit lies {reach:.4f} standard errors above, on the log scale")

# %% [markdown]
# ## Computing change fail rate again
#
# Judged is every rollout with `in_change_fail_rate` (no rollback, no redeploy). It failed if `rollout_failures` holds
# accepted evidence of it. An incident that two rollouts are blamed for is one failure: that of the first to finish.
# Evidence that was not accepted is kept beside it: with every candidate the rate would be `rate_highest`, with
# explicit evidence alone `rate_lowest`. The distance between the two is doubt about links, which no interval covers.

# %%
evidence = table("rollout_failures").filter("is_accepted")
incident = pl.col("method").is_in(["explicit", "remedy", "time_window"])
failures = evidence.group_by("rollout_id").agg(
    pl.coalesce(pl.col("evidence_id").filter(incident).min(), pl.col("rollout_id").first()).alias("failure")
)


def judged(unit):
    """The rollouts that are judged, and whether each failed."""
    own = of(unit).filter("in_change_fail_rate").join(failures, on="rollout_id", how="left")
    own = own.sort("finished_at", "rollout_id")
    return own.with_columns((pl.col("failure").is_not_null() & pl.col("failure").is_first_distinct()).alias("failed"))


def fail_rate(unit):
    rows = judged(unit)
    return rows["failed"].sum(), rows.height


def is_judged(unit):
    """Whether somebody would have recorded failures all along: that none is known says nothing otherwise."""
    published = number(unit, "change_fail_rate", "rate")
    if published["value"] is None:
        return False
    if (coverage["covers"] == "incidents").any():
        return number(unit, "unlinked_incident_rate", "per_day")["coverage_rate"] == 1.0
    # Where no source states what it reads, services that have incidents on record are judged, and no others.
    return published["n"] == judged(unit).height


JUDGED = [unit for unit in UNITS if is_judged(unit)]
for unit in UNITS:
    if unit not in JUDGED:
        print(f"{unit:>10}: nobody recorded failures for all of the period")

for unit in JUDGED:
    failed, n = fail_rate(unit)
    published = number(unit, "change_fail_rate", "rate")
    lowest, highest = (number(unit, "change_fail_rate", f"rate_{end}")["value"] for end in ("lowest", "highest"))
    print(f"{unit:>10}: {failed} of {n}, {failed / n:.9f} here, {published['value']:.9f} published,", end=" ")
    print(f"from {lowest:.4f} to {highest:.4f} by the evidence that is believed")

# %% [markdown]
# ### And its interval
#
# Wilson's limits are the shares at which a test would just not reject what was seen. They stay between 0 and 1, and 0
# of 12 does not become "never".


# %%
def wilson(failed, n, level=0.95):
    z = NormalDist().inv_cdf(0.5 + level / 2)
    middle = failed + z * z / 2
    reach = z * math.sqrt(failed * (n - failed) / n + z * z / 4)
    return (middle - reach) / (n + z * z), (middle + reach) / (n + z * z)


for unit in JUDGED:
    low, high = wilson(*fail_rate(unit))
    published = number(unit, "change_fail_rate", "rate")
    print(
        f"{unit:>10}: {low:.9f} to {high:.9f} here, {published['ci_low']:.9f} to {published['ci_high']:.9f} published"
    )
print(f"0 of 12: up to {wilson(0, 12)[1]:.2f}")

# %% [markdown]
# ## A trend, with what it does not know
#
# Each line is a window: `o` the value, dashes its interval, `?` one that is immature. Most of the ups and downs of a
# single service lie within the intervals, and are no news.


# %%
def drawn(row, top, width=60):
    def place(value):
        return min(width - 1, int(value / top * (width - 1)))

    cells = [" "] * width
    if row["value"] is None:
        return "no data" + " " * (width - 7)
    if row["ci_low"] is not None and row["ci_high"] is not None:
        for at in range(place(row["ci_low"]), place(row["ci_high"]) + 1):
            cells[at] = "-"
    cells[place(row["value"])] = "o"
    return "".join(cells)


def trend(unit, metric, statistic, most=20):
    rows = (
        newest.filter(
            is_of(unit),
            pl.col("metric") == metric,
            pl.col("statistic") == statistic,
            ~pl.col("window_kind").is_in(["period", "before", "after"]),
        )
        .sort("window_start_at")
        .tail(most)
    )
    if rows.is_empty():
        print(f"{unit} has no windows of {metric}")
        return
    top = max(rows["ci_high"].max() or 0, rows["value"].max() or 0) or 1.0
    print(f"{metric} of {unit}, by {rows['window_kind'][0]}, from 0 to {top:.3g} {rows['unit'][0]}")
    for row in rows.iter_rows(named=True):
        mark = "?" if row["is_immature"] else " "
        print(f"{row['window_start_at']:%Y-%m-%d}{mark} |{drawn(row, top)}| n {row['n']}")


trend(WHOLE, "deployment_frequency", "per_day")
print()
trend(SERVICE, "change_fail_rate", "rate")

# %% [markdown]
# ## What null means
#
# Nothing happened, or nothing ended, or nobody looked: there is no number, and 0 would be a lie that sorts first. A
# week without a rollout has a deployment frequency of 0, which is a fact with an upper limit, but no change fail rate,
# which would be 0 out of 0.

# %%
empty = newest.filter(pl.col("value").is_null())
print(
    empty.group_by("metric", "statistic")
    .agg(
        pl.len().alias("nulls"),
        pl.col("n").min().alias("n from"),
        pl.col("n").max().alias("to"),
        pl.col("above").is_not_null().sum().alias("known to be above"),
        pl.col("ci_method").str.replace(r"\d+", "…").mode().first().alias("mostly because"),
    )
    .sort("metric", "statistic")
)

# %% [markdown]
# Two mistakes that null is there to prevent: to fill it with 0, and to average windows. Neither gives the number of
# the whole period. The service with most windows without a number shows it best.


# %%
def shown(value):
    return "no data" if value is None else f"{value:.4f}"


windows = newest.filter(
    pl.col("service").is_not_null(),
    pl.col("metric") == "change_fail_rate",
    pl.col("statistic") == "rate",
    ~pl.col("window_kind").is_in(["period", "before", "after"]),
)
if windows.height:
    gaps = windows.group_by("service").agg(pl.col("value").null_count().alias("nulls")).sort("nulls", "service")
    quiet = gaps["service"][-1]
    values = windows.filter(pl.col("service") == quiet)["value"]
    print(f"change fail rate of {quiet}: {shown(number(quiet, 'change_fail_rate', 'rate')['value'])} over the period")
    print(f"  mean of {values.count()} windows that have one:      {shown(values.mean())}")
    print(f"  mean of all {values.len()} windows, null as 0: {shown(values.fill_null(0).mean())}")

# %% [markdown]
# An upper limit can be null although a method is named: then the data do not bound it. And what has not ended yet is
# not left out: the median lead time weighs the changes that still wait. To drop them makes it look shorter, the more
# so the shorter the period.

# %%
unbounded = newest.filter(~pl.col("ci_method").str.starts_with("none"), pl.col("ci_high").is_null())
print(f"{unbounded.height} numbers have a method and no upper limit")

changes = table("rollout_changes").filter(
    pl.col("environment") == ENVIRONMENT,
    pl.col("excluded").is_null(),
    pl.col("merged_at") >= START,
    pl.col("merged_at") < END,
)
changes = changes.group_by("repository", "change_id").agg(pl.col("started_at", "deployed_at").min())
deployed = changes.drop_nulls("deployed_at")
naive = ((deployed["deployed_at"] - deployed["started_at"]).dt.total_microseconds() / 1e6).median()
published = number(WHOLE, "change_lead_time", "p50")
print(f"{changes.height - deployed.height} of {changes.height} changes still wait")
print(
    f"median lead time in seconds: {shown(naive)} of those deployed, "
    f"{shown(published['value'])} published over n {published['n']}"
)

# %% [markdown]
# ## The same numbers
#
# The main number is the change fail rate of the whole, or its deployment frequency where nobody recorded incidents.
# The counts are the same, and the ratios up to the last bits of one division.


# %%
def assert_same(own, theirs):
    assert math.isclose(own, theirs, rel_tol=1e-12, abs_tol=1e-15), f"{own!r} here, {theirs!r} published"


for unit in UNITS:
    published = number(unit, "deployment_frequency", "per_day")
    assert of(unit).filter("in_frequency").height == published["n"]
    assert_same(frequency(unit), published["value"])
for unit in JUDGED:
    failed, n = fail_rate(unit)
    published = number(unit, "change_fail_rate", "rate")
    assert n == published["n"]
    assert_same(failed / n, published["value"])
    low, high = wilson(failed, n)
    assert_same(low, published["ci_low"])
    assert_same(high, published["ci_high"])

if WHOLE in JUDGED:
    failed, n = fail_rate(WHOLE)
    print(f"change_fail_rate of {WHOLE}, computed again: {failed / n:.6f}")
else:
    print(f"deployment_frequency of {WHOLE}, computed again: {frequency(WHOLE):.6f}")
