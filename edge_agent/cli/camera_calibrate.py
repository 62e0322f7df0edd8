"""`edge-agent camera calibrate`: clicked floor lines → [[facade]] of agent.toml, and a picture to check it by."""

import errno
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from edge_agent.cli.speech import tell, words
from edge_agent.config import NAME
from edge_agent.core.facade import Fault, faults
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.site import WARN_PX_PER_M, ColumnLine, Facade, FloorLine
from edge_agent.tables import RANGES, Reader, as_toml, read_toml
from edge_agent.wiring_cameras import grid_of

if TYPE_CHECKING:  # numpy and OpenCV come with what needs them
    from edge_agent.vision.falling_grid import Grid

LENGTHS = ("floor_m", "ground_m", "column_m", "camera_m", "distance_m")


class Line(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic from click 8.3 on
    name = "number:x1,y1,x2,y2"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, tuple[float, ...]]:
        number, _, points = unicodedata.normalize("NFKC", str(value)).partition(":")  # ：， as Chinese keyboards write
        try:
            return int(number), tuple(float(part) for part in points.split(","))
        except ValueError:
            self.fail(words("facade.no_line", text=value), param, ctx)


class Points(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic from click 8.3 on
    name = "x1,y1,x2,y2,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in unicodedata.normalize("NFKC", str(value)).split(","))
        except ValueError:
            self.fail(words("facade.no_points", text=value), param, ctx)


@click.command("calibrate")
@click.argument("still", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--name", help="Name of the façade (default: facade; with --from the only one there).")
@click.option("--camera", help="Name of its [[camera]] (default: the façade's).")
@click.option("--floors", type=int, help="Floors of the building.")
@click.option("--line", "lines", type=Line(), multiple=True, help="Lower edge of a floor: FLOOR:X1,Y1,X2,Y2 (px).")
@click.option(
    "--column", "columns", type=Line(), multiple=True, help="Left edge of a window column: COLUMN:X1,Y1,X2,Y2."
)
@click.option(
    "--lands",
    type=Points(),
    help="Where what falls lands or goes out of sight, left to right: X1,Y1,X2,Y2,… (a canopy, a roof in front).",
)
@click.option("--floor-m", type=float, help="Height of a floor (default 3.0).")
@click.option("--ground-m", type=float, help="Height of floor 1 where it is another.")
@click.option("--column-m", type=float, help="Width of a column (default 3.6).")
@click.option("--camera-m", type=float, help="Height of the lens above the street (default 3.5).")
@click.option("--distance-m", type=float, help="Lens to wall (default: computed).")
@click.option(
    "--from", "file", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file with [[facade]] instead."
)
@click.option("--page", is_flag=True, help="Click the lines in a browser on this machine.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of that page (default: a free one).")
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the grid is drawn (default: STILL.grid.png).",
)
def command(
    still: Path, name: str | None, camera: str | None, lines: tuple[Any, ...], columns: tuple[Any, ...],
    file: Path | None, page: bool, port: int, picture: Path | None, **given: Any,
) -> None:  # fmt: skip
    """Calibrate a façade camera on STILL, a picture of the stream that is analysed.

    Give floor lines with --line, in a file, or click them with --page. Prints the [[facade]] for agent.toml and draws
    the grid over the picture: look at it before you use it.
    """
    from edge_agent.vision.falling_picture import draw, png, read

    known = {key: value for key, value in given.items() if value is not None}
    _one_source(file, page, {"line": lines, "column": columns, "lands": given["lands"]}, {"camera": camera, **known})
    target = picture or still.with_suffix(".grid.png")
    if target.resolve() == still.resolve():
        raise EdgeAgentError("facade.over_the_still", file=target)
    seen = read(still)
    size = seen.shape[1], seen.shape[0]
    if page:
        from edge_agent.cli.camera_calibrate_page import clicked

        facade = clicked(seen, name or "facade", camera or name or "facade", known, port)
    elif file is not None:
        facade = _from_file(file, name)
    else:
        if "floors" not in known:
            raise EdgeAgentError("facade.say_floors")
        facade = _facade(name or "facade", camera or name or "facade", size, lines, columns, known)
    grid = checked(facade, size, str(file or still))
    try:
        target.write_bytes(png(draw(grid, seen)))
    except OSError as error:
        raise EdgeAgentError("facade.not_written", file=target, why=error.strerror) from None
    click.echo(as_table(facade))
    _report(grid, target)


def _one_source(file: Path | None, page: bool, clicked: dict[str, Any], beside: dict[str, Any]) -> None:
    """Lines come from one place, and a file says all of its façade: nothing that was said is left out silently."""
    extra = {**clicked, "from": file} if page else {} if file is None else {**clicked, **beside}
    names = [f"--{key.replace('_', '-')}" for key, value in extra.items() if value not in (None, ())]
    if names:
        source = "--page" if page else "--from"
        raise EdgeAgentError("facade.two_sources", options=", ".join(names), source=source)


def checked(facade: Facade, size: tuple[int, int], file: str) -> "Grid":
    """The grid of a façade that agent.toml takes. Raises Problems, or EdgeAgentError where the lines make no wall."""
    wrong = [*_values(facade)] or [*faults(facade)]
    if wrong:
        raise Problems([Problem(file, f"facade.{path}", code, **fields) for path, code, fields in wrong])
    if not facade.fits(*size):
        wide, high = facade.size
        raise EdgeAgentError(
            "facade.other_frame", name=facade.name, width=size[0], height=size[1], wide=wide, high=high
        )
    return grid_of(facade)


def _values(facade: Facade) -> Iterator[Fault]:
    """Names and numbers that are not what config.py takes."""
    for key in ("name", "camera"):
        if not NAME.fullmatch(name := getattr(facade, key)):
            yield key, "config.bad_name", {"name": name}
    for key in LENGTHS:
        value, (low, high) = getattr(facade, key), RANGES[key]
        if value is not None and not low <= value <= high:
            yield key, "config.range", {"key": key, "low": low, "high": high}


def as_table(facade: Facade) -> str:
    """The façade as it stands in agent.toml, without what is the default."""
    rows = ["[[facade]]"]
    for field in msgspec.structs.fields(facade):
        value = getattr(facade, field.name)
        if value == field.default or value is None:
            continue
        if field.name in {"lines", "columns"}:
            kind = "floor" if field.name == "lines" else "column"
            inner = (f"  {{ {kind} = {getattr(line, kind)}, at = {as_toml(list(line.at))} }}," for line in value)
            rows += [f"{field.name} = [", *inner, "]"]
        else:
            rows.append(f"{field.name} = {as_toml(msgspec.to_builtins(value))}".replace("(", "[").replace(")", "]"))
    return "\n".join(rows)


def _facade(name: str, camera: str, size: tuple[int, int], lines: Any, columns: Any, known: dict[str, Any]) -> Facade:
    return Facade(
        name=name, camera=camera, size=size,
        lines=tuple(FloorLine(floor=number, at=at) for number, at in lines),
        columns=tuple(ColumnLine(column=number, at=at) for number, at in columns), **known,
    )  # fmt: skip


def _from_file(file: Path, name: str | None) -> Facade:
    """The one of that name, or the only one. Raises Problem or Problems."""
    try:
        data, _ = read_toml(file)
    except Problem as error:
        if error.code != "config.missing_file":  # which `init` does not write
            raise
        raise EdgeAgentError("facade.no_still", file=file, why=os.strerror(errno.ENOENT)) from None
    reader = Reader(str(file))
    found = reader.tables(data, "facade", Facade)
    if reader.problems:
        raise Problems(reader.problems)
    if not found:
        raise Problem(str(file), "", "facade.none_there")
    named = [facade for facade in found if name in (None, facade.name)]
    if len(named) != 1:
        known = ", ".join(facade.name for facade in found)
        raise Problem(
            str(file),
            "facade",
            "facade.which" if name is None else "config.no_such",
            what="facade",
            name=name,
            known=known,
        )
    return named[0]


def _report(grid: "Grid", target: Path) -> None:
    facade = grid.facade
    tell("facade.fits", residual=f"{grid.residual_px:.1f}", distance=f"{grid.distance_m:.0f}", picture=target)
    scale = 0.0  # of the top floor in the end
    for floor in sorted({1, (facade.floors + 1) // 2, facade.floors}):
        scale = float(grid.px_per_m(0.0, facade.height_m(floor) + facade.floor_m / 2))
        tell("facade.scale", floor=floor, scale=f"{scale:.0f}", smallest=f"{200 / scale:.0f}")
    if scale < WARN_PX_PER_M:
        tell("facade.small", floor=facade.floors, scale=f"{scale:.0f}", least=WARN_PX_PER_M)
    if unseen := _unseen(grid):
        tell("facade.unseen", floors=unseen)


def _unseen(grid: "Grid") -> str:
    """Floors whose lower edge lies outside the picture, in the middle of what was clicked: `1, 14–15`."""
    facade, x = grid.facade, sum(grid.sides()) / 2
    rows = {floor: float(grid.pixels(x, facade.height_m(floor))[1]) for floor in range(1, facade.floors + 1)}
    below = [floor for floor, row in rows.items() if row > facade.size[1]]
    above = [floor for floor, row in rows.items() if row < 0]
    return ", ".join(f"{some[0]}–{some[-1]}" if len(some) > 1 else f"{some[0]}" for some in (below, above) if some)
