"""How a camera's sighting is told: as which alert, how loudly, whether at all at this hour. Pure questions."""

from collections.abc import Iterable, Mapping

from msgspec import structs

from edge_agent.core.schedule import in_force
from edge_agent.model.clock import Moment
from edge_agent.model.people import Book
from edge_agent.model.sightings import Fall, Measure, Sighting
from edge_agent.model.site import AlertLevel, AlertRule, Camera, Policy
from edge_agent.model.standing import Mute

# What cannot wait for somebody to look at a list; the rest is a warning unless agent.toml says otherwise.
ALARMS = frozenset({"falling_object", "intrusion", "blocked", "ebike", "person_down", "repeated_denial"})
# What the camera itself suffers: what it does not see now nobody sees.
FAULTS = frozenset({"frozen", "black", "overexposed", "occluded", "moved", "defocused", "reduced", "too_slow"})
APART = frozenset({"falling_object", "light_object"})  # each a case of its own; others of a rule are one incident
REVIEW = frozenset({"falling_object", "light_object"})  # a person looks before anybody is accused
COUNTED = frozenset({"crossing"})  # no alert by itself
OF_NO_ZONE = FAULTS | APART  # told by the camera itself or before a façade, whatever zone has the same name

Key = tuple[str, str, str, str]  # camera, rule, kind, incident where each is one of its own


def key_of(camera: str, sighting: Sighting) -> Key:
    return camera, sighting.rule, sighting.kind, sighting.incident if sighting.kind in APART else ""


def begun_ms(sighting: Sighting) -> int:
    """Uptime at which what is told began: a fall is told when it has been followed, a stay when it was too long."""
    began = [sighting.up_ms, *([sighting.since_ms] if sighting.since_ms else [])]
    return min([*began, *([sighting.fall.released_ms] if sighting.fall else [])])


def rule_for(rules: Iterable[AlertRule], camera: str, rule: str, kind: str) -> AlertRule | None:
    """The first that fits."""
    for one in rules:
        if (
            (not one.kinds or kind in one.kinds)
            and (not one.cameras or camera in one.cameras)
            and (not one.rules or rule in one.rules)
        ):
            return one
    return None


def level_of(rule: AlertRule | None, kind: str) -> AlertLevel:
    if rule is not None and rule.level is not None:
        return rule.level
    return "alarm" if kind in ALARMS else "fault" if kind in FAULTS else "warning"


def hour_known(now: Moment, policy: Policy) -> bool:
    """No schedule silences anything by a clock that nobody trusts, unless the site goes by it all the same."""
    return now.trusted or policy.untrusted_clock == "allow_timed"


def quiet(
    rule: AlertRule | None, camera: Camera, name: str, mutes: Mapping[str, Mute], book: Book, now: Moment,
    policy: Policy,
) -> bool:  # fmt: skip
    """Only recorded: during the rule's quiet hours, or muted. `name`: of the zone, line, façade or door; empty: the
    camera tells it of itself.
    """
    targets = ["all", f"camera/{camera.name}", f"area/{camera.area}", *([f"rule/{name}"] if name else [])]
    if any((mute := mutes.get(target)) is not None and mute.active(now) for target in targets):
        return True
    hours = rule.quiet if rule is not None and hour_known(now, policy) else None
    return hours is not None and in_force(book, hours, now.wall_ms)


def brief(fall: Fall | None) -> Fall | None:
    """Without its path, which goes into the evidence."""
    return None if fall is None else structs.replace(fall, path=())


def without_floors(sighting: Sighting) -> Sighting:
    """Something fell, and nobody can say from where: the camera was moved after it was calibrated."""
    return structs.replace(sighting, fall=None, why=(*sighting.why, Measure("camera moved", 1, 0)))


def grew(before: Sighting, now: Sighting) -> bool:
    """Worth another event: more of them, surer by a tenth, or better known where it fell from."""
    return (
        now.count > before.count
        or now.confidence >= before.confidence + 0.1
        or brief(now.fall) != brief(before.fall)
    )  # fmt: skip
