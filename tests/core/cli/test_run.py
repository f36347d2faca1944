from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reelwork.store.records import JobRow

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")
PAID = ("--set", "provider.price_per_second=0.5")

ADDS = "@hookimpl\ndef prompt_transform(self, prompt): return prompt.replace(text=prompt.text + ' {}')"

Kept = Callable[[], list[JobRow]]


def test_a_prompt_becomes_a_published_video(cli, folder: Path) -> None:
    outcome = cli("run", PROMPT, *SMALL)
    assert outcome.code == 0, outcome.err
    assert "1 job: 1 done. Spent: nothing." in outcome.out
    page = folder / "reelwork-out" / "gallery" / "index.html"
    assert page.exists()
    assert "reelwork-out/gallery/index.html" in outcome.out
    assert "published" in outcome.err


def test_json_is_the_only_thing_on_standard_output(cli) -> None:
    outcome = cli("run", PROMPT, *SMALL, "--json", "--platform", "youtube,tiktok", "--hashtag", "#sea")
    assert outcome.code == 0
    document = outcome.json
    assert document["counts"] == {"done": 2}
    assert [job["platform"] for job in document["jobs"]] == ["youtube", "tiktok"]
    assert all(Path(job["video"]).exists() for job in document["jobs"])
    assert all("gallery" in job["receipts"] for job in document["jobs"])


def test_options_go_before_the_workflow_s_brief(cli, folder: Path) -> None:
    (folder / "w.toml").write_text(f'[brief]\nprompt = "{PROMPT}"\nduration = 9\nn = 2\nplatforms = ["tiktok"]\n')
    outcome = cli("plan", "w.toml", "--duration", "3", "--takes", "1", "--platform", "youtube", "--json")
    [job] = outcome.json["jobs"]
    assert job["spec"]["duration"] == 3
    assert job["platform"] == "youtube"
    assert job["takes"] == 1


def test_a_row_s_own_column_goes_before_options(cli, folder: Path) -> None:
    (folder / "b.csv").write_text("prompt,duration\nA quiet sea at night,2\nA loud sea at noon,\n")
    jobs = cli("plan", "b.csv", "--duration", "5", "--json").json["jobs"]
    assert [job["spec"]["duration"] for job in jobs] == [2, 5]


