#!/usr/bin/env python3
"""The question of `derive_kernel` in Polars: in_polars.py FOLDER. Prints the sums that contestants are compared by.

Lazy, on the streaming engine, with its own as-of join; set POLARS_MAX_THREADS to the number of threads."""
import sys

import polars as pl

folder = sys.argv[1]
START, WEEK, DAY = 1_641_168_000_000_000, 604_800_000_000, 86_400_000_000
table = lambda name: pl.scan_parquet(f"{folder}/{name}/*.parquet")
micros = lambda name: pl.col(name).to_physical()
week = lambda name: ((pl.col(name) - START) // WEEK).alias("wk")
unit = ["service_id", "wk"]

dep = (
    table("deployments")
    .filter((pl.col("env") == "production") & (pl.col("status") == "success"))
    .select("service_id", micros("finished_at").alias("t"))
)
changes = table("changes").select("service_id", micros("merged_at").alias("merged"), micros("committed_at").alias("c"))
incidents = table("incidents").select("service_id", micros("opened_at").alias("o"), micros("resolved_at").alias("r"))
sorted_dep = dep.sort("t").with_columns(at=pl.col("t"))

lead_w = (
    changes.sort("merged")
    .join_asof(sorted_dep, left_on="merged", right_on="t", by="service_id", strategy="forward")
    .filter(pl.col("at").is_not_null())
    .select("service_id", week("at"), lead=(pl.col("at") - pl.col("c")) / 1e6)
    .group_by(unit)
    .agg(
        n_changes=pl.len(),
        lead_p50=pl.col("lead").median(),
        lead_p90=pl.col("lead").quantile(0.9, interpolation="linear"),
    )
)
impaired = (
    incidents.sort("o")
    .join_asof(sorted_dep, left_on="o", right_on="t", by="service_id", strategy="backward")
    .filter((pl.col("o") - pl.col("at")) <= DAY)
)
dep_w = dep.select("service_id", week("t")).group_by(unit).agg(deploys=pl.len())
fail_w = impaired.select("service_id", "at", week("at")).group_by(unit).agg(failed=pl.col("at").n_unique())
mttr_w = (
    impaired.filter(pl.col("r").is_not_null())
    .select("service_id", week("o"), seconds=(pl.col("r") - pl.col("o")) / 1e6)
    .group_by(unit)
    .agg(recovered=pl.len(), mttr=pl.col("seconds").median())
)
both = dict(on=unit, how="full", coalesce=True)
weeks = dep_w.join(lead_w, **both).join(fail_w, **both).join(mttr_w, **both).collect(engine="streaming")
names = ["deploys", "n_changes", "lead_p50", "lead_p90", "failed", "recovered", "mttr"]
print(weeks.height, *weeks.select(pl.col(names).sum()).row(0))
