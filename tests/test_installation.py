"""The installation on the city's order: a configuration on trial, a certificate that is renewed, and the way back."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.cli.init import TEMPLATE
from edge_agent.config import load_config
from edge_agent.contract.signatures import new_key, save_private, save_public
from edge_agent.errors import EdgeAgentError
from edge_agent.flows.alarm import Alarms
from edge_agent.installation import STARTS_AT_MOST, Installation, load_on_trial, read_tried
from edge_agent.model.events import AgentDegraded
from edge_agent.model.site import Config
from edge_agent.readiness import check_files
from tests.flows.world import MemoryClock, MemoryJournal, no_beat
from tests.uplink.test_uplink_tls import Authority
from tests.waiting import auntil

GATEWAY = "G0001"


class MemoryLine:
    """An uplink: `good` says whether the broker takes us with what is on the disk."""

    def __init__(self, good: Callable[[], bool] = lambda: True) -> None:
        self.session, self.good, self.count = 0, good, 0

    async def connected(self) -> int:
        return self.session

    def reconnect(self) -> None:
        self.count += 1
        self.session = self.count if self.good() else 0


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "agent.toml"
        (folder / "keys").mkdir(mode=0o700)
        save_private(folder / "keys/gateway.key", new_key())
        for name in ("city-ack", "city-command"):
            save_public(folder / f"keys/{name}.pub", new_key().public_key())
        self.authority = Authority(folder, "city-ca")
        self.authority.issue(GATEWAY, file="own", hours=(-1, 24))
        self.text = (
            f'[gateway]\nid = "{GATEWAY}"\nstate = "state"\n[uplink]\nurl = "mqtts://127.0.0.1:8883"\n'
            '[uplink.tls]\nca = "city-ca.pem"\ncert = "own.pem"\nkey = "own.key"\n'
        )
        self.file.write_text(self.text)
        self.clock, self.journal, self.line, self.restarts = MemoryClock(), MemoryJournal(), MemoryLine(), 0

    def installation(self, config: Config | None = None, trial_s: float = 60.0) -> Installation:
        def restart() -> None:
            self.restarts += 1

        import time

        return Installation(
            self.file, config or load_config(self.file), self.line, Alarms(self.journal, self.clock), restart,
            lambda: time.time_ns() // 1_000_000, trial_s=trial_s,
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def configure(site: Site, text: str, version: int = 5) -> tuple[str, str]:
    return asyncio.run(site.installation().configure(text.encode(), version))


def changed(site: Site) -> str:
    return site.text + "[policy]\npanic_repeat_s = 20\n"


def test_a_good_configuration_is_in_place_and_on_trial(site: Site) -> None:
    assert configure(site, changed(site)) == ("", "")
    assert site.file.read_text() == changed(site)
    assert (site.folder / "agent.toml.previous").read_text() == site.text
    assert not (site.folder / "agent.toml.new").exists()
    assert read_tried(site.file).starts == 0
    assert configure(site, site.text, 6)[0] == "busy"
    assert configure(site, site.text, 5)[0] == "already_done"
    assert configure(site, site.text, 4)[0] == "stale_version"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("not toml [", "agent.toml.new"),
        ("[gateway]\nid = 5\n", "gateway.id"),
        (TEMPLATE.replace("STATE", "state"), "key"),
        ("{text}[policy]\npanic_repeat_s = 9999\n", "panic_repeat_s"),
        ("{other}", "certificate of"),
        ("{keys}", "belong to the machine"),
    ],
)
def test_a_bad_configuration_changes_nothing_and_says_what_is_wrong(site: Site, text: str, what: str) -> None:
    wanted = text.replace("{text}", site.text).replace("{other}", site.text.replace(GATEWAY, "G9"))
    wanted = wanted.replace("{keys}", site.text.replace("[uplink]", '[uplink]\ncity_command_key = "keys/city-ack.pub"'))
    reason, detail = configure(site, wanted)
    assert reason == "bad_configuration"
    assert what in detail
    assert site.file.read_text() == site.text
    assert configure(site, changed(site))[0] == ""


def test_with_a_damaged_rotation_no_start_is_promised(site: Site) -> None:
    """The agent would not start; `check` said that all was well, and a configuration was put on trial."""
    (site.folder / "keys/gateway.rotation").write_text("[{")
    (found,) = check_files(load_config(site.file), "agent.toml", site.folder)
    assert (found.at, found.code) == ("gateway", "uplink.rotation_damaged")
    assert configure(site, changed(site))[0] == "bad_configuration"
    assert site.file.read_text() == site.text


def test_a_configuration_that_reaches_the_city_has_proved_itself(site: Site) -> None:
    configure(site, changed(site))
    load_on_trial(site.file)

    async def story() -> None:
        site.line.session = 1
        job = asyncio.create_task(site.installation().run(no_beat))
        await auntil(lambda: read_tried(site.file).starts is None)
        job.cancel()

    asyncio.run(story())
    assert site.file.read_text() == changed(site)
    assert read_tried(site.file).config == 5
    assert site.restarts == 0


def test_a_configuration_that_does_not_reach_the_city_is_taken_back_and_told(site: Site) -> None:
    configure(site, changed(site))
    load_on_trial(site.file)

    async def story() -> None:
        job = asyncio.create_task(site.installation(trial_s=0.1).run(no_beat))
        await auntil(lambda: site.restarts)
        job.cancel()
        assert site.file.read_text() == site.text
        assert (site.folder / "agent.toml.rejected").read_text() == changed(site)
        job = asyncio.create_task(site.installation().run(no_beat))
        await auntil(lambda: site.journal.all)
        job.cancel()

    asyncio.run(story())
    event = site.journal.all[0].event
    assert isinstance(event, AgentDegraded)
    assert event.what == "config_rolled_back"
    assert configure(site, changed(site), 5)[0] == "already_done"  # and it is not tried again


def test_a_configuration_that_does_not_last_is_taken_back_at_the_start(site: Site) -> None:
    configure(site, changed(site))
    for _ in range(STARTS_AT_MOST):
        assert load_on_trial(site.file).policy.panic_repeat_s == 20
    assert load_on_trial(site.file).policy.panic_repeat_s == 30
    assert site.file.read_text() == site.text


def test_a_configuration_that_cannot_be_loaded_is_taken_back_at_once(site: Site) -> None:
    configure(site, changed(site))
    site.file.write_text("damaged")
    assert load_on_trial(site.file).gateway.id == GATEWAY
    site.file.write_text("damaged by hand")  # nothing is on trial: a mistake of the installer is told
    with pytest.raises(EdgeAgentError):
        load_on_trial(site.file)


def renew(site: Site, pem: bytes, version: int = 7) -> tuple[str, str]:
    import edge_agent.installation as module

    module.CERTIFICATE_TRIAL_S = 0.1
    return asyncio.run(site.installation().certify(pem, version))


def test_a_renewed_certificate_is_in_force_once_the_broker_takes_it(site: Site) -> None:
    own = (site.folder / "own.key").read_bytes()
    pem = fresh(site)
    assert renew(site, pem) == ("", "")
    assert (site.folder / "own.pem").read_bytes() == pem
    assert (site.folder / "own.key").read_bytes() == own
    assert renew(site, pem)[0] == "already_done"
    assert renew(site, pem, 6)[0] == "stale_version"


def test_a_certificate_the_broker_refuses_is_taken_back(site: Site) -> None:
    before = (site.folder / "own.pem").read_bytes()
    site.line.good = lambda: (site.folder / "own.pem").read_bytes() == before
    assert renew(site, fresh(site))[0] == "certificate_refused"
    assert (site.folder / "own.pem").read_bytes() == before
    assert site.line.session
    site.line.good = lambda: True
    assert renew(site, fresh(site), 6)[0] == "stale_version"
    assert renew(site, fresh(site))[0] == "", "the broker takes it now"
    assert renew(site, fresh(site))[0] == "already_done"


def test_a_connection_that_was_under_way_proves_no_certificate(site: Site) -> None:
    """The line was down when the order's turn came; what came up had begun with the one before."""
    before = (site.folder / "own.pem").read_bytes()
    site.line.session, site.line.good = 0, lambda: site.line.count != 2
    renewing = site.installation(trial_s=0.05).certify(fresh(site), 7)
    assert asyncio.run(renewing)[0] == "certificate_refused"
    assert (site.folder / "own.pem").read_bytes() == before


