"""A simulated GPIO chip of the running kernel (gpio-sim): made in configfs, its inputs pulled and its outputs seen from
outside, as a hand and a voltmeter would.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

CONFIG = Path("/sys/kernel/config/gpio-sim")
PLATFORM = Path("/sys/devices/platform")


class SimChip:
    """`names`: of its lines, offset = place; `hogs`: lines that the kernel itself holds, and for whom."""

    def __init__(self, name: str, *names: str, hogs: Mapping[str, str] = MappingProxyType({})) -> None:
        self.label, self.names = name, names
        self._device = CONFIG / name
        bank = self._device / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text(str(len(names)))
        (bank / "label").write_text(name)
        for offset, line in enumerate(names):
            (bank / f"line{offset}").mkdir()
            (bank / f"line{offset}" / "name").write_text(line)
            if line in hogs:
                (bank / f"line{offset}" / "hog").mkdir()
                (bank / f"line{offset}" / "hog/name").write_text(hogs[line])
        self.appear()

    def appear(self) -> None:
        (self._device / "live").write_text("1")
        chip = (self._device / "bank0" / "chip_name").read_text().strip()
        self.path = f"/dev/{chip}"
        self._lines = PLATFORM / (self._device / "dev_name").read_text().strip() / chip

    def vanish(self) -> None:
        (self._device / "live").write_text("0")

    def pull(self, line: str, high: bool) -> None:
        self._of(line, "pull").write_text("pull-up" if high else "pull-down")

    def volts(self, line: str) -> bool:
        return self._of(line, "value").read_text().strip() == "1"

    def end(self) -> None:
        self.vanish()
        for offset in range(len(self.names)):
            line = self._device / "bank0" / f"line{offset}"
            if (line / "hog").is_dir():
                (line / "hog").rmdir()
            line.rmdir()
        (self._device / "bank0").rmdir()
        self._device.rmdir()

    def _of(self, line: str, what: str) -> Path:
        return self._lines / f"sim_gpio{self.names.index(line)}" / what
