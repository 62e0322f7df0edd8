"""Who may pass, with the daemon, its files and its devices as processes: what is remembered survives SIGKILL."""

import json
from pathlib import Path

from edge_agent.sim.estate import DOOR, RESIDENT_CARD, Estate
from tests.system.site import journal, log_of, play, ready, show_card, tags
from tests.waiting import auntil

AREA = """
[[area]]
name = "estate"
anti_passback = "hard"
"""


def change(site: Estate, old: str, new: str, more: str = "") -> None:
    """Edit agent.toml before the agent starts."""
    text = site.config.read_text("utf-8")
    assert old in text
    site.config.write_text(text.replace(old, new) + more, "utf-8")


async def goes_in(site: Estate, card: str = RESIDENT_CARD, digits: str = "") -> None:
    """In, the door closed behind, and its relay off again: the next one finds it as this one did."""
    mark, closed = len(site.gate.lines), tags(site).count("door.closed")
    show_card(site, card)
    if digits:
        site.reader.tell(do="keys", text=digits)
    await site.gate.line(lambda line: line.get("contact") == "closed", mark, timeout=15)
    await site.gate.line(lambda line: line.get("relay") == "off", mark)
    await auntil(lambda: tags(site).count("door.closed") > closed, what="somebody to have gone in")


async def refused(site: Estate, card: str = RESIDENT_CARD) -> str:
    before = tags(site).count("access.denied")
    show_card(site, card)
    await auntil(lambda: tags(site).count("access.denied") > before, what="a refusal")
    return str(json.loads([row.body for row in journal(site) if row.tag == "access.denied"][-1])["reason"])


async def kill_and_start(site: Estate) -> None:
    heard = len(site.reader.lines)
    site.agent.kill()
    await site.agent.ended()
    await site.agent.start()
    await site.reader.line(lambda line: line.get("sc") is True, heard)
    starts = tags(site).count("agent.started")
    await auntil(lambda: tags(site).count("agent.started") >= starts)
    await auntil(lambda: log_of(site).count("ready") >= 2, what="the reader's stale window to be over")


def test_who_is_inside_is_inside_after_a_sigkill_until_somebody_forgives(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        change(site, 'liveness = "optional"', 'area = "estate"\nliveness = "optional"', AREA)
        await site.agent.start()
        await ready(site)
        await goes_in(site)
        await kill_and_start(site)
        assert await refused(site) == "anti_passback"
        said = await site.command(
            "--lang", "en", "access", "explain", "--person", "p-0001", "--door", DOOR, "--at", "now"
        )
        assert "inside" in said
        await site.command("access", "forgive", "--person", "p-0001", "--by", "wang")
        await goes_in(site)

    play(tmp_path / "e", story)


def test_wrong_tries_and_a_panic_outlive_the_process(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        await site.agent.start()
        await ready(site)
        for _ in range(5):
            assert await refused(site, "100:9999") == "unknown_credential"
        site.gate.tell(do="panic", on=True)
        await auntil(lambda: "panic.raised" in tags(site))
        site.gate.tell(do="panic", on=False)
        await kill_and_start(site)
        assert await refused(site) == "locked_out"
        assert "panic/north-gate" in log_of(site)
        await site.command("alarm", "clear", f"panic/{DOOR}", "--by", "wang")
        await auntil(lambda: "panic.cleared" in tags(site))

    play(tmp_path / "e", story)


def test_a_guard_holds_blocks_and_locks_a_door_from_the_command_line(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        await site.agent.start()
        await ready(site)
        mark = len(site.gate.lines)
        await site.command("door", "hold", DOOR, "--for", "2h", "--by", "wang", "--why", "removal van")
        await site.gate.line(lambda line: line.get("relay") == "on", mark)
        await site.command("door", "normal", DOOR, "--by", "wang")
        await site.gate.line(lambda line: line.get("relay") == "off", mark)
        await auntil(lambda: tags(site).count("door.mode_changed") == 2)
        await site.command("door", "lockdown", "--all", "--yes", "--by", "li", "--why", "drill")
        assert await refused(site) == "lockdown"
        await kill_and_start(site)
        assert await refused(site) == "lockdown"
        await site.command("door", "end-lockdown", "--all", "--by", "li")
        mark = len(site.gate.lines)
        await goes_in(site)

    play(tmp_path / "e", story)


def test_the_fire_panel_opens_the_gate_until_it_is_cleared_by_hand(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        await site.agent.start()
        await ready(site)
        mark = len(site.gate.lines)
        site.gate.tell(do="fire", on=True)
        await site.gate.line(lambda line: line.get("relay") == "on", mark)
        await auntil(lambda: "fire.released" in tags(site))
        site.gate.tell(do="fire", on=False)
        await kill_and_start(site)
        await auntil(lambda: "locked_open" in log_of(site).split("deciding")[-1], what="the fire to be remembered")
        mark = len(site.gate.lines)
        await site.command("alarm", "clear", "fire", "--by", "wang")
        await site.gate.line(lambda line: line.get("relay") == "off", mark)
        site.gate.tell(do="cut")
        await auntil(lambda: "door.fault" in tags(site))

    play(tmp_path / "e", story)


def test_card_and_pin_at_a_real_keypad_and_the_duress_pin_calls_for_help(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        change(site, 'ways = [["card"]]', 'ways = [["card", "pin"]]')
        await site.command("people", "add", "p-0001", "--pin", "482913")
        await site.agent.start()
        await ready(site)
        await goes_in(site, digits="482913#")
        await goes_in(site, digits="482914#")
        assert tags(site).count("access.granted") == 2
        alerts = [json.loads(row.body) for row in journal(site) if row.tag == "alert.opened"]
        assert [(alert["kind"], alert["person"]) for alert in alerts] == [("duress", "p-0001")]
        assert "4829" not in log_of(site)
        seen = [row.body for row in journal(site) if row.tag == "access.granted"]
        assert seen[0] == seen[1]

    play(tmp_path / "e", story)
