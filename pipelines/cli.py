"""The command line: what a person types, and the exit code they get.

One of the three places where any error ends: a ``LecternError`` becomes its message
and its class's exit code. The commands themselves live in the modules they call.
"""

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from lectern.errors import LecternError
from lectern.settings import Settings
from pipelines.cli_people import people
from pipelines.proxying import ProxyKind

app = typer.Typer(
    name="lectern",
    help="Turn documents into listening.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(people, name="people")


def say(message: str) -> None:
    """Write a line for a person; results alone go to standard output."""
    typer.echo(message, err=True)


@app.command()
def serve() -> None:
    """Start the web app and everything behind it; stop it with Ctrl-C."""
    from pipelines.serving import serve as run

    run(Settings(), lambda message: typer.echo(message))


@app.command()
def worker(
    queue: Annotated[
        str,
        typer.Option(
            help="What this machine takes: cpu, gpu or both with a comma between; a "
            "machine and an environment, gpu.kokoro, for what is installed elsewhere."
        ),
    ] = "cpu",
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Documents at one time; LECTERN_WORKERS."),
    ] = None,
) -> None:
    """Carry out work of a Lectern that runs on another machine."""
    from pipelines.cluster import require_cluster
    from pipelines.logs import configure_logging

    settings = Settings()
    require_cluster(settings)
    configure_logging(settings)
    from pipelines.celery_worker import work

    work(settings, queue, concurrency)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A document.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Where the file goes; its ending says what it is: .m4b, .mp3, .opus, "
            ".flac, .wav, .epub, .srt or .vtt.",
        ),
    ] = None,
    blocks: Annotated[
        Path | None,
        typer.Option(help="Where the blocks go, one JSON object a line."),
    ] = None,
    voice: Annotated[
        str | None, typer.Option(help="A voice, as `espeak:en-gb`.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="A speech engine; its voice for the language.")
    ] = None,
    loudness: Annotated[
        int | None,
        typer.Option(help="Loudness of the whole in LUFS: -16, -19 or -23."),
    ] = None,
    *,
    words: Annotated[
        bool, typer.Option(help="Have an EPUB highlight words, not sentences.")
    ] = False,
    filters: Annotated[
        Path | None,
        typer.Option(
            "--filter", help="Find-and-replace rules, as exported from Filters (JSON)."
        ),
    ] = None,
) -> None:
    """Turn one document into sound, a book that reads aloud or subtitles.

    Needs no web app. Without -o and --blocks an Opus file goes beside the input.
    """
    from rich.console import Console

    from pipelines.converting import Request
    from pipelines.converting import convert as run

    request = Request(source, output, blocks, voice, engine, loudness, words, filters)
    for path in run(Settings(), request, Console(stderr=True)):
        typer.echo(path)


@app.command()
def doctor(
    *,
    deep: Annotated[bool, typer.Option(help="Hash every stored file again.")] = False,
    mend: Annotated[
        bool, typer.Option(help="Forget damaged sound, so that it is made again.")
    ] = False,
) -> None:
    """Check the installation and everything that is stored."""
    from pipelines.doctor import diagnose_server
    from resources.doctor import diagnose
    from resources.doctor import mend as mend_stores
    from resources.services import Services

    settings = Settings()
    if mend:
        count = mend_stores(Services.open(settings), deep=deep)
        typer.echo(f"{count} sounds were forgotten and are made again when asked for.")
    checks = [*diagnose(settings, deep=deep), *diagnose_server(settings)]
    for check in checks:
        sign = "ok" if check.ok else ("FAULT" if check.required else "note")
        typer.echo(f"{sign:<6}{check.name:<12}{check.message}")
        if not check.ok and check.remedy:
            typer.echo(f"{'':<18}{check.remedy}")
    if any(not check.ok and check.required for check in checks):
        raise typer.Exit(1)


@app.command()
def migrate(
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ADDRESS",
            help="Move everything here from another app database, "
            "`sqlite:////home/me/.local/share/lectern/lectern.sqlite3`.",
        ),
    ] = None,
    blobs_from: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Copy every stored file here from another place, a folder "
            "(`/home/me/.local/share/lectern/blobs`) or `s3://bucket/prefix`. Stopped, "
            "it goes on where it was.",
        ),
    ] = None,
) -> None:
    """Bring the databases to this version; `lectern serve` does so by itself."""
    from pipelines.upkeep import copy_from, move_from
    from pipelines.upkeep import migrate as run

    typer.echo(run(Settings()))
    if source is not None:
        typer.echo(move_from(source, Settings(), say))
    if blobs_from is not None:
        typer.echo(copy_from(blobs_from, Settings(), say))


@app.command()
def sweep() -> None:
    """Delete what nobody can reach any more: purged documents, unused sound."""
    from pipelines.upkeep import sweep as run

    typer.echo(run(Settings()))


@app.command()
def backup(
    destination: Annotated[
        Path, typer.Argument(metavar="DEST", help="A folder on another disk.")
    ],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Take none; see whether one is whole.")
    ] = False,
    keep: Annotated[
        int, typer.Option(min=0, help="Delete all but so many; 0 keeps every one.")
    ] = 0,
) -> None:
    """Take a backup of everything, while everything runs."""
    from pipelines.backups import check_newest, take

    if check:
        typer.echo(check_newest(destination))
    else:
        typer.echo(take(Settings(), destination, keep=keep, say=say))


@app.command()
def restore(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="A backup, or the folder of several.")
    ],
) -> None:
    """Put a backup back into an empty data folder, and look whether all is well."""
    from pipelines.backups import restore as run

    typer.echo(run(Settings(), source, say))


@app.command()
def deploy(
    server: Annotated[ProxyKind, typer.Argument(help="The web server in front.")],
) -> None:
    """Print the configuration of the web server in front, made from the settings."""
    from pipelines.proxying import proxy_configuration

    typer.echo(proxy_configuration(Settings(), server), nl=False)


@app.command()
def version() -> None:
    """Tell the version."""
    typer.echo(installed_version("lectern"))


def wrong_settings(error: ValidationError) -> str:
    """Return which settings are wrong, by the names of their variables."""
    lines = []
    for fault in error.errors():
        name = "__".join(str(part) for part in fault["loc"]).upper()
        told = fault["msg"].removeprefix("Value error, ").rstrip(".")
        lines.append(f"LECTERN_{name}: {told}." if name else f"{told}.")
    return "\n".join(["A setting is wrong; docs/settings.md lists them all.", *lines])


def main() -> None:
    """Run a command; turn its error into a message and an exit code."""
    try:
        app()
    except LecternError as error:
        say(error.message)
        raise SystemExit(error.exit_code) from None
    except ValidationError as error:
        say(wrong_settings(error))
        raise SystemExit(2) from None
