"""`--help` in Chinese: the English text of a command or option → 中文. What is missing here stays English."""

from edge_agent.words.help import cameras, city, devices, guard, people

HELP: dict[str, str] = {
    text: chinese for area in (devices, people, guard, cameras, city) for text, chinese in area.HELP.items()
}
