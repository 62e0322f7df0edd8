"""flows/entry.py with a camera: what a face needs from the door, and what the door tells the face."""

import asyncio

import msgspec
import numpy as np

from edge_agent.core.faces import Judge
from edge_agent.core.gallery import Gallery
from edge_agent.flows.entry import ADVICE, FaceEntry
from edge_agent.model.detections import FaceRefused, FaceSample
from edge_agent.model.events import FaceMatch
from edge_agent.model.reads import Direction, Liveness
from edge_agent.model.site import Camera, FacePolicy
from tests.flows.house import House
from tests.flows.world import CARD, DOOR, no_beat
from tests.waiting import auntil

BOTH = msgspec.structs.replace(DOOR, ways=(("card", "face"),), liveness="optional")
FACE = np.eye(1, 8, dtype=np.float32)
FAR = FACE + np.eye(1, 8, 3, dtype=np.float32) * np.float32(0.53)  # no match 1:N, one 1:1
GALLERY = Gallery("dlib-resnet-v1", ("p-1",), FACE)
CAMERA = Camera(name="north-face", url="file:///none", door="gate")


def entry_of(house: House) -> FaceEntry:
    return FaceEntry(CAMERA, Judge(FacePolicy(), GALLERY), house.actor, house.clock)


def see(entry: FaceEntry, house: House, vector: np.ndarray, frames: int, track: int = 1) -> None:
    for _ in range(frames):
        house.clock.up_ms += 200
        entry.see(
            FaceSample(
                track, house.clock.up_ms, (0, 0, 99, 99), 0.9, Liveness.NOT_CHECKED, vector.tobytes(), GALLERY.model
            )
        )


def play(house: House, story: object) -> None:
    async def scene() -> None:
        task = asyncio.create_task(house.actor.run(no_beat))
        try:
            await story()  # type: ignore[operator]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())


def test_after_a_card_the_face_is_compared_with_that_person_alone() -> None:
    """The very face that is nobody's in the whole gallery opens together with its owner's card."""
    house = House(BOTH)
    entry = entry_of(house)

    async def story() -> None:
        see(entry, house, FAR, 3)
        await auntil(lambda: house.reason() == "unknown_credential" if house.tags() else False)
        assert await house.show(CARD) == "waiting"
        assert house.actor.claimed(Direction.IN) == "p-1"
        see(entry, house, FAR, 2, track=2)
        await auntil(lambda: "access.granted" in house.tags(), what="a grant")

    play(house, story)


def test_nobody_is_claimed_while_nobody_waits() -> None:
    assert House(BOTH).actor.claimed(Direction.IN) is None


def test_a_face_that_is_no_good_is_told_what_to_do_on_its_own_side() -> None:
    """At the terminals that lead the camera's way; those whose way is not known, too."""
    house = House(BOTH)
    house.actor.sides = {"gate-in": Direction.IN, "gate-out": Direction.OUT}
    for reason, outcome in ADVICE.items():
        entry_of(house).see(FaceRefused(1, house.clock.up_ms, reason))
        assert house.terminals.shown[-1] == ("gate-in", outcome)
    assert "gate-out" not in {terminal for terminal, _ in house.terminals.shown}
    assert house.tags() == []


EITHER = msgspec.structs.replace(DOOR, ways=(("card",), ("face",)), liveness="optional")
TWIN = FACE + np.eye(1, 8, 1, dtype=np.float32) * np.float32(0.02)
TWINS = Gallery(GALLERY.model, ("p-1", "p-2"), np.concatenate([FACE, TWIN]).astype(np.float32))


def sided(gallery: Gallery = GALLERY, **settings: object) -> tuple[House, FaceEntry]:
    house = House(msgspec.structs.replace(EITHER, **settings))
    house.actor.sides = {"gate-in": Direction.IN, "gate-out": Direction.OUT}
    return house, FaceEntry(CAMERA, Judge(FacePolicy(), gallery), house.actor, house.clock)


def test_a_door_opens_for_k_of_n_frames_and_never_for_one() -> None:
    house, entry = sided()

    async def story() -> None:
        see(entry, house, FACE, 1)
        await house.later(1)
        assert house.tags() == []
        see(entry, house, FACE, 1)
        await auntil(lambda: "access.granted" in house.tags(), what="a grant")
        (granted,) = house.events("access.granted")
        assert granted.face == FaceMatch(1.0, "not_checked")  # type: ignore[union-attr]
        assert house.terminals.shown == [("gate-in", "granted")]

    play(house, story)


def test_frames_too_far_apart_are_not_one_visit() -> None:
    house, entry = sided()

    async def story() -> None:
        for _ in range(4):
            see(entry, house, FACE, 1)
            house.clock.up_ms += 3_100
        await house.later(1)
        assert house.tags() == []

    play(house, story)


def test_r12_two_people_too_alike_are_told_so_on_the_screen_and_a_card_opens() -> None:
    """A camera has no screen: the terminals on its side say why; nothing is final."""
    house, entry = sided(TWINS)

    async def story() -> None:
        see(entry, house, FACE, 3)
        await auntil(lambda: house.terminals.shown, what="words on the screen")
        assert house.terminals.shown == [("gate-in", "denied")]
        assert house.terminals.reasons == ["face_ambiguous"]
        assert house.reason() == "face_ambiguous"
        assert house.gate.pulses == []
        assert await house.show(CARD) == "granted"

    play(house, story)


def test_r12_a_photograph_is_told_so_and_the_guard_opens() -> None:
    house, entry = sided()

    async def story() -> None:
        for _ in range(2):
            house.clock.up_ms += 200
            sample = FaceSample(
                1, house.clock.up_ms, (0, 0, 99, 99), 0.9, Liveness.SPOOF, FACE.tobytes(), GALLERY.model
            )
            entry.see(sample)
        await auntil(lambda: house.terminals.shown, what="words on the screen")
        assert (house.terminals.shown, house.terminals.reasons) == ([("gate-in", "denied")], ["liveness_failed"])
        assert (await house.operate("open", door="gate")).good
        assert len(house.gate.pulses) == 1

    play(house, story)
