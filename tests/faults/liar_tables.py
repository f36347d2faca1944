"""What is printed of many histories: for each trait, for each lie, and for what no client can survive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from liar_judge import Tally
from liar_traits import OWN, TRAITS, Lie, trait_of


def share_of(figures: Counter[str]) -> str:
    """How many jobs in doubt wait for a person: `3 of 200 jobs in doubt are held (1.5%)`.

    Nothing is sent a third time: jobs of which both answers were lost are told apart.
    """
    doubted, again = figures["doubted"], figures["lost again"]
    held = figures["doubted and held"] - again
    share = f" ({held / doubted:.1%})" if doubted else ""
    return f"{held} of {doubted} jobs in doubt are held{share}, and {again} that were lost again when sent again"


def _line(name: str, figures: Counter[str], more: str = "") -> str:
    share = figures["doubted and held"] / figures["doubted"] if figures["doubted"] else 0.0
    return (
        f"  {name:52} {figures['lost']:6} lost {figures['doubted']:6} in doubt {share:7.1%} held "
        f"{figures['doubles']:3} twice{more}"
    )


def traits_of(tally: Tally) -> str:
    """One line for each trait: the share of doubtful jobs that wait for a person where a server lies about it.

    Servers lie about other things too; the share of those that lie about nothing else stands last.
    """
    lines = [_line("honest", tally.by_lie.get(None, Counter()))]
    for name in (*TRAITS, *OWN):
        figures, alone = tally.by_trait.get(name), tally.alone.get(name, Counter())
        if figures is None:
            continue
        own = f"{alone['doubted and held'] / alone['doubted']:7.1%}" if alone["doubted"] else "      -"
        lines.append(_line(name, figures, f"; {own} of {alone['doubted']} held where it is the only lie"))
    return "\n".join(lines)


def lies_of(tally: Tally, among: Callable[[Lie], bool] = bool) -> str:
    """One line for each lie: how often it was told, and the share of doubtful jobs that wait for a person."""
    found = [(str(lie), figures) for lie, figures in tally.by_lie.items() if lie and among(lie)]
    return "\n".join(_line(name, figures) for name, figures in sorted(found))


def doubles_of(tally: Tally) -> str:
    """The same of lies that no client can survive."""
    return lies_of(tally, lambda lie: lie.value in trait_of(lie.trait).beyond)
