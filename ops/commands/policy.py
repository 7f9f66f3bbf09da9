"""`slipway policy`."""

import typer

from ops.commands.options import DEFAULT_STACK, AsJson, StackName


def policy(stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Check the plan of a stack against the rules that every stack keeps; needs no CLI and no credential."""
    from dataclasses import asdict

    from ops.output import console, print_json
    from ops.project import project_dir
    from ops.render.program import render
    from policies.check import RULES, violations

    found = violations(render(stack, project_dir()).plan)
    if as_json:
        print_json({"stack": stack, "violations": [asdict(violation) for violation in found]})
    else:
        for violation in found:
            console().print(f"{violation.rule}: {violation.resource} {violation.message}", markup=False)
        console().print(f"{stack}: {len(RULES)} rules, {len(found)} violations")
    if found:
        raise typer.Exit(1)
