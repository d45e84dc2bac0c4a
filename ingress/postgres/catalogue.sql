-- The queries of catalogue_reader.py, each under its name. They run in one snapshot, with an empty search
-- path, as an ordinary user, on PostgreSQL 12 to 18. `about` is the OID of what a row is about; where a query
-- is about relations, types or functions, $1 has the OIDs of those it is asked for.

-- name: server
-- The version, the database, and whether it keeps texts in UTF-8.
select 0::bigint as about, current_setting('server_version_num')::int / 10000 as version, current_database()::text as database,
    current_setting('server_encoding') = 'UTF8' as utf8;

-- name: schemas
select 0::bigint as about, nspname::text as name from pg_namespace order by 2;

-- name: relations
-- All that a query can read from. `rules`: a user made a rule other than the one that makes a view.
-- `written`: of a user's view a hash of its rules, which unchanged.py compares.
-- TOAST tables are left out: what they hold is not known by column.
select c.oid::bigint as about, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind,
    c.reltype::bigint as type, case when c.oid >= 16384 and c.relkind in ('v', 'm') then (
        select md5(string_agg(r.ev_action::text, ',' order by r.oid)) from pg_rewrite r where r.ev_class = c.oid
    ) else '' end as written,
    exists (select 1 from pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN') as rules,
    array(select i.inhparent::bigint from pg_inherits i where i.inhrelid = c.oid order by i.inhseqno) as parents
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = any ($1::oid[]) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
order by c.oid;

-- name: columns
-- `exact`: text or varchar that is equal only where its bytes are (a collation that is not deterministic finds more).
select a.attrelid::bigint as about, a.attnum::int as number, a.attname::text as name, a.atttypid::bigint as type,
    a.attgenerated <> '' as generated,
    a.atttypid in (25, 1043) and coalesce(l.collisdeterministic, false) as exact
from pg_attribute a
left join pg_collation l on l.oid = a.attcollation
join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
where a.attrelid = any ($1::oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum;

-- name: views
-- The queries of these views. Waits for whoever has one of their tables locked.
select oid::bigint as about, pg_get_viewdef(oid) as definition from pg_class where oid = any ($1::oid[]) order by oid;

-- name: generated
-- What the generated columns of these relations are computed from. Waits as `views` does.
select d.adrelid::bigint as about, d.adnum::int as number, pg_get_expr(d.adbin, d.adrelid) as expression
from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
where d.adrelid = any ($1::oid[]) and a.attgenerated <> ''
order by d.adrelid, d.adnum;

-- name: calls
-- The functions that a relation calls without being told to, by their OID, and when: at every `write` (defaults,
-- checks, what a partition is chosen by), at whatever keeps up an `index`, `read` or `write` where a policy asks
-- them, and for triggers `insert`, `update`, `delete`, `truncate`, each with `instead_` where that is all it does.
-- An expression's functions stand in its stored tree ("funcid" and the like, primnodes.h): to print it would wait
-- for whoever has the table locked.
with expressions as (
    select adrelid as relation, 'write' as moment, adbin::text as tree from pg_attrdef where adrelid = any ($1::oid[])
    union all select conrelid, 'write', conbin::text from pg_constraint where conrelid = any ($1::oid[]) and conbin is not null
    union all select partrelid, 'write', partexprs::text from pg_partitioned_table where partrelid = any ($1::oid[]) and partexprs is not null
    union all select indrelid, 'index', indexprs::text from pg_index where indrelid = any ($1::oid[]) and indexprs is not null
    union all select indrelid, 'index', indpred::text from pg_index where indrelid = any ($1::oid[]) and indpred is not null
    union all select polrelid, 'read', polqual::text from pg_policy where polrelid = any ($1::oid[]) and polqual is not null
    union all select polrelid, 'write', polwithcheck::text from pg_policy where polrelid = any ($1::oid[]) and polwithcheck is not null
    union all select polrelid, 'write', polqual::text from pg_policy where polrelid = any ($1::oid[]) and polqual is not null
), triggers as (
    select t.tgrelid as relation, case when t.tgtype & 64 <> 0 then 'instead_' else '' end || event as moment,
        t.tgfoid as function, t.tgqual::text as tree
    from pg_trigger t
    cross join (values (4, 'insert'), (8, 'delete'), (16, 'update'), (32, 'truncate')) as events (bit, event)
    where t.tgrelid = any ($1::oid[]) and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & events.bit <> 0
)
select distinct relation::bigint as about, moment, function::bigint from (
    select relation, moment, found[1]::oid as function
    from (select relation, moment, tree from expressions
        union all select relation, moment, tree from triggers where tree is not null) trees,
        regexp_matches(tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([1-9][0-9]*)', 'g') found
    union all select relation, moment, function from triggers
    union all select c.conrelid, 'index', o.oprcode from pg_constraint c join pg_operator o on o.oid = any (c.conexclop)
        where c.conrelid = any ($1::oid[])
) called
order by 1, 2, 3;

-- name: cascades
-- What a change of a relation's rows does to the rows of those that refer to it.
select confrelid::bigint as about, conrelid::bigint as other, confdeltype::text as deleted, confupdtype::text as updated
from pg_constraint
where confrelid = any ($1::oid[]) and contype = 'f' and (confdeltype in ('c', 'n', 'd') or confupdtype in ('c', 'n', 'd'))
order by 1, 2, oid;

-- name: functions
-- `outputs`: the names of OUT, INOUT and TABLE arguments. `row`: the relation whose row it returns.
-- An argument with a default need not be given; the last of a variadic function can be given any number of times.
-- `text`: of a trigger's function, which may be simple enough to be read. `version`: changes with what it does.
select p.oid::bigint as about, n.nspname::text as schema, p.proname::text as name, p.oid < 16384 as built_in,
    p.provolatile::text as volatility, l.lanname::text as language, p.prosecdef as definer,
    case when p.oid >= 16384 and t.typname = 'trigger' and l.lanname = 'plpgsql' and p.proconfig is null and not p.prosecdef
        then p.prosrc else '' end as text,
    case when p.oid >= 16384 then md5(concat(p.prosrc, p.proconfig, p.prosecdef, p.proowner, p.xmin)) else '' end as version, coalesce(e.extname::text, '') as extension,
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
where p.oid = any ($1::oid[])
order by p.oid;

-- name: types
-- `row`: the relation whose row it is, or whose rows it is an array or a domain of. `parts`: the types it is made of, and
-- `calls` what a domain's checks call, by OID. `cast_by_user`: a cast from or to it is a function of a user's, none that
-- an extension declares immutable; of a cast between one of PostgreSQL's own types and another, the other counts.
with cast_by_user as materialized (
    select side.type
    from pg_cast c join pg_proc f on f.oid = c.castfunc
    cross join unnest(array[c.castsource, c.casttarget]) as side (type)
    left join pg_depend x on x.classid = 'pg_proc'::regclass and x.objid = f.oid and x.deptype = 'e'
    where f.oid >= 16384 and (x.objid is null or f.provolatile <> 'i')
        and (side.type >= 16384 or greatest(c.castsource, c.casttarget) < 16384)
), multiranges as materialized (
    select t.oid, r.rngtypid from pg_type t join pg_range r on t.typname like '%multirange%' and exists (
        select 1 from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid
            and d.refclassid = 'pg_type'::regclass and d.refobjid = r.rngtypid)
)
select t.oid::bigint as about, n.nspname::text as schema, t.typname::text as name,
    coalesce(nullif(t.typrelid, 0), nullif(e.typrelid, 0), nullif(b.typrelid, 0), 0)::bigint as row,
    array(
        select part::bigint from (
            select t.typelem as part
            union select t.typbasetype
            union select r.rngsubtype from pg_range r where r.rngtypid = t.oid
            union select m.rngtypid from multiranges m where m.oid = t.oid
            union select a.atttypid from pg_attribute a
                where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped and a.atttypid >= 16384
        ) of_it where part <> 0 order by part
    ) as parts,
    array(
        select distinct found[1]::bigint
        from pg_constraint c, regexp_matches(c.conbin::text, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([1-9][0-9]*)', 'g') found
        where c.contypid = t.oid order by 1
    ) as calls, t.oid in (select type from cast_by_user) as cast_by_user
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
left join pg_type b on b.oid = t.typbasetype
where t.oid = any ($1::oid[])
order by t.oid;

-- name: operators
-- Those of users, with the function each calls. `takes_text`: it could be meant where texts are compared, which
-- one for other base types, such as an extension's, cannot: text = text is nearer (parse_func.c, func_select_candidate).
select 0::bigint as about, n.nspname::text as schema, o.oprname::text as name, o.oprcode::oid::bigint as function,
    exists (
        select 1 from pg_type t
        where t.oid in (o.oprleft, o.oprright) and (t.oid in (25, 1043) or t.typtype in ('d', 'p'))
    ) as takes_text
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
where o.oid >= 16384
order by o.oid;

-- name: dependants
-- The relations that depend on these objects ($1: their catalogues, $2: their OIDs), through whatever lies between:
-- the definition of a view or of a generated column is printed with their names.
with recursive reached (class, oid) as (
    select * from unnest($1::oid[], $2::oid[])
    union
    select found.class, found.oid
    from reached r
    join pg_depend d on d.refclassid = r.class and d.refobjid = r.oid
    left join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
    left join pg_attrdef a on d.classid = 'pg_attrdef'::regclass and a.oid = d.objid
    cross join lateral (
        select case when coalesce(w.oid, a.oid) is null then d.classid else 'pg_class'::regclass end as class,
            coalesce(w.ev_class, a.adrelid, d.objid) as oid
    ) found
)
select oid::bigint as about from reached where class = 'pg_class'::regclass order by 1;
