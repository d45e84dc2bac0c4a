-- The queries of command_roles.py, each under its name. They run as the role that makes others, in the database
-- of the session, on PostgreSQL 14 to 18. DDL takes no parameters, so that some only write statements.

-- name: unfit
-- Why of these relations ($1, by OID) and their partitions other rows would be seen, or other code be run, by
-- another role than the one that its rules were written for. $2: in a transaction that goes on after the command.
-- 9 to 11 are CURRENT_ROLE, CURRENT_USER and USER (primnodes.h, SQLValueFunctionOp).
with recursive reached (oid) as (
    select unnest($1::oid[])
    union
    select inhrelid from pg_inherits join reached on inhparent = oid
)
select format('%s.%s %s', n.nspname, c.relname, why.reason)
from reached join pg_class c using (oid) join pg_namespace n on n.oid = c.relnamespace
cross join lateral (values
    (c.relrowsecurity, 'has row security, whose policies are written for other roles'),
    (c.relkind = 'f', 'is a foreign table, whose server knows another by each role'),
    (c.relpersistence = 't', 'is a temporary table'),
    (exists (
        select from pg_options_to_table(c.reloptions)
        where option_name = 'security_invoker' and option_value::boolean
    ), 'is a view that reads with the rights of who asks'),
    (exists (
        select from pg_rewrite r where r.ev_class = c.oid and r.ev_action::text ~ 'SQLVALUEFUNCTION :op (9|10|11) '
    ), 'is a view that shows each role something else'),
    ($2::boolean and exists (
        select from pg_trigger t
        where t.tgrelid = c.oid and t.tgdeferrable and not t.tgisinternal and t.tgenabled <> 'D'
    ), 'has a deferrable trigger, which could run when the command is over: send it outside of a transaction block')
) as why (is_so, reason)
where why.is_so
order by 1 limit 1;

-- name: make
-- The statement that makes role $1, which is valid for $2 seconds. The maker is a member of it, so that it may
-- take back what it was granted.
select format('create role %I nologin valid until %L role %I', $1::text, now() + make_interval(secs => $2), current_user);

-- name: comment
select format('comment on role %I is %L', $1::text, $2::text);

-- name: narrow
-- The statements after which the session's role $1 may act as role $2, and no more as $3. Privileges are not
-- inherited where that can be said.
select format('revoke %I from %I', $3::text, $1::text)
union all
select format('grant %I to %I%s', $2::text, $1::text,
    case when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' end);

-- name: is_wide
-- Whether the session's role $1 may still act as $2.
select pg_has_role($1::name, $2::name, 'member');

-- name: widen
-- The statement after which the session's role $1, where it is there, may act as $2 again.
select format('grant %I to %I', $2::text, rolname) from pg_roles where rolname = $1;

-- name: grants
-- For role $1 what a command needs of what role $2 may: on relations $3 (OIDs) privileges $4 on columns $5 (empty:
-- on the whole), in schemas $6, of functions $7 (OIDs), and the sequences behind defaults of what it inserts into.
-- What everybody may needs no grant; what $2 may not, the target itself refuses. Each with whether the maker may
-- give it, and how it gets to.
with wanted (relation, privilege, attribute) as (
    select * from unnest($3::oid[], $4::text[], $5::text[])
), missing (privilege, attribute, object, is_grantable) as (
    select w.privilege, nullif(w.attribute, ''), format('table %I.%I', n.nspname, c.relname),
        case when w.attribute = '' then has_table_privilege(c.oid, w.privilege || ' with grant option')
            else has_column_privilege(c.oid, w.attribute, w.privilege || ' with grant option') end
    from wanted w join pg_class c on c.oid = w.relation join pg_namespace n on n.oid = c.relnamespace
    where case when w.attribute = ''
        then has_table_privilege($2::name, c.oid, w.privilege) and not has_table_privilege('public', c.oid, w.privilege)
        else has_column_privilege($2::name, c.oid, w.attribute, w.privilege)
            and not has_column_privilege('public', c.oid, w.attribute, w.privilege) end
    union
    select 'usage', null, format('sequence %I.%I', n.nspname, s.relname), has_sequence_privilege(s.oid, 'usage with grant option')
    from wanted w join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass
    join pg_attrdef a on a.oid = d.objid and a.adrelid = w.relation
    join pg_class s on s.oid = d.refobjid join pg_namespace n on n.oid = s.relnamespace
    where w.privilege = 'insert' and case when s.relkind = 'S'
        then has_sequence_privilege($2::name, s.oid, 'usage') and not has_sequence_privilege('public', s.oid, 'usage')
        end
    union
    select 'usage', null, format('schema %I', nspname), has_schema_privilege(oid, 'usage with grant option')
    from pg_namespace
    where nspname = any ($6::text[]) and has_schema_privilege($2::name, oid, 'usage')
        and not has_schema_privilege('public', oid, 'usage')
    union
    select 'execute', null, format('routine %s', oid::regprocedure), has_function_privilege(oid, 'execute with grant option')
    from pg_proc
    where oid = any ($7::oid[]) and has_function_privilege($2::name, oid, 'execute')
        and not has_function_privilege('public', oid, 'execute')
), written (words, is_grantable) as (
    select concat(privilege, ' (' || string_agg(quote_ident(attribute), ', ' order by attribute) || ')', ' on ', object),
        bool_and(is_grantable)
    from missing group by privilege, object, attribute is null
)
select format('grant %s to %I', words, $1::text) as statement, is_grantable,
    format('grant %s to %I with grant option', words, current_user) as advice
from written order by words;
