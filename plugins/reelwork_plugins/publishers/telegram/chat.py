"""The bot and its chat: who posts where, and what would stand in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reelwork_hooks import Answer, Context, Credentials, InvalidInput, Problem
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.telegram.api import MAY_NOT, Bot, is_result, read_refusal
from reelwork_plugins.publishers.telegram.config import API, DEFAULT_ACCOUNT, TelegramConfig, checked_chat
from reelwork_plugins.publishers.telegram.config import checked_server as checked


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as Telegram knows it."""

    id: str
    kind: str
    """`private`, `group`, `supergroup` or `channel`."""
    name: str
    """Its public name without `@`; empty where only those who were let in can read it."""
    title: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A bot, and the chat that it posts to."""

    bot: Bot
    chat: str
    """`@name`, or an id."""

    async def look(self) -> Chat:
        """Return the chat. Raises `InvalidInput` when the bot cannot see it, and `Unavailable`."""
        answer = await self.bot.read("getChat", chat_id=self.chat)
        result = answer.at("result")
        if not is_result(answer) or not isinstance(answer.at("result", "id"), int):
            raise read_refusal(answer, f"the lookup of the chat {self.chat}")
        title = result.get("title") or result.get("first_name") or self.chat
        return Chat(str(result["id"]), str(result.get("type", "")), str(result.get("username") or ""), str(title))

    async def right_to_post(self, chat: Chat, bot_id: int) -> Problem | None:
        """Return what keeps the bot from posting videos there. Raises `InvalidInput` and `Unavailable`."""
        if chat.kind == "private":
            return None
        answer = await self.bot.read("getChatMember", chat_id=chat.id, user_id=bot_id)
        if not is_result(answer):
            raise read_refusal(answer, "the lookup of the bot's rights")
        why = _missing_right(answer, chat)
        return Problem(message=f"the bot cannot post in {chat.title!r}: {why}.", hint=MAY_NOT) if why else None


def _missing_right(answer: Answer, chat: Chat) -> str:
    status = answer.text_at("result", "status")
    if status in ("left", "kicked"):
        return "it is not a member" if status == "left" else "it was removed"
    if chat.kind == "channel" and status != "creator" and answer.at("result", "can_post_messages") is not True:
        return "it is not an administrator with the right to post"
    if status == "restricted" and answer.at("result", "can_send_videos") is not True:
        return "it may not send videos"
    return ""


async def whoami(bot: Bot) -> tuple[int, str]:
    """Return the bot's id and its name. Raises `InvalidInput` when the token is not accepted, and `Unavailable`."""
    answer = await bot.read("getMe")
    bot_id = answer.at("result", "id")
    if not is_result(answer) or not isinstance(bot_id, int):
        raise read_refusal(answer, "the check of the token")
    return bot_id, answer.text_at("result", "username")


async def sign_in(given: Mapping[str, str], context: Context) -> Credentials:
    """Return the account of a bot at a chat, in which it may post. Raises `InvalidInput` or `Unavailable`."""
    try:
        service, wanted = checked(given.get("service") or API), checked_chat(given["chat"])
    except ValueError as error:
        raise InvalidInput(f"{error}.") from None
    who = SignedIn(Bot(context, given["token"], service), wanted)
    bot_id, name = await whoami(who.bot)
    chat = await who.look()
    if problem := await who.right_to_post(chat, bot_id):
        raise InvalidInput(f"telegram: {problem.message}", hint=problem.hint)
    shown = {
        "service": service,
        "identifier": f"@{name} in {f'@{chat.name}' if chat.name else chat.title}",
        "chat": chat.id,
        # Shown at the sign-in, and asked again before each post.
        "public_name": f"@{chat.name}" if chat.name else "",
    }
    return Credentials(shown, {"token": given["token"].strip()}, identity=identity_of(chat.id))


def identity_of(chat: str) -> str:
    """Return a destination's name. The chat alone: with another bot or server it would get the same post again."""
    return f"chat {chat.casefold()}"


def signed_in(config: TelegramConfig, context: Context) -> SignedIn:
    """Return the bot that posts, and where. Raises `InvalidInput`."""
    if config.token and config.chat:
        return SignedIn(Bot(context, context.secret(config.token), config.base_url or API), config.chat)
    values = account_values(config, context)
    return SignedIn(Bot(context, values["token"], values["service"]), values["chat"])


def account_values(config: TelegramConfig, context: Context) -> Mapping[str, str]:
    """Return what is stored of the account. Raises `InvalidInput`."""
    return own_account(context, config.account or DEFAULT_ACCOUNT, "telegram").read()


async def problems_of(values: Mapping[str, str], context: Context) -> list[Problem]:
    """Return why a first post would fail. Raises `Unavailable`."""
    who = SignedIn(Bot(context, values["token"], values["service"]), values["chat"])
    try:
        bot_id, _ = await whoami(who.bot)
        problem = await who.right_to_post(await who.look(), bot_id)
    except InvalidInput as error:
        return [Problem(message=error.message, hint=error.hint)]
    return [problem] if problem else []
