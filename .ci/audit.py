"""Look the packages pinned in some requirements files up among known vulnerabilities.

Exit 1 for findings; where the list is out of reach that is said aloud. Run: make audit.
The list is the Python Packaging Advisory Database, asked by pip-audit over the network.
"""

import json
import subprocess
import sys
from pathlib import Path

LIMIT_S = 120
# What pip-audit says when it could not ask; anything else that keeps it from answering is an error.
OUT_OF_REACH = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "SSLError", "ServiceError")


def main() -> int:
    """Audit the requirements files that the arguments name."""
    command = [
        Path(sys.executable).with_name("pip-audit"), "--disable-pip", "--require-hashes", "--progress-spinner", "off",
        "--format", "json", *(word for file in sys.argv[1:] for word in ("--requirement", file)),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {LIMIT_S} s")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if any(word in done.stderr for word in OUT_OF_REACH):
            return _skipped(last)
        print(f"error: pip-audit failed: {last}", file=sys.stderr)
        return 1
    unknown = {package["name"]: package["skip_reason"] for package in packages if package.get("skip_reason")}
    if len(unknown) == len(packages):
        return _skipped(next(iter(unknown.values()), "no package was found"))
    found = [(package, issue) for package in packages for issue in package.get("vulns", ())]
    for package, issue in found:
        fixed = ", ".join(issue["fix_versions"]) or "none yet"
        print(f"{package['name']} {package['version']}: {issue['id']}, fixed in {fixed}", file=sys.stderr)
    print(f"audited {len(packages) - len(unknown)} packages, {len(found)} known vulnerabilities")
    if unknown:
        print(f"NOT AUDITED: {', '.join(unknown)}", file=sys.stderr)
    return int(bool(found))


def _skipped(why: str) -> int:
    print(f"AUDIT SKIPPED: the list of known vulnerabilities cannot be reached ({why[:200]})", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
