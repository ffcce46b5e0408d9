# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between this computer and the service, one line for each thing that was looked at."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from ..api import doctor
from .exit_codes import KEY, NETWORK, SUCCESS
from .job_directory import Host
from .report import write

MARKS = {"ok": "ok", "warning": "!", "problem": "X", "skipped": "-"}


def examine(host: Host, as_json: bool) -> int:
    """Print the findings as they are made, and return the exit code: that of the first problem."""
    findings: list[doctor.Finding] = []

    def print_finding(finding: doctor.Finding) -> None:
        findings.append(finding)
        line = f"{MARKS[finding.verdict]:>2} {finding.check}: {finding.message} {finding.fix}".rstrip()
        write(sys.stdout, (json.dumps(asdict(finding)) if as_json else line) + "\n")

    doctor.examine(host.service, host.api_key, host.online, print_finding)
    problem = next((finding for finding in findings if finding.verdict == "problem"), None)
    if problem is None:
        return SUCCESS
    return KEY if problem.remedy == "enter_key" else NETWORK
