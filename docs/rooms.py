"""Print how the rooms of Reelwork lie above each other: `make rooms`.

A room is a folder or a file directly below `reelwork`; the contract and the built-in plugins are one room each. It
stands one floor above the highest room that it imports. The built-in plugins have rooms of their own, one a kind. A
circle is a set of files that import each other. It ends with 1 for a circle, and when the page on the design tells
another number of floors.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

PACKAGES = ("reelwork", "reelwork_hooks", "reelwork_plugins")
PLUGINS = "reelwork_plugins"
PAGE = Path(__file__).with_name("design.md")


def main() -> None:
    """Print the floors from the top down, then those of the built-in plugins, then the circles."""
    graph = grimp.build_graph(*PACKAGES)
    files = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    floors = _print_floors(files, "reelwork")
    print("\nThe built-in plugins:")
    _print_floors({one: files[one] for one in files if one.startswith(f"{PLUGINS}.")}, PLUGINS)
    circle = _circle(files)
    print(f"\n{circle or 'no circle of files'}")
    told = re.search(r"Now there are (\d+) floors", PAGE.read_text(encoding="utf-8"))
    if told is None or int(told[1]) != floors:
        sys.exit(f"{PAGE.name} tells {told[1] if told else 'nothing'} of {floors} floors.")
    sys.exit(bool(circle))


def _print_floors(files: Mapping[str, set[str]], package: str) -> int:
    rooms = _between_rooms(files, package)
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        print(f"A circle of rooms: {' → '.join(error.args[1])}")
        raise SystemExit(1) from None
    floors = _floors(rooms)
    for floor in range(max(floors.values()), 0, -1):
        print(f"{floor:>2}  {'  '.join(sorted(room for room in rooms if floors[room] == floor))}")
    arrows = sum(map(len, rooms.values()))
    print(f"{len(rooms)} rooms on {max(floors.values())} floors, {arrows} arrows, none of them upward")
    return max(floors.values())


def _room(module: str, package: str) -> str:
    top, _, rest = module.partition(".")
    return rest.partition(".")[0] if top == package and rest else top


def _between_rooms(files: Mapping[str, set[str]], package: str) -> dict[str, set[str]]:
    rooms: dict[str, set[str]] = {_room(module, package): set() for module in files}
    for module, imported in files.items():
        room = _room(module, package)
        rooms[room] |= {_room(one, package) for one in imported if one in files} - {room}
    return rooms


def _floors(rooms: Mapping[str, set[str]]) -> dict[str, int]:
    @cache
    def floor(room: str) -> int:
        return 1 + max(map(floor, rooms[room]), default=0)

    return {room: floor(room) for room in rooms}


def _circle(files: Mapping[str, set[str]]) -> str:
    try:
        TopologicalSorter(files).prepare()
    except CycleError as error:
        return f"A circle of files: {' → '.join(error.args[1])}"
    return ""


if __name__ == "__main__":
    main()
