"""Orders about visits to the running agent."""

from typing import Any

import msgspec

from edge_agent.cli.office import Office
from edge_agent.model.visits import Card


class Desk(Office):
    """Orders about visits."""

    def about(self, verb: str, **args: Any) -> Any:
        return self.order(f"visit.{verb}", **args)

    def cards(self, verb: str, **args: Any) -> list[Card]:
        return msgspec.convert(self.about(verb, **args), list[Card])
