"""The platform's settings: one typed class, read from environment variables and nowhere else."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from flask import current_app
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Environment = Literal["development", "test", "production"]
Isolation = Literal["roles", "schema"]

DEVELOPMENT_SECRET = "development-"  # noqa: S105  how a secret made by `./dev run` starts
EMBEDDED_PASSWORD = "embedded-"  # noqa: S105  how the password of an embedded service starts


class SettingsError(Exception):
    """The environment does not describe a platform that may start; the text names each variable."""


def _sqlalchemy_url(url: str) -> str:
    """Accept the `postgres://` and `postgresql://` that hosting companies hand out."""
    scheme, separator, rest = url.partition("://")
    if scheme in {"postgres", "postgresql"}:
        return f"postgresql+psycopg2{separator}{rest}"
    if scheme != "postgresql+psycopg2":
        raise ValueError("must start with postgresql://")
    return url


def _origin(url: str) -> str:
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in origin or parts.port == 0:
        raise ValueError("must be an origin such as https://example.com")
    if url.rstrip("/") != origin:
        raise ValueError("must be an origin such as https://example.com, without a path")
    return origin


def _scheme(*schemes: str) -> Callable[[str], str]:
    def check(url: str) -> str:
        if url.partition("://")[0] not in schemes:
            raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return url

    return check


DatabaseUrl = Annotated[str, AfterValidator(_sqlalchemy_url)]


class Settings(BaseSettings):
    """Each field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    freehold_env: Environment = Field(
        "production",
        description="development and test allow what production refuses: embedded services, mailbox page.",
    )
    secret_key: str = Field(
        min_length=32,
        description="Signs cookies and form tokens. 32 characters or more, the same on every pod.",
    )
    site_url: Annotated[str, AfterValidator(_origin)] = Field(
        "http://localhost:8000",
        description="The bare host's origin. Workspaces live on its subdomains: point *.host at the same place.",
    )
    database_url: DatabaseUrl = Field(
        description="PostgreSQL 17 or newer, as the application's own login role (never a superuser)."
    )
    database_admin_url: DatabaseUrl | None = Field(
        None,
        description="The same database as its owner with CREATEROLE; for `saas migrate` and the slow worker only.",
    )
    redis_url: Annotated[str, AfterValidator(_scheme("redis", "rediss", "unix"))] = Field(
        description="Redis or Valkey, which carries jobs to the workers."
    )
    smtp_url: Annotated[str, AfterValidator(_scheme("smtp", "smtps"))] | None = Field(
        None,
        description="smtp://user:password@host:587 (STARTTLS) or smtps://host:465. Unset, mails stay at /dev/mailbox.",
    )
    mail_from: str = Field("Freehold <hello@localhost>", description="The sender of the platform's mails.")
    stripe_secret_key: str | None = Field(
        None,
        pattern=r"^(sk|rk)_(test|live)_\w+$",
        description="Stripe's secret key. Unset, nothing can be bought; `./dev run` brings a stand-in for Stripe.",
    )
    stripe_webhook_secret: str | None = Field(
        None,
        description="The webhook endpoint's signing secret, whsec_…; two with a comma while one is being replaced.",
    )
    stripe_api_url: Annotated[str, AfterValidator(_origin)] | None = Field(
        None, description="Where the stand-in for Stripe listens; unset, it is Stripe itself. Never in production."
    )
    stripe_tax: bool = Field(
        False, description="Let Stripe Tax work out the tax of each invoice; it is set up in Stripe's dashboard first."
    )
    modules_dir: Path | None = Field(
        None, description="A folder of modules of your own, a Python package each; see docs/extend.md."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    trusted_proxies: int | None = Field(
        None,
        ge=0,
        le=8,
        description="How many proxies in front of the web process set X-Forwarded-For; production asks for it.",
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="A longer request body is refused with 413.")
    tenant_isolation: Isolation = Field(
        "roles",
        description="What parts tenants in the database: a role for each, or the guard alone; see docs/postgres.md.",
    )
    accepted_gaps: str | None = Field(
        None,
        description="What the database need not enforce for production to start; names, with commas, of `saas doctor`.",
    )
    database_pool_size: int = Field(5, ge=1, description="Connections that one process keeps to PostgreSQL.")
    tenants_per_connection: int = Field(
        500, ge=1, description="A connection is replaced after serving so many tenants, whose tables it remembers."
    )
    statement_timeout_ms: int = Field(15_000, ge=100, description="A tenant's statement is cancelled after this time.")
    tenant_calls_per_second: float = Field(
        50,
        ge=0,
        description="Requests that a web process takes of one tenant a second, 0: any; see docs/throttling.md.",
    )
    tenant_calls_at_once: int = Field(
        2,
        ge=0,
        description="Requests of one tenant that it works on at the same time; 0: as many as it works on at all.",
    )
    tenant_time_share: float = Field(
        0.25,
        ge=0,
        description="Seconds of each second that a tenant's requests may take there in the long run; 0: all.",
    )
    spare_tenants_low: int = Field(8, ge=1, description="The pool of ready-made tenant schemas is refilled below this.")
    spare_tenants_high: int = Field(16, ge=1, description="Up to how many it is refilled.")
    unconfirmed_hours: int = Field(72, ge=1, description="A tenant without a confirmed email is reclaimed after this.")
    signups_per_hour: int = Field(20, ge=1, description="Sign-ups allowed to one network (IPv4 address or IPv6 /64).")
    metrics_token: str | None = Field(
        None, description="Bearer token that /metrics asks for; without one production answers 404 there."
    )
    debug: bool = Field(False, description="Flask's debug mode. Never in production.")

    @property
    def production(self) -> bool:
        return self.freehold_env == "production"

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.spare_tenants_high < self.spare_tenants_low:
            raise ValueError("SPARE_TENANTS_HIGH must not be below SPARE_TENANTS_LOW")
        if not self.production and (self.stripe_secret_key or "").startswith(("sk_live_", "rk_live_")):
            raise ValueError("STRIPE_SECRET_KEY is a live key, which would charge real cards: use one of test mode")
        if self.production and (gaps := list(_production_gaps(self))):
            raise ValueError("\n".join(gaps))
        return self


def load(**overrides: Any) -> Settings:
    """Read the environment.

    Raises SettingsError, one line for each variable that is missing or wrong.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_line(detail) for detail in error.errors())) from None


def current_settings() -> Settings:
    """Those of the application in whose context the caller is."""
    settings: Settings = current_app.extensions["freehold.settings"]
    return settings


def env_example() -> str:
    """The text of `.env.example`: every variable with what it means and its default."""
    lines = [
        "# Every setting of the platform. Made by `./dev lint --fix` from saas/core/settings.py; do not edit.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}")
        if field.is_required():
            lines += [f"{name.upper()}=", ""]
        else:
            lines += [f"# {name.upper()}={'' if field.default is None else _plain(field.default)}", ""]
    return "\n".join(lines)


def _production_gaps(settings: Settings) -> list[str]:
    gaps = []
    if settings.secret_key.startswith(DEVELOPMENT_SECRET):
        gaps.append("SECRET_KEY is a development secret: set one of your own, for instance from `openssl rand -hex 32`")
    gaps += [
        f"{name.upper()} points at an embedded service, which is for development: set a real one"
        for name in ("database_url", "database_admin_url", "redis_url")
        if (urlsplit(getattr(settings, name) or "").password or "").startswith(EMBEDDED_PASSWORD)
    ]
    if settings.debug:
        gaps.append("DEBUG is on: unset it")
    if not settings.smtp_url:
        gaps.append("SMTP_URL is not set: without it no one can confirm an email or reset a password")
    if "localhost" in settings.mail_from:
        gaps.append("MAIL_FROM is not set: name a sender of your own domain")
    if settings.trusted_proxies is None:
        gaps.append("TRUSTED_PROXIES is not set: say how many proxies are in front, 0 for none; rate limits need it")
    if settings.stripe_api_url:
        gaps.append("STRIPE_API_URL points at a stand-in for Stripe, which takes no money: unset it")
    if settings.stripe_secret_key and not settings.stripe_webhook_secret:
        gaps.append("STRIPE_WEBHOOK_SECRET is not set: without it nobody learns that somebody has paid")
    if not settings.site_url.startswith("https://"):
        gaps.append("SITE_URL must start with https://: cookies are sent over TLS only")
    return gaps


def _line(detail: Any) -> str:
    name = str(detail["loc"][0]).upper() if detail["loc"] else ""
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
