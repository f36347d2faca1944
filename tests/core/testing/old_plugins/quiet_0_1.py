"""A plugin of version 0.1 that asks each hook for as little as it can. Kept as it was: not to be changed."""

from reelwork_hooks import Absent, Content, Phase, Plugin, Post, Receipt, Verdict, hookimpl


class Quiet(Plugin):
    """Implements every hook of a job."""

    phase = Phase.EDIT
    public = False

    @hookimpl
    def pre_moderate(self, content: Content) -> Verdict | None:
        return Verdict.reject("shouting") if content.text.isupper() else None

    @hookimpl
    def prompt_transform(self) -> None:
        return None

    @hookimpl
    async def post_download(self) -> None:
        return None

    @hookimpl
    def prepare_publish(self) -> str:
        return "prepared"

    @hookimpl
    async def publish(self, post: Post) -> Receipt:
        return Receipt(id=f"{post.destination}-1")

    @hookimpl
    def find_post(self) -> Absent:
        return Absent()

    @hookimpl
    def job_event(self) -> None:
        return None
