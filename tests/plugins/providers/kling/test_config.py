from __future__ import annotations

import pytest
from pydantic import ValidationError

from reelwork_plugins.providers.kling.config import KlingConfig

KEYS = {"access_key": "env:A", "secret_key": "file:/b"}


@pytest.mark.parametrize("url", ["https://api-singapore.klingai.com", "https://api-beijing.klingai.com/v1/"])
def test_kling_itself_gets_the_usual_keys(url: str) -> None:
    config = KlingConfig(base_url=url)
    assert (config.access_key, config.secret_key) == ("env:KLING_ACCESS_KEY", "env:KLING_SECRET_KEY")
    assert config.base_url == config.origin == url.removesuffix("/v1/")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8765", "https://klingai.com.example", "https://fakeklingai.com"])
def test_nobody_else_gets_them_unasked(url: str) -> None:
    with pytest.raises(ValidationError, match="name access_key and secret_key"):
        KlingConfig(base_url=url)
    assert KlingConfig.model_validate({"base_url": url, **KEYS}).origin == url


@pytest.mark.parametrize(
    "url", ["ftp://kling", "https://me:pw@kling.example", "https://kling.example/?a=1", "kling"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="http\\(s\\)"):
        KlingConfig.model_validate({"base_url": url, **KEYS})
