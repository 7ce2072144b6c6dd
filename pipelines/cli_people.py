"""The commands of ``lectern people``."""

from collections.abc import Sequence
from typing import Annotated

import typer

from lectern.accounts.people import Role
from lectern.accounts.units import Unit
from lectern.settings import Settings

people = typer.Typer(
    help="Add people, and keep them out.", no_args_is_help=True, add_completion=False
)
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Their e-mail address.")]

UNITS = "What: tts_chars, tts_ms, ocr_pages, asr_ms, storage_bytes or micros."


def _tell(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line)


@people.command("add")
def add(
    email: Email,
    *,
    operator: Annotated[
        bool, typer.Option(help="They see and manage the others, too.")
    ] = False,
    name: Annotated[str, typer.Option(help="What they are called.")] = "",
    ask_password: Annotated[
        bool, typer.Option(help="Ask for their password here, and make no link.")
    ] = False,
    new_library: Annotated[
        bool,
        typer.Option(
            help="Do not give the first operator what was put in without sign-in."
        ),
    ] = False,
) -> None:
    """Add somebody, and print a link by which they choose a password."""
    from pipelines.people import add as run

    password = None
    if ask_password:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    role = Role.OPERATOR if operator else Role.USER
    _tell(
        run(
            Settings(),
            email,
            role=role,
            name=name,
            password=password,
            takes_library=not new_library,
        )
    )


@people.command("list")
def list_() -> None:
    """List everybody."""
    from pipelines.people import listed

    _tell(listed(Settings()))


@people.command("disable")
def disable(email: Email) -> None:
    """Sign somebody out everywhere, and keep them out."""
    from pipelines.people import disable as run

    _tell(run(Settings(), email))


@people.command("enable")
def enable(email: Email) -> None:
    """Let somebody in again."""
    from pipelines.people import enable as run

    _tell(run(Settings(), email))


@people.command("reset")
def reset(email: Email) -> None:
    """Print a link by which somebody chooses a new password."""
    from pipelines.people import reset as run

    _tell(run(Settings(), email))


@people.command("role")
def role(
    email: Email,
    role: Annotated[Role, typer.Argument(help="user or operator.")],
) -> None:
    """Make somebody an operator, or a user again."""
    from pipelines.people import set_role

    _tell(set_role(Settings(), email, role))


@people.command("grant")
def grant(
    email: Email,
    unit: Annotated[Unit, typer.Argument(metavar="UNIT", help=UNITS)],
    amount: Annotated[int, typer.Argument(min=1, help="How much.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; they see it.")],
    days: Annotated[
        int | None, typer.Option(min=1, help="For how long; else it never ends.")
    ] = None,
) -> None:
    """Give somebody an amount on top of their plan."""
    from pipelines.granting import grant as run

    _tell(run(Settings(), email, unit, amount, reason=reason, days=days))


@people.command("balance")
def balance(email: Email) -> None:
    """Tell what somebody has left, and has used this month."""
    from pipelines.granting import balance as run

    _tell(run(Settings(), email))
