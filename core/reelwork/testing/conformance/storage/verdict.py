"""Judges a case of a storage plugin: the first rule that was broken, in words for its author."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from reelwork.testing.conformance.scenarios import UNDISTURBED
from reelwork.testing.conformance.storage.scenes import (
    AGAIN,
    AT_ONCE,
    LARGE,
    MUST_FAIL,
    NAMES,
    NO_RIGHT,
    OTHERS,
    StorageCase,
)
from reelwork.testing.conformance.storage.trial import ELSEWHERE, Run, StorageOutcome

MOST_GROWTH = 64 << 20
"""Bytes by which memory may grow while a file is stored, however large."""
# Shorter values of the environment are settings, such as a region, and occur in any text.
SHORTEST_SECRET = 8
MUST_WORK = frozenset({UNDISTURBED, AGAIN, AT_ONCE, NAMES, LARGE})


def judge(outcome: StorageOutcome) -> str:
    """Return what is wrong; empty if all is well."""
    problem = next(_problems(outcome), "")
    text = f"After {outcome.case}: {problem}\n\n{_tale(outcome)}" if problem else ""
    # The report of a leak must not be the next one.
    for secret in filter(_counts, outcome.secrets):
        text = text.replace(secret, "***")
    return text


def _counts(secret: str) -> bool:
    return len(secret) >= SHORTEST_SECRET


def _problems(outcome: StorageOutcome) -> Iterator[str]:
    runs = (*outcome.first, outcome.last)
    for run in runs:
        yield from _broken(run)
        yield from _leaks(run, outcome.secrets)
    # What the first one stored has been overwritten by another program since.
    for run in outcome.first[1:] if outcome.case.scene == OTHERS else outcome.first:
        yield from _wrong_end(run, outcome.case)
        yield from _false_reports(run, outcome, outcome.between)
    yield from _last_failed(outcome)
    yield from _false_reports(outcome.last, outcome, outcome.end)
    yield from _half_files(outcome)
    yield from _differences(outcome)
    if outcome.case.scene == LARGE:
        yield from _memory(outcome.first[0])


def _broken(run: Run) -> Iterator[str]:
    if run.crash:
        yield f"the process of the plugin broke down:\n{run.crash}"
    if run.problem:
        yield f"post_download() {run.problem}. A storage plugin returns the clip with `stored_at` filled in."
    if run.late:
        yield "post_download() did not end in its time. Bound its waits, and say in an error what it waited for."


def _leaks(run: Run, secrets: tuple[str, ...]) -> Iterator[str]:
    told = {"its error": [run.error], "its log": run.log, "an address": [*run.addresses]}
    for where, texts in told.items():
        for secret in filter(_counts, secrets):
            if any(secret in text for text in texts):
                yield (
                    f"{where} shows a secret. Leave it out: addresses are stored with the job, and errors and logs "
                    "are shown to people."
                )


def _wrong_end(run: Run, case: StorageCase) -> Iterator[str]:
    if run.error and case.scene in MUST_WORK:
        yield f"post_download() failed, and nothing was in its way: {run.error}"
    if run.assets and case.scene in MUST_FAIL:
        yield (
            "post_download() reported the file as stored, which cannot be. Hash what you send and compare it with "
            "`asset.sha256`; believe only an answer that the storage alone gives."
        )
    if not run.error or case.scene != NO_RIGHT:
        return
    if not run.contract:
        yield (
            f"a refused permission came out as it was ({run.error}). Raise an error of the contract that says "
            "where, and what to do: ReelworkError, or InvalidInput for a wrong setting."
        )
    if run.passes:
        yield (
            "a refused permission was raised as an error that passes, and the job would try again. Only a person "
            "can help."
        )


def _false_reports(run: Run, outcome: StorageOutcome, there: Mapping[str, str]) -> Iterator[str]:
    """Yield what the plugin reported and a reader does not find."""
    if not run.assets:
        return
    yield from _lost_files(run, outcome)
    for asset in run.assets:
        own = [address for address in asset["stored_at"] if address != ELSEWHERE]
        if not own:
            yield f"the file {asset['role']} came back without an address. Fill in `stored_at` of each file."
        for address in own:
            yield from _bad_address(address)
            found = there.get(address)
            if found is None:
                yield f"{address} was reported, and a reader finds nothing there."
            elif found != asset["sha256"]:
                yield f"{address} was reported, and other bytes are there: SHA-256 {found}, not {asset['sha256']}."


def _lost_files(run: Run, outcome: StorageOutcome) -> Iterator[str]:
    returned = {asset["sha256"]: asset for asset in run.assets}
    for asset in outcome.given:
        if asset["sha256"] not in returned:
            yield f"the file {asset['role']} is missing from the clip that post_download() returned."
    if ELSEWHERE not in run.assets[0]["stored_at"]:
        yield "an address that another plugin gave is gone. Add to `stored_at`, and keep what is in it."
    for asset in run.assets:
        if len(set(asset["stored_at"])) < len(asset["stored_at"]):
            yield f"an address of the file {asset['role']} is in `stored_at` twice."


def _bad_address(address: str) -> Iterator[str]:
    parts = urlsplit(address)
    if not parts.scheme:
        yield f"{address!r} is no address: begin with a scheme, such as https:// or file://."
    if "@" in parts.netloc:
        yield f"an address at {parts.hostname} has a user or a password in it: addresses are stored with the job."
    if not address.isascii() or " " in address:
        yield f"{address!r} cannot be used as it is: percent-encode what is no letter, digit or -._~ in a path."


def _last_failed(outcome: StorageOutcome) -> Iterator[str]:
    if outcome.last.assets:
        return
    # What another program put there is not ours to replace: a person decides.
    if outcome.case.scene == OTHERS and outcome.last.error:
        return
    yield (
        f"the clip could not be stored afterwards, with nothing in the way: {outcome.last.error or 'no answer'}. "
        "A job is resumed after a crash, so storing again must work."
    )


def _half_files(outcome: StorageOutcome) -> Iterator[str]:
    """Yield what a reader found under an address before it was whole."""
    # What another program wrote there is no half file of ours.
    if outcome.case.scene == OTHERS:
        return
    for address, digest in outcome.last.addresses.items():
        found = outcome.between.get(address)
        if found is not None and found != digest:
            yield (
                f"{address} showed a part of the file, or another one, while nothing was reported. Write elsewhere "
                "and rename, or use an upload that becomes visible as a whole."
            )


def _differences(outcome: StorageOutcome) -> Iterator[str]:
    """Yield where the same clip got other addresses, or more files."""
    told = [run.addresses for run in (*outcome.first, outcome.last) if run.assets]
    if any(one != told[0] for one in told[1:]):
        yield (
            "the same clip of the same job got other addresses the second time. Make the name of what stays the "
            "same, such as the job's id and the SHA-256: else each crash leaves one more copy."
        )
    more = set(outcome.end) - set(outcome.between)
    if more and outcome.case.scene in MUST_WORK:
        yield f"storing the same clip again left more files: {', '.join(sorted(more))}."


def _memory(run: Run) -> Iterator[str]:
    if run.growth > MOST_GROWTH:
        yield (
            f"memory grew by {run.growth >> 20} MB while the file was stored; {MOST_GROWTH >> 20} MB are allowed. "
            "Send a file piece by piece, such as with `content=path` of the client."
        )


def _tale(outcome: StorageOutcome) -> str:
    lines = ["What happened:"]
    for run in (*outcome.first, outcome.last):
        ended = f"killed ({run.code})" if run.code < 0 else run.error or "returned the clip"
        lines.append(f"  post_download(): {ended.splitlines()[0]}")
        lines += [f"    {address}" for address in run.addresses]
    lines += [f"  {seen}" for seen in outcome.seen[:40]]
    lines.append(f"A reader then finds: {', '.join(sorted(outcome.end)) or 'nothing'}.")
    return "\n".join(lines)
