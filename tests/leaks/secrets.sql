-- Sensitive values that are unmistakable: no part of one is a word, or a number that something else could be.
-- Run as superuser in a copy of the sample database.
create function pg_temp.digits(seed text, most bigint) returns bigint language sql
    as $$ select ('x' || substr(md5(seed), 1, 13))::bit(52)::bigint % most $$;

update customers set email =
    translate(substr(md5('mail' || id), 1, 12), '0123456789', 'ghijklmnop') || '@example.com'
    where email is not null;
update customers set card = 4000000000000000 + pg_temp.digits('card' || id, 999999999999999)
    where card is not null;
update customers set ssn = to_char(pg_temp.digits('ssn' || id, 1000000000), 'FM000"-"00"-"0000')
    where ssn is not null;
update payments set card = 4000000000000000 + pg_temp.digits('paid' || id, 999999999999999);
update people set ssn = to_char(pg_temp.digits('person' || name, 1000000000), 'FM000"-"00"-"0000');
refresh materialized view customer_orders;
analyze;
