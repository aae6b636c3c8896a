-- The double-entry ledger: what durable ticks moved from one holder of coins to another.

-- One row per world that keeps a ledger: it holds every transfer of the ticks through `applied`.
CREATE TABLE ledger (
    world   TEXT    NOT NULL PRIMARY KEY REFERENCES world (name),
    applied INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A holder and what it holds. Kinds below 4 issue: what they handed out shows as less than nothing.
-- Everybody else holds nothing or more. The balances of a world add up to zero.
CREATE TABLE ledger_account (
    world   TEXT    NOT NULL REFERENCES ledger (world),
    kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 8),
    holder  INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (world, kind, holder),
    CONSTRAINT nobody_owes CHECK (balance >= 0 OR kind < 4)
) STRICT, WITHOUT ROWID;

-- One row per transfer; the key is that of the world's own account of its tick.
CREATE TABLE ledger_transfer (
    world         TEXT    NOT NULL,
    tick          INTEGER NOT NULL,
    entity        INTEGER NOT NULL,
    n             INTEGER NOT NULL,
    debit_kind    INTEGER NOT NULL,
    debit_holder  INTEGER NOT NULL,
    credit_kind   INTEGER NOT NULL,
    credit_holder INTEGER NOT NULL,
    amount        INTEGER NOT NULL CHECK (amount > 0),
    reason        INTEGER NOT NULL,
    peer          INTEGER NOT NULL,
    external      TEXT,
    PRIMARY KEY (world, tick, entity, n),
    FOREIGN KEY (world, debit_kind, debit_holder) REFERENCES ledger_account (world, kind, holder),
    FOREIGN KEY (world, credit_kind, credit_holder) REFERENCES ledger_account (world, kind, holder),
    CHECK (debit_kind <> credit_kind OR debit_holder <> credit_holder)
) STRICT, WITHOUT ROWID;
-- What came with a key from outside came once.
CREATE UNIQUE INDEX ledger_transfer_external ON ledger_transfer (world, external)
    WHERE external IS NOT NULL;

-- Transfers of ticks that a world went back behind: no longer in any balance, kept as evidence of
-- what was undone, and in which epoch; without a key, for an epoch may go back more than once.
CREATE TABLE ledger_undone (
    world         TEXT    NOT NULL REFERENCES ledger (world),
    epoch         INTEGER NOT NULL,
    tick          INTEGER NOT NULL,
    entity        INTEGER NOT NULL,
    n             INTEGER NOT NULL,
    debit_kind    INTEGER NOT NULL,
    debit_holder  INTEGER NOT NULL,
    credit_kind   INTEGER NOT NULL,
    credit_holder INTEGER NOT NULL,
    amount        INTEGER NOT NULL,
    reason        INTEGER NOT NULL,
    peer          INTEGER NOT NULL,
    external      TEXT
) STRICT;
CREATE INDEX ledger_undone_of ON ledger_undone (world, epoch, tick);
