"""The Helm engine: installs the rendered chart of each cluster as one release."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops import tools
from ops.access import LOCAL_KINDS
from ops.diagnose import explain
from ops.drift import applied
from ops.drift.report import Recovery, differences_of, joined
from ops.engines import differences, stash
from ops.engines.base import Outcome, Preview
from ops.engines.lock import file_locks, free_lease, lease, refuse_live
from ops.engines.ownership import check, refuse_other
from ops.engines.ports import refuse_taken
from ops.engines.protection import in_plan, on_clusters
from ops.engines.release import MANAGER, Helm, Record, installed, last_words, owned, records, release_name, wavered
from ops.engines.removal import Removal
from ops.engines.watch import watch
from ops.errors import EngineError, RefusedError
from ops.images import ensure_images
from ops.kube import Key
from ops.live import NAMESPACE, inventory, wait_gone
from ops.releases.live import among
from ops.releases.notes import tell_behind
from ops.render.chart import write_chart
from ops.status import all_ready, collect, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.child import Child
    from ops.drift.fields import Path as FieldPath
    from ops.drift.report import Drift
    from ops.engines.base import Change, EngineName
    from ops.engines.differences import Answers, Comparison, SecretComparison
    from ops.kube import Kubectl
    from ops.live import Inventory
    from ops.stack import Stack

_AGAIN_S = 60.0
_GONE_TIMEOUT_S = 180
# Each is a revision, of which Helm keeps ten.
_TRIES = 4


@dataclass(frozen=True)
class _Site:
    """One cluster of the stack with what is on it and what should be."""

    name: str
    kubectl: Kubectl
    helm: Helm
    there: Inventory
    history: list[Record]
    values: Mapping[str, str]
    stored: Mapping[str, str]
    chart: Comparison
    secrets: SecretComparison

    @property
    def changes(self) -> list[Change]:
        """What differs from the program."""
        return [*self.chart.changes, *self.secrets.changes]

    @property
    def added(self) -> dict[Key, list[FieldPath]]:
        """Fields that somebody added by hand."""
        return {**self.chart.added, **self.secrets.added}

    @property
    def deployed(self) -> bool:
        """Whether the newest revision of the release stands."""
        return bool(self.history) and self.history[-1].status == "deployed"


class HelmEngine:
    """Render and install, for machines without Pulumi's CLI."""

    name: EngineName = "helm"

    def preview(self, stack: Stack) -> Preview:
        """What `up` would change."""
        _refuse_unresolved(stack)
        changes: list[Change] = []
        for cluster in stack.rendered.clusters:
            site = self._look(stack, cluster)
            tell_behind(stack, cluster, among(site.there.objects, stack.name))
            changes += site.changes
        return Preview(self.name, changes)

    def up(self, stack: Stack, timeout: float) -> Outcome:
        """Install what differs, wait until it is ready, and roll back what does not become ready."""
        _refuse_unresolved(stack)
        with file_locks(stack.name, list(stack.clusters().values()), "up"):
            stack.refuse_changed()
            # Whatever is refused is refused before anything is made.
            with stack.progress.step("compare with the cluster"):
                sites = [self._look(stack, cluster) for cluster in stack.rendered.clusters]
            for site in sites:
                tell_behind(stack, site.name, among(site.there.objects, stack.name))
                ensure_images(stack, site.name)
            changed = [self._up(stack, site, timeout) for site in sites]
        seen = listed(stack.rendered, {site.name: site.there.objects for site in sites})
        return Outcome(self.name, any(changed), apps=tuple(seen) if not any(changed) and all_ready(seen) else None)

    def down(self, stack: Stack, timeout: float) -> Outcome:
        """Uninstall the releases, remove what is left, prove that nothing is."""
        _refuse_clouds(stack)
        with file_locks(stack.name, list(stack.clusters().values()), "down"):
            removals = [self._removal(stack, cluster) for cluster in stack.rendered.clusters]
            changed = [removal.run(timeout) for removal in removals]
            # Only now: two entries of a stack may lead to the same cluster.
            for removal in removals:
                removal.prove()
        return Outcome(self.name, any(changed))

    def drift(self, stack: Stack) -> Drift:
        """What differs: the release's manifest against the cluster, and the program against that manifest."""
        _refuse_unresolved(stack)
        clusters = stack.clusters()
        # What a run is just changing is no drift.
        with file_locks(stack.name, list(clusters.values()), "drift"):
            for kubectl in clusters.values():
                refuse_live(kubectl, stack.name)
            return joined(self.name, [self._drift(stack, self._look(stack, name)) for name in clusters])

    def refresh(self, stack: Stack) -> Outcome:
        """Nothing to do: this engine keeps no copy of the reality, it asks the cluster each time."""
        _refuse_clouds(stack)
        for cluster in stack.rendered.clusters:
            check(self.name, stack.name, stack.kubectl(cluster), [])
        return Outcome(self.name, changed=False)

    def recover(self, stack: Stack, *, force: bool) -> Recovery:
        """Free the locks of a run that died, and take away the revision that it never finished."""
        _refuse_clouds(stack)
        clusters = stack.clusters()
        found = Recovery(self.name)
        with ExitStack() as held:
            if not force:
                held.enter_context(file_locks(stack.name, list(clusters.values()), "recover"))
            for kubectl in clusters.values():
                check(self.name, stack.name, kubectl, [])
            # All of them before anything is taken away: one that is alive stops the whole.
            freed = [free_lease(kubectl, stack.name, force=force) for kubectl in clusters.values()]
            found.done.extend(said for said in freed if said)
            for cluster, kubectl in clusters.items():
                self._clear(stack, cluster, kubectl, found)
        return found

    def protected(self, stack: Stack) -> list[str]:
        """What is protected in the plan, and what the clusters hold of a stack that is or was durable."""
        _refuse_clouds(stack)
        return sorted({*in_plan(stack), *on_clusters(stack)})

    def _clear(self, stack: Stack, cluster: str, kubectl: Kubectl, found: Recovery) -> None:
        there = inventory(kubectl, stack.name)
        history = records(there.objects, cluster)
        pending = [record for record in history if record.pending]
        kubectl.delete([record.key for record in pending], wait=True)
        found.done.extend(f"took away revision {r.revision} of {r.release}, which was {r.status}" for r in pending)
        rest = [record for record in history if not record.pending]
        if rest and rest[-1].status in ("uninstalling", "uninstalled"):
            found.left.append(f"{rest[-1].release} was being removed: `slipway down --stack {stack.name}` finishes it")
        elif pending:
            found.left.append(
                f"what the interrupted run had changed stays: `slipway up --stack {stack.name}` goes on from there"
            )

    def _drift(self, stack: Stack, site: _Site) -> Drift:
        stands = applied.standing(site.history)
        manifests = installed(site.there.objects[stands.key]) if stands else []
        program = stack.manifests(site.name)
        chart = site.chart
        if not applied.same_documents(manifests, program):
            chart = differences.chart_changes(
                site.kubectl, manifests, site.helm.release, site.there, others=stack.keys(), durable=stack.durable
            )
        wanted = stack.rendered.secrets.get(site.name, [])
        hand, program_secrets = applied.sort_secrets(site.kubectl, site.secrets, wanted, site.stored, manifests)
        pending = [*applied.document_changes(site.name, manifests, program), *program_secrets]
        found = applied.of_cluster(chart, pending, applied.unfinished(site.history, site.there.namespaces()), site.name)
        found.differences.extend(differences_of(hand))
        return found

    def _look(self, stack: Stack, cluster: str) -> _Site:
        kubectl = stack.kubectl(cluster)
        manifests, names = stack.manifests(cluster), list(stack.rendered.clusters)
        spaces = check(self.name, stack.name, kubectl, [*stack.namespaces(cluster), NAMESPACE])
        with ThreadPoolExecutor(max_workers=1) as aside:
            # While the stack's objects are read: without its namespaces there is nothing to ask about yet.
            supposed = release_name(stack.name, cluster, names, [])
            asked: Future[Answers | None] | None = None
            if {item["metadata"]["name"] for item in spaces} >= set(stack.namespaces(cluster)):
                asked = aside.submit(differences.ask, kubectl, [owned(item, supposed) for item in manifests])
            there = inventory(kubectl, stack.name)
            history = records(there.objects, cluster)
            release = release_name(stack.name, cluster, names, history)
            answers = asked.result() if asked is not None and release == supposed else None
        refuse_taken(kubectl, manifests, there.objects)
        wanted = stack.rendered.secrets.get(cluster, [])
        stored = stash.read(kubectl, stack.name, there) if wanted else {}
        values = stash.draw(stored, (name for secret in wanted for name in secret.stashes))
        keys = stack.keys()
        chart = differences.chart_changes(
            kubectl, manifests, release, there, others=keys, durable=stack.durable, answers=answers
        )
        return _Site(
            name=cluster,
            kubectl=kubectl,
            helm=Helm(tools.find("helm", stack.progress), kubectl, release),
            there=there,
            history=history,
            values=values,
            stored=stored,
            chart=chart,
            secrets=differences.secret_changes(cluster, wanted, values, there, others=keys),
        )

    def _up(self, stack: Stack, site: _Site, timeout: float) -> bool:
        if site.deployed and not site.changes and _is_recorded(stack, site):
            # A run that was killed before its first change left nothing but its lock, which nobody else would free.
            free_lease(site.kubectl, stack.name, force=False)
            self._settle(stack, site, timeout)
            return False
        kubectl = site.kubectl
        with tempfile.TemporaryDirectory(prefix="slipway-") as temporary:
            # Written first: a full disk is met before the cluster is changed.
            chart = Path(temporary) / "chart"
            write_chart(stack.rendered, site.name, chart)
            with lease(kubectl, stack.name, "up", make_home=True):
                self._change(stack, site, chart, timeout)
        # A probe that timed out on a busy machine takes a pod away again for a moment.
        watch(stack, site.name, all_ready, min(timeout, _AGAIN_S))
        return True

    def _change(self, stack: Stack, site: _Site, chart: Path, timeout: float) -> None:
        kubectl = site.kubectl
        if self._recover(stack, site):
            # Much of what was there is not any more.
            site = self._look(stack, site.name)
        wanted = [item for item in stack.manifests(site.name) if item["kind"] == "Namespace"]
        kubectl.apply([owned(item, site.helm.release) for item in wanted], manager=MANAGER)
        # A value is kept before anything uses it: a run that is killed now finds it again.
        if dict(site.values) != dict(site.stored):
            stash.keep(kubectl, stack.name, site.values)
        if site.chart.replaced:
            names = ", ".join(str(key) for key in site.chart.replaced)
            with stack.progress.step(f"remove what cannot be changed in place: {names}"):
                kubectl.delete(site.chart.replaced, wait=True)
        # Now, so that the rollout that follows waits for what this sets off.
        differences.take_out(kubectl, site.added)
        if site.secrets.apply:
            kubectl.apply(site.secrets.apply, manager=stash.FIELD_MANAGER)
        self._install(stack, site, chart, timeout)
        gone = [*site.chart.gone, *site.secrets.gone]
        kubectl.delete(gone, wait=False)
        wait_gone(kubectl, gone, _GONE_TIMEOUT_S)

    def _settle(self, stack: Stack, site: _Site, timeout: float) -> None:
        """Nothing to install; pods that are just coming up (a restarted node) are waited for."""
        kubectl = site.kubectl
        if all_ready(listed(stack.rendered, {site.name: site.there.objects}, site.name)):
            return
        watch(stack, site.name, all_ready, timeout)
        if not all_ready(collect(stack.rendered, {site.name: kubectl}, site.name)):
            reasons = explain(kubectl, stack.name, stack.apps(site.name))
            raise EngineError(f"stack {stack.name} is installed as it should be, but not all is ready:\n{reasons}")

    def _recover(self, stack: Stack, site: _Site) -> bool:
        """Clear away what a killed run left, whose death the locks prove; returns whether there was anything."""
        pending = [record for record in site.history if record.pending]
        if pending:
            stack.progress.note(f"a run that was interrupted left {site.helm.release} {pending[-1].status}; going on")
            site.kubectl.delete([record.key for record in pending], wait=True)
        rest = [record for record in site.history if not record.pending]
        removed = bool(rest) and rest[-1].status in ("uninstalling", "uninstalled")
        if removed:
            with stack.progress.step(f"finish the interrupted removal of {site.helm.release}"):
                _finish(site.helm.uninstall(_GONE_TIMEOUT_S), "helm uninstall")
        spaces = site.there.namespaces().items()
        ending = sorted(name for name, item in spaces if item["metadata"].get("deletionTimestamp"))
        if ending:
            with stack.progress.step(f"wait until the old namespaces {', '.join(ending)} are gone"):
                wait_gone(site.kubectl, [Key("", "Namespace", "", name) for name in ending], _GONE_TIMEOUT_S)
        return bool(pending or removed or ending)

    def _install(self, stack: Stack, site: _Site, chart: Path, timeout: float) -> None:
        started = time.monotonic()
        end, tries = started + timeout, 0
        while True:
            left, tries = max(end - time.monotonic(), 1), tries + 1
            child = site.helm.upgrade(chart, stack.name, left)
            try:
                lost = watch(stack, site.name, lambda _, child=child: not child.running(), left + 30)
                if lost:
                    stack.progress.note(
                        f"pod {lost.namespace}/{lost.pod} cannot start ({lost.reason}); not waiting any longer"
                    )
            finally:
                child.stop()
            code, text = child.wait()
            if code == 0 and lost is None:
                return
            if lost or tries == _TRIES or not wavered(text) or time.monotonic() >= end:
                break
            stack.progress.note("something that was ready is not any more; waiting on")
        seconds = time.monotonic() - started
        reasons = explain(site.kubectl, stack.name, stack.apps(site.name))
        what = f"cluster {site.name}: the rollout of {site.helm.release} failed after {seconds:.0f} s"
        said = "" if lost else f"\nHelm: {last_words(text)}"
        stack.progress.note(f"{what}; rolling back\n{reasons}")
        raise EngineError(f"{what}:\n{reasons}{said}\n{self._roll_back(stack, site, timeout)}")

    def _roll_back(self, stack: Stack, site: _Site, timeout: float) -> str:
        """Go back to the last revision that stood, or remove everything where there is none; returns what was done."""
        history = records(inventory(site.kubectl, stack.name).objects, site.name)
        good = [record for record in history if record.status in ("deployed", "superseded")]
        if not good:
            removal = Removal(stack, site.kubectl, site.helm)
            removal.clear(_GONE_TIMEOUT_S)
            return "there was nothing to go back to, so what this run had made was removed again"
        standing = next((record for record in reversed(good) if record.status == "deployed"), good[-1])
        with stack.progress.step(f"roll back to revision {standing.revision}"):
            child = site.helm.rollback(standing.revision, timeout)
            try:
                lost = watch(stack, site.name, lambda _: not child.running(), timeout)
            finally:
                child.stop()
            code, text = child.wait()
        if code != 0 or lost:
            return f"rolling back to revision {standing.revision} failed too: {last_words(text)}"
        return f"rolled back to revision {standing.revision}: what ran before runs again"

    def _removal(self, stack: Stack, cluster: str) -> Removal:
        kubectl = stack.kubectl(cluster)
        there = inventory(kubectl, stack.name)
        refuse_other(self.name, stack.name, cluster, there.namespaces().values())
        release = release_name(stack.name, cluster, list(stack.rendered.clusters), records(there.objects, cluster))
        return Removal(stack, kubectl, Helm(tools.find("helm", stack.progress), kubectl, release))


