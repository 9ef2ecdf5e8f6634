"""What the SAM command line says of the template."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.needs import lacking

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".kadr" / "tools" / "sam" / "bin" / "sam"


def test_sam_validates_the_template() -> None:
    if not SAM.exists():
        lacking("the SAM command line is not here: run scripts/sam.sh")
    done = subprocess.run(
        [SAM, "validate", "--lint"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", ""),
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": "eu-central-1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout
