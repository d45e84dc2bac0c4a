-- Each line makes the server say something about the secret word or number of the table `secrets`
-- (tests/integration/postgres/test_scrub.py makes it). This list only grows.
select word::int from secrets
select word::bigint from secrets
select word::numeric from secrets
select word::float8 from secrets
select word::bool from secrets
select word::date from secrets
select word::timestamptz from secrets
select word::interval from secrets
select word::uuid from secrets
select word::inet from secrets
select word::macaddr from secrets
select word::json from secrets
select word::jsonb from secrets
select ('{"a": ' || word)::json from secrets
select word::point from secrets
select word::int[] from secrets
select ('{' || word)::text[] from secrets
select word::int4range from secrets
select word::bit(8) from secrets
select word::oid from secrets
select word::regclass from secrets
select word::regrole from secrets
select word::regtype from secrets
select word::regproc from secrets
select word::regprocedure from secrets
select word::regoper from secrets
select word::regnamespace from secrets
select ('"' || word || '"')::regclass from secrets
select ('a.b.c.' || word)::regclass from secrets
select word::pg_lsn from secrets
select (word || ' &')::tsquery from secrets
select ('' || '''' || word)::tsvector from secrets
select word::money from secrets
select word::jsonpath from secrets
select ('$.' || word || '[')::jsonpath from secrets
select number::int from secrets
select big::int from secrets
select number::int2 from secrets
select day::date from secrets
select make_date(substr(number, 1, 4)::int, 70, 7) from secrets
select chr(substr(number, 1, 8)::int) from secrets
select to_date(word, 'YYYY-MM-DD') from secrets
select to_timestamp(word, 'Month') from secrets
select to_number(word, 'EEEE') from secrets
select to_char(now(), word) from secrets where word = 'x' or word::int = 1
select nextval(word) from secrets
select currval(word) from secrets
select set_config(word, 'x', false) from secrets
select set_config('work_mem', word, false) from secrets
select set_config('role', word, false) from secrets
select set_config('timezone', word, false) from secrets
select set_config('datestyle', word, false) from secrets
select current_setting(word) from secrets
select now() at time zone word from secrets
select date_trunc(word, now()) from secrets
select date_part(word, now()) from secrets
select extract(epoch from word::time) from secrets
select encode('x', word) from secrets
select decode(word, 'hex') from secrets
select decode(word, 'base64') from secrets
select convert_to('x', word) from secrets
select convert_from(('\x' || 'e2' || encode(word::bytea, 'hex'))::bytea, 'utf8') from secrets
select regexp_match('x', word || '(') from secrets
select 'x' ~ (word || '[') from secrets
select regexp_replace('x', 'x', 'y', word) from secrets
select word ~ 'x' from secrets where (word || '\') like word || '\'
select format(word || '%z') from secrets
select get_bit('x'::bytea, substr(number, 1, 4)::int) from secrets
select jsonb_set('[]', array[word], '1') from secrets
select jsonb_path_query('{}', ('$.' || word)::jsonpath) from secrets
select jsonb_path_query(to_jsonb(word), 'strict $.double()') from secrets
select has_table_privilege(word, 'select') from secrets
select has_table_privilege('secrets', word) from secrets
select pg_get_serial_sequence(word, 'x') from secrets
select to_tsvector(word::regconfig, 'x') from secrets
select pg_advisory_lock(word::bigint) from secrets
select lo_get(number::numeric::int8::oid) from secrets
select lo_get(substr(number, 1, 8)::oid) from secrets
select setseed(big) from secrets
select power(big, big) from secrets
select repeat('x', number::bigint::int) from secrets
select generate_series(1, 10, (word::int)) from secrets
select ('(' || word || ')')::checked from secrets
select json_populate_record(null::checked, word::json) from secrets
select jsonb_populate_record(null::narrow, jsonb_build_object('n', word)) from secrets
select jsonb_to_record(to_jsonb(word)) as (a int) from secrets
select xmlparse(document word) from secrets
select word::xml from secrets where ('<' || word)::xml is document
select query_to_xml(word, true, true, '') from secrets
select ts_stat(word) from secrets
insert into checked select word, 1 from secrets
insert into checked (word) values ('a'), (null)
insert into checked select 'a' || word, null from secrets
insert into secrets select 2, word from secrets
insert into secrets select 1, 'x'
insert into child select word || 'x' from secrets
delete from checked
insert into child select word from secrets; delete from secrets
insert into narrow select substr(number, 1, 8)::int from secrets
insert into narrow select word::int from secrets
create unique index on secrets (lower(word), (1)); insert into secrets select 3, upper(word) || '' from secrets
alter table secrets alter word type int using word::int
alter table secrets add check (word not like '49%')
select pg_temp.raises()
select pg_temp.notices()
select pg_temp.dynamic()
select pg_temp.nested()
select pg_temp.asserts()
select word::int from secrets group by 1 having count(*) > 0
do $$ declare w text; begin select word into w from secrets; raise warning using message = w, hint = w, detail = w; end $$
do $$ declare w text; begin select word into w from secrets; execute w; end $$
do $$ declare w int; begin select word into w from secrets; end $$
