"""`edge-agent faces`: how good the face recognition is, on photographs and at this site."""

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from edge_agent.cli.options import CONFIG, STATE, state_directory
from edge_agent.cli.speech import tell, words
from edge_agent.config import FACE_KEY, MODELS, load_config
from edge_agent.errors import FaceError
from edge_agent.model.face_models import EngineSpec, limits_of
from edge_agent.model.site import Config

if TYPE_CHECKING:  # numpy comes with what needs it
    from edge_agent.cli import face_trial
    from edge_agent.core import biometrics, calibration

JSON = click.option("--json", "as_json", is_flag=True, help="One object, for programs.")
GUESSED = 200.0  # strangers a day, where nobody knows
FEW = 300  # persons; with fewer a rate of 1 % is not to be told from none
FACES_WARNED = 80_000  # of the 100,000 from which on storing faces has to be filed


@click.group("faces")
def command() -> None:
    """Face recognition: how good it is."""


@command.command("evaluate")
@CONFIG
@STATE
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with pictures there.")
@click.option("--curves/--no-curves", default=True, help="Measure also how it degrades (takes 20 times as long).")
@JSON
def evaluate(config: Path, state: Path | None, folder: Path, html: Path | None, curves: bool, as_json: bool) -> None:
    """Measure the configured engine on FOLDER, one folder of photographs for each person.

    Half of the persons are enrolled and half are strangers, 50 times; an undetected face counts as a failure.
    """
    from edge_agent.cli import face_trial
    from edge_agent.cli.face_page import page

    loaded, spec = _engine(config, state)
    with ExitStack() as shown:
        found = face_trial.evaluate(folder, loaded.faces, spec, curves and html is not None, _progress(shown))
    lines = told(found)
    if html is not None:
        try:
            html.write_text(page(found, lines), "utf-8")
        except OSError as error:
            raise FaceError("faces.not_written", file=html, why=error.strerror) from None
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for label, value in lines:
        click.echo(f"{label:<44} {value}")
    if html is not None:
        tell("faces.page_written", file=html)


def told(found: "face_trial.Evaluation") -> list[tuple[str, str]]:
    """Label and value of every number of an evaluation."""
    lines = [
        (words("faces.row_engine"), found.engine),
        (words("faces.row_set"), words("faces.set", identities=found.identities, images=found.images)),
        (words("faces.row_fte"), _share(found.failed / found.images) + _reasons(found.failures)),
        (words("faces.row_noted"), _share(sum(found.noted.values()) / found.images) + _reasons(found.noted)),
        (words("faces.row_pairs"), f"{found.genuine} / {found.impostor}"),
        ("EER", f"{_share(found.eer)} @ {found.eer_threshold:.3f}"),
    ]
    for at in found.at:
        lines.append(
            (
                words("faces.row_fnmr", rate=_share(at.wanted)),
                f"{_share(at.fnmr.value)} [{_share(at.fnmr.low)}, {_share(at.fnmr.high)}] @ {at.threshold:.3f}, "
                f"FMR [{_share(at.fmr.low)}, {_share(at.fmr.high)}]",
            )
        )
    for one in found.open_set:
        interval = one.passed
        lines += [
            (
                words("faces.row_open", photos=one.photos),
                f"{_share(interval.value)} [{_share(interval.low)}, {_share(interval.high)}], "
                + words("faces.gallery", persons=one.enrolled, templates=one.gallery),
            ),
            (
                words("faces.row_moved"),
                words("faces.moved", passed=_share(one.transferred), fpir=_share(one.fpir)),
            ),
        ]
    return lines


