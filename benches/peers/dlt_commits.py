"""Reads the commits of one repository with dlt's own REST source into files. Arguments: base address, folder."""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

base, folder = sys.argv[1:3]
source = rest_api_source(
    {
        "client": {"base_url": base, "paginator": "header_link"},
        "resources": [
            {
                "name": "commits",
                "endpoint": {"path": "repos/acme/api/commits", "params": {"per_page": 100}},
                "write_disposition": "merge",
                "primary_key": "sha",
            }
        ],
    }
)
pipeline = dlt.pipeline(
    pipeline_name="commits",
    pipelines_dir=f"{folder}/state",
    destination=dlt.destinations.filesystem(bucket_url=f"file://{folder}/out"),
    dataset_name="commits",
)
print(pipeline.run(source))
print("rows", pipeline.last_trace.last_normalize_info.row_counts["commits"])
