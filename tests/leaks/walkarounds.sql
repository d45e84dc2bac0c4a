-- What the walk-arounds of walkarounds.yaml find in the database, beside support/sample.sql. Run as superuser.
-- The schema `sandbox` is where rules let people work; `vault` and `public` are what they guard.
create role steward login superuser password 'open-sesame-42';
create role bystander login;
create extension dblink;
create extension file_fdw;
create schema sandbox;
create schema evil;
create schema watch;

create table vault.tally (n integer);
create table vault.parts (id integer primary key, whole integer);
create sequence vault.serial;
insert into vault.parts select n, n from generate_series(1, 10) n;

-- Functions that write, whatever they are declared to be. `wipe` is what all of them call.
create function sandbox.wipe(number integer) returns integer language plpgsql volatile
    as $$ begin insert into vault.tally values (number); return number; end $$;
create function sandbox.wipe_stable(number integer) returns integer language plpgsql stable
    as $$ begin return sandbox.wipe(number); end $$;
create function sandbox.wipe_immutable(number integer) returns integer language plpgsql immutable
    as $$ begin return sandbox.wipe(number); end $$;
create function sandbox.wipe_definer(number integer) returns integer language plpgsql security definer
    as $$ begin return sandbox.wipe(number); end $$;
create function sandbox.wipe_sql(number integer) returns integer language sql
    as $$ select sandbox.wipe(number) $$;
create function sandbox.wipe_atomic(number integer) returns integer language sql
    begin atomic select sandbox.wipe(number); end;
create function sandbox.wipe_text(said text) returns boolean language plpgsql immutable
    as $$ begin perform sandbox.wipe(length(said)); return true; end $$;
create function sandbox.wipe_table() returns setof integer language plpgsql volatile
    as $$ begin perform sandbox.wipe(1); return next 1; end $$;
create function sandbox.run(command text) returns void language plpgsql
    as $$ begin execute command; end $$;
create procedure sandbox.sweep() language plpgsql as $$ begin perform sandbox.wipe(1); end $$;
create aggregate sandbox.wipe_all(integer) (sfunc = int4pl, stype = integer, finalfunc = sandbox.wipe);

-- Functions nobody calls by name: operators, casts, domains, types made of domains.
create function sandbox.alike(a integer, b integer) returns boolean language plpgsql immutable
    as $$ begin perform sandbox.wipe(a); return a operator(pg_catalog.=) b; end $$;
create operator evil.= (leftarg = integer, rightarg = integer, function = sandbox.alike);
create operator sandbox.=?= (leftarg = integer, rightarg = integer, function = sandbox.alike);
create type sandbox.coin as (face text);
create function sandbox.coin_text(flipped sandbox.coin) returns text language plpgsql immutable
    as $$ begin perform sandbox.wipe(1); return flipped.face; end $$;
create cast (sandbox.coin as text) with function sandbox.coin_text(sandbox.coin) as implicit;
create function sandbox.text_coin(face text) returns sandbox.coin language plpgsql immutable
    as $$ begin perform sandbox.wipe(1); return row(face)::sandbox.coin; end $$;
create cast (text as sandbox.coin) with function sandbox.text_coin(text) as assignment;
create domain sandbox.watched as integer check (sandbox.wipe_immutable(value) is not null);
create domain evil.watched_text as text check (sandbox.wipe_text(value));
create domain evil.lower as integer check (sandbox.wipe_immutable(value) is not null);
create domain sandbox.setting as text check (set_config('search_path', value, false) is not null);
create domain sandbox.on_watched as sandbox.watched check (value > 0);
create type sandbox.holder as (id integer, seen sandbox.watched);
create type sandbox.nested as (inside sandbox.holder);
create type sandbox.watched_range as range (subtype = sandbox.watched);
create domain evil.int4_range as sandbox.watched_range;

