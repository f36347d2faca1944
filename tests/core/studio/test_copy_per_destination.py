"""Each destination gets copy of its own, and the options that its network has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from reelwork.engine.stages.effects import _same_post
from reelwork.errors import InvalidInput, WorkflowInvalid
from reelwork.ids import fingerprint
from reelwork.planning.batch.cells import contents_of
from reelwork.planning.content_hash import content_hash
from reelwork.studio.studio import Studio
from reelwork.testing import sample_brief, sample_post, studio_with
from reelwork_hooks import (
    Asset,
    Brief,
    Clip,
    Config,
    Content,
    Disclosure,
    Effect,
    Plugin,
    Post,
    PostCopy,
    Receipt,
    Role,
    Stage,
    Verdict,
    hookimpl,
)

SMALL = {"prompt": "A lighthouse at dawn", "duration": 1, "resolution": "480p", "caption": "For all."}
posted: list[Post] = []
shown: list[Content] = []


class FilmOptions(Config):
    category: Literal["28", "22"] = "22"
    made_for_kids: bool = False


class Films(Plugin):
    """A network with options, times and a label."""

    public = False
    PostOptions = FilmOptions
    post_fields = ("publish_at", "alt_text", "disclosure")

    @hookimpl
    def publish(self, post: Post, effect: Effect) -> Receipt:
        posted.append(post)
        return Receipt(id=effect.key, url="https://films.example/1")


class Wall(Plugin):
    """A publisher of the first contract, which happens to use a name of the second."""

    public = False
    PostOptions: ClassVar[Any] = {"category": "28"}

    @hookimpl
    def publish(self, post: Post, effect: Effect) -> Receipt:
        posted.append(post)
        return Receipt(id=effect.key)


class Moderator(Plugin):
    """Notes the posts it is shown, and stops one word."""

    @hookimpl
    def pre_moderate(self, content: Content) -> Verdict:
        shown.append(content)
        return Verdict.reject("no secrets") if "secret" in content.text else Verdict.allow()


PLUGINS = {"films": Films, "wall": Wall, "moderator": Moderator}
LISTS = {"pre_moderate": ["moderator"], "prompt_transform": [], "post_download": [], "publish": ["films", "wall"]}


@pytest.fixture(autouse=True)
def _forget() -> None:
    posted.clear()
    shown.clear()


def studio_of(folder: Path, **more: Any) -> Studio:
    return studio_with(PLUGINS, folder, {"plugins": LISTS, "brief": SMALL, **more})


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with studio_of(tmp_path) as made:
        yield made


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "campaign.toml"
    head = 'plugins.pre_moderate = ["moderator"]\nplugins.prompt_transform = []\nplugins.post_download = []\n'
    lists = 'plugins.publish = ["films", "wall"]\n'
    brief = '[brief]\nprompt = "A lighthouse"\nduration = 1\nresolution = "480p"\ncaption = "For all."\n'
    path.write_text(head + lists + brief + text, encoding="utf-8")
    return path


def test_a_shared_alt_text_is_used_where_it_is_taken_and_told_where_not(studio: Studio, tmp_path: Path) -> None:
    path = toml(tmp_path, 'alt_text = "A lighthouse above the sea."\n')
    (planned,) = studio.rehearse_sync(path).jobs
    assert "alt_text is not used at wall: no alternative text is taken there." in planned.notes
    (job,) = studio.run_sync(path).jobs
    assert job.status == "done", job.reason
    assert posted[0].alt_text == "A lighthouse above the sea."
    (planned,) = studio.rehearse_sync(toml(tmp_path, "")).jobs
    assert not [note for note in planned.notes if "alt_text" in note]


def test_each_destination_gets_its_own_copy_and_options(studio: Studio, tmp_path: Path) -> None:
    path = toml(
        tmp_path,
        """
        [destination.films]
        title = "Dawn"
        hashtags = ["#sea", "dawn"]
        privacy = "unlisted"
        alt_text = "A lighthouse above the sea."
        publish_at = 2030-01-02T03:04:05Z
        disclosure = { ai = "partly", label = "refuse" }
        category = "28"
        """,
    )
    (job,) = studio.run_sync(path).jobs
    assert job.status == "done", job.reason
    films, wall = posted
    assert (films.title, films.caption, films.hashtags) == ("Dawn", "For all.", ("sea", "dawn"))
    assert (films.privacy, films.alt_text) == ("unlisted", "A lighthouse above the sea.")
    assert films.publish_at == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert films.disclosure == Disclosure(ai="partly", label="refuse")
    assert films.ai_generated
    assert films.options == {"category": "28"}
    assert FilmOptions.model_validate(dict(films.options)) == FilmOptions(category="28")
    assert (wall.title, wall.privacy, wall.options, wall.publish_at) == ("", "public", {}, None)
    assert {name: receipt.url for name, receipt in wall.receipts.items()} == {"films": "https://films.example/1"}
    assert films.receipts == {}


def test_moderation_sees_the_copy_of_each_destination(studio: Studio, tmp_path: Path) -> None:
    path = toml(tmp_path, '[destination.films]\ncaption = "Mine."\nalt_text = "the secret place"\n')
    (job,) = studio.run_sync(path).jobs
    assert job.status == "rejected"
    assert [post.destination for post in posted] == ["wall"]
    texts = {content.destination: content.text for content in shown if content.stage is Stage.POST}
    assert texts == {"films": "Mine.\n\nthe secret place", "wall": "For all."}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[destination.films]\ncategry = "28"', "line 13: unknown key 'destination.films.categry'"),
        ('[destination.films]\ncaptoin = "x"', "Did you mean 'caption'?"),
        ('[destination.films]\ncategory = "29"', "line 13: destination.films.category = '29' is not possible"),
        ('[destination.wall]\ncategory = "28"', "line 13: unknown key 'destination.wall.category'"),
        ('[destination.wall]\nalt_text = "A lighthouse"', "wall takes no alternative text"),
        ('[destination.wall]\ndisclosure = { label = "refuse" }', "wall does not say that it has an AI label"),
        ("[destination.films]\npublish_at = 2030-01-02T03:04:05", "line 13: destination.films.publish_at"),
        ('[destination.filsm]\ncaption = "x"', "Did you mean 'films'?"),
        ('[destination.moderator]\ncaption = "x"', "There is no destination named 'moderator'"),
        ('[destination.films]\noptions = "x"\ncategory = "28"', "line 13: destination.films.options = 'x'"),
        ('[destination.films]\nprivacy = "secret"', "line 13: destination.films.privacy = 'secret'"),
    ],
)
def test_what_a_network_does_not_take_is_refused_before_anything_is_sent(
    studio: Studio, tmp_path: Path, text: str, told: str
) -> None:
    path = toml(tmp_path, f"\n\n{text}\n")
    with pytest.raises(InvalidInput) as refused:
        studio.run_sync(path)
    assert told in f"{refused.value.message} {refused.value.hint}"
    assert (posted, shown) == ([], [])


def test_a_publisher_that_is_left_out_this_time_keeps_its_table(studio: Studio, tmp_path: Path) -> None:
    path = toml(tmp_path, '[destination.films]\ncaption = "Mine."\n')
    path.write_text(path.read_text().replace('["films", "wall"]', '["wall"]'), encoding="utf-8")
    assert "[destination.films] is not used: nothing is published to films here." in studio.plan_sync(path).notes


def test_a_batch_fills_in_the_copy_and_completes_it(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "prompt,animal,destination.films.title,destination.films.category,destination.wall.hashtags\n"
        'A fox,fox,"",28,"#red, #tail"\n'
        "An otter,otter,Otters,,\n",
        encoding="utf-8",
    )
    with studio_of(tmp_path, destination={"films": {"title": "The {animal}", "category": "22"}}) as studio:
        assert [job.status for job in studio.run_sync(rows).jobs] == ["done", "done"]
    said = {(post.destination, post.title, post.hashtags, post.options.get("category")) for post in posted}
    assert said == {
        ("films", "The fox", (), "28"),
        ("films", "Otters", (), "22"),
        ("wall", "", ("red", "tail"), None),
        ("wall", "", (), None),
    }
    # The same file again makes nothing: a row is known by its own cells.
    with studio_of(tmp_path, destination={"films": {"title": "A {animal}"}}) as studio:
        assert len(studio.run_sync(rows).jobs) == 2
    assert len(posted) == 4


def test_a_row_is_blamed_for_its_own_cell(studio: Studio, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    given = [
        {"prompt": "A fox", "destinations": {"films": {"category": "28"}}},
        {"prompt": "An otter", "destinations": {"films": {"category": "29"}}},
        {"prompt": "A seal", "destinations": {"films": {"categry": "28"}}},
    ]
    rows.write_text("\n".join(map(json.dumps, given)), encoding="utf-8")
    with pytest.raises(WorkflowInvalid) as refused:
        studio.run_sync(rows)
    assert "rows.jsonl, line 2: destination.films.category = '29'" in refused.value.message
    assert "rows.jsonl, line 3: unknown key 'destination.films.categry'" in refused.value.message
    assert posted == []


def test_the_plan_has_the_copy_of_each_destination(studio: Studio, tmp_path: Path) -> None:
    path = toml(tmp_path, '[destination.films]\ncaption = "Mine."\ncategory = "28"\n')
    (job,) = studio.rehearse_sync(path).jobs
    films, wall = job.posts
    assert (films.caption, films.options, wall.caption) == ("Mine.", {"category": "28"}, "For all.")


def test_changed_copy_does_not_redirect_what_was_sent(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("id,prompt\nfox,A fox\n", encoding="utf-8")
    with studio_of(tmp_path, destination={"films": {"caption": "First."}}) as studio:
        (job,) = studio.run_sync(rows).jobs
    with studio_of(tmp_path, destination={"films": {"caption": "Second.", "category": "28"}}) as studio:
        (again,) = studio.run_sync(rows).jobs
    assert again.id == job.id
    assert [post.caption for post in posted if post.destination == "films"] == ["First."]


def test_ai_generated_and_disclosure_agree() -> None:
    post = sample_post()
    assert (post.ai_generated, post.disclosure) == (True, Disclosure())
    human = post.replace(ai_generated=False)
    assert human.disclosure.ai == "no"
    assert human.replace(title="Other").disclosure.ai == "no"
    assert human.replace(ai_generated=True).disclosure.ai == "yes"
    assert not post.replace(disclosure=Disclosure(ai="no")).ai_generated
    assert post.replace(disclosure={"ai": "partly"}).ai_generated
    with pytest.raises(ValueError, match="do not agree"):
        post.replace(ai_generated=True, disclosure=Disclosure(ai="no"))


def test_options_may_not_have_the_name_of_a_field_of_every_post(tmp_path: Path) -> None:
    class TitleOptions(Config):
        title: str = ""

    class Bad(Films):
        """Asks for what is there already."""

        PostOptions = TitleOptions  # type: ignore[assignment]

    with pytest.raises(InvalidInput, match="PostOptions has 'title'"), studio_with({"bad": Bad}, tmp_path):
        pass


def test_without_copy_of_their_own_posts_and_rows_are_what_they_were() -> None:
    """The values are those of 0.2.0: stores know posts, rows and approvals by them."""
    video = Asset(path=Path("/v/a.mp4"), sha256="a" * 64, bytes=10, media_type="video/mp4", role=Role.VIDEO)
    post = Post(destination="wall", clip=Clip(video=video), title="Dawn", caption="First light.", hashtags=("sea",))
    assert _same_post(post) == "3d132364afb8564d7511fce9135a67ea"
    assert fingerprint(post.model_dump(mode="json")) == "4ba0ed2a48f29c6c0317bdd33ac7fc47"
    assert fingerprint(sample_brief().model_dump(mode="json")) == "f466f0f9415c0310f7c4f902fe821be0"
    seen = Content(stage=Stage.POST, text="Dawn\nFirst light.\n#sea", destination="wall")
    assert content_hash(seen) == "5cc81e805cf3e9b0a66a0b68143bd6d0"
    brief = Brief(prompt="A fox", caption="Hello", hashtags=("a", "b"))
    given = {"prompt": "A fox", "caption": "Hello", "hashtags": ["a", "b"]}
    assert contents_of(brief, given, {}, str) == "2004b7bd530a2c0ef6202774a2c7c488"
    assert _same_post(post.replace(options={"category": "28"}, alt_text="A sea")) == _same_post(post)


def test_a_copy_of_one_destination_keeps_its_options_when_it_is_stored() -> None:
    copy = PostCopy.model_validate({"title": "Dawn", "category": "28", "tags": ["a"]})
    assert PostCopy.model_validate_json(copy.model_dump_json()) == copy
    assert copy.options == {"category": "28", "tags": ["a"]}
    assert copy.model_dump() == {"title": "Dawn", "options": {"category": "28", "tags": ["a"]}}
