"""The tables of the state directory, as steps: what each file holds, and who it is (its application_id).

Steps are only ever appended; a step that was released is never changed. They are data, so that looking whether one is
missing needs no library (migrations.py applies them).
"""

import msgspec


class Step(msgspec.Struct, frozen=True):
    """One migration: `statements` run in one transaction together with the note that they ran."""

    name: str
    statements: tuple[str, ...]


class Kind(msgspec.Struct, frozen=True):
    """One kind of file. `application_id` (SQLite header, offset 68) says that a file is ours and which."""

    name: str
    application_id: int
    tables: tuple[str, ...]
    steps: tuple[Step, ...]
    secure_delete: bool = False


META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"

# seq: contiguous per file; AUTOINCREMENT also refuses to hand a number out twice after the newest rows were removed.
# The epoch is one for the whole file (meta), the other columns are the row of docs/reference: body never changes.
JOURNAL = Kind(
    name="journal",
    application_id=int.from_bytes(b"EAj1", "big"),
    tables=(
        *("meta", "events", "cursors", "dead_letters", "intents", "door_state", "counters", "probe"),
        *("area_state", "latches", "reserve", "checkpoints", "anchors"),
    ),
    steps=(
        Step(
            "0001_journal",
            (
                META,
                "INSERT INTO meta VALUES ('epoch', lower(hex(randomblob(16))))",
                """CREATE TABLE events (
                    seq INTEGER PRIMARY KEY AUTOINCREMENT,
                    tag TEXT NOT NULL,
                    urgent INTEGER NOT NULL,
                    body BLOB NOT NULL,
                    wall_ms INTEGER NOT NULL,
                    clock TEXT NOT NULL,
                    clock_err_ms INTEGER NOT NULL,
                    boot_id TEXT NOT NULL,
                    up_ms INTEGER NOT NULL,
                    prev BLOB NOT NULL,
                    hash BLOB NOT NULL)""",
                "CREATE INDEX events_urgent ON events (seq) WHERE urgent = 1",
                "CREATE TABLE cursors (name TEXT PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID",
                "CREATE TABLE dead_letters (seq INTEGER PRIMARY KEY, reason TEXT NOT NULL)",
                """CREATE TABLE intents (
                    command TEXT PRIMARY KEY,
                    verb TEXT NOT NULL,
                    door TEXT,
                    issuer TEXT NOT NULL,
                    counter INTEGER NOT NULL,
                    result TEXT) WITHOUT ROWID""",
                "CREATE INDEX intents_open ON intents (command) WHERE result IS NULL",
                "CREATE TABLE door_state (door TEXT PRIMARY KEY, state TEXT NOT NULL, seq INTEGER) WITHOUT ROWID",
                "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
                "CREATE TABLE probe (filler BLOB NOT NULL)",
            ),
        ),
        # model/standing.py; use counters are rows `use/<name>` of `counters`.
        Step(
            "0002_standing",
            (
                """CREATE TABLE area_state (
                    scope TEXT NOT NULL,
                    person TEXT NOT NULL,
                    inside INTEGER NOT NULL,
                    at_wall_ms INTEGER,
                    at_up_ms INTEGER,
                    at_boot_id TEXT,
                    at_trusted INTEGER,
                    PRIMARY KEY (scope, person)) WITHOUT ROWID""",
                "CREATE TABLE latches (name TEXT PRIMARY KEY, body BLOB NOT NULL, seq INTEGER) WITHOUT ROWID",
            ),
        ),
        # reserve.py holds room with `reserve`; upkeep.py signs `checkpoints` (slot 0: the newest row that was pruned);
        # dating.py gives rows of an unset clock their time by `anchors`.
        Step(
            "0003_upkeep",
            (
                "CREATE TABLE reserve (id INTEGER PRIMARY KEY, filler BLOB NOT NULL)",
                """CREATE TABLE checkpoints (
                    slot INTEGER PRIMARY KEY,
                    seq INTEGER NOT NULL,
                    hash BLOB NOT NULL,
                    statement BLOB NOT NULL)""",
                """CREATE TABLE anchors (
                    boot_id TEXT PRIMARY KEY,
                    wall_ms INTEGER NOT NULL,
                    up_ms INTEGER NOT NULL,
                    err_ms INTEGER NOT NULL,
                    seq INTEGER) WITHOUT ROWID""",
            ),
        ),
    ),
)