def test_choosing_another_provider_leaves_the_settings_of_the_first_behind(cli, folder: Path) -> None:
    (folder / "w.toml").write_text(
        f'[brief]\nprompt = "{PROMPT}"\n[provider]\nuse = "videos-api"\nbase_url = "http://127.0.0.1:9"\n'
    )
    outcome = cli("plan", "w.toml", "--provider", "preview", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["provider"] == "preview"


def test_a_plugin_is_added_to_those_of_the_workflow(cli, folder: Path, plugin) -> None:
    plugin(
        "@hookimpl\ndef prompt_transform(self, prompt): return prompt.replace(text=prompt.text + ' one')", "one.py"
    )
    plugin(
        "@hookimpl\ndef prompt_transform(self, prompt): return prompt.replace(text=prompt.text + ' two')", "two.py"
    )
    (folder / "w.toml").write_text(f'plugins = ["one.py"]\n[brief]\nprompt = "{PROMPT}"\n')
    outcome = cli("plan", "w.toml", "--plugin", "two.py", "--json")
    assert outcome.json["jobs"][0]["prompt"]["text"] == f"{PROMPT} one two"


def test_running_a_batch_again_makes_only_what_is_missing(cli, kept: Kept, folder: Path) -> None:
    batch = folder / "b.csv"
    batch.write_text("id,prompt\na,A quiet sea at night\n")
    assert cli("run", "b.csv", *SMALL).code == 0
    batch.write_text("id,prompt\na,A quiet sea at night\nb,A loud sea at noon\n")
    outcome = cli("run", "b.csv", *SMALL)
    assert outcome.code == 0
    assert "2 jobs, 1 of them done before" in outcome.err
    assert len(kept()) == 2
    assert "nothing to do: 2 jobs done before" in cli("run", "b.csv", *SMALL).err
    assert cli("run", "b.csv", *SMALL, "--again").code == 0
    assert len(kept()) == 4


def test_a_rejected_prompt(cli) -> None:
    outcome = cli("run", "short")
    assert outcome.code == 3
    assert "rejected by 'rules': the prompt has 5 characters; it needs at least 10" in outcome.out


# --- spending ---------------------------------------------------------------------------------------------


def test_nothing_is_spent_unasked_where_nobody_can_be_asked(cli, kept: Kept) -> None:
    outcome = cli("run", PROMPT, *SMALL, *PAID)
    assert outcome.code == 2
    assert "$0.25" in outcome.err
    assert "--yes" in outcome.err
    assert "Nothing was sent" in outcome.err
    assert kept() == []


def test_yes_goes_on_without_being_asked(cli) -> None:
    outcome = cli("run", PROMPT, *SMALL, *PAID, "--yes", "--json")
    assert outcome.code == 0
    [job] = outcome.json["jobs"]
    [render, _] = cli("jobs", "show", job["id"], "--json").json["effects"]
    assert render["reserved"] == "0.25"
    # The provider then says what it really cost.
    assert job["cost"] == "0"


def test_a_ceiling_that_covers_it_is_a_yes(cli, kept: Kept) -> None:
    assert cli("run", PROMPT, *SMALL, *PAID, "--set", "budget.per_run=0.30").code == 0
    assert len(kept()) == 1


def test_a_ceiling_below_the_price_is_a_no(cli, kept: Kept) -> None:
    outcome = cli("run", PROMPT, *SMALL, *PAID, "--set", "budget.per_run=0.20")
    assert outcome.code == 2
    assert "budget per_run" in outcome.err
    assert kept() == []


def test_only_the_new_rows_of_a_batch_are_asked_about(cli, folder: Path) -> None:
    batch = folder / "b.csv"
    batch.write_text("id,prompt\na,A quiet sea at night\n")
    assert cli("run", "b.csv", *SMALL, *PAID, "--yes").code == 0
    batch.write_text("id,prompt\na,A quiet sea at night\nb,A loud sea at noon\n")
    outcome = cli("run", "b.csv", *SMALL, *PAID)
    assert outcome.code == 2
    assert "This makes 1 render at preview for $0.25" in outcome.err


def test_an_unknown_price_needs_a_yes(cli, kept: Kept) -> None:
    outcome = cli("run", PROMPT, "--provider", "videos-api", "--set", "provider.base_url=http://127.0.0.1:9")
    assert outcome.code == 2
    assert "not known" in outcome.err
    assert kept() == []


# --- plugins that misbehave while they run ----------------------------------------------------------------


def test_moderation_that_hangs_holds_the_job(cli, kept: Kept, plugin) -> None:
    name = plugin("@hookimpl\nasync def pre_moderate(self, content): await asyncio.sleep(60)")
    outcome = cli("run", PROMPT, *SMALL, "--plugin", name, "--set", "plugin.mine.time_limit=0.1")
    assert outcome.code == 3
    assert "'mine'" in outcome.out
    assert "gave no answer within 0.1 s" in outcome.out
    assert "Nothing was spent" in outcome.out
    assert [row.status for row in kept()] == ["held"]


def test_moderation_that_returns_junk_holds_the_job(cli, plugin) -> None:
    name = plugin("@hookimpl\ndef pre_moderate(self, content): return 'fine by me'")
    outcome = cli("run", PROMPT, *SMALL, "--plugin", name)
    assert outcome.code == 3
    assert "returned str; it must return Verdict or None" in outcome.out
    assert "reelwork resume" in outcome.out


def test_a_prompt_plugin_that_returns_junk_fails_before_money_is_spent(cli, plugin) -> None:
    name = plugin("@hookimpl\ndef prompt_transform(self, prompt): return prompt.text.upper()")
    outcome = cli("run", PROMPT, *SMALL, "--plugin", name, "--json")
    assert outcome.code == 1
    [job] = outcome.json["jobs"]
    assert job["status"] == "failed"
    assert job["remote_id"] is None
    assert "returned str" in job["reason"]
    shown = cli("jobs", "show", job["id"], "--json").json
    assert shown["effects"] == []


def test_what_a_plugin_raises_is_told_in_a_line(cli, plugin) -> None:
    name = plugin("@hookimpl\ndef prompt_transform(self, prompt): raise KeyError('colour')")
    outcome = cli("run", PROMPT, *SMALL, "--plugin", name)
    assert outcome.code == 1
    assert "plugin 'mine' (mine.py), hook prompt_transform: KeyError: 'colour'. Nothing was spent." in " ".join(
        outcome.out.split()
    )
    assert "Traceback" not in outcome.err + outcome.out


# --- posting ----------------------------------------------------------------------------------------------

WALL = """
from pathlib import Path
from reelwork_hooks import Receipt
public = {}
@hookimpl
def publish(self):
    Path("wall.txt").write_text("posted")
    return self.Receipt(id="1")
""".replace("Path(", "self.Path(")
UNASKED = ("--set", "posts.unasked=true")


def make_wall(plugin, folder: Path, *, public: bool = True) -> tuple[str, ...]:
    """A workflow that publishes on a wall which everybody sees, and nowhere else."""
    name = plugin(WALL.format(public))
    (folder / "w.toml").write_text(f'[brief]\nprompt = "{PROMPT}"\n[plugins]\npublish = ["{name}"]\n')
    return ("run", "w.toml", *SMALL)


def test_nothing_is_posted_to_everybody_unasked_where_nobody_can_be_asked(cli, kept: Kept, plugin, folder) -> None:
    outcome = cli(*make_wall(plugin, folder))
    assert outcome.code == 2
    assert "This is a rehearsal, made by preview, that posts to mine, where everyone can see it." in outcome.err
    assert "Nothing was sent" in outcome.err
    assert "--yes" in outcome.err
    assert kept() == []
    assert not (folder / "wall.txt").exists()


def test_yes_posts_a_rehearsal(cli, plugin, folder: Path) -> None:
    assert cli(*make_wall(plugin, folder), "--yes").code == 0
    assert (folder / "wall.txt").read_text() == "posted"


def test_a_workflow_s_word_for_posts_is_not_meant_for_rehearsals(cli, kept: Kept, plugin, folder: Path) -> None:
    outcome = cli(*make_wall(plugin, folder), *UNASKED, "--set", "budget.per_run=1")
    assert outcome.code == 2
    assert "plugins.publish=" in outcome.err
    assert kept() == []


def test_a_rehearsal_on_this_machine_needs_no_yes(cli, plugin, folder: Path) -> None:
    assert cli(*make_wall(plugin, folder, public=False)).code == 0


REAL = """
from reelwork_hooks import Plugin, hookimpl
from reelwork_plugins.providers.preview.provider import PreviewProvider


class Own(PreviewProvider):
    rehearsal = False


class Camera(Plugin):
    @hookimpl
    @staticmethod
    def register_providers():
        return {"camera": Own}
"""


def test_free_videos_of_a_real_provider_are_posted_when_the_workflow_says_so(
    cli, kept: Kept, plugin, folder: Path
) -> None:
    run = make_wall(plugin, folder)
    (folder / "camera.py").write_text(REAL)
    real = ("--plugin", "camera.py", "--provider", "camera")
    outcome = cli(*run, *real, "--set", "budget.per_run=1")
    assert outcome.code == 2
    assert "This posts to mine, where everyone can see it." in outcome.err
    assert "unasked = true under [posts]" in outcome.err
    assert kept() == []
    assert cli(*run, *real, *UNASKED).code == 0
    assert (folder / "wall.txt").read_text() == "posted"


def test_money_and_posts_are_agreed_to_apart(cli, plugin, folder: Path) -> None:
    run = make_wall(plugin, folder)
    (folder / "camera.py").write_text(REAL)
    real = ("--plugin", "camera.py", "--provider", "camera", *PAID)
    neither = " ".join(cli(*run, *real).err.split())
    assert "for $0.25" in neither
    assert "posts to mine" in neither
    assert "a ceiling under [budget] in the workflow and write unasked = true under [posts]" in neither
    only_posts = cli(*run, *real, *UNASKED)
    assert only_posts.code == 2
    assert "posts to mine" not in only_posts.err
    assert cli(*run, *real, *UNASKED, "--set", "budget.per_run=1").code == 0
