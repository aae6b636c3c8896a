-- Beside coins (asset 0) a holder may have things, of sorts that the content numbers: an account for each,
-- and every transfer is of one. A primary key cannot be altered, so both tables are made anew.

CREATE TABLE ledger_account_new (
    world   TEXT    NOT NULL REFERENCES ledger (world),
    kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 8),
    holder  INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    asset   INTEGER NOT NULL DEFAULT 0 CHECK (asset BETWEEN 0 AND 255),
    PRIMARY KEY (world, kind, holder, asset),
    CONSTRAINT nobody_owes CHECK (balance >= 0 OR kind < 4)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_account_new (world, kind, holder, balance)
    SELECT world, kind, holder, balance FROM ledger_account;

CREATE TABLE ledger_transfer_new (
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
    asset         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (world, tick, entity, n),
    FOREIGN KEY (world, debit_kind, debit_holder, asset)
        REFERENCES ledger_account_new (world, kind, holder, asset),
    FOREIGN KEY (world, credit_kind, credit_holder, asset)
        REFERENCES ledger_account_new (world, kind, holder, asset),
    CHECK (debit_kind <> credit_kind OR debit_holder <> credit_holder)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_transfer_new
    (world, tick, entity, n, debit_kind, debit_holder, credit_kind, credit_holder, amount, reason,
     peer, external)
    SELECT world, tick, entity, n, debit_kind, debit_holder, credit_kind, credit_holder, amount, reason,
        peer, external
    FROM ledger_transfer;

-- Transfers first: they refer to accounts. Renaming the accounts renames what refers to them.
DROP TABLE ledger_transfer;
DROP TABLE ledger_account;
ALTER TABLE ledger_account_new RENAME TO ledger_account;
ALTER TABLE ledger_transfer_new RENAME TO ledger_transfer;
CREATE UNIQUE INDEX ledger_transfer_external ON ledger_transfer (world, external)
    WHERE external IS NOT NULL;

ALTER TABLE ledger_undone ADD COLUMN asset INTEGER NOT NULL DEFAULT 0;

-- What characters have, in the world or away: a row for each sort, coins included.
CREATE VIEW inventory AS
    SELECT world, holder AS character, asset, balance AS amount
    FROM ledger_account WHERE kind = 6 AND balance > 0;