# A card is matched on (bits, raw): raw is hex text because it may be longer than SQLite's 64-bit integers.
PEOPLE = Kind(
    name="people",
    application_id=int.from_bytes(b"EAp1", "big"),
    tables=(
        *("meta", "persons", "credentials", "consents", "changes"),
        *("passes", "rules", "schedules", "special_days", "touched"),
        *("city_words", "city_list", "blacklist", "face_orders", "face_confirmed"),
        *("visits", "visit_bars", "patrols", "hazards", "duties"),
    ),
    steps=(
        Step(
            "0001_people",
            (
                META,
                "INSERT INTO meta VALUES ('store', lower(hex(randomblob(8)))), ('version', '0')",
                """CREATE TABLE persons (
                    id TEXT PRIMARY KEY,
                    name TEXT NOT NULL,
                    category TEXT NOT NULL,
                    house TEXT NOT NULL,
                    valid_from_ms INTEGER,
                    valid_until_ms INTEGER,
                    phone TEXT NOT NULL,
                    enabled INTEGER NOT NULL) WITHOUT ROWID""",
                """CREATE TABLE credentials (
                    id INTEGER PRIMARY KEY,
                    person TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
                    kind TEXT NOT NULL CHECK (kind IN ('card', 'pin')),
                    bits INTEGER,
                    raw TEXT,
                    format TEXT,
                    pin_hash TEXT,
                    valid_from_ms INTEGER,
                    valid_until_ms INTEGER,
                    state TEXT NOT NULL CHECK (state IN ('enabled', 'disabled', 'revoked')))""",
                "CREATE UNIQUE INDEX credentials_card ON credentials (bits, raw) WHERE kind = 'card'",
                "CREATE UNIQUE INDEX credentials_pin ON credentials (person) WHERE kind = 'pin'",
                "CREATE INDEX credentials_person ON credentials (person)",
                """CREATE TABLE consents (
                    id INTEGER PRIMARY KEY,
                    person TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
                    purpose TEXT NOT NULL CHECK (purpose IN ('match', 'keep_image', 'provide_to_city')),
                    text_version TEXT NOT NULL,
                    channel TEXT NOT NULL,
                    guardian TEXT NOT NULL,
                    given_ms INTEGER NOT NULL,
                    until_ms INTEGER)""",
                "CREATE INDEX consents_person ON consents (person, purpose)",
                """CREATE TABLE changes (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    tag TEXT NOT NULL,
                    body BLOB NOT NULL,
                    done INTEGER NOT NULL DEFAULT 0)""",
                "CREATE INDEX changes_pending ON changes (id) WHERE done = 0",
            ),
        ),
        # A CHECK cannot be altered: credentials is built anew around its rows. `value` is what model.reads.Token calls
        # digest. A pass outlives its person's row, so that nobody gets a revoked one back with their old id.
        Step(
            "0002_access",
            (
                "ALTER TABLE persons ADD COLUMN host TEXT",
                "ALTER TABLE persons ADD COLUMN needs_longer INTEGER NOT NULL DEFAULT 0",
                "ALTER TABLE persons ADD COLUMN escort_exempt INTEGER NOT NULL DEFAULT 0",
                """CREATE TABLE credentials_0002 (
                    id INTEGER PRIMARY KEY,
                    person TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
                    kind TEXT NOT NULL CHECK (kind IN ('card', 'pin', 'qr', 'plate', 'phone')),
                    bits INTEGER,
                    raw TEXT,
                    value TEXT,
                    format TEXT,
                    pin_hash TEXT,
                    pin_index TEXT,
                    duress_index TEXT,
                    duress INTEGER NOT NULL DEFAULT 0,
                    max_uses INTEGER,
                    valid_from_ms INTEGER,
                    valid_until_ms INTEGER,
                    state TEXT NOT NULL CHECK (state IN ('enabled', 'disabled', 'revoked')))""",
                """INSERT INTO credentials_0002
                    (id, person, kind, bits, raw, format, pin_hash, valid_from_ms, valid_until_ms, state)
                    SELECT id, person, kind, bits, raw, format, pin_hash, valid_from_ms, valid_until_ms, state
                    FROM credentials""",
                "DROP TABLE credentials",
                "ALTER TABLE credentials_0002 RENAME TO credentials",
                "CREATE UNIQUE INDEX credentials_card ON credentials (bits, raw) WHERE kind = 'card'",
                "CREATE UNIQUE INDEX credentials_pin ON credentials (person) WHERE kind = 'pin'",
                "CREATE UNIQUE INDEX credentials_token ON credentials (kind, value) WHERE value IS NOT NULL",
                "CREATE INDEX credentials_person ON credentials (person)",
                """CREATE TABLE passes (
                    jti TEXT PRIMARY KEY,
                    person TEXT NOT NULL,
                    expires_ms INTEGER,
                    state TEXT NOT NULL CHECK (state IN ('enabled', 'revoked'))) WITHOUT ROWID""",
                "CREATE INDEX passes_person ON passes (person)",
                "CREATE TABLE rules (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
                "CREATE TABLE schedules (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
                "CREATE TABLE special_days (day INTEGER PRIMARY KEY, special TEXT NOT NULL)",
                """CREATE TABLE touched (
                    kind TEXT NOT NULL CHECK (kind IN ('person', 'rules', 'all')),
                    id TEXT NOT NULL,
                    version INTEGER NOT NULL,
                    PRIMARY KEY (kind, id)) WITHOUT ROWID""",
                "CREATE INDEX touched_version ON touched (version)",
            ),
        ),
        # What the city said last of a person or a credential, whether it is here or not (model.grants.Subject.text).
        Step(
            "0003_city",
            (
                """CREATE TABLE city_words (
                    subject TEXT PRIMARY KEY,
                    version INTEGER NOT NULL,
                    word TEXT NOT NULL CHECK (word IN ('granted', 'revoked'))) WITHOUT ROWID""",
                "CREATE TABLE city_list (version INTEGER NOT NULL)",
                """CREATE TABLE blacklist (
                    subject TEXT PRIMARY KEY,
                    version INTEGER NOT NULL,
                    listed INTEGER NOT NULL,
                    reason TEXT NOT NULL,
                    until_ms INTEGER) WITHOUT ROWID""",
            ),
        ),
        # Consents outlive their person: they are the proof of what was agreed to. `face_orders`: whose face has to go
        # from the terminals that match by themselves; `face_confirmed`: which terminal did so, by its word or whose.
        Step(
            "0004_privacy",
            (
                """CREATE TABLE consents_0004 (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    person TEXT NOT NULL,
                    purpose TEXT NOT NULL CHECK (purpose IN ('match', 'keep_image', 'provide_to_city')),
                    text_version TEXT NOT NULL,
                    channel TEXT NOT NULL,
                    guardian TEXT NOT NULL,
                    given_ms INTEGER NOT NULL,
                    until_ms INTEGER)""",
                """INSERT INTO consents_0004
                    SELECT id, person, purpose, text_version, channel, guardian, given_ms, until_ms FROM consents""",
                "DROP TABLE consents",
                "ALTER TABLE consents_0004 RENAME TO consents",
                "CREATE INDEX consents_person ON consents (person, purpose)",
                """CREATE TABLE face_orders (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    person TEXT NOT NULL,
                    why TEXT NOT NULL,
                    asked_ms INTEGER NOT NULL)""",
                """CREATE TABLE face_confirmed (
                    face_order INTEGER NOT NULL REFERENCES face_orders (id) ON DELETE CASCADE,
                    terminal TEXT NOT NULL,
                    at_ms INTEGER NOT NULL,
                    confirmed_by TEXT NOT NULL,
                    PRIMARY KEY (face_order, terminal)) WITHOUT ROWID""",
            ),
        ),
        # model/visits.py: `body` is the Visit without its details, `sealed` these (store/visit_keys.py). `in_book`: the
        # doors know of it, and `plate` is readable as long; the other columns are for finding.
        Step(
            "0005_visits",
            (
                """CREATE TABLE visits (
                    id TEXT PRIMARY KEY,
                    state TEXT NOT NULL,
                    party TEXT NOT NULL,
                    document TEXT NOT NULL,
                    code TEXT NOT NULL,
                    until_ms INTEGER NOT NULL,
                    ended_ms INTEGER,
                    in_book INTEGER NOT NULL,
                    plate TEXT NOT NULL,
                    body BLOB NOT NULL,
                    sealed BLOB NOT NULL) WITHOUT ROWID""",
                "CREATE INDEX visits_state ON visits (state)",
                "CREATE INDEX visits_party ON visits (party) WHERE party <> ''",
                "CREATE INDEX visits_code ON visits (code) WHERE code <> ''",
                "CREATE INDEX visits_book ON visits (id) WHERE in_book = 1",
                "CREATE INDEX visits_ended ON visits (ended_ms) WHERE ended_ms IS NOT NULL",
                """CREATE TABLE visit_bars (
                    id TEXT PRIMARY KEY,
                    kind TEXT NOT NULL CHECK (kind IN ('document', 'phone', 'plate')),
                    digest TEXT NOT NULL,
                    until_ms INTEGER,
                    by_whom TEXT NOT NULL,
                    at_ms INTEGER NOT NULL,
                    sealed BLOB NOT NULL) WITHOUT ROWID""",
            ),
        ),
        # model/rounds.py: what guards do, here for the transaction with its event.
        Step(
            "0006_rounds",
            (
                """CREATE TABLE patrols (
                    route TEXT NOT NULL,
                    run_ms INTEGER NOT NULL,
                    point TEXT NOT NULL,
                    state TEXT NOT NULL CHECK (state IN ('done', 'missed')),
                    at_ms INTEGER NOT NULL,
                    by_whom TEXT NOT NULL,
                    how TEXT NOT NULL,
                    PRIMARY KEY (route, run_ms, point)) WITHOUT ROWID""",
                "CREATE TABLE hazards (id TEXT PRIMARY KEY, state TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
                "CREATE TABLE duties (id TEXT PRIMARY KEY, ended_ms INTEGER, body BLOB NOT NULL) WITHOUT ROWID",
            ),
        ),
        # `after_consent`: the last one there was when the order was given; clocks do not say what came first.
        Step(
            "0007_order_of_consents",
            (
                "ALTER TABLE face_orders ADD COLUMN after_consent INTEGER NOT NULL DEFAULT 0",
                """UPDATE face_orders SET after_consent = coalesce((SELECT max(id) FROM consents
                    WHERE consents.person = face_orders.person AND given_ms <= asked_ms), 0)""",
            ),
        ),
    ),
    secure_delete=True,
)

