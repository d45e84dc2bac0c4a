-- The queries of catalogue_reader.py, each under its name. They run in one snapshot, with an empty search
-- path, as an ordinary user, on PostgreSQL 12 to 18.

-- name: server
-- The version, the database.
select current_setting('server_version_num')::int / 10000 as version, current_database()::text as database;

-- name: schemas
select nspname::text as name from pg_namespace order by 1;

-- name: relations
-- All that a query can read from. `rules`: a user made a rule other than the one that makes a view.
-- TOAST tables are left out: what they hold is not known by column.
select c.oid::bigint, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind,
    exists (select 1 from pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN') as rules,
    array(select i.inhparent::bigint from pg_inherits i where i.inhrelid = c.oid order by i.inhseqno) as parents
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
order by c.oid;

-- name: columns
select a.attrelid::bigint as relation, a.attnum::int as number, a.attname::text as name, a.atttypid::bigint as type,
    a.attgenerated <> '' as generated
from pg_attribute a
join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
where a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum;

-- name: views
-- The queries of these views ($1: OIDs). Waits for whoever has one of their tables locked.
select oid::bigint, pg_get_viewdef(oid) as definition from pg_class where oid = any ($1::bigint[]) order by oid;

-- name: generated
-- What the generated columns of these relations ($1: OIDs) are computed from. Waits as `views` does.
select d.adrelid::bigint as relation, d.adnum::int as number, pg_get_expr(d.adbin, d.adrelid) as expression
from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
where d.adrelid = any ($1::bigint[]) and a.attgenerated <> ''
order by d.adrelid, d.adnum;

-- name: functions
-- `outputs`: the names of OUT, INOUT and TABLE arguments. `row`: the relation whose row it returns.
-- An argument with a default need not be given; the last of a variadic function can be given any number of times.
select p.oid::bigint as oid, n.nspname::text as schema, p.proname::text as name, p.oid < 16384 as built_in, p.provolatile::text as volatility,
    l.lanname::text as language, coalesce(e.extname::text, '') as extension,
    p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::int as fewest,
    case when p.provariadic = 0 then p.pronargs::int end as most,
    case when p.proargmodes is not null then array(
        select coalesce(p.proargnames[i], '') from generate_subscripts(p.proargmodes, 1) i
        where p.proargmodes[i] in ('o', 'b', 't') order by i
    ) end as outputs,
    coalesce(nullif(t.typrelid, 0), b.typrelid, 0)::bigint as row, t.oid::bigint as returns,
    t.typname in ('record', 'anyelement', 'anyarray', 'anynonarray', 'anyenum', 'anyrange', 'anymultirange',
        'anycompatible', 'anycompatiblearray', 'anycompatiblenonarray', 'anycompatiblerange', 'anycompatiblemultirange'
    ) or coalesce(b.typtype = 'd', false) as polymorphic
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
join pg_type t on t.oid = p.prorettype
left join pg_type b on b.oid = t.typbasetype
left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
left join pg_extension e on e.oid = d.refobjid
order by p.oid;

-- name: types
-- `row`: the relation whose row it is, or whose rows it is an array or a domain of.
-- `checked`: a domain whose constraints use a function or operator of a user's (PostgreSQL's own are pinned and
-- have no row in pg_depend). `cast_by_user`: a cast from or to it is a function of a user's, none that an
-- extension declares immutable.
with checked as materialized (
    select c.contypid as type
    from pg_constraint c join pg_depend d on d.classid = 'pg_constraint'::regclass and d.objid = c.oid
    where c.contypid <> 0 and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass)
), cast_by_user as materialized (
    select unnest(array[c.castsource, c.casttarget]) as type
    from pg_cast c join pg_proc f on f.oid = c.castfunc
    left join pg_depend x on x.classid = 'pg_proc'::regclass and x.objid = f.oid and x.deptype = 'e'
    where f.oid >= 16384 and (x.objid is null or f.provolatile <> 'i')
)
select t.oid::bigint, n.nspname::text as schema, t.typname::text as name,
    coalesce(nullif(t.typrelid, 0), nullif(e.typrelid, 0), nullif(b.typrelid, 0), 0)::bigint as row,
    t.oid in (select type from checked) or coalesce(e.oid in (select type from checked), false)
        or coalesce(b.oid in (select type from checked), false) as checked,
    t.oid in (select type from cast_by_user) or coalesce(e.oid in (select type from cast_by_user), false)
        as cast_by_user
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
left join pg_type b on b.oid = t.typbasetype
order by t.oid;

-- name: operators
-- Those of users, with the function each calls.
select n.nspname::text as schema, o.oprname::text as name, fn.nspname::text as function_schema,
    f.proname::text as function_name, f.oid < 16384 as built_in, f.provolatile::text as volatility,
    l.lanname::text as language, coalesce(e.extname::text, '') as extension
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
join pg_proc f on f.oid = o.oprcode
join pg_namespace fn on fn.oid = f.pronamespace
join pg_language l on l.oid = f.prolang
left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e'
left join pg_extension e on e.oid = d.refobjid
where o.oid >= 16384
order by o.oid;