-- Tables that do more than hold rows.
create table sandbox.notes (id integer, body text);
insert into sandbox.notes select n, 'note ' || n from generate_series(1, 20) n;
create table sandbox.coins (id integer, what sandbox.coin);
insert into sandbox.coins values (1, row('heads')::sandbox.coin);
create table sandbox.defaulted (id integer, at integer default sandbox.wipe(1));
create table sandbox.checked (id integer check (sandbox.wipe_immutable(id) > 0));
create table sandbox.indexed (id integer);
create index on sandbox.indexed (sandbox.wipe_immutable(id));
create table sandbox.partly_indexed (id integer);
create index on sandbox.partly_indexed (id) where sandbox.wipe_immutable(id) > 0;
create table sandbox.excluded (id integer, exclude using btree (id with =) where (sandbox.wipe_immutable(id) > 0));
create table sandbox.generated (id integer, twice integer generated always as (sandbox.wipe_immutable(id)) stored);
create table sandbox.typed (id integer, seen sandbox.watched, many sandbox.watched[]);
create table sandbox.arrays (id integer, many sandbox.watched[]);
insert into sandbox.arrays values (1, '{}');
create table sandbox.policed (id integer);
alter table sandbox.policed enable row level security;
alter table sandbox.policed force row level security;
create policy seen on sandbox.policed using (sandbox.wipe_stable(id) is not null);
insert into sandbox.policed values (1);
create table sandbox.split (id integer) partition by range (sandbox.wipe_immutable(id));
create table sandbox.split_1 partition of sandbox.split for values from (0) to (1000);
create function sandbox.on_change() returns trigger language plpgsql
    as $$ begin delete from vault.parts; return new; end $$;
create function sandbox.on_truncate() returns trigger language plpgsql
    as $$ begin delete from vault.parts; return null; end $$;
create table sandbox.triggered (id integer, body text);
insert into sandbox.triggered values (1, 'x');
create trigger t before insert or update or delete on sandbox.triggered for each row execute function sandbox.on_change();
create trigger u after truncate on sandbox.triggered execute function sandbox.on_truncate();
create function sandbox.on_ddl() returns event_trigger language plpgsql as $$ begin end $$;
create function sandbox.stamp() returns trigger language plpgsql
    as $$ begin new.body := coalesce(new.body, '') || now()::text; return new; end $$;
create table sandbox.stamped (id integer, body text);
create trigger stamp before insert or update on sandbox.stamped for each row execute function sandbox.stamp();
create table sandbox.ruled (id integer);
create rule also as on insert to sandbox.ruled do also delete from vault.parts;
create table sandbox.wholes (id integer primary key, name text);
insert into sandbox.wholes select n, 'whole ' || n from generate_series(1, 10) n;
alter table vault.parts add foreign key (whole) references sandbox.wholes on delete cascade on update cascade;
create table sandbox.middles (id integer primary key references sandbox.wholes on delete cascade on update cascade);
insert into sandbox.middles select n from generate_series(1, 10) n;
create trigger t before delete on sandbox.middles for each row execute function sandbox.on_change();
create table sandbox.base (id integer, body text);
create table vault.heir () inherits (sandbox.base);
insert into vault.heir select n, 'heir ' || n from generate_series(1, 5) n;
create table sandbox.drafts (id integer, total integer);

-- Views that do more than show.
create view sandbox.window_on_vault as select * from vault.secrets;
create view sandbox.wider_window as select * from sandbox.window_on_vault;
create view sandbox.noisy as select sandbox.wipe_immutable(n) as n from generate_series(1, 3) n;
create view sandbox.setter as select set_config('search_path', 'sandbox, public', false) as path;
create view sandbox.instead as select 1 as id;
create trigger t instead of insert or update or delete on sandbox.instead for each row execute function sandbox.on_change();
create view sandbox.on_ruled as select * from sandbox.ruled;
create view sandbox.on_triggered as select * from sandbox.triggered;
create materialized view sandbox.noisy_copy as select sandbox.wipe(n) as n from generate_series(1, 3) n with no data;

-- Other servers, and programs.
create server files foreign data wrapper file_fdw;
create foreign table sandbox.program (line text) server files options (program 'echo ran >> /dev/stderr; echo x');
create table sandbox.far_parts (line text) partition by list (line);
create foreign table vault.far_part partition of sandbox.far_parts default server files options (program 'echo x');

-- What a copy of `orders` that comes first on a search path would be.
create table evil.orders (id integer, note text);
create table evil.customers (id integer, name text, email text, card text);
create function evil.lower(said text) returns text language plpgsql immutable
    as $$ begin perform sandbox.wipe(1); return said; end $$;
create function evil.count(n integer) returns integer language plpgsql immutable
    as $$ begin return sandbox.wipe(n); end $$;

select lo_create(4242);
truncate vault.tally;

