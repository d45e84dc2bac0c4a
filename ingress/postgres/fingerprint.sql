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
    union all select 'trigger ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_trigger
    union all select 'policy ' || md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_policy
    union all select 'index ' || md5(string_agg(indexrelid || ':' || xmin, ',' order by indexrelid)) from pg_index
    union all select 'partitioned ' || md5(string_agg(partrelid || ':' || xmin, ',' order by partrelid)) from pg_partitioned_table
    union all select 'range ' || md5(string_agg(rngtypid || ':' || xmin, ',' order by rngtypid)) from pg_range
) parts
