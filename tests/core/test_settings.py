"""Settings: what may start, and how it is said when something may not."""

import re
from typing import Any

import pytest

from saas.core.settings import Settings, SettingsError, env_example, load

GOOD = {
    "freehold_env": "production",
    "secret_key": "0123456789abcdef" * 4,
    "site_url": "https://freehold.example",
    "database_url": "postgresql://app:secret@db.example/freehold",
    "database_admin_url": "postgresql://admin:secret@db.example/freehold",
    "redis_url": "redis://:secret@redis.example/0",
    "smtp_url": "smtp://mail.example",
    "mail_from": "Freehold <hello@freehold.example>",
    "trusted_proxies": 1,
}
EMBEDDED = "embedded-0123"

GAPS = {
    "a development secret": ({"secret_key": "development-" + "x" * 40}, "SECRET_KEY"),
    "an embedded database": ({"database_url": f"postgresql://a:{EMBEDDED}@127.0.0.1/x"}, "DATABASE_URL"),
    "an embedded administrator": (
        {"database_admin_url": f"postgresql://a:{EMBEDDED}@127.0.0.1/x"},
        "DATABASE_ADMIN_URL",
    ),
    "an embedded Redis": ({"redis_url": f"redis://:{EMBEDDED}@127.0.0.1/0"}, "REDIS_URL"),
    "the debugger": ({"debug": True}, "DEBUG"),
    "no mail server": ({"smtp_url": None}, "SMTP_URL"),
    "no sender": ({"mail_from": "Freehold <hello@localhost>"}, "MAIL_FROM"),
    "proxies not told": ({"trusted_proxies": None}, "TRUSTED_PROXIES"),
    "a site without TLS": ({"site_url": "http://freehold.example"}, "SITE_URL"),
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_complete_production_starts() -> None:
    settings = load(**GOOD)
    assert settings.production
    assert settings.database_url == "postgresql+psycopg2://app:secret@db.example/freehold"


@pytest.mark.parametrize(("gap", "variable"), GAPS.values(), ids=GAPS.keys())
def test_production_refuses_what_is_unsafe_and_names_the_variable(gap: dict[str, Any], variable: str) -> None:
    message = refusal(**GOOD | gap)
    assert re.search(rf"\b{variable}\b", message)
    assert not [name for _, name in GAPS.values() if name != variable and re.search(rf"\b{name}\b", message)]
    assert load(**GOOD | gap | {"freehold_env": "development"})  # where it is fine


def test_production_names_every_gap_on_a_line_of_its_own() -> None:
    everything = {name: value for gap, _ in GAPS.values() for name, value in gap.items()}
    lines = refusal(**GOOD | everything).splitlines()
    assert [re.search(r"[A-Z_]{5,}", line)[0] for line in lines] == [name for _, name in GAPS.values()]


def test_an_empty_environment_is_told_every_variable_that_is_missing() -> None:
    required = [name.upper() for name, field in Settings.model_fields.items() if field.is_required()]
    assert refusal().splitlines() == [f"{name}: Field required" for name in required]


def test_every_wrong_variable_is_told_and_no_value_is() -> None:
    wrong = {
        "freehold_env": "staging-of-mine",
        "secret_key": "short-and-secret",
        "site_url": "https://freehold.example/path-of-mine",
        "database_url": "mysql://user:secret-of-mine@host/x",
        "redis_url": "http://:secret-of-mine@host",
        "smtp_url": "http://user:secret-of-mine@host",
        "trusted_proxies": "99",
        "max_body_bytes": "many-of-mine",
        "log_level": "loud-of-mine",
    }
    message = refusal(**GOOD | wrong)
    assert sorted(line.partition(":")[0] for line in message.splitlines()) == sorted(name.upper() for name in wrong)
    assert "mine" not in message
    assert "short-and-secret" not in message


NO_ORIGIN = [
    "",
    "ftp://x.example",
    "https://",
    "https://x.example/path",
    "https://x.example?query",
    "https://x.example#there",
    "https://somebody@x.example",
    "https://x.example:port",
    "https://x.example:99999",
    "//x.example",
    "x.example",
]


@pytest.mark.parametrize("url", NO_ORIGIN)
def test_a_site_is_an_origin(url: str) -> None:
    assert refusal(**GOOD | {"site_url": url}).startswith("SITE_URL: ")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setenv("SIGNUPS_PER_HOUR", "3")
    monkeypatch.setenv("METRICS_TOKEN", "")  # empty is unset
    monkeypatch.setenv("UNKNOWN_TO_US", "1")
    settings = load()
    assert (settings.signups_per_hour, settings.metrics_token) == (3, None)


def test_the_pool_is_not_filled_below_its_low_mark() -> None:
    assert "SPARE_TENANTS_HIGH" in refusal(**GOOD | {"spare_tenants_low": 9, "spare_tenants_high": 8})


def test_the_example_names_each_setting_with_its_meaning_and_default() -> None:
    text = env_example()
    assert re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE) == [name.upper() for name in Settings.model_fields]
    for name, field in Settings.model_fields.items():
        assert f"# {field.description}\n{'' if field.is_required() else '# '}{name.upper()}=" in text
    assert "# SPARE_TENANTS_LOW=8\n" in text
    assert "# DEBUG=false\n" in text


def refusal(**values: Any) -> str:
    with pytest.raises(SettingsError) as refused:
        load(**values)
    return str(refused.value)