FACES = Kind(
    name="faces",
    application_id=int.from_bytes(b"EAf1", "big"),
    tables=("meta", "templates", "crops", "touched", "erasures"),
    steps=(
        Step(
            "0001_faces",
            (
                META,
                """CREATE TABLE templates (
                    id INTEGER PRIMARY KEY,
                    person TEXT NOT NULL,
                    model TEXT NOT NULL,
                    version INTEGER NOT NULL,
                    nonce BLOB NOT NULL,
                    sealed BLOB NOT NULL)""",
                "CREATE INDEX templates_model ON templates (model, person)",
                "CREATE INDEX templates_person ON templates (person)",
            ),
        ),
        # `crops`: enrolment pictures whose keeping was agreed to, sealed; `touched`: whose templates changed, so that a
        # gallery in memory follows person by person; `erasures`: the proof, which outlives what it is about.
        Step(
            "0002_incremental",
            (
                """CREATE TABLE crops (
                    id INTEGER PRIMARY KEY,
                    person TEXT NOT NULL,
                    version INTEGER NOT NULL,
                    nonce BLOB NOT NULL,
                    sealed BLOB NOT NULL)""",
                "CREATE INDEX crops_person ON crops (person)",
                "CREATE TABLE touched (person TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID",
                "CREATE INDEX touched_version ON touched (version)",
                """CREATE TABLE erasures (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    person TEXT NOT NULL,
                    at_ms INTEGER NOT NULL,
                    why TEXT NOT NULL,
                    templates INTEGER NOT NULL,
                    crops INTEGER NOT NULL,
                    digest TEXT NOT NULL)""",
                "INSERT INTO meta VALUES ('version', '0')",
            ),
        ),
    ),
    secure_delete=True,
)

