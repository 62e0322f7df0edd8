"""An entry of the register of retrievals (store/retrievals.py)."""

import msgspec


class Retrieval(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`kind`: viewed, exported, provided (to an authority) or breach; `what`: of which data; `person`: whose, as a
    pseudonymous id; `count`: records; `digest`: SHA-256 of what was taken; `document`: number of the letter or order.
    """

    kind: str
    what: str
    by: str
    unit: str
    reason: str
    document: str = ""
    person: str = ""
    count: int = 1
    digest: str = ""
    note: str = ""
