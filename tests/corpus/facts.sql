-- What the corpus of facts needs beside support/sample.sql. Run as superuser in a copy of the sample database.
create schema archive authorization app;
set session authorization app;

-- A name that the search path decides on.
create table archive.orders (id integer, total integer);

-- A rule, a generated column, a composite type, a domain, an operator, and functions of a user's.
create table ledger (id integer, amount numeric);
create rule keep as on delete to ledger do instead nothing;
create table profiles (
    id integer, card text, hint text generated always as ('*' || substr(card, 13)) stored
);
create type contact as (email text, phone text);
create table branches (id integer, who contact);
create function is_even(number integer) returns boolean language plpgsql immutable
    as $$ begin return number % 2 = 0; end $$;
create domain even as integer check (is_even(value));
create domain short as text check (length(value) < 10);
create function alike(a text, b text) returns boolean language plpgsql immutable
    as $$ begin return a ilike b; end $$;
create operator ~~~ (leftarg = text, rightarg = text, function = alike);
create function initcap(number integer) returns text language sql as $$ select 'x' $$;
create function pairs(out a integer, out b text) returns setof record language sql as $$ select 1, 'x' $$;
create function people_like(pattern text) returns setof customers language sql
    as $$ select * from customers where name like pattern $$;
create function dblink(connection text, query text) returns setof record language plpgsql
    as $$ begin return; end $$;

-- Views that do more than they look like.
create view open_secrets as select id, value from vault.secrets;
create view mail_of_all as select id, email_of(id) as address from customers;
create view busy as select pg_sleep(0)::text as nothing, id from orders;

reset session authorization;
create foreign data wrapper elsewhere;
create server far foreign data wrapper elsewhere;
create foreign table remote_orders (id integer, card text) server far;
create view remote as select * from remote_orders;
