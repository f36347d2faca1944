"""The store that commit 85155f3 left after three batch files, brought to where a test runs."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FILES = ("rows.csv", "rows.jsonl", "rows.txt")


@dataclass(frozen=True)
class EarlierDesk:
    """The folder in which the batch files were run, with what they left."""

    folder: Path
    origin: str

    def lay_out(self) -> None:
        """Write the batch files, the workflow and the store."""
        files: dict[str, str] = json.loads((HERE / "rows_85155f3.json").read_text(encoding="utf-8"))
        for name, text in files.items():
            (self.folder / name).write_bytes(text.replace("@ORIGIN@", self.origin).encode())
        dump = (HERE / "rows_85155f3.sql").read_text(encoding="utf-8")
        dump = dump.replace("@ORIGIN@", self.origin).replace("@FOLDER@", str(self.folder))
        for name in FILES:
            dump = dump.replace(f"@BASE:{name}@", base_of(self.folder / name, f"videos-api {self.origin} env:KEY"))
        db = sqlite3.connect(self.folder / "store.db")
        db.executescript(dump)
        db.close()


def base_of(path: Path, account: str) -> str:
    """How that version named a batch in the keys of its jobs. A copy of its rule: never to be changed."""
    named = json.dumps([str(path.resolve()), account, "m1", ""], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(named.encode()).hexdigest()[:32]
