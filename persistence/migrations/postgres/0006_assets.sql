-- Beside coins (asset 0) a holder may have things, of sorts that the content numbers: an account for each,
-- and every transfer is of one.

ALTER TABLE ledger_account
    ADD COLUMN asset SMALLINT NOT NULL DEFAULT 0 CHECK (asset BETWEEN 0 AND 255);
ALTER TABLE ledger_transfer ADD COLUMN asset SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE ledger_undone ADD COLUMN asset SMALLINT NOT NULL DEFAULT 0;

-- Both references to accounts, by whatever names they were given.
DO $$
DECLARE
    one RECORD;
BEGIN
    FOR one IN
        SELECT conname FROM pg_constraint
        WHERE conrelid = 'ledger_transfer'::regclass AND contype = 'f'
    LOOP
        EXECUTE format('ALTER TABLE ledger_transfer DROP CONSTRAINT %I', one.conname);
    END LOOP;
END $$;
ALTER TABLE ledger_account
    DROP CONSTRAINT ledger_account_pkey,
    ADD PRIMARY KEY (world, kind, holder, asset);
ALTER TABLE ledger_transfer
    ADD FOREIGN KEY (world, debit_kind, debit_holder, asset)
        REFERENCES ledger_account (world, kind, holder, asset),
    ADD FOREIGN KEY (world, credit_kind, credit_holder, asset)
        REFERENCES ledger_account (world, kind, holder, asset);

-- What characters have, in the world or away: a row for each sort, coins included.
CREATE VIEW inventory AS
    SELECT world, holder AS character, asset, balance AS amount
    FROM ledger_account WHERE kind = 6 AND balance > 0;
