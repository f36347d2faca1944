from __future__ import annotations

import importlib.metadata
import itertools
import textwrap
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from reelwork.errors import NotFound
from reelwork.plugins.catalog import GROUP, Broken, Catalog
from reelwork.plugins.definition import INSTANCE_HOOKS, REGISTRATION_HOOKS, define
from reelwork_hooks import PluginInvalid, hookimpl
from reelwork_hooks.models import Clip, Content, Job, Prompt, Verdict
from reelwork_hooks.provider import Provider

SERIAL = itertools.count(1)
HEAD = "from reelwork_hooks import *\nfrom reelwork_hooks import hookimpl, Plugin, Config\n"
GOOD = HEAD + "class Good(Plugin):\n    '''Does good.'''\n    @hookimpl\n    def publish(self, post): ...\n"

Install = Callable[..., str]


class Site:
    """A folder of installed distributions, as pip leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, distribution: str, source: str, **entries: str) -> str:
        """A distribution with one module; `entries` are entry points, with `{m}` standing for the module."""
        module = f"rw_sample_{next(SERIAL)}"
        (self.folder / f"{module}.py").write_text(textwrap.dedent(source))
        info = self.folder / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"{name.replace('_', '-')} = {value.format(m=module)}" for name, value in entries.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))
        return module

    def catalog(self) -> Catalog:
        found = importlib.metadata.distributions(path=[str(self.folder)])
        return Catalog([entry for distribution in found for entry in distribution.entry_points])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.syspath_prepend(str(tmp_path))
    return Site(tmp_path)


def body(method: str) -> str:
    """The source of a plugin class with this method."""
    return HEAD + "class It(Plugin):\n" + textwrap.indent(textwrap.dedent(method), "    ")


def refused(site: Site, source: str, entry: str = "{m}:It") -> PluginInvalid:
    site.install("sample", source, it=entry)
    with pytest.raises(PluginInvalid) as caught:
        site.catalog().get("it")
    assert "'it' (sample 1.0)" in caught.value.message
    return caught.value


# --- pluggy's traps -------------------------------------------------------------------------------------------

TRAPS = {
    "default": (
        "@hookimpl\ndef pre_moderate(self, content, job=None): ...",
        "gives job a default, and would always get that default",
        "Leave out the default: pre_moderate(content, job)",
    ),
    "keyword-only": (
        "@hookimpl\ndef pre_moderate(self, content, *, job: int): ...",
        "has job after *, which is never passed",
        "pre_moderate(content, job)",
    ),
    "star": (
        "@hookimpl\ndef publish(self, *args): ...",
        "has *args, which is never passed",
        "publish(post, job, effect)",
    ),
    "kwargs": ("@hookimpl\ndef publish(self, **more): ...", "has **more, which is never passed", "publish(post,"),
    "positional-only": (
        "@hookimpl\ndef publish(self, post, /, job): ...",
        "never passed",
        "publish(post, job, effect)",
    ),
    "unknown argument": (
        "@hookimpl\nasync def publish(self, post, attempt): ...",
        "asks for 'attempt', which no version of Reelwork up to",
        "upgrade: pip install -U reelwork",
    ),
    "misspelt": (
        "@hookimpl\ndef pre_moderat(self, content): ...",
        "no hook named 'pre_moderat'",
        "Known: check_brief, find_post",
    ),
    "misspelt and unmarked": (
        "@hookimpl\ndef publish(self, post): ...\ndef prompt_transforms(self, prompt, job): ...",
        "defines prompt_transforms, which is no hook",
        "Did you mean 'prompt_transform'? Write @hookimpl",
    ),
    "unmarked": (
        "@hookimpl\ndef publish(self, post): ...\ndef find_post(self, post): ...",
        "defines find_post without @hookimpl, so it would never be called",
        "from reelwork_hooks import hookimpl",
    ),
    "nothing marked": ("def other(self): ...", "holds no hook", "@hookimpl"),
    "wrapper": (
        "@hookimpl(wrapper=True)\ndef publish(self, post):\n    return (yield)",
        "marks publish as a wrapper",
        "plain hook",
    ),
    "hookwrapper": (
        "@hookimpl(hookwrapper=True)\ndef publish(self, post):\n    yield",
        "marks publish as a wrapper",
        "plain hook",
    ),
    "tryfirst": (
        "@hookimpl(tryfirst=True)\ndef publish(self, post): ...",
        "tryfirst or trylast",
        "workflow's lists",
    ),
    "trylast": ("@hookimpl(trylast=True)\ndef publish(self, post): ...", "tryfirst or trylast", "workflow's lists"),
    "generator": (
        "@hookimpl\ndef publish(self, post):\n    yield 1",
        "publish contains `yield`",
        "Return its answer",
    ),
    "async generator": (
        "@hookimpl\nasync def publish(self, post):\n    yield 1",
        "publish contains `yield`",
        "Return its answer",
    ),
    "no self": (
        "@hookimpl\ndef publish(post, job): ...",
        "publish lacks `self`",
        "def publish(self, post, job, effect)",
    ),
    "twice": (
        "@hookimpl\ndef publish(self, post): ...\n@hookimpl(specname='publish')\ndef also(self, post): ...",
        "implements publish twice: also and publish",
        "Leave one",
    ),
    "misspelt specname": (
        "@hookimpl(specname='publsh')\ndef post_it(self, post): ...",
        "no hook named 'publsh'. Did you mean 'publish'?",
        "Known:",
    ),
    "phase": (
        "phase = 'finish'\n@hookimpl\ndef post_download(self, clip): ...",
        "phase = 'finish' is not possible",
        "Phase.EDIT, Phase.SIGN, Phase.STORE",
    ),
    "config": (
        "class Config: ...\n@hookimpl\ndef publish(self, post): ...",
        "its Config is not a class derived from reelwork_hooks.Config",
        "import Config",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_caught_when_the_plugin_is_loaded(site: Site, trap: str) -> None:
    method, message, hint = TRAPS[trap]
    problem = refused(site, body(method))
    assert message in problem.message
    assert hint in problem.hint
    assert problem.money == "Nothing was sent, nothing was spent."


def test_arguments_may_be_left_out_and_in_any_order() -> None:
    class Sparse:
        @hookimpl
        def pre_moderate(self) -> Verdict | None: ...

        @hookimpl
        async def post_download(self, job: Job, clip: Clip) -> Clip | None: ...

        @hookimpl(specname="prompt_transform")
        def rewrite(self, prompt: Prompt) -> Prompt | None: ...

        @hookimpl
        @staticmethod
        def publish(effect: object) -> None: ...

        def published(self, post: str) -> bool: ...

        @staticmethod
        def register_everything() -> None: ...

    found = define("sparse", Sparse, "here")
    assert found.hooks == ("pre_moderate", "prompt_transform", "post_download", "publish")


def test_a_subclass_inherits_marked_hooks() -> None:
    class Base:
        @hookimpl
        def pre_moderate(self, content: Content) -> Verdict | None: ...

    class Derived(Base):
        pass

    assert define("derived", Derived, "here").hooks == ("pre_moderate",)


def test_every_hook_of_the_contract_is_known_to_the_checks() -> None:
    from reelwork_hooks import specs

    declared = {name for name in vars(specs) if hasattr(getattr(specs, name), f"{specs.PROJECT}_spec")}
    assert declared == {*INSTANCE_HOOKS, *REGISTRATION_HOOKS}


# --- finding and loading --------------------------------------------------------------------------------------


def test_a_good_plugin_says_what_it_is(site: Site) -> None:
    site.install("good-post", GOOD, good="{m}:Good")
    found = site.catalog().get("good")
    assert (found.name, found.origin, found.summary) == ("good", "good-post 1.0", "Does good.")
    assert found.hooks == ("publish",)


def test_two_distributions_with_one_name_are_both_named(site: Site) -> None:
    site.install("first", GOOD, good="{m}:Good")
    site.install("second", GOOD, good="{m}:Good", other="{m}:Good")
    catalog = site.catalog()
    with pytest.raises(PluginInvalid) as caught:
        catalog.get("good")
    assert "first 1.0" in caught.value.message
    assert "second 1.0" in caught.value.message
    assert "'first:good'" in caught.value.hint
    assert "'second:good'" in caught.value.hint
    assert catalog.get("first:good").origin == "first 1.0"
    assert catalog.get("second:good").origin == "second 1.0"
    assert catalog.get("other").origin == "second 1.0"
    assert catalog.get("second:other") is catalog.get("other")
    assert [item.name for item in catalog.everything()] == ["first:good", "other", "second:good"]


def test_a_name_of_ours_cannot_be_taken(site: Site) -> None:
    site.install("acme_board", GOOD, gallery="{m}:Good")
    ours = importlib.metadata.entry_points(group="reelwork.plugins", name="gallery")
    found = importlib.metadata.distributions(path=[str(site.folder)])
    catalog = Catalog([*(entry for one in found for entry in one.entry_points), *ours])
    assert catalog.get("gallery").origin.startswith("reelwork ")
    assert catalog.get("acme-board:gallery").origin == "acme_board 1.0"
    assert catalog.get("Acme.Board:gallery") is catalog.get("acme-board:gallery")
    assert catalog.get("reelwork:gallery") is catalog.get("gallery")
    with pytest.raises(NotFound):
        catalog.get("nobody:gallery")


def test_one_distribution_seen_twice_is_one_plugin(site: Site) -> None:
    site.install("good-post", GOOD, good="{m}:Good")
    entries = [e for d in importlib.metadata.distributions(path=[str(site.folder)] * 2) for e in d.entry_points]
    assert len(entries) == 2
    assert Catalog(entries).get("good").name == "good"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("", "AttributeError"),
    ],
)
def test_a_plugin_that_does_not_import_troubles_no_other(site: Site, source: str, why: str) -> None:
    site.install("bad", source, bad="{m}:Bad")
    site.install("good", GOOD, good="{m}:Good")
    catalog = site.catalog()
    everything = {item.name: item for item in catalog.everything()}
    bad = everything["bad"]
    assert isinstance(bad, Broken)
    assert (bad.origin, everything["good"].origin) == ("bad 1.0", "good 1.0")
    assert why in bad.problem.message
    assert "other plugins are not affected" in bad.problem.hint
    assert catalog.get("good").hooks == ("publish",)


def test_nothing_is_imported_before_it_is_asked_for(site: Site) -> None:
    site.install("bad", "raise RuntimeError('imported')", bad="{m}:Bad")
    catalog = site.catalog()
    assert catalog.names() == ["bad"]


def test_a_missing_extra_is_named(site: Site) -> None:
    source = """
        error = ImportError("boto3 is not installed")
        error.reelwork_extra = "storage"
        raise error
    """
    problem = refused(site, source)
    assert problem.hint == 'Install what it needs with: pip install "reelwork[storage]"'


def test_an_unknown_plugin_is_answered_with_a_near_name(site: Site) -> None:
    site.install("good", GOOD, gallery="{m}:Good")
    with pytest.raises(NotFound, match=r"no plugin named 'galery'\. Did you mean 'gallery'"):
        site.catalog().get("galery")


def test_an_entry_point_must_name_a_class_or_module(site: Site) -> None:
    assert "is a int; an entry point must name a class or module" in refused(site, "It = 3").message


def test_hooks_of_a_job_need_a_class(site: Site) -> None:
    source = HEAD + "@hookimpl\ndef publish(post): ...\n"
    problem = refused(site, source, entry="{m}")
    assert "implements publish as a function of a module" in problem.message
    assert "__init__(self, config, context)" in problem.hint


def test_the_built_ins_keep_the_contract() -> None:
    entries = [e for e in importlib.metadata.entry_points(group=GROUP) if e.value.startswith("reelwork_plugins.")]
    catalog = Catalog(entries)
    assert [item for item in catalog.everything() if isinstance(item, Broken)] == []
    assert issubclass(catalog.provider("preview"), Provider)
    assert catalog.origin_of_provider("preview").startswith("reelwork ")
    assert catalog.platform("x").name == "twitter"


# --- what is registered by name -------------------------------------------------------------------------------

PROVIDERS = {
    "return [Provider]": "register_providers gave a list",
    "return None": "register_providers gave a NoneType",
    "return {'a': int}": "provider 'a' is not a class derived from Provider",
    "return {'a': Provider(None, None)}": "provider 'a' is not a class",
    "return {1: Provider}": "the name 1",
    "raise KeyError('x')": "register_providers failed: KeyError",
    "class Odd(Provider):\n        class Config: ...\n    return {'odd': Odd}": "ProviderConfig",
}


@pytest.mark.parametrize("answer", PROVIDERS)
def test_junk_from_register_providers_is_refused(site: Site, answer: str) -> None:
    source = HEAD + f"@hookimpl\ndef register_providers():\n    {answer}\n"
    assert PROVIDERS[answer] in refused(site, source, entry="{m}").message


@pytest.mark.parametrize("answer", ["None", "3", "['youtube']", "[{'name': 'x'}]"])
def test_junk_from_register_platforms_is_refused(site: Site, answer: str) -> None:
    source = HEAD + f"@hookimpl\ndef register_platforms():\n    return {answer}\n"
    assert "must give Platform values" in refused(site, source, entry="{m}").message


@pytest.mark.parametrize("decorator", ["", "@classmethod"])
def test_registration_must_be_static(site: Site, decorator: str) -> None:
    source = body(f"@hookimpl\n{decorator}\ndef register_providers(self): return {{}}")
    assert "register_providers must be a @staticmethod" in refused(site, source).message


def test_registration_under_another_name_must_be_static_too(site: Site) -> None:
    source = body("@hookimpl(specname='register_platforms')\ndef mine(self): return ()")
    assert "must be a @staticmethod" in refused(site, source).message


def test_registration_is_plain(site: Site) -> None:
    source = HEAD + "@hookimpl\nasync def register_providers(): return {}\n"
    assert "must be a plain `def`" in refused(site, source, entry="{m}").message


def test_registration_gets_no_arguments(site: Site) -> None:
    source = HEAD + "@hookimpl\ndef register_providers(config): return {}\n"
    assert "asks for 'config'" in refused(site, source, entry="{m}").message


def test_a_static_registration_is_used(site: Site) -> None:
    source = body("""
        @hookimpl
        @staticmethod
        def register_platforms():
            return [Platform(name="reels", aliases=("ig-reels",), aspect_ratio="9:16", longest_duration=90)]
        @hookimpl
        @staticmethod
        def register_providers():
            return {"mine": Provider}
    """)
    site.install("sample", source, it="{m}:It")
    catalog = site.catalog()
    assert catalog.platform("ig-reels").longest_duration == 90
    assert catalog.provider("mine") is Provider
    assert catalog.get("it").hooks == ()


BRINGS_SORA = HEAD + "@hookimpl\ndef register_providers(): return {'sora': Provider}\n"


BRINGS_REELS = (
    HEAD
    + "@hookimpl\ndef register_platforms():\n"
    + "    return [Platform(name='reels', aspect_ratio='9:16', longest_duration=90)]\n"
)


def test_two_plugins_that_bring_one_provider_are_both_named(site: Site) -> None:
    site.install("first", BRINGS_SORA, one="{m}")
    site.install("second", BRINGS_SORA, two="{m}")
    with pytest.raises(
        PluginInvalid, match=r"'sora' is used by the plugins 'one' \(first 1.0\) and 'two' \(second"
    ):
        site.catalog().provider("sora")


def test_a_file_that_brings_what_is_there_already_is_not_passed_over_in_silence(site: Site, tmp_path: Path) -> None:
    site.install("first", BRINGS_SORA, sora="{m}")
    site.install("second", BRINGS_REELS, platforms="{m}")
    for source in (BRINGS_SORA, BRINGS_REELS):
        catalog = site.catalog()
        assert catalog.provider("sora") is Provider
        assert catalog.platform("reels").longest_duration == 90
        (tmp_path / "own.py").write_text(source)
        catalog.get_file(tmp_path / "own.py")
        with pytest.raises(PluginInvalid, match=r"is used by the plugins '\w+' \(\w+ 1.0\) and 'own' \(.*own.py\)"):
            catalog.provider("sora") if source is BRINGS_SORA else catalog.platform("reels")


def test_the_plugin_of_a_providers_own_name_is_asked_and_no_other(site: Site) -> None:
    site.install("first", "raise RuntimeError('not to be imported')", a="{m}")
    site.install("second", BRINGS_SORA, sora="{m}")
    assert site.catalog().provider("sora") is Provider


def test_a_broken_plugin_does_not_hide_other_providers(site: Site) -> None:
    site.install("first", "1 / 0", a="{m}")
    site.install("second", BRINGS_SORA, b="{m}")
    catalog = site.catalog()
    assert catalog.provider("sora") is Provider
    with pytest.raises(NotFound, match=r"no provider named 'soar'\. Did you mean 'sora'"):
        catalog.provider("soar")


def test_an_entry_point_without_a_distribution_still_has_an_origin() -> None:
    problem = next(iter(Catalog([EntryPoint("x", "no_such_module:X", GROUP)]).everything()))
    assert isinstance(problem, Broken)
    assert problem.origin == "no_such_module:X"


# --- plugins in a single file ---------------------------------------------------------------------------------


def file(folder: Path, source: str, name: str = "my_plugin.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(source))
    return path


def test_a_file_is_a_plugin(tmp_path: Path) -> None:
    source = """
        from __future__ import annotations
        from typing import Annotated
        from pydantic import Field
        from reelwork_hooks import Config, Content, Job, Plugin, Verdict, hookimpl

        class Inner(Config):
            words: tuple[Word, ...] = ()

        Word = Annotated[str, Field(min_length=2)]

        class Strict(Plugin):
            class Config(Config):
                inner: Inner = Inner()
                limit: Annotated[int, Field(ge=1)] = 3

            @hookimpl
            def pre_moderate(self, content: Content, job: Job) -> Verdict | None:
                return None
    """
    catalog = Catalog([])
    path = file(tmp_path, source)
    found = catalog.get_file(path)
    assert (found.name, found.origin, found.hooks) == ("my-plugin", str(path), ("pre_moderate",))
    assert found.config_model.model_validate({"limit": "4"}).limit == 4  # type: ignore[attr-defined]
    assert catalog.get_file(path) is found


def test_files_of_one_name_in_two_folders_are_two_plugins(tmp_path: Path) -> None:
    catalog = Catalog([])
    targets = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        source = GOOD.replace("Does good", f"From {folder}")
        targets.append(catalog.get_file(file(tmp_path / folder, source)))
    assert [found.summary for found in targets] == ["From a.", "From b."]


def test_a_file_may_bring_platforms_and_providers(tmp_path: Path) -> None:
    catalog = Catalog([])
    catalog.get_file(file(tmp_path, BRINGS_SORA))
    assert catalog.provider("sora") is Provider


FILES = {
    "x = 1\n": "holds no plugin: no class in it has a method marked with @hookimpl",
    "class A:\n    def publish(self, post): ...\n": "holds no plugin",
    GOOD + GOOD.replace("Good", "Better").removeprefix(HEAD): "holds several plugins (Good, Better)",
    GOOD + "@hookimpl\ndef register_platforms(): return ()\n": "hooks in the class Good and outside of it",
    "def broken(:\n": "could not be imported: SyntaxError",
    "import no_such_module_anywhere\n": "could not be imported: ModuleNotFoundError",
}


@pytest.mark.parametrize("source", FILES)
def test_a_file_that_is_no_plugin_says_why(tmp_path: Path, source: str) -> None:
    path = file(tmp_path, source)
    with pytest.raises(PluginInvalid) as caught:
        Catalog([]).get_file(path)
    assert FILES[source] in caught.value.message
    assert str(path) in caught.value.message


def test_a_class_that_was_only_imported_is_not_the_files_plugin(tmp_path: Path) -> None:
    source = "from reelwork_plugins.storage.local import Local\n" + GOOD
    assert Catalog([]).get_file(file(tmp_path, source)).target.__name__ == "Good"


def test_a_missing_file_and_one_that_is_no_python(tmp_path: Path) -> None:
    with pytest.raises(PluginInvalid, match="does not exist"):
        Catalog([]).get_file(tmp_path / "none.py")
    with pytest.raises(PluginInvalid, match="is not Python source"):
        Catalog([]).get_file(file(tmp_path, GOOD, "plugin.txt"))