@pytest.mark.parametrize("wrong", ["name", "key", "expired", "text"])
def test_a_certificate_that_is_not_ours_is_not_even_tried(site: Site, wrong: str) -> None:
    before = (site.folder / "own.pem").read_bytes()
    pem = {
        "name": lambda: site.authority.issue("G9").read_bytes(),
        "key": lambda: site.authority.issue(GATEWAY, file="other").read_bytes(),
        "expired": lambda: fresh(site, (-2, -1)),
        "text": lambda: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    }[wrong]()
    assert renew(site, pem)[0] == "bad_certificate"
    assert (site.folder / "own.pem").read_bytes() == before
    assert site.line.count == 0


def fresh(site: Site, hours: tuple[float, float] = (-1, 48)) -> bytes:
    """Another certificate for the gateway's own key."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key((site.folder / "own.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return site.authority.issue(GATEWAY, key, file="renewed", hours=hours).read_bytes()


def until_a_power_cut(number: int, story: Callable[[], object]) -> None:
    """In a process of its own, which is gone before the `number`th file that it puts in place."""
    child = os.fork()
    if child == 0:
        left, place = number, Path.replace

        def put(self: Path, target: Path) -> Path:
            nonlocal left
            left -= 1
            return place(self, target) if left >= 0 else os._exit(0)

        Path.replace = put  # type: ignore[method-assign,assignment]
        status = 1
        try:
            story()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0, "ended by nothing but the cut"


@pytest.mark.parametrize("cut", range(5))
def test_a_power_cut_while_a_configuration_is_put_in_place(site: Site, cut: int) -> None:
    """Whatever was written by then: what is said to have been tried is in force, or it may be ordered again."""
    until_a_power_cut(cut, lambda: configure(site, changed(site)))
    config = load_on_trial(site.file)
    said = configure(site, changed(site))[0]
    assert (config.policy.panic_repeat_s == 20, said) in ((True, "already_done"), (False, ""))
    assert site.file.read_text() == changed(site)


@pytest.mark.parametrize("cut", range(5))
@pytest.mark.parametrize("good", [True, False])
def test_a_power_cut_while_a_certificate_is_renewed(site: Site, cut: int, good: bool) -> None:
    """The same; and what the broker does not take is taken back after the restart, and told."""
    before, pem = (site.folder / "own.pem").read_bytes(), fresh(site)
    site.line.good = lambda: False
    until_a_power_cut(cut, lambda: renew(site, pem))
    site.line.good = lambda: good or (site.folder / "own.pem").read_bytes() == before
    started = load_on_trial(site.file)
    tried = (site.folder / "own.pem").read_bytes() == pem

    async def story() -> None:
        site.line.reconnect()
        job = asyncio.create_task(site.installation(started, trial_s=0.1).run(no_beat))
        await auntil(lambda: not read_tried(site.file).certificate_on_trial)
        job.cancel()

    asyncio.run(story())
    assert site.line.session
    assert (site.folder / "own.pem").read_bytes() == (pem if tried and good else before)
    assert [row.tag for row in site.journal.all] == ["agent.degraded"] * (tried and not good)
    assert (renew(site, pem)[0] == "already_done") is (tried and good)


@pytest.mark.parametrize("taken", ["new", "before"])
def test_a_city_that_is_away_after_a_restart_takes_no_certificate_back(site: Site, taken: str) -> None:
    """The new one and the one before by turns, also after another restart, until the broker takes one of them."""
    before, pem = (site.folder / "own.pem").read_bytes(), fresh(site)
    site.line.good = lambda: False
    until_a_power_cut(4, lambda: renew(site, pem))
    turns, wanted = [], {"new": pem, "before": before}[taken]

    def good() -> bool:
        turns.append((site.folder / "own.pem").read_bytes())
        return len(turns) > 6 and turns[-1] == wanted

    async def story(until: Callable[[], object]) -> None:
        started = load_on_trial(site.file)
        assert (site.folder / "own.pem").read_bytes() == pem
        site.line.good = good
        job = asyncio.create_task(site.installation(started, trial_s=0.02).run(no_beat))
        await auntil(until)
        job.cancel()

    asyncio.run(story(lambda: len(turns) == 3))
    assert read_tried(site.file).certificate_on_trial
    asyncio.run(story(lambda: not read_tried(site.file).certificate_on_trial))
    assert turns[3:7] == [before, pem, before, pem]
    assert (site.folder / "own.pem").read_bytes() == wanted
    assert [row.tag for row in site.journal.all] == ["agent.degraded"] * (taken == "before")
    load_on_trial(site.file)
    assert (site.folder / "own.pem").read_bytes() == wanted
    site.line.good = lambda: True
    assert renew(site, pem)[0] == ("already_done" if taken == "new" else "")


def test_a_configuration_that_reaches_nothing_is_taken_back_though_a_certificate_is_on_trial_too(site: Site) -> None:
    """The turns of the certificates had no end, and the gateway was away for good."""
    before, pem = (site.folder / "own.pem").read_bytes(), fresh(site)
    site.line.good = lambda: False
    assert configure(site, changed(site))[0] == ""
    until_a_power_cut(4, lambda: renew(site, pem))

    async def story(until: Callable[[], object]) -> None:
        started = load_on_trial(site.file)
        assert (site.folder / "own.pem").read_bytes() == pem
        job = asyncio.create_task(site.installation(started, trial_s=0.02).run(no_beat))
        await auntil(until)
        job.cancel()

    asyncio.run(story(lambda: site.restarts))
    assert site.file.read_text() == site.text
    site.line.good = lambda: (site.folder / "own.pem").read_bytes() == before
    asyncio.run(story(lambda: not read_tried(site.file).certificate_on_trial))
    assert (site.folder / "own.pem").read_bytes() == before
    assert {row.event.what for row in site.journal.all} == {"config_rolled_back", "certificate_rolled_back"}


@pytest.mark.parametrize("kind", ["late", "broken off"])
def test_a_connection_of_the_one_before_proves_nothing_of_the_new_certificate(site: Site, kind: str) -> None:
    """One that was under way when they changed places; or nobody knows whose turn it was, the disk took no result."""
    before, pem = (site.folder / "own.pem").read_bytes(), fresh(site)
    site.line.good = lambda: False
    until_a_power_cut(4, lambda: renew(site, pem))
    started, turns = load_on_trial(site.file), []
    if kind == "broken off":
        (site.folder / "own.pem.new").write_bytes(pem)
        (site.folder / "own.pem").write_bytes(before)
        site.line.session = 1

    def good() -> bool:
        turns.append((site.folder / "own.pem").read_bytes())
        return turns[-1] == before if kind == "broken off" or len(turns) > 2 else turns[-1] == pem

    async def story() -> None:
        site.line.good = good
        job = asyncio.create_task(site.installation(started, trial_s=0.02).run(no_beat))
        await auntil(lambda: not read_tried(site.file).certificate_on_trial)
        job.cancel()

    asyncio.run(story())
    assert (site.folder / "own.pem").read_bytes() == before
    assert [row.event.what for row in site.journal.all] == ["certificate_rolled_back"]


def test_a_disk_that_takes_nothing_does_not_keep_the_doors_shut(site: Site) -> None:
    """On trial each start is counted; where that cannot be written down the daemon starts all the same."""
    configure(site, changed(site))
    (site.folder / ".agent.toml.setup.new").mkdir()
    for _ in range(STARTS_AT_MOST + 1):
        assert load_on_trial(site.file).policy.panic_repeat_s == 20
