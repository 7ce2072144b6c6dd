"""How the assets are divided: one partition for each document."""

import dagster as dg

from lectern.jobs.runs import DOCUMENTS

documents = dg.DynamicPartitionsDefinition(name=DOCUMENTS)
"""Documents that are worked on; the sweep retires the rest, as Dagster advises no
more than 100,000 partitions for one asset."""
