"""`saas …`: thin commands over the services, a file for each group, and the background processes' entry point.

The application is built above this room; what builds it comes as the click context's object.
"""

import click

from saas.cli.demo import demo
from saas.cli.doctor import doctor
from saas.cli.jobs import jobs
from saas.cli.migrating import migrate
from saas.cli.payments import payments
from saas.cli.shell import shell
from saas.cli.tenants import tenants
from saas.cli.users import users
from saas.cli.working import work

__all__ = ["main", "work"]


@click.group(no_args_is_help=True)
def main() -> None:
    """Freehold's command line. Settings come from the environment; see .env.example."""


for command in (migrate, doctor, tenants, users, jobs, payments, demo, shell):
    main.add_command(command)
