"""`slipway credentials`."""

from ops.commands.options import DEFAULT_STACK, AsJson, MaybeApp, StackName


def credentials(app: MaybeApp = None, stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Show generated passwords and keys in clear, as the cluster's Secrets hold them, to sign in with."""
    from ops.load import load
    from ops.output import console, print_json, progress
    from ops.pulumi.kubeconfigs import kubectl_of
    from ops.rotation.plan import chosen
    from ops.rotation.plan import credentials as known
    from ops.rotation.values import values

    loaded = load(stack, progress(quiet=as_json))
    found = chosen(known(loaded), [app] if app else [])
    clusters = kubectl_of(loaded, {entry.cluster for entry in found})
    shown = [
        {
            "app": ", ".join(entry.apps),
            "secret": f"{entry.secret.namespace}/{entry.secret.name}",
            "key": entry.key,
            "value": values(clusters[entry.cluster], entry.secret).get(entry.key),
        }
        for entry in found
    ]
    if as_json:
        print_json({"stack": stack, "credentials": shown})
        return
    for entry in shown:
        said = entry["value"] or "not there yet"
        console().print(f"{entry['app']}: {entry['key']} = {said}  (Secret {entry['secret']})", markup=False)