# Secrets are kept as digests only; what a guard types is an Argon2id hash. The TOTP secret has to be readable.
CONSOLE = Kind(
    name="console",
    application_id=int.from_bytes(b"EAc1", "big"),
    tables=("meta", "users", "sessions", "tokens"),
    steps=(
        Step(
            "0001_accounts",
            (
                META,
                """CREATE TABLE users (
                    name TEXT PRIMARY KEY,
                    role TEXT NOT NULL CHECK (role IN ('guard', 'supervisor', 'installer', 'auditor')),
                    password TEXT NOT NULL,
                    totp BLOB,
                    totp_step INTEGER NOT NULL DEFAULT 0,
                    enabled INTEGER NOT NULL,
                    created_ms INTEGER NOT NULL) WITHOUT ROWID""",
                """CREATE TABLE sessions (
                    digest TEXT PRIMARY KEY,
                    user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
                    began_ms INTEGER NOT NULL,
                    seen_ms INTEGER NOT NULL,
                    locked INTEGER NOT NULL,
                    address TEXT NOT NULL) WITHOUT ROWID""",
                """CREATE TABLE tokens (
                    name TEXT PRIMARY KEY,
                    digest TEXT NOT NULL UNIQUE,
                    scopes TEXT NOT NULL,
                    created_ms INTEGER NOT NULL,
                    expires_ms INTEGER,
                    enabled INTEGER NOT NULL) WITHOUT ROWID""",
            ),
        ),
    ),
    secure_delete=True,
)

KINDS = (JOURNAL, PEOPLE, FACES, CONSOLE)
