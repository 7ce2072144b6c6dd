"""Sets of tags that belong together, and the reason for each.

A leaf: it imports names alone, so that everything may import it.
"""

from lectern.jobs.runs import ACCELERATOR, LANE

CPU = {ACCELERATOR: "cpu"}
"""Reading files and espeak-ng need no graphics card."""

PATIENT = {**CPU, LANE: "workers"}
"""Work nobody waits for in front of a player: it may queue behind other books."""

PROMPT = {**CPU, LANE: "listeners"}
"""Somebody pressed play. These runs must never wait behind a book that is being
rendered, so they have places of their own."""

UPKEEP = {**CPU, LANE: "upkeep"}
"""Counting and sweeping. Past one machine a single process does it: it writes files
that others read."""

NEVER_AGAIN = {"dagster/retry_on_asset_or_op_failure": "false"}
"""Put on a run whose failure will not go away by trying again (a password, a
damaged file). ``allow_retries=False`` stops only the step's own retries; an
operator's ``run_retries`` looks at this tag."""
