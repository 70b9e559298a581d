"""The command ``penstock doctor``."""

import json

import click

from services.cli.options import as_json, home_option
from services.kit.layout import Home


@click.command()
@home_option
@as_json
def doctor(home: Home, /, *, as_json: bool) -> None:
    """Check that this machine can run everything: one line each, and how to mend what fails.

    Looks at Python and the C library, the packages and their versions, the broker's program, loopback
    ports, the home, the compiler of the kernels, and foreign packages that hide ours. Ends with status 1
    where something fails.

    \b
    Example:
      penstock doctor
    """
    from services.cli.checkup import checks

    findings = []
    for check in checks(home):
        finding = check()
        findings.append(finding)
        if not as_json:
            mend = "" if finding.is_ok else f"; {finding.mend}"
            click.echo(f"{'OK  ' if finding.is_ok else 'FAIL'}  {finding.name:<17} {finding.found}{mend}")
    if as_json:
        fields = ("name", "is_ok", "found", "mend")
        click.echo(
            json.dumps([{name: getattr(each, name) for name in fields} for each in findings], indent=2)
        )
    if not all(finding.is_ok for finding in findings):
        raise SystemExit(1)