def _is_recorded(stack: Stack, site: _Site) -> bool:
    """Whether what stands is in the release as well: a run that was killed may have got it onto the cluster only."""
    return applied.same_documents(installed(site.there.objects[site.history[-1].key]), stack.manifests(site.name))


def _refuse_clouds(stack: Stack) -> None:
    for name, cluster in stack.rendered.clusters.items():
        if cluster.kind not in LOCAL_KINDS:
            raise RefusedError(
                f"stack {stack.name}: cluster {name} of kind {cluster.kind} is made by a cloud, which the Helm engine "
                "cannot ask; install Pulumi's CLI and use --engine pulumi"
            )


def _refuse_unresolved(stack: Stack) -> None:
    _refuse_clouds(stack)
    for name in stack.rendered.clusters:
        missing = stack.rendered.unresolved.get(name)
        if missing:
            raise RefusedError(
                f"stack {stack.name}: cluster {name} needs what only a cloud can answer ({', '.join(missing)}), which "
                "the Helm engine cannot ask; install Pulumi's CLI and use --engine pulumi"
            )


def _finish(child: Child, what: str) -> None:
    try:
        code, text = child.wait()
    except BaseException:
        child.stop()
        raise
    if code != 0:
        raise EngineError(f"{what} failed: {last_words(text)}")