-- What all of it comes to: whatever differs in the guarded part of the database, this differs. Rows, objects, rights,
-- roles and their settings, large objects, prepared transactions. What lies in `sandbox` or is temporary is left out.
create function watch.state() returns text language plpgsql stable as $$
declare
    found text := '';
    part text;
    relation record;
begin
    for relation in
        select c.oid::regclass as name, c.relkind from pg_class c
        where c.relnamespace::regnamespace::text in ('public', 'vault', 'evil') and c.relkind in ('r', 'S', 'm') order by c.oid
    loop
        if relation.relkind = 'S' then
            execute format('select concat(last_value, is_called) from %s', relation.name) into part;
        else
            execute format('select md5(string_agg(t::text, '','' order by t::text)) from only %s t', relation.name) into part;
        end if;
        found := found || relation.name || '=' || coalesce(part, '') || ' ';
    end loop;
    select string_agg(md5(concat(relname, relnamespace, relowner, relacl, reltablespace, relrowsecurity, relhasrules,
            relhastriggers, reloptions, relpersistence)), '' order by oid)
        into part from pg_class c
        where c.relnamespace::regnamespace::text in ('public', 'vault', 'evil') and c.relkind <> 't';
    found := found || md5(part);
    select string_agg(md5(concat(proname, proowner, proacl, prosrc, prosecdef, provolatile, proconfig)), '' order by oid)
        into part from pg_proc where oid >= 16384 and pronamespace::regnamespace::text not like 'pg_temp%';
    found := found || md5(part);
    select string_agg(md5(concat(attrelid, attname, atttypid, attacl, attisdropped)), '' order by attrelid, attnum)
        into part from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace::regnamespace::text in ('public', 'vault', 'evil');
    found := found || md5(part);
    select string_agg(t, ' ') into part from (
        select md5(string_agg(r::text, ',' order by oid)) as t from pg_authid r
        union all select md5(string_agg(s::text, ',' order by setdatabase, setrole)) from pg_db_role_setting s
        union all select md5(string_agg(m::text, ',' order by roleid, member)) from pg_auth_members m
        union all select md5(string_agg(n::text, ',' order by oid)) from pg_namespace n where nspname not like 'pg_%temp%'
        union all select md5(string_agg(d::text, ',' order by oid)) from pg_default_acl d
        union all select md5(string_agg(e::text, ',' order by oid)) from pg_extension e
        union all select md5(string_agg(e::text, ',' order by oid)) from pg_event_trigger e
        union all select md5(string_agg(e::text, ',' order by oid)) from pg_publication e
        union all select md5(string_agg(e::text, ',' order by oid)) from pg_foreign_server e
        union all select md5(string_agg(e::text, ',' order by oid)) from pg_user_mapping e
        union all select md5(string_agg(concat(oid, ':', lomacl::text), ',' order by oid)) from pg_largeobject_metadata
        union all select md5(string_agg(gid, ',' order by gid)) from pg_prepared_xacts
        union all select md5(string_agg(concat(tgrelid, tgname, tgenabled), ',' order by t.oid)) from pg_trigger t
            join pg_class c on c.oid = tgrelid where c.relnamespace::regnamespace::text in ('public', 'vault', 'evil')
        union all select md5(string_agg(concat(castsource, casttarget), ',' order by oid)) from pg_cast
        union all select md5(string_agg(concat(oprname, oprnamespace), ',' order by oid)) from pg_operator where oid >= 16384
        union all select md5(string_agg(p::text, ',' order by oid)) from pg_policy p
        union all select md5(string_agg(lanname, ',' order by oid)) from pg_language
        union all select md5(string_agg(description, ',' order by objoid, objsubid)) from pg_description where objoid >= 16384
        union all select md5(string_agg(pg_get_constraintdef(oid), ',' order by oid)) from pg_constraint
            where connamespace::regnamespace::text in ('public', 'vault', 'evil')
        union all select md5(string_agg(concat(rulename, ev_action::text), ',' order by r.oid)) from pg_rewrite r
            join pg_class c on c.oid = ev_class where c.relnamespace::regnamespace::text in ('public', 'vault', 'evil')
    ) parts;
    return found || part;
end $$;
grant all on schema sandbox, vault, watch to app;
grant all on all tables in schema sandbox, vault to app;
grant all on all sequences in schema vault to app;
