-- One value that differs whenever what catalogue.sql reads may differ: every row of the catalogues it reads,
-- with the transaction that wrote it. Cheap beside reading them.
select md5(string_agg(part, ' ' order by part)) from (
    select 'class ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) as part from pg_class
    union all select 'attribute ' || md5(string_agg(attrelid || '.' || attnum || ':' || xmin, ',' order by attrelid, attnum)) from pg_attribute
    union all select 'default ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_attrdef
    union all select 'inherits ' || md5(string_agg(inhrelid || '.' || inhparent || ':' || xmin, ',' order by inhrelid, inhparent)) from pg_inherits
    union all select 'rewrite ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_rewrite
    union all select 'namespace ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_namespace
    union all select 'proc ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_proc
    union all select 'type ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_type
    union all select 'operator ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_operator
    union all select 'cast ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_cast
    union all select 'constraint ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_constraint
    union all select 'extension ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_extension
) parts
