"""vision/incidents.py: what goes on for days stays as small as what went on for a minute."""

import msgspec

from edge_agent.drivers.sentry import SentryWorker
from edge_agent.model.sightings import Measure, Phase, Sighting
from edge_agent.vision.incidents import TRACKS_AT_MOST, Incidents
from edge_agent.vision.zone_rules import Finding


def test_a_yard_that_is_never_empty_says_no_more_than_its_newest_tracks() -> None:
    """Somebody new every two seconds for a day: one incident, and a message that the daemon takes."""
    incidents, longest, said = Incidents(), 0, []
    for person in range(1, 40_000, 40):
        tracks = tuple(range(person, person + 40))
        finding = Finding((1, 2, 3, 4), (Measure("in_zone_s", 1.5, 0.5, "s"),), tracks, 1)
        for phase, incident in incidents.tell({0: finding}, person * 50):
            found = incident.finding
            sighting = Sighting(
                rule="square", kind="intrusion", incident="i-1", phase=phase, up_ms=person * 50, size=(1280, 720),
                box=found.box, tracks=found.tracks, count=found.count, why=found.why,
            )  # fmt: skip
            longest = max(longest, len(msgspec.msgpack.encode(sighting)))
            said.append((phase, found.tracks))
    assert [phase for phase, _ in said].count(Phase.BEGUN) == incidents.count == 1
    assert all(len(tracks) <= TRACKS_AT_MOST for _, tracks in said)
    assert said[-1][1][-1] >= 39_900, "the newest"
    assert longest < SentryWorker.most