@command.command("liveness")
@CONFIG
@STATE
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@JSON
def liveness(config: Path, state: Path | None, folder: Path, as_json: bool) -> None:
    """Measure the liveness model on FOLDER: photographs of people in live/, of attacks in a folder for each species.

    In the words of ISO/IEC 30107-3, with the number of presentations: few of them show little.
    """
    from edge_agent.cli import attack_trial

    loaded, spec = _engine(config, state)
    if spec.liveness is None:
        raise FaceError("faces.no_liveness_model")
    with ExitStack() as shown:
        found = attack_trial.evaluate(folder, loaded.faces, spec, _progress(shown))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for one in found.species:
        tell("faces.apcer", name=one.name, **_counted(one.wrong, one.rate), of=one.presented, silent=one.silent)
    live = found.live
    tell("faces.bpcer", **_counted(live.wrong, live.rate), of=live.presented, silent=live.silent)
    tell("faces.liveness_model", model=found.model, enough=attack_trial.ENOUGH)


@command.command("calibrate")
@CONFIG
@STATE
@click.option("--fpir", default=0.01, show_default=True, help="Share of strangers that may be recognised as somebody.")
@JSON
def calibrate(config: Path, state: Path | None, fpir: float, as_json: bool) -> None:
    """Propose faces.distance for this site from its own gallery, with the errors to be expected of it.

    Nothing is changed. A gallery of few persons cannot resolve a small rate: the bounds say how little is known.
    """
    from edge_agent.core import calibration

    loaded, spec = _engine(config, state)
    site = _site(loaded, config, state, spec)
    proposal = calibration.propose(site, fpir)
    if proposal is None:
        raise FaceError("faces.too_few_enrolled", persons=site.persons)
    now = calibration.expected(site, limits_of(loaded.faces, spec).distance)
    if as_json:
        click.echo(msgspec.json.encode({"proposed": proposal, "now": now}))
        return
    for code, one in (("faces.now", now), ("faces.proposed", proposal)):
        tell(
            code, distance=f"{one.distance:.3f}", fpir=_share(one.fpir), most=_share(one.fpir_at_most),
            fnir="–" if one.fnir is None else f"{_share(one.fnir)} (≤ {_share(one.fnir_at_most or 0.0)})",
            persons=one.persons, templates=one.templates,
        )  # fmt: skip
    if site.persons < FEW:
        tell("faces.few", persons=site.persons)


@command.command("report")
@CONFIG
@STATE
@click.option("--strangers-per-day", type=float, help="People unknown here before the cameras; else from the journal.")
@JSON
def report(config: Path, state: Path | None, strangers_per_day: float | None, as_json: bool) -> None:
    """Tell how many strangers a year would be taken for somebody here, at this gallery, threshold and traffic."""
    from edge_agent.core import biometrics, calibration

    loaded, spec = _engine(config, state)
    site, limits = _site(loaded, config, state, spec), limits_of(loaded.faces, spec)
    if strangers_per_day is None:
        strangers_per_day = _strangers_a_day(state_directory(config, state) / "journal.db", as_json)
    rate, most = calibration.fmr_at(site, limits.distance)
    claimed, claimed_most = calibration.fmr_at(site, limits.claimed)
    numbers = {
        "persons": site.persons, "templates": site.templates, "distance": limits.distance, "fmr": rate,
        "fmr_at_most": most, "strangers_per_day": strangers_per_day,
        "accepts": biometrics.false_accepts(rate, site.templates, strangers_per_day),
        "accepts_at_most": biometrics.false_accepts(most, site.templates, strangers_per_day),
        "claimed": biometrics.false_accepts(claimed, 1, strangers_per_day),
        "claimed_at_most": biometrics.false_accepts(claimed_most, 1, strangers_per_day),
    }  # fmt: skip
    if as_json:
        click.echo(msgspec.json.encode(numbers))
    else:
        shown = {key: f"{value:.3g}" if isinstance(value, float) else value for key, value in numbers.items()}
        tell("faces.report", **shown)
    if site.persons >= FACES_WARNED:
        tell("faces.filing", persons=site.persons)


