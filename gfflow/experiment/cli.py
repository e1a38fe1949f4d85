"""The command line. Importing it imports no JAX."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .._errors import ConfigError, GFFlowError
from .._registry import describe, kinds, names, suggest

BAD_INPUT = 2

app = typer.Typer(
    name="gfflow",
    help="Training neural networks as continuous gradient flows, and their laws.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Set = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the config."),
]
_Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]


@app.command("run")
def _run(
    config: Path,
    overrides: _Set = [],
    out: Annotated[Path | None, typer.Option(help="A new folder for the run.")] = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Integrate CONFIG, check its laws, write a run folder.

    Exit codes: 0; 2 bad input; 3 a law that must hold is not conserved or as
    predicted; 4 stopped early.
    """
    from . import _commands

    _show(_commands.run(config, overrides, out, not quiet), as_json)


@app.command("resume")
def _resume(
    run: Path, overrides: _Set = [], as_json: _Json = False, quiet: _Quiet = False
) -> None:
    """Go on with the run folder RUN; the same bits as if it had never stopped."""
    from . import _commands

    _show(_commands.resume(run, overrides, not quiet), as_json)


@app.command("check")
def _check(
    target: Annotated[Path, typer.Argument(metavar="RUN|CONFIG")],
    overrides: _Set = [],
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Weigh the laws of a run folder again, or of a config without writing anything."""
    from . import _commands

    _show(_commands.check_again(target, overrides, not quiet), as_json)


@app.command("laws")
def _laws(
    config: Path,
    overrides: _Set = [],
    exact: Annotated[
        bool, typer.Option("--exact", help="By exact arithmetic: a proof.")
    ] = False,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the proof there; implies --exact."),
    ] = None,
    on: Annotated[
        str,
        typer.Option(metavar="all|data", help="Of all data, or of CONFIG's inputs."),
    ] = "all",
    as_json: _Json = False,
) -> None:
    """Discover the conservation laws of CONFIG's model under its flow.

    How many there are, the laws themselves, and whether these are all.
    """
    from . import _commands

    found = _commands.laws(config, overrides, exact, certificate, on)
    if as_json:
        _print_json(found.to_json())
        return
    from .tell import Screen, print_laws

    print_laws(found, Screen())


@app.command("compare")
def _compare(
    config: Path,
    overrides: _Set = [],
    out: Annotated[Path | None, typer.Option(help="A folder for compare.json.")] = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Run the optimisers of CONFIG's [[compare]] beside its flow.

    Exit codes: 0; 2 bad input; 4 the flow or an optimiser stopped early.
    """
    from . import _commands

    compared = _commands.compare(config, overrides, out, not quiet)
    if as_json:
        written = None if compared.written is None else str(compared.written)
        extra = {"written": written, "exit_code": compared.code}
        _print_json(compared.to_json() | extra)
    else:
        from .tell import Screen, print_compared

        print_compared(compared, Screen())
    raise typer.Exit(compared.code)


@app.command("list")
def _list(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=" | ".join(kinds()))],
    as_json: _Json = False,
) -> None:
    """List the named parts of gfflow."""
    if kind not in kinds():
        raise GFFlowError(
            f"nothing of kind {kind!r}{suggest(kind, kinds())}; "
            f"there are: {', '.join(kinds())}"
        )
    described = describe(kind)
    if as_json:
        _print_json([{"name": n, "description": d} for n, d in described.items()])
        return
    width = max(len(name) for name in names(kind))
    for name, text in described.items():
        typer.echo(f"{name.ljust(width)}  {text}")


@app.command("doctor")
def _doctor(as_json: _Json = False) -> None:
    """Versions, devices, precision, and a self-test of a few seconds."""
    from ._doctor import examine

    found = examine()
    if as_json:
        _print_json(found)
    else:
        for name, version in found["versions"].items():
            typer.echo(f"{name.ljust(10)} {version}")
        for device in found["devices"]:
            typer.echo(f"device     {device}")
        test = found["self_test"]
        typer.echo(f"float64    {'yes' if found['float64'] else 'no'}")
        typer.echo(
            f"self-test  {'passed' if test['passed'] else 'FAILED'}: scalar net within "
            f"{test['error']:.1e} of its closed form, {test['wall_s']:.1f} s"
        )
    if not found["self_test"]["passed"]:
        raise typer.Exit(1)


def main() -> None:
    """The console script: errors of the user are one message and exit code 2."""
    try:
        app()
    except GFFlowError as error:
        from .tell import visible

        problems = error.problems if isinstance(error, ConfigError) else [str(error)]
        if "--json" in sys.argv:
            _print_json({"errors": list(problems)})
        for problem in problems:
            print(f"error: {visible(problem)}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except BrokenPipeError:
        sys.exit(0)


def _show(outcome: Any, as_json: bool) -> None:
    folder = None if outcome.folder is None else str(outcome.folder.path)
    if as_json:
        _print_json({**outcome.metrics, "run": folder, "exit_code": outcome.code})
    else:
        from .tell import Screen, print_summary

        screen = Screen()
        print_summary(outcome.metrics, screen)
        if folder is not None:
            screen.print(f"written to {folder}", highlight=False, soft_wrap=True)
    raise typer.Exit(outcome.code)


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=2, allow_nan=False))


if __name__ == "__main__":
    main()
