"""`python -m billing.sandbox`: run the stand-in until it is told to stop."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import click
from werkzeug.serving import make_server

from billing.sandbox.app import running
from billing.sandbox.config import Config
from billing.sandbox.serving import Handler
from billing.sandbox.waits import LIKE_STRIPE

_NAMES = {"auto_envvar_prefix": "STRIPE_STANDIN", "show_default": True}


@click.command(context_settings=_NAMES)
@click.option("--host", default="127.0.0.1", help="Cookies are shared between ports of one host name: not localhost.")
@click.option("--port", default=12111, type=click.IntRange(0, 65535))
@click.option(
    "--state", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file that keeps everything."
)
@click.option("--public-url", help="Where browsers reach it; by default http://HOST:PORT.")
@click.option("--webhook", help="Receives the events of each key that has no endpoint of its own.")
@click.option("--webhook-secret", help="Signs them; starts with whsec_.")
@click.option("--delivery-retries", help="Seconds between tries; by default over almost three days, as Stripe.")
@click.option("--after-retries", default="cancel", type=click.Choice(["cancel", "unpaid", "past_due"]))
def main(host: str, port: int, public_url: str | None, delivery_retries: str | None, **rest: Any) -> None:
    """Stand in for Stripe. Each option is also a variable, such as STRIPE_STANDIN_PORT."""
    if rest["webhook"] and not (rest["webhook_secret"] or "").startswith("whsec_"):
        raise click.UsageError("--webhook needs --webhook-secret, which starts with whsec_.")
    config = Config(
        public_url=(public_url or f"http://{host}:{port}").rstrip("/"),
        delivery_retries=_waits(delivery_retries),
        **rest,
    )
    signal.signal(signal.SIGTERM, _interrupt)
    with running(config) as app:
        server = make_server(host, port, app, threaded=True, request_handler=Handler)
        click.echo(f"The stand-in for Stripe listens at http://{host}:{server.port}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("Stopped.")
        finally:
            server.server_close()


def _waits(given: str | None) -> tuple[float, ...]:
    return LIKE_STRIPE if given is None else tuple(float(wait) for wait in given.split(",") if wait)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