@command.command("filing")
@CONFIG
@STATE
def filing(config: Path, state: Path | None) -> None:
    """Print what a filing and an impact assessment ask for: cameras, stored faces, purposes, sign texts; JSON.

    The texts are a help, no legal advice. From 100,000 stored faces on the storing itself has to be filed.
    """
    from edge_agent.store.faces import FaceStore, load_key

    loaded, path = load_config(config), state_directory(config, state) / "faces.db"
    persons: set[str] = set()
    if path.exists():
        with closing(FaceStore(path, load_key(config.parent / FACE_KEY), loaded.gateway.id)) as store:
            persons = {enrolled.person for enrolled in store.enrolled()}
    doors = sorted({camera.door for camera in loaded.cameras if "face" in camera.use})
    sheet = {
        "gateway": loaded.gateway.id,
        "cameras": [
            {"name": camera.name, "door": camera.door, "place": camera.place, "direction": camera.direction}
            for camera in loaded.cameras
        ],
        "faces_stored": len(persons),
        "faces_filing_from": 100_000,
        "purposes": ["match", "keep_image", "provide_to_city"],
        "stored": "templates, AES-256-GCM per record, on this gateway only; pictures only with their own consent",
        "leaves_the_gateway": "pseudonymous person id, category, house code; never a face",
        "other_ways_in": {door.name: [list(way) for way in door.ways] for door in loaded.doors if door.name in doors},
        "signs": {door: words("cli.sign", door=door) for door in doors},
    }
    click.echo(msgspec.json.format(msgspec.json.encode(sheet)))
    if len(persons) >= FACES_WARNED:
        tell("faces.filing", persons=len(persons))


def _strangers_a_day(path: Path, quiet: bool) -> float:
    """As many as the journal has seen, in the days it has; a guess where it has seen less than a day."""
    from edge_agent.errors import StoreError
    from edge_agent.store.reading import JournalReader

    seen, days = 0, 0.0
    try:
        with closing(JournalReader(path)) as journal:
            seen, days = journal.strangers()
    except StoreError:
        pass
    if not quiet:
        tell("faces.traffic" if days >= 1 else "faces.traffic_guessed", seen=seen, days=f"{days:.1f}", guess=GUESSED)
    return seen / days if days >= 1 else GUESSED


def _engine(config: Path, state: Path | None) -> tuple[Config, EngineSpec]:
    from edge_agent.vision.models import spec_of

    loaded = load_config(config)
    return loaded, spec_of(loaded.faces, state_directory(config, state) / MODELS)


def _site(loaded: Config, config: Path, state: Path | None, spec: EngineSpec) -> "calibration.Site":
    import numpy as np

    from edge_agent.core import calibration
    from edge_agent.store.faces import FaceStore, load_key

    path = state_directory(config, state) / "faces.db"
    if not path.exists():
        raise FaceError("cli.no_face_store", file=path)
    with closing(FaceStore(path, load_key(config.parent / FACE_KEY), loaded.gateway.id)) as store:
        made = store.templates(spec.model)
    matrix = np.frombuffer(b"".join(template for _, template in made), "<f4").reshape(-1, spec.dimension)
    return calibration.survey([person for person, _ in made], matrix)


def _progress(shown: ExitStack) -> "face_trial.Say":
    """One bar after another on standard error, where somebody looks."""
    if not sys.stderr.isatty():
        return lambda what, done, of: None
    bars: dict[str, object] = {}

    def say(what: str, done: int, of: int) -> None:
        if what not in bars:
            bars[what] = shown.enter_context(click.progressbar(length=of, label=what, file=sys.stderr))
        bars[what].update(1)  # type: ignore[attr-defined]

    return say


def _counted(wrong: int, rate: "biometrics.Interval") -> dict[str, object]:
    return {"wrong": wrong, "rate": _share(rate.value), "low": _share(rate.low), "high": _share(rate.high)}


def _share(rate: float) -> str:
    return f"{100 * rate:.2f} %"


def _reasons(counts: dict[str, int]) -> str:
    named = (f"{words(f'faces.reason.{reason}')} {count}" for reason, count in counts.items())
    return f" ({', '.join(named)})" if counts else ""
