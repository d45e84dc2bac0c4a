-- The queries of roles.py, each under its name. They run as the role that makes others, on PostgreSQL 14 to 18.
-- DDL takes no parameters, so that some only write a statement, with everything quoted.

-- name: make
-- The statement that makes a role, with $1 name, $2 verifier, $3 seconds it is valid, $4 what it acts as.
-- The maker is a member of it, so that it may end its sessions and reassign what they made.
select format(
    'create role %I login connection limit 1 password %L valid until %L in role %I role %I',
    $1::text, $2::text, now() + make_interval(secs => $3), $4::text, current_user);

-- name: comment
-- The statement that says whose role $1 is, $2.
select format('comment on role %I is %L', $1::text, $2::text);

-- name: used
-- Nobody comes in by role $1 any more, and it is valid for $2 seconds.
select format(
    'alter role %I nologin password null valid until %L', $1::text, now() + make_interval(secs => $2));

-- name: renew
-- Those of the roles $1 that are there are valid for $2 seconds.
select format('alter role %I valid until %L', rolname, now() + make_interval(secs => $2))
from pg_roles where rolname = any ($1::text[]);

-- name: expired
-- Roles that gateways made and that have outlived their time.
select rolname from pg_roles
where rolvaliduntil < now() and not rolsuper and rolname like 'cs\_%'
    and shobj_description(oid, 'pg_authid') like 'countersign: %';

-- name: lock
-- Role $1 is dropped by one at a time.
select pg_advisory_lock(hashtextextended('countersign role ' || $1::text, 0));

-- name: unlock
select pg_advisory_unlock(hashtextextended('countersign role ' || $1::text, 0));

-- name: close
-- Nobody comes in by role $1.
select format('alter role %I nologin password null', rolname) from pg_roles where rolname = $1;

-- name: terminate
-- The sessions of role $1 end; false for one that did not within $2 milliseconds.
select pg_terminate_backend(pid, $2) from pg_stat_activity where usename = $1;

-- name: owned
-- The databases in which role $1 owns something or was granted something; null for what all share.
select distinct datname from pg_shdepend left join pg_database on pg_database.oid = dbid
where refclassid = 'pg_authid'::regclass and refobjid = (select oid from pg_roles where rolname = $1);

-- name: heir
-- Who gets what role $1 owns: what it acted as, as its comment says; one that an older gateway made is a member of it.
select heir.rolname from pg_roles one
join pg_roles heir on heir.rolname = coalesce(
    substring(shobj_description(one.oid, 'pg_authid') from '^.*, acts as (.*)$'),
    (select rolname from pg_auth_members join pg_roles on pg_roles.oid = roleid where member = one.oid order by roleid limit 1)
)
where one.rolname = $1;

-- name: disown
-- The statements that give what role $1 owns in this database to $2, and take back what it was granted. Who
-- holds a lock there must not hold up those who sign in.
select format('set lock_timeout = 1000; reassign owned by %I to %I; drop owned by %I', $1::text, $2::text, $1::text);

-- name: drop
-- The statement.
select format('drop role if exists %I', $1::text);
