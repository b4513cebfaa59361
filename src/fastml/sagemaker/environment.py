"""The variables `SM_*` that scripts for SageMaker expect.

The platform does not set them; the containers of its toolkits do. Here they are set for whatever
runs within the job.
"""

from __future__ import annotations

import json
import re

from fastml.engine import available_cores
from fastml.sagemaker.job import Job

__all__ = ["environment"]


def environment(job: Job) -> dict[str, str]:
    """Return the variables of a job, as SageMaker's training toolkit names them."""
    layout = job.layout
    found = {
        "SM_MODEL_DIR": str(layout.model),
        "SM_INPUT_DIR": str(layout.config.parent),
        "SM_INPUT_CONFIG_DIR": str(layout.config),
        "SM_OUTPUT_DIR": str(layout.output),
        "SM_OUTPUT_DATA_DIR": str(layout.output_data),
        "SM_CHANNELS": json.dumps(list(job.channels)),
        "SM_HPS": json.dumps(dict(job.hyperparameters)),
        "SM_INPUT_DATA_CONFIG": json.dumps(dict(job.channels)),
        "SM_RESOURCE_CONFIG": json.dumps(dict(job.resources)),
        "SM_CURRENT_HOST": job.host,
        "SM_HOSTS": json.dumps(job.hosts),
        "SM_NUM_CPUS": str(available_cores()),
        "SM_NUM_GPUS": "0",
    }
    optional = {
        "SM_NETWORK_INTERFACE_NAME": "network_interface_name",
        "SM_CURRENT_INSTANCE_TYPE": "current_instance_type",
    }
    found |= {name: str(job.resources[k]) for name, k in optional.items() if k in job.resources}
    for name in job.channels:
        found[f"SM_CHANNEL_{_upper(name)}"] = str(layout.channels / name)
    for name, value in job.hyperparameters.items():
        found[f"SM_HP_{_upper(name)}"] = value
    return found


def _upper(name: str) -> str:
    return re.sub("[^A-Z0-9]", "_", name.upper())
