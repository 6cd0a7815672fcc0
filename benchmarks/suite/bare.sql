-- What a batch of 100 orders leaves in PostgreSQL, written as plainly as can be: five transactions, a statement for each
-- table. Names in braces are filled in with the columns that the engine's tables have, and with values of its own orders.
SELECT nextval('bare.batch') AS batch \gset
BEGIN;
INSERT INTO bare.orders ({orders_columns}) SELECT {orders_values} FROM bare.old_orders t;
INSERT INTO bare.events ({events_columns}) SELECT {events_values} FROM bare.old_events t WHERE t.seq = 1;
COMMIT;
BEGIN;
UPDATE bare.orders o SET status = 'ROUTING', seq = 2, claim_count = 1, lease_token = gen_random_uuid(), lease_until = now() + interval '10 s', updated_at = now() FROM bare.old_orders t WHERE o.id = bare.new_id(:batch, t.n);
INSERT INTO bare.events ({events_columns}) SELECT {events_values} FROM bare.old_events t WHERE t.seq = 2;
COMMIT;
BEGIN;
UPDATE bare.orders o SET status = 'BUILDING', seq = 3, route = t.route, quoted_amount_in = t.quoted_amount_in, quoted_amount_out = t.quoted_amount_out, min_amount_out = t.min_amount_out, max_amount_in = t.max_amount_in, tx_hash = t.tx_hash, updated_at = now() FROM bare.old_orders t WHERE o.id = bare.new_id(:batch, t.n);
INSERT INTO bare.events ({events_columns}) SELECT {events_values} FROM bare.old_events t WHERE t.seq = 3;
INSERT INTO bare.submissions ({submissions_columns}) SELECT {submissions_values} FROM bare.old_submissions t;
INSERT INTO bare.signed ({signed_columns}) SELECT {signed_values} FROM bare.old_signed t;
COMMIT;
BEGIN;
INSERT INTO bare.chain ({chain_columns}) SELECT {chain_values} FROM bare.old_chain t;
COMMIT;
BEGIN;
UPDATE bare.orders o SET status = 'CONFIRMED', seq = 5, outcome = t.outcome, amount_in = t.amount_in, amount_out = t.amount_out, network_fee_paid = t.network_fee_paid, lease_token = NULL, lease_until = NULL, updated_at = now() FROM bare.old_orders t WHERE o.id = bare.new_id(:batch, t.n);
INSERT INTO bare.events ({events_columns}) SELECT {events_values} FROM bare.old_events t WHERE t.seq > 3;
INSERT INTO bare.fills ({fills_columns}) SELECT {fills_values} FROM bare.old_fills t;
COMMIT;
